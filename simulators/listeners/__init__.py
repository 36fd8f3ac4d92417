"""Virtual listeners: microphones that hear what simulated speakers play.

They know where the simulated vehicles truly are (not what these measure and
tell), what the speakers truly played (not what these report), and reckon with
a propagation of their own, so that evidence can be held against what was
heard.
"""

from simulators.listeners.hall import Hall, Microphone, Reception
from simulators.listeners.place import Place, read_place
from simulators.listeners.propagation import Ambient, Horn
from simulators.listeners.truth import NavError, Pose, Track, follow

__all__ = [
    "Ambient",
    "Hall",
    "Horn",
    "Microphone",
    "NavError",
    "Place",
    "Pose",
    "Reception",
    "Track",
    "follow",
    "read_place",
]
