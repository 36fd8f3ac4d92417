"""Loudspeaker flights: who is to be reached, from where, in what order."""

from patrolctl.planning.drone.order import DroneOrder
from patrolctl.planning.drone.solve import plan_drone

__all__ = ["DroneOrder", "plan_drone"]
