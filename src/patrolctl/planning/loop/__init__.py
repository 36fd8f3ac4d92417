"""Patrol loops over the road network."""

from patrolctl.planning.loop.order import LoopOrder
from patrolctl.planning.loop.plan import plan_loop

__all__ = ["LoopOrder", "plan_loop"]
