"""Which cue is due where the vehicle is now. Pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from patrolctl.mqtt.payloads import SheetCue
from patrolctl.onboard.frames import Fix

_METRES_PER_DEG = 111_320.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a vehicle counts as being at a station.

    ``settle_s`` is how long it must have been there: a vehicle that flies
    through does not play.
    """

    radius_m: float = 4.0
    height_m: float = 4.0
    speed_m_s: float = 1.0
    settle_s: float = 1.0


def distance_m(fix: Fix, cue: SheetCue) -> float:
    """Horizontal distance; flat-earth error at 1 km is millimetres."""
    north = (fix.lat_deg - cue.lat_deg) * _METRES_PER_DEG
    scale = math.cos(math.radians(cue.lat_deg))
    east = (fix.lon_deg - cue.lon_deg) * _METRES_PER_DEG * scale
    return math.hypot(north, east)


def at_station(fix: Fix, cue: SheetCue, arrival: Arrival) -> bool:
    """Whether the vehicle stands where the cue is due."""
    return (
        distance_m(fix, cue) <= arrival.radius_m
        and abs(fix.up_m - cue.up_m) <= arrival.height_m
        and fix.speed_m_s <= arrival.speed_m_s
    )


class Watch:
    """Follows positions and tells which cue became due."""

    def __init__(self, arrival: Arrival | None = None) -> None:
        self._arrival = arrival or Arrival()
        self._there: str | None = None
        self._since_s = 0.0

    def due(
        self,
        cues: Sequence[SheetCue],
        played: Callable[[str], bool],
        fix: Fix,
        now_s: float,
    ) -> SheetCue | None:
        """The first unplayed cue, in mission order, whose place this is.

        It is due once the vehicle has stood there for ``settle_s``.
        """
        here = next(
            (
                c
                for c in cues
                if at_station(fix, c, self._arrival) and not played(c.key)
            ),
            None,
        )
        if here is None:
            self._there = None
            return None
        if self._there != here.key:
            self._there, self._since_s = here.key, now_s
        return here if now_s - self._since_s >= self._arrival.settle_s else None
