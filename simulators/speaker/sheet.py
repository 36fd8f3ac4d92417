"""The cue sheet of a sortie: which order is due where the vehicle stands.

Pure. Places are told from outside, each with its time in simulated seconds.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from simulators.speaker.orders import Json, Order, bad, optional, order_of, text

METRES_PER_DEG = 111_320.0
RADIUS_M = HEIGHT_M = 4.0
STANDS_M_S = 1.0
SETTLE_S = 1.0
NOSE_DEG = 15.0
PATIENCE_S = 20.0
LEFT_RATIO = 1.5


@dataclass(frozen=True, slots=True)
class Place:
    """Where the vehicle is; None: not told."""

    lat_deg: float
    lon_deg: float
    up_m: float
    speed_m_s: float
    heading_deg: float | None = None
    armed: bool | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """An order with its place."""

    order: Order
    lat_deg: float
    lon_deg: float
    up_m: float
    heading_deg: float | None

    def near(self, place: Place, ratio: float = 1.0) -> bool:
        """Whether the vehicle is there, moving or not."""
        north_m = (place.lat_deg - self.lat_deg) * METRES_PER_DEG
        scale = math.cos(math.radians(self.lat_deg))
        east_m = (place.lon_deg - self.lon_deg) * METRES_PER_DEG * scale
        return (
            math.hypot(north_m, east_m) <= RADIUS_M * ratio
            and abs(place.up_m - self.up_m) <= HEIGHT_M * ratio
        )

    def faced(self, place: Place) -> bool:
        """Whether the nose points where it should."""
        if self.heading_deg is None or place.heading_deg is None:
            return True
        off_deg = abs(place.heading_deg - self.heading_deg) % 360.0
        return min(off_deg, 360.0 - off_deg) <= NOSE_DEG


class Sheet:
    """The sheet in force and the visits to its places.

    A patrol's sheet has a cue once for every round; one visit plays one.
    """

    def __init__(self) -> None:
        self.name: str | None = None
        self.muted = False
        self._cues: list[Placed] = []
        self._expires_s = 0.0
        self._near: frozenset[str] | None = None
        self._spoken: dict[str, str] = {}
        self._there: tuple[str, float, float | None] | None = None

    def load(self, command: Json) -> list[tuple[str, str | None]]:
        """Take a sheet; an empty one takes the former back.

        Returns:
            The clips that it needs: hash and URL.

        Raises:
            BadCommand: it cannot be understood.
        """
        cues = command.get("cues")
        if not isinstance(cues, list):
            bad("cues is not a list")
            return []
        head = {"run_id": text(command, "run_id")}
        head["expires_utc"] = text(command, "expires_utc")
        placed = [_placed({**head, **c}) for c in cues if isinstance(c, dict)]
        self._cues = placed
        self._expires_s = placed[0].order.expires_s if placed else 0.0
        sortie = text(command, "sortie_id")
        self.name = f"{head['run_id']}/{sortie}" if placed else None
        if placed:
            self.muted = False
        return [(p.order.clip_sha256, p.order.clip_url) for p in placed]

    def begun(self, order: Order) -> None:
        """A cue is played, whoever asked for it."""
        if order.cue_id is not None and order.cue_id in (self._near or ()):
            self._spoken[order.cue_id] = order.key

    def spoken(self, order: Order) -> str | None:
        """Another key under which this cue was begun in this visit."""
        key = self._spoken.get(order.cue_id or "")
        return None if key == order.key else key

    def due(
        self, place: Place, played: Callable[[str], bool], now_s: float, *, busy: bool
    ) -> Order | None:
        """What is to be played here now, if anything."""
        self._follow(place, played)
        if busy or self.muted or place.armed is False or now_s >= self._expires_s:
            return None
        here = next(
            (
                c
                for c in self._cues
                if place.speed_m_s <= STANDS_M_S
                and c.near(place)
                and c.order.cue_id not in self._spoken
                and not played(c.order.key)
            ),
            None,
        )
        if here is None or not self._settled(here, place, now_s):
            return None
        return here.order

    def _follow(self, place: Place, played: Callable[[str], bool]) -> None:
        here = [c for c in self._cues if c.near(place, LEFT_RATIO)]
        if self._near is None:
            self._spoken = {
                str(c.order.cue_id): c.order.key for c in here if played(c.order.key)
            }
        self._near = frozenset(str(c.order.cue_id) for c in here)
        self._spoken = {c: k for c, k in self._spoken.items() if c in self._near}

    def _settled(self, cue: Placed, place: Place, now_s: float) -> bool:
        key = cue.order.key
        if self._there is None or self._there[0] != key:
            self._there = (key, now_s, None)
        _, since_s, faced_s = self._there
        if not cue.faced(place):
            self._there = (key, since_s, None)
            return now_s - since_s >= PATIENCE_S
        faced_s = now_s if faced_s is None else faced_s
        self._there = (key, since_s, faced_s)
        return now_s - faced_s >= SETTLE_S


def _placed(cue: Json) -> Placed:
    return Placed(
        order=replace(order_of(cue), cue_id=text(cue, "cue_id")),
        lat_deg=_number(cue, "lat_deg"),
        lon_deg=_number(cue, "lon_deg"),
        up_m=_number(cue, "up_m"),
        heading_deg=None
        if optional(cue, "heading_deg") is None
        else _number(cue, "heading_deg"),
    )


def _number(cue: Json, name: str) -> float:
    value = cue.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        bad(f"{name} is not a number")
        return 0.0
    return float(value)
