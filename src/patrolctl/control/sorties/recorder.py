"""The flown track: what the vehicle measured, kept in small batches."""

from patrolctl.clock import Clock
from patrolctl.control.live.feed import LiveFeed
from patrolctl.control.vehicles.member import Member
from patrolctl.domain.errors import LinkFailed
from patrolctl.domain.evidence import TrackPoint
from patrolctl.domain.ids import RunId

BATCH_S = 4.0  # what a process that is killed takes with it


class Recorder:
    """Appends a vehicle's track to a run until it is told to stop."""

    def __init__(self, run_id: RunId, member: Member, feed: LiveFeed) -> None:
        self._run_id = run_id
        self._member = member
        self._feed = feed
        self._waiting: list[TrackPoint] = []
        self._take()  # what was before this run is no part of it

    async def record(self, clock: Clock, period_s: float) -> None:
        """Collect for ever (until cancelled)."""
        kept_s = clock.monotonic_s()
        while True:
            self.collect()
            if clock.monotonic_s() - kept_s >= BATCH_S:
                kept_s = clock.monotonic_s()
                await self.flush()
            await clock.sleep(period_s)

    def _take(self) -> tuple[TrackPoint, ...]:
        try:
            return self._member.vehicle.track()
        except LinkFailed:
            return ()

    def collect(self) -> None:
        """Take what the vehicle has told since the last time."""
        self._waiting += self._take()

    async def flush(self) -> None:
        """Hand on what waits; from then on the feed sees that it is stored."""
        batch, self._waiting = tuple(self._waiting), []
        if batch:
            await self._feed.track(self._run_id, batch)
