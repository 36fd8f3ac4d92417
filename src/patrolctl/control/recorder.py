"""The flown track: sampled from telemetry, stored in small batches."""

import logging

from patrolctl.clock import Clock
from patrolctl.control.member import Member
from patrolctl.domain.errors import StoreFailed
from patrolctl.domain.evidence import TrackPoint
from patrolctl.domain.ids import RunId
from patrolctl.domain.telemetry import Telemetry
from patrolctl.ports import Store

log = logging.getLogger(__name__)

BATCH = 20


def track_point(sample: Telemetry) -> TrackPoint | None:
    """The sample as a track point; None while a part of it is unknown."""
    if (
        sample.lat_deg is None
        or sample.lon_deg is None
        or sample.up_m is None
        or sample.heading_deg is None
    ):
        return None
    return TrackPoint(
        ts_utc=sample.ts_utc,
        vehicle_id=sample.vehicle_id,
        lat_deg=sample.lat_deg,
        lon_deg=sample.lon_deg,
        up_m=sample.up_m,
        heading_deg=sample.heading_deg,
    )


class Recorder:
    """Appends a vehicle's track to a run until it is told to stop."""

    def __init__(self, run_id: RunId, member: Member, store: Store) -> None:
        self._run_id = run_id
        self._member = member
        self._store = store
        self._waiting: list[TrackPoint] = []
        self._last: TrackPoint | None = None

    async def record(self, clock: Clock, period_s: float) -> None:
        """Sample for ever (until cancelled)."""
        while True:
            self.sample()
            if len(self._waiting) >= BATCH:
                await self.flush()
            await clock.sleep(period_s)

    def sample(self) -> None:
        """Take the latest telemetry, if it is news."""
        point = track_point(self._member.telemetry)
        if point is None or (self._last and point.ts_utc <= self._last.ts_utc):
            return
        self._last = point
        self._waiting.append(point)

    async def flush(self) -> None:
        """Store what waits; what cannot be stored now goes on waiting."""
        batch = tuple(self._waiting)
        try:
            await self._store.add_track(self._run_id, batch)
        except StoreFailed as e:
            log.warning("track not stored yet: %s", e, extra={"run": self._run_id})
            return
        del self._waiting[: len(batch)]
