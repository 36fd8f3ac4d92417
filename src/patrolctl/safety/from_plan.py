"""Plan sortie → Route: what the vehicle really does for each item."""

import itertools
import math
from collections.abc import Iterator

from patrolctl.domain.machines import VehicleKind, VehicleProfile
from patrolctl.domain.plan import ItemType, Plan, PlanHome, PlanItem, Sortie
from patrolctl.domain.site import Site
from patrolctl.domain.violation import Violation
from patrolctl.geo import Datum, LatLon
from patrolctl.safety.passing import pass_moves
from patrolctl.safety.returning import default_return_m, return_moves, stretch
from patrolctl.safety.route import Finder, Move, Point, Route, make_move

WORDS = {
    ItemType.TAKEOFF: "take-off",
    ItemType.FLY: "leg",
    ItemType.DRIVE: "drive",
    ItemType.LAND: "landing",
}
FOR_KIND = {
    VehicleKind.COPTER: {
        ItemType.TAKEOFF,
        ItemType.FLY,
        ItemType.DWELL,
        ItemType.PASS,
        ItemType.RETURN_HOME,
        ItemType.LAND,
    },
    VehicleKind.ROVER: {ItemType.DRIVE, ItemType.DWELL, ItemType.RETURN_HOME},
}


def _numbers(item: PlanItem) -> Iterator[tuple[str, float | None]]:
    yield from (("lat_deg", item.lat_deg), ("lon_deg", item.lon_deg))
    yield from (("alt_m", item.alt_m), ("heading_deg", item.heading_deg))
    yield from (("speed_m_s", item.speed_m_s), ("duration_s", item.duration_s))
    yield ("hold_s", item.hold_s)


def check_numbers(sortie: Sortie, find: Finder) -> list[Violation]:
    """Numbers that are none, and coordinates that are nowhere.

    Nothing else can be checked on such a sortie.
    """
    found: list[Violation] = []
    for item in sortie.items:
        for name, value in _numbers(item):
            if value is not None and not math.isfinite(value):
                found.append(find("number", f"{name} is {value}", seq=item.seq))
        if not (abs(item.lat_deg) <= 90 and abs(item.lon_deg) <= 180):
            where = f"{item.lat_deg}, {item.lon_deg}"
            found.append(find("number", f"{where} is not on the globe", seq=item.seq))
        if min(item.duration_s or 0.0, item.speed_m_s or 0.0, item.hold_s or 0.0) < 0:
            found.append(
                find("number", "duration, hold or speed is below zero", seq=item.seq)
            )
    for name, value in (("start_s", sortie.start_s), ("duration_s", sortie.duration_s)):
        if not math.isfinite(value) or value < 0:
            found.append(find("number", f"the sortie's {name} is {value}"))
    return found


def check_form(sortie: Sortie, find: Finder) -> list[Violation]:
    """Order and kinds of the items."""
    items = sortie.items
    if not items:
        return [find("form", "the sortie has no items")]
    allowed = FOR_KIND[sortie.vehicle_kind]
    found: list[Violation] = []
    for item in items:
        if item.type not in allowed:
            reason = f"a {sortie.vehicle_kind} cannot {item.type}"
            found.append(find("form", reason, seq=item.seq))
        if item.datum is Datum.TERRAIN:
            reason = "altitudes above terrain need a terrain model; HOME or AMSL"
            found.append(find("altitude-frame", reason, seq=item.seq))
    return found + _check_order(sortie, find)


def _check_order(sortie: Sortie, find: Finder) -> list[Violation]:
    items = sortie.items
    found = [
        find("form", "items are not in rising order", seq=after.seq)
        for before, after in itertools.pairwise(items)
        if after.seq <= before.seq
    ]
    if items[-1].type not in {ItemType.RETURN_HOME, ItemType.LAND}:
        reason = f"the sortie ends with {items[-1].type} and never comes home"
        found.append(find("form", reason, seq=items[-1].seq))
    early = [i for i in items[:-1] if i.type is ItemType.LAND]
    found.extend(find("form", "lands before the end", seq=i.seq) for i in early)
    copter = sortie.vehicle_kind is VehicleKind.COPTER
    if copter and items[0].type is not ItemType.TAKEOFF:
        found.append(find("form", "does not begin with takeoff", seq=items[0].seq))
    return found


