"""Level and intelligibility at receivers.

``scene_of(site)`` once, then ``predict(scene, source, receivers_m, indoors,
listening)`` for each loudspeaker position: planning and evidence use the
same function.
"""

from patrolctl.acoustics.air import STANDARD_AIR, Air, absorption_db_m
from patrolctl.acoustics.predict import (
    Listening,
    Prediction,
    free_field_db,
    geometry,
    listener_sti,
    predict,
    rotor_db,
)
from patrolctl.acoustics.reach import ReachTable, reach_table
from patrolctl.acoustics.scene import Prism, Prisms, Scene, flatten, scene_of
from patrolctl.acoustics.speaker import Source, with_directivity

__all__ = [
    "STANDARD_AIR",
    "Air",
    "Listening",
    "Prediction",
    "Prism",
    "Prisms",
    "ReachTable",
    "Scene",
    "Source",
    "absorption_db_m",
    "flatten",
    "free_field_db",
    "geometry",
    "listener_sti",
    "predict",
    "reach_table",
    "rotor_db",
    "scene_of",
    "with_directivity",
]
