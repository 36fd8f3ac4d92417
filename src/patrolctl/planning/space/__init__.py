"""Free space: where a copter may be and which straight lines it may fly."""

from patrolctl.planning.space.free import FreeSpace, Limits, free_space
from patrolctl.planning.space.legs import Legs, LegTable, cruise_s
from patrolctl.planning.space.motion import Motion, ramped_s

__all__ = [
    "FreeSpace",
    "LegTable",
    "Legs",
    "Limits",
    "Motion",
    "cruise_s",
    "free_space",
    "ramped_s",
]
