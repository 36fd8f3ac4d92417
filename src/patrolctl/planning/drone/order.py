"""What is asked of the drone planner."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from patrolctl.domain.machines import FleetVehicle
from patrolctl.domain.plan import PlanAnnouncement, Requirement

# Around each message: the copter settles on its place and heading and the
# loudspeaker gets its command (SETTLE), and the speaker's own start and the
# player's gap add a little to each repetition (GAP).
SETTLE_S = 4.0
GAP_S = 1.0
HEADING_ERROR_DEG = 5.0
TURNAROUND_S = 90.0


def never() -> bool:
    """The default of :attr:`DroneOrder.stop`: go on."""
    return False


@dataclass(frozen=True, slots=True)
class DroneOrder:
    """One order for loudspeaker flights.

    ``spectrum_db`` and ``crest_db`` are those of the rendered clip (None:
    male speech of IEC 60268-16, and the speaker's crest). ``drones`` limits
    or extends the fleet (None: all of it). ``stop`` is asked often; True
    ends planning with the best plan so far. ``turnaround_s`` lies between
    two sorties of one vehicle. ``effort`` scales the grid and the search:
    below 1 for a whole city of blocks, where each has a fraction of a second.
    ``only`` names the receivers that are to be reached (None: all): what an
    earlier run missed, and nobody twice.
    """

    announcement: PlanAnnouncement
    fleet: tuple[FleetVehicle, ...]
    requirement: Requirement
    created_utc: datetime
    spectrum_db: tuple[float, ...] | None = None
    crest_db: float | None = None
    seed: int = 1
    time_limit_s: float = 10.0
    drones: int | None = None
    stop: Callable[[], bool] = never
    turnaround_s: float = TURNAROUND_S
    effort: float = 1.0
    only: frozenset[str] | None = None

    @property
    def message_s(self) -> float:
        """How long a station is held: every repetition, whole, and settling."""
        a = self.announcement
        return a.repeats * (a.duration_s + GAP_S) + SETTLE_S


class OutOfTime(Exception):
    """There is no time to see a stage through; the plan before it counts."""


@dataclass(slots=True)
class Budget:
    """Real seconds that planning may take, and the wish to stop.

    Real time, not the Clock's: a planner computes as fast as the machine
    does, also in a sped-up simulation.
    """

    limit_s: float
    stop: Callable[[], bool]
    _start_s: float = field(default_factory=time.perf_counter)

    @property
    def used_s(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start_s

    def over(self, share: float = 1.0) -> bool:
        """Whether this share of the limit is used up, or a stop was asked."""
        return self.stop() or self.used_s >= share * self.limit_s

    def leaves(self, rest_s: float) -> bool:
        """Whether this many seconds are left, and no stop was asked."""
        return not self.stop() and self.used_s + rest_s < self.limit_s
