"""Where a vehicle was, at the time at which it measured it.

Our own process may be held up for a moment; what arrived meanwhile is then
taken in at once. The time of arrival says little about such positions, the
vehicle's ``time_boot_ms`` says when each was measured. It is put on our clock
by the least delay seen lately (the same idea as NTP's clock filter, RFC 5905,
10: of several delayed samples the least delayed one is right).
"""

from collections import deque
from datetime import UTC, datetime

from patrolctl.domain.evidence import TrackPoint
from patrolctl.domain.ids import VehicleId
from patrolctl.mavlink.messages import GlobalPositionInt

NO_HEADING = 65535
EVERY_MS = 400  # the track is kept at about 2 Hz
SAMPLES = 300
KEPT = 5000


class Trail:
    """Collects a vehicle's positions until somebody takes them."""

    def __init__(self, vehicle_id: VehicleId, *, grounded: bool = False) -> None:
        self._vehicle_id = vehicle_id
        # A rover's relative_alt is its height above the sea (seen on 4.7-dev).
        self._grounded = grounded
        self._points: deque[TrackPoint] = deque(maxlen=KEPT)
        self._offsets_s: deque[float] = deque(maxlen=SAMPLES)
        self._last_ms: int | None = None
        self._last_s = 0.0
        self._heading_deg: float | None = None

    def push(self, sample: GlobalPositionInt, arrived_utc: datetime) -> None:
        """Take a position in as it arrives."""
        boot_s = sample.time_boot_ms / 1000.0
        if self._last_ms is not None and sample.time_boot_ms < self._last_ms - 5000:
            self._offsets_s.clear()  # another boot: another origin of its time
            self._last_ms = None
        self._offsets_s.append(arrived_utc.timestamp() - boot_s)
        if sample.hdg_cdeg != NO_HEADING:
            self._heading_deg = sample.hdg_cdeg / 100.0
        ripe = self._last_ms is None or sample.time_boot_ms >= self._last_ms + EVERY_MS
        if not ripe or self._heading_deg is None:
            return
        # A better offset may set the clock back a little; time never goes back.
        measured_s = boot_s + min(self._offsets_s)
        if measured_s <= self._last_s:
            return
        self._last_ms, self._last_s = sample.time_boot_ms, measured_s
        self._points.append(
            TrackPoint(
                ts_utc=datetime.fromtimestamp(measured_s, UTC),
                vehicle_id=self._vehicle_id,
                lat_deg=sample.lat_e7 / 1e7,
                lon_deg=sample.lon_e7 / 1e7,
                up_m=0.0 if self._grounded else sample.relative_alt_mm / 1000.0,
                heading_deg=self._heading_deg,
            )
        )

    def take(self) -> tuple[TrackPoint, ...]:
        """What came since the last call, in order."""
        points = tuple(self._points)
        self._points.clear()
        return points
