"""Which cue is due where the vehicle is now. Pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from patrolctl.mqtt.payloads import SheetCue
from patrolctl.onboard.frames import Fix
from patrolctl.onboard.places import metres_between, share_along

SAME_PLACE_M = 0.5
# Nobody knows where it was in a longer gap: it has to settle anew.
UNSEEN_S = 3.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a vehicle counts as being at a station.

    ``settle_s`` is how long it must have been there: a vehicle that flies
    through does not play. One that will not turn its nose as it should
    (gusts) plays after ``patience_s`` all the same. It has left when it is
    ``left_ratio`` times as far away as it may be. What sounds is cut only
    ``strayed_ratio`` times as far away: a gust cuts no sentence.
    """

    radius_m: float = 4.0
    height_m: float = 4.0
    speed_m_s: float = 1.0
    settle_s: float = 1.0
    heading_deg: float = 15.0
    patience_s: float = 20.0
    left_ratio: float = 1.5
    strayed_ratio: float = 3.0


def distance_m(fix: Fix, cue: SheetCue) -> float:
    """Horizontal distance."""
    return metres_between(fix.lat_deg, fix.lon_deg, cue.lat_deg, cue.lon_deg)


def near(fix: Fix, cue: SheetCue, arrival: Arrival, ratio: float = 1.0) -> bool:
    """Whether the vehicle is where the cue is due, moving or not."""
    return (
        distance_m(fix, cue) <= arrival.radius_m * ratio
        and _up_m(fix, cue) <= arrival.height_m * ratio
    )


def _up_m(fix: Fix, cue: SheetCue) -> float:
    """How far above or below; a vehicle on the ground is where the ground is."""
    return 0.0 if fix.up_m is None else abs(fix.up_m - cue.up_m)


def nearest_place(fix: Fix, cue: SheetCue) -> SheetCue:
    """The cue put where the vehicle should be when it is where it is.

    A cue that is played in flight has a whole way of places.
    """
    lat, lon, up = cue.end_lat_deg, cue.end_lon_deg, cue.end_up_m
    if lat is None or lon is None or up is None:
        return cue
    here = (fix.lat_deg, fix.lon_deg)
    share = share_along(here, (cue.lat_deg, cue.lon_deg), (lat, lon))
    return msgspec.structs.replace(
        cue,
        lat_deg=cue.lat_deg + share * (lat - cue.lat_deg),
        lon_deg=cue.lon_deg + share * (lon - cue.lon_deg),
        up_m=cue.up_m + share * (up - cue.up_m),
    )


def at_station(fix: Fix, cue: SheetCue, arrival: Arrival) -> bool:
    """Whether the vehicle stands where the cue is due."""
    return fix.speed_m_s <= arrival.speed_m_s and near(fix, cue, arrival)


def faces(fix: Fix, cue: SheetCue, arrival: Arrival) -> bool:
    """Whether its nose points where it should, as far as both are known."""
    if cue.heading_deg is None or fix.heading_deg is None:
        return True
    off_deg = abs(fix.heading_deg - cue.heading_deg) % 360.0
    return min(off_deg, 360.0 - off_deg) <= arrival.heading_deg


class Watch:
    """Follows positions and tells which cue became due.

    A patrol comes to one place again and again: the sheet then has the cue
    once for every round, under one cue id. One visit plays one of them.
    """

    def __init__(self, arrival: Arrival | None = None) -> None:
        self._arrival = arrival or Arrival()
        self._there: str | None = None
        self._since_s = 0.0
        self._seen_s = float("-inf")
        self._turned_s: float | None = None
        self._near: frozenset[str] | None = None
        self._spoken: dict[str, str] = {}

    def strayed(self, fix: Fix, cue: SheetCue) -> bool:
        """Whether the vehicle is too far from a place to play there."""
        place = nearest_place(fix, cue)
        return not near(fix, place, self._arrival, self._arrival.strayed_ratio)

    def spoken(self, cue_id: str | None) -> str | None:
        """The key under which this cue was begun in this visit, if it was."""
        return None if cue_id is None else self._spoken.get(cue_id)

    def begun(self, cue_id: str | None, key: str) -> None:
        """A cue is played, whoever asked for it."""
        if cue_id is not None and cue_id in (self._near or ()):
            self._spoken[cue_id] = key

    def moved(
        self, cues: Sequence[SheetCue], played: Callable[[str], bool], fix: Fix
    ) -> None:
        """Follow where the vehicle comes and goes."""
        here = [
            c for c in cues if near(fix, c, self._arrival, self._arrival.left_ratio)
        ]
        if self._near is None:
            # A life that begins at a place cannot know whether it spoke there
            # in the life before: silent rather than twice.
            self._spoken = {c.cue_id: c.key for c in here if played(c.key)}
        self._near = frozenset(c.cue_id for c in here)
        self._spoken = {c: k for c, k in self._spoken.items() if c in self._near}

    def due(
        self,
        cues: Sequence[SheetCue],
        played: Callable[[str], bool],
        fix: Fix,
        now_s: float,
    ) -> SheetCue | None:
        """The first unplayed cue, in mission order, whose place this is.

        It is due once the vehicle has stood there for ``settle_s`` with its
        nose where it should be.
        """
        self.moved(cues, played, fix)
        here = next(
            (
                c
                for c in self._nearest(cues, fix)
                if c.cue_id not in self._spoken and not played(c.key)
            ),
            None,
        )
        if here is None:
            self._there = None
            return None
        unseen_s, self._seen_s = now_s - self._seen_s, now_s
        if self._there != here.key or unseen_s > UNSEEN_S:
            self._there, self._since_s, self._turned_s = here.key, now_s, None
        return here if self._settled(fix, here, now_s) else None

    def _nearest(self, cues: Sequence[SheetCue], fix: Fix) -> list[SheetCue]:
        """Cues of the place that this is, where several places are near.

        Two stations may be nearer to each other than the radius: what belongs
        to the farther one is not played here, also when nothing else is due.
        """
        standing = [c for c in cues if at_station(fix, c, self._arrival)]
        away = {c.key: math.hypot(distance_m(fix, c), _up_m(fix, c)) for c in standing}
        least_m = min(away.values(), default=0.0)
        return [c for c in standing if away[c.key] <= least_m + SAME_PLACE_M]

    def _settled(self, fix: Fix, cue: SheetCue, now_s: float) -> bool:
        if not faces(fix, cue, self._arrival):
            self._turned_s = None
            return now_s - self._since_s >= self._arrival.patience_s
        if self._turned_s is None:
            self._turned_s = now_s
        return now_s - self._turned_s >= self._arrival.settle_s
