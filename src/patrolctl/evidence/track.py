"""Where a vehicle was at any moment, from its track."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from patrolctl.domain.evidence import TrackPoint
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.sound import Playback
from patrolctl.geo import LocalFrame

Floats = npt.NDArray[np.float64]

# Positions come several times a second. Over a longer silence the way in
# between is a guess, and a guess proves nothing; unless the vehicle stood at
# one place before and after, and the silence was too short to leave and
# return unnoticed while it was to stay.
LONGEST_GAP_S = 5.0
LONGEST_STAY_GAP_S = 15.0
STAY_M = 2.0
STAY_DEG = 10.0
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def seconds(when: datetime) -> float:
    """Seconds since a fixed moment."""
    return (when - _EPOCH).total_seconds()


@dataclass(frozen=True, slots=True)
class Poses:
    """Where and which way, (n, 3) east, north, height above home, and (n,)."""

    place_m: Floats
    heading_deg: Floats


class Track:
    """One vehicle's track in time order; repeated moments count once."""

    def __init__(self, points: tuple[TrackPoint, ...], frame: LocalFrame) -> None:
        ordered = sorted(points, key=lambda p: p.ts_utc)
        kept = [
            p
            for k, p in enumerate(ordered)
            if k == 0 or p.ts_utc > ordered[k - 1].ts_utc
        ]
        self.time_s = np.array([seconds(p.ts_utc) for p in kept])
        lat = np.array([p.lat_deg for p in kept])
        lon = np.array([p.lon_deg for p in kept])
        flat = frame.to_en(lat, lon) if kept else np.empty((0, 2))
        self._place_m = np.column_stack([flat, [p.up_m for p in kept]])
        turn = np.unwrap(np.radians([p.heading_deg for p in kept]))
        self._heading_deg = np.degrees(turn)

    def covers(self, begin_s: float, end_s: float) -> bool:
        """Whether no part of the span is more than a guess."""
        first = int(np.searchsorted(self.time_s, begin_s, side="right")) - 1
        last = int(np.searchsorted(self.time_s, end_s, side="left"))
        if first < 0 or last >= len(self.time_s):
            return False
        span = slice(first, last + 1)
        gap = np.diff(self.time_s[span])
        moved = np.linalg.norm(np.diff(self._place_m[span], axis=0), axis=1)
        turned = np.abs(np.diff(self._heading_deg[span]))
        stays = (moved <= STAY_M) & (turned <= STAY_DEG)
        longest = np.where(stays, LONGEST_STAY_GAP_S, LONGEST_GAP_S)
        return bool((gap <= longest).all())

    def at(self, times_s: Floats) -> Poses:
        """Interpolated poses."""
        place = np.column_stack(
            [np.interp(times_s, self.time_s, self._place_m[:, k]) for k in range(3)]
        )
        heading = np.interp(times_s, self.time_s, self._heading_deg)
        return Poses(place, heading % 360.0)


def _own_track(playback: Playback, frame: LocalFrame) -> Track:
    vehicle = playback.vehicle_id or VehicleId("")
    points = tuple(
        TrackPoint(p.ts_utc, vehicle, p.lat_deg, p.lon_deg, p.up_m, p.heading_deg)
        for p in playback.poses
    )
    return Track(points, frame)


class Tracks:
    """Where every vehicle of a run was: recorded, or told by its loudspeaker.

    The loudspeaker's own account stands in where the service recorded no whole
    span, because it was away or the link was lost.
    """

    def __init__(
        self,
        points: tuple[TrackPoint, ...],
        playbacks: tuple[Playback, ...],
        frame: LocalFrame,
    ) -> None:
        by_vehicle: dict[VehicleId, list[TrackPoint]] = {}
        for p in points:
            by_vehicle.setdefault(p.vehicle_id, []).append(p)
        self._recorded = {v: Track(tuple(ps), frame) for v, ps in by_vehicle.items()}
        self._own = {p.id: _own_track(p, frame) for p in playbacks if p.poses}

    def vehicle(self, named: VehicleId | None) -> VehicleId | None:
        """The one that is named, or the only one that left a track."""
        if named is None and len(self._recorded) == 1:
            return next(iter(self._recorded))
        return named

    def of(
        self, playback: str, vehicle: VehicleId | None, begin_s: float, end_s: float
    ) -> Track | None:
        """The track to place a playback by; it need not cover the whole span."""
        recorded = None if vehicle is None else self._recorded.get(vehicle)
        if recorded is not None and recorded.covers(begin_s, end_s):
            return recorded
        return self._own.get(playback, recorded)
