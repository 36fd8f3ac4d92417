"""What is asked of the patrol planner."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from patrolctl.domain.machines import FleetVehicle
from patrolctl.domain.plan import PlanAnnouncement, Requirement
from patrolctl.planning.progress import Tell


def never() -> bool:
    """Nobody asks to stop."""
    return False


@dataclass(frozen=True, slots=True)
class LoopOrder:
    """An order for patrol loops.

    Args:
        announcement: what is played at each stop.
        fleet: the vehicles; those that are no rovers are left out.
        requirement: what "heard" means; ``zone`` limits what is covered.
        created_utc: the plan's date.
        vehicles: how many are to patrol; None: one, or what the headway asks.
        headway_s: longest time between two visits of any point.
        cover: all sampling points, or all streets as well.
        seed: of every random choice.
        time_limit_s: for the whole solving.
        loops: how often each vehicle goes round.
        spectrum_db: octave-band spectrum of the rendered clip, if known.
        stop: asked now and then; True ends with the best plan so far.
    """

    announcement: PlanAnnouncement
    fleet: tuple[FleetVehicle, ...]
    requirement: Requirement
    created_utc: datetime
    vehicles: int | None = None
    headway_s: float | None = None
    cover: Literal["points", "streets"] = "points"
    seed: int = 0
    time_limit_s: float = 10.0
    loops: int = 1
    spectrum_db: tuple[float, ...] | None = None
    stop: Callable[[], bool] = never


class Deadline:
    """Time left for solving, and the wish to stop, in one place.

    Real seconds, not the Clock's: a planner computes as fast as the machine
    does, also in a sped-up simulation.
    """

    def __init__(self, order: LoopOrder, tell: Tell) -> None:
        self._begin_s = time.perf_counter()
        self._limit_s = order.time_limit_s
        self._stop = order.stop
        self.tell = tell

    def spent_s(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._begin_s

    def left_s(self) -> float:
        """Seconds left, at least 0."""
        return 0.0 if self._stop() else max(0.0, self._limit_s - self.spent_s())
