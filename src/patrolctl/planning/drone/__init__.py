"""Loudspeaker flights: who is to be reached, from where, in what order."""

from patrolctl.planning.drone.city import (
    CITY_EFFORT,
    BlockDone,
    CityOrder,
    plan_city,
)
from patrolctl.planning.drone.listeners import listeners_of
from patrolctl.planning.drone.order import DroneOrder
from patrolctl.planning.drone.solve import plan_drone

__all__ = [
    "CITY_EFFORT",
    "BlockDone",
    "CityOrder",
    "DroneOrder",
    "listeners_of",
    "plan_city",
    "plan_drone",
]
