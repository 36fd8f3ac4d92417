"""A sortie as the gate sees it: straight moves in site ENU, with times.

Plans and compiled missions are both brought to this one form, each by its
own reader, so that the same checks judge both.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from patrolctl.domain.machines import VehicleKind, VehicleProfile
from patrolctl.domain.site import Site
from patrolctl.domain.violation import Severity, Violation

Floats = npt.NDArray[np.float64]
Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Move:
    """One straight motion, or a stay (``a_m`` equals ``b_m``).

    ``seq`` is the item it belongs to; ``what`` words it for people;
    ``time_s`` is the time that the gate itself reckons with; ``stated_s``
    what the item says (of its last move only), ``least_s`` the physical
    minimum for it. ``level`` says that it is flown at its height above
    people, as against a climb or a descent over home.
    """

    seq: int
    what: str
    a_m: Point
    b_m: Point
    time_s: float
    power: float = 1.0
    stated_s: float | None = None
    least_s: float = 0.0
    speed_m_s: float | None = None
    cue: bool = False

    @property
    def stays(self) -> bool:
        """Whether it moves not at all."""
        return self.a_m == self.b_m


@dataclass(frozen=True, slots=True)
class Route:
    """All moves of one sortie; ``loops`` multiplies those in the loop.

    ``cycle`` are the first and one past the last index of the moves that
    are gone through ``loops`` times.
    """

    sortie: str
    kind: VehicleKind
    moves: tuple[Move, ...]
    home_m: Point
    start_s: float = 0.0
    vehicle: str | None = None
    loops: int = 1
    cycle: tuple[int, int] = (0, 0)

    def starts_m(self) -> Floats:
        """(n, 3) starts of the moves."""
        return np.array([m.a_m for m in self.moves], dtype=np.float64).reshape(-1, 3)

    def ends_m(self) -> Floats:
        """(n, 3) ends of the moves."""
        return np.array([m.b_m for m in self.moves], dtype=np.float64).reshape(-1, 3)

    def once(self) -> tuple[Move, ...]:
        """The moves in the order driven, the loop as often as it is done."""
        i, j = self.cycle
        return self.moves[:i] + self.moves[i:j] * max(1, self.loops) + self.moves[j:]


def travel_s(
    a_m: Point, b_m: Point, speed_m_s: float, profile: VehicleProfile
) -> float:
    """Time for a straight move from rest to rest, climbing at the same time."""
    along = math.hypot(b_m[0] - a_m[0], b_m[1] - a_m[1])
    accel = max(profile.accel_m_s2, 1e-3)
    speed = max(speed_m_s, 1e-3)
    if along > speed * speed / accel:
        level_s = along / speed + speed / accel
    else:
        level_s = 2.0 * math.sqrt(along / accel)
    return max(level_s, vertical_s(b_m[2] - a_m[2], profile))


def vertical_s(rise_m: float, profile: VehicleProfile) -> float:
    """Time to climb (positive) or descend at the profile's rates."""
    rate = profile.climb_m_s if rise_m > 0 else profile.descent_m_s
    return abs(rise_m) / rate if rate > 0 else 0.0


def least_s(a_m: Point, b_m: Point, profile: VehicleProfile) -> float:
    """No vehicle of this profile does the move in less, however it starts."""
    along = math.hypot(b_m[0] - a_m[0], b_m[1] - a_m[1])
    level_s = along / max(profile.cruise_m_s, 1e-3)
    return max(level_s, vertical_s(b_m[2] - a_m[2], profile))


def power_of(a_m: Point, b_m: Point, profile: VehicleProfile) -> float:
    """Power of a move in units of hover power; the larger where it mixes."""
    power = 1.0
    if math.hypot(b_m[0] - a_m[0], b_m[1] - a_m[1]) > 1e-6:
        power = max(power, profile.cruise_power_ratio)
    if b_m[2] > a_m[2] + 0.5:
        power = max(power, profile.climb_power_ratio)
    return power


def make_move(
    seq: int,
    what: str,
    ends_m: tuple[Point, Point],
    profile: VehicleProfile,
    *,
    speed_m_s: float | None = None,
    stated_s: float | None = None,
) -> Move:
    """A straight move with its times and power."""
    a, b = ends_m
    least = least_s(a, b, profile)
    speed = min(speed_m_s or profile.cruise_m_s, profile.cruise_m_s)
    reckoned = stated_s if stated_s is not None else travel_s(a, b, speed, profile)
    power = power_of(a, b, profile)
    return Move(
        seq, what, a, b, max(least, reckoned), power, stated_s, least, speed_m_s
    )


@dataclass(frozen=True, slots=True)
class Finder:
    """Makes violations of one sortie, with positions on the globe."""

    site: Site
    sortie: str

    def __call__(  # noqa: PLR0913 - a violation's own fields
        self,
        rule: str,
        reason: str,
        *,
        seq: int | None = None,
        measured: float | None = None,
        limit: float | None = None,
        at_m: Point | None = None,
        severity: Severity = Severity.REFUSE,
    ) -> Violation:
        """One violation; numbers are rounded to what people can use."""
        lat = lon = alt = None
        if at_m is not None:
            where = self.site.frame.point_latlon(at_m[0], at_m[1])
            lat, lon, alt = where.lat_deg, where.lon_deg, round(at_m[2], 2)
        return Violation(
            sortie=self.sortie,
            seq=seq,
            rule=rule,
            reason=reason,
            severity=severity,
            measured=None if measured is None else round(measured, 3),
            limit=None if limit is None else round(limit, 3),
            lat_deg=lat,
            lon_deg=lon,
            alt_m=alt,
        )
