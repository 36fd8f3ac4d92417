"""Airspace that closes while a copter is out: what is left of its way, and home.

The gate judges missions before they are flown. This judges what remains of
one, from where the vehicle is, against areas that nobody knew of then.
"""

import math
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import shapely

from patrolctl.domain.machines import VehicleProfile
from patrolctl.domain.mission import Mission
from patrolctl.domain.site import NoFlyArea, Site
from patrolctl.safety.from_mission import MissionReader
from patrolctl.safety.limits import DEFAULT_LIMITS, SafetyLimits
from patrolctl.safety.route import Move, Point, Route
from patrolctl.safety.solids import SolidIndex, solid_of

Bools = npt.NDArray[np.bool_]

LOOK_M = 1.0
TOUCH_M = 0.01


class Turn(StrEnum):
    """What a vehicle is to do about airspace that has closed."""

    GO_ON = "go_on"
    HOME = "home"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a copter has before it, from where it is, site ENU.

    ``home`` has every way that its return may take (near home an autopilot
    may climb less). Times are what the gate reckons.
    """

    here_m: Point
    way: tuple[Move, ...]
    home: tuple[tuple[Move, ...], ...]
    way_s: float
    home_s: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do, and why; ``areas`` are the ids of those that are in the way.

    ``inside`` says that it is in one of them now.
    """

    turn: Turn
    areas: tuple[str, ...] = ()
    why: str = ""
    inside: bool = False


@dataclass(frozen=True, slots=True)
class Position:
    """Where a mission is carried on from: step, rounds to go, place."""

    here_m: Point
    seq: int | None
    loops_left: int = 1


def ahead_of(
    mission: Mission, site: Site, profile: VehicleProfile, at: Position
) -> Ahead:
    """What is left of a mission.

    Args:
        mission: the one that is flown.
        site: for its frame.
        profile: the vehicle.
        at: where it is; a step that is not known leaves all of it.
    """
    reader = MissionReader(mission, site, profile)
    route = reader.route()
    last = mission.steps[-1].seq
    home = tuple(tuple(way) for way in reader.ways_home(last, at.here_m))
    way = _left(route, at)
    return Ahead(
        here_m=at.here_m,
        way=way,
        home=home,
        way_s=sum(m.time_s for m in way) * max(1, at.loops_left),
        home_s=max(sum(m.time_s for m in one) for one in home),
    )


def _left(route: Route, at: Position) -> tuple[Move, ...]:
    """From here on; of a loop that is gone through again, all of it."""
    moves = route.moves
    first = next((k for k, m in enumerate(moves) if at.seq and m.seq >= at.seq), 0)
    left = list(moves[first:])
    if left:
        left[0] = replace(left[0], a_m=at.here_m)
    begin, end = route.cycle
    if at.loops_left > 1 and first < end:
        left += moves[begin:first]
    return tuple(left)


def judge(
    ahead: Ahead,
    closing: tuple[NoFlyArea, ...],
    closed: tuple[NoFlyArea, ...],
    limits: SafetyLimits = DEFAULT_LIMITS,
) -> Verdict:
    """What to do.

    Args:
        ahead: what the vehicle has before it.
        closing: closed at some time while it would go on.
        closed: those of them that are while it would come home.
        limits: how near it may come.

    Returns:
        ``HOME`` where its way crosses one and the way home is clear (or leads
        out of the one that it is in); ``HOLD`` where the way home is not.
    """
    inside = [a for a in closing if _within(a, np.array([ahead.here_m]))[0]]
    crossed = [a for a in closing if a in inside or _crosses(ahead.way, a, limits)]
    if not crossed:
        return Verdict(Turn.GO_ON)
    blocked = [a for a in closed if not _home_is_clear(ahead, a, limits)]
    what = "is inside" if inside else "leads into"
    names = ", ".join(a.name for a in inside or crossed)
    subject = "it" if inside else "its way"
    why = f"{subject} {what} closed airspace: {names}"
    ids = tuple(a.id for a in crossed)
    if not blocked:
        return Verdict(Turn.HOME, ids, why, bool(inside))
    why += f"; so does the way home: {', '.join(a.name for a in blocked)}"
    return Verdict(Turn.HOLD, ids, why, bool(inside))


def _nearest_m(moves: tuple[Move, ...], area: NoFlyArea, margin_m: float) -> float:
    """How near the moves come to an area, looked at up to a margin."""
    near = SolidIndex((solid_of(area),)).approaches(
        np.array([m.a_m for m in moves], dtype=np.float64).reshape(-1, 3),
        np.array([m.b_m for m in moves], dtype=np.float64).reshape(-1, 3),
        beside_m=margin_m,
        above_m=margin_m,
    )
    return min((n.distance_m for n in near), default=math.inf)


def _crosses(moves: tuple[Move, ...], area: NoFlyArea, limits: SafetyLimits) -> bool:
    margin_m = limits.no_fly_margin_m - limits.tolerance_m
    return _nearest_m(moves, area, margin_m) < margin_m


def _home_is_clear(ahead: Ahead, area: NoFlyArea, limits: SafetyLimits) -> bool:
    """Whether no way home leads into an area, or deeper into its margin."""
    if _within(area, np.array([ahead.here_m]))[0]:
        return all(_leads_out(way, area) for way in ahead.home)
    stays = Move(0, "here", ahead.here_m, ahead.here_m, 0.0)
    margin_m = limits.no_fly_margin_m - limits.tolerance_m
    allowed_m = min(margin_m, _nearest_m((stays,), area, margin_m))
    return all(
        _nearest_m(way, area, margin_m) >= max(TOUCH_M, allowed_m - TOUCH_M)
        for way in ahead.home
    )


def _leads_out(way: tuple[Move, ...], area: NoFlyArea) -> bool:
    """Whether a way that begins inside leaves once, for good."""
    points = [np.array([way[0].a_m])]
    for move in way:
        a, b = np.array(move.a_m), np.array(move.b_m)
        count = max(1, math.ceil(float(np.linalg.norm(b - a)) / LOOK_M))
        points.append(a + np.linspace(0.0, 1.0, count + 1)[1:, None] * (b - a))
    inside = _within(area, np.vstack(points))
    left = int(np.argmin(inside))  # the first that is outside
    return not inside[-1] and not bool(inside[left:].any())


def _within(area: NoFlyArea, points_m: npt.NDArray[np.float64]) -> Bools:
    """(n,) whether points are inside an area."""
    high = points_m[:, 2]
    bottom_m = area.bottom_m if area.bottom_m > 0.0 else -math.inf
    flat = shapely.intersects_xy(area.area, points_m[:, 0], points_m[:, 1])
    return np.asarray(flat & (high > bottom_m) & (high < area.top_m), dtype=np.bool_)
