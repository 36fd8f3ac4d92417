"""The flown track: what the vehicle measured, stored in small batches."""

import logging

from patrolctl.clock import Clock
from patrolctl.control.vehicles.member import Member
from patrolctl.domain.errors import LinkFailed, StoreFailed
from patrolctl.domain.evidence import TrackPoint
from patrolctl.domain.ids import RunId
from patrolctl.ports import Store

log = logging.getLogger(__name__)

BATCH = 20


class Recorder:
    """Appends a vehicle's track to a run until it is told to stop."""

    def __init__(self, run_id: RunId, member: Member, store: Store) -> None:
        self._run_id = run_id
        self._member = member
        self._store = store
        self._waiting: list[TrackPoint] = []
        self._take()  # what was before this run is no part of it

    async def record(self, clock: Clock, period_s: float) -> None:
        """Collect for ever (until cancelled)."""
        while True:
            self.collect()
            if len(self._waiting) >= BATCH:
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
        """Store what waits; what cannot be stored now goes on waiting."""
        batch = tuple(self._waiting)
        try:
            await self._store.add_track(self._run_id, batch)
        except StoreFailed as e:
            log.warning("track not stored yet: %s", e, extra={"run": self._run_id})
            return
        del self._waiting[: len(batch)]