def home_m(home: PlanHome, site: Site) -> Point:
    """A home in site ENU, up above the site's ground."""
    east, north = site.frame.point_en(
        LatLon(lat_deg=home.lat_deg, lon_deg=home.lon_deg)
    )
    return east, north, home.amsl_m - site.ground_amsl_m


def _point(item: PlanItem, home: PlanHome, site: Site) -> Point:
    east, north = site.frame.point_en(item.position)
    above = item.altitude.amsl_m(home_amsl_m=home.amsl_m) - site.ground_amsl_m
    return east, north, above


def return_height_m(plan: Plan, sortie: Sortie, site: Site) -> float:
    """Up in site ENU at which the vehicle comes home.

    The profile's, else the return item's own height, else what clears every
    roof of the site.
    """
    home = plan.home_of(sortie)
    lift = home.amsl_m - site.ground_amsl_m
    if plan.vehicle.return_altitude_m is not None:
        return plan.vehicle.return_altitude_m + lift
    last = sortie.items[-1]
    stated = _point(last, home, site)[2]
    returns = last.type is ItemType.RETURN_HOME and stated > lift + 1.0
    return stated if returns else default_return_m(site, plan.vehicle)


def _cycle(sortie: Sortie, moves: list[Move]) -> tuple[int, int]:
    """Moves of the items between the first and the last."""
    inner = {i.seq for i in sortie.items[1:-1]}
    at = [k for k, m in enumerate(moves) if m.seq in inner]
    return (at[0], at[-1] + 1) if at else (0, 0)


def route_of(plan: Plan, sortie: Sortie, site: Site) -> Route:
    """All moves of a sortie whose numbers and form are good."""
    home = plan.home_of(sortie)
    start = home_m(home, site)
    here, moves = start, list[Move]()
    for item in sortie.items:
        moves.extend(_moves(plan, sortie, item, (here, start), site))
        here = moves[-1].b_m
    return Route(
        sortie=sortie.id,
        kind=sortie.vehicle_kind,
        moves=tuple(moves),
        home_m=start,
        start_s=sortie.start_s,
        vehicle=sortie.vehicle,
        loops=sortie.loops,
        cycle=_cycle(sortie, moves) if sortie.loops > 1 else (0, 0),
    )


def _moves(
    plan: Plan, sortie: Sortie, item: PlanItem, ends: tuple[Point, Point], site: Site
) -> list[Move]:
    here, start = ends
    home = plan.home_of(sortie)
    profile: VehicleProfile = plan.vehicle
    if item.type is ItemType.RETURN_HOME:
        if sortie.vehicle_kind is VehicleKind.ROVER:
            return [make_move(item.seq, "return leg", (here, start), profile)]
        up = return_height_m(plan, sortie, site)
        ways = return_moves(item.seq, here, start, up, profile)
        return stretch(ways, item.duration_s)
    there = _point(item, home, site)
    if item.type is ItemType.PASS:
        return pass_moves(item, (here, there), profile)
    if item.type is ItemType.DWELL:
        stay_s = item.duration_s or 0.0
        moved = math.dist(here, there) > 0.05
        way = [make_move(item.seq, "leg", (here, there), profile)] if moved else []
        stay = Move(
            item.seq, "dwell", there, there, stay_s, 1.0, stay_s, 0.0, None,
            cue=item.cue is not None,
        )  # fmt: skip
        return [*way, stay]
    if item.type is ItemType.LAND:
        there = (there[0], there[1], start[2])
    return [
        make_move(
            item.seq,
            WORDS[item.type],
            (here, there),
            profile,
            speed_m_s=item.speed_m_s,
            stated_s=item.duration_s,
        )
    ]
