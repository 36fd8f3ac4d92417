"""A sortie as an ordered list of plain waypoints, for every exporter."""

import math
from dataclasses import dataclass, replace

from patrolctl.domain.errors import InputError
from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.plan import ItemType, Plan, PlanCue, PlanItem, Sortie
from patrolctl.geo import Datum, LatLon

_SAME_DEG = 2e-7  # two centimetres
_SAME_M = 0.05
_METRES_PER_DEG = 111_320.0


@dataclass(frozen=True, slots=True)
class Waypoint:
    """A place to go to and what to do there.

    ``up_m`` is above home. ``stay_s`` None: go on at once. ``plan_seq`` names
    the plan's item. ``departs``: the message begins while it stays here and
    lasts to the next waypoint, which is ``passing``: the nose is held at its
    heading all the way to it.
    """

    position: LatLon
    up_m: float
    plan_seq: int
    speed_m_s: float | None = None
    heading_deg: float | None = None
    stay_s: float | None = None
    cue: PlanCue | None = None
    station: str | None = None
    takeoff: bool = False
    land: bool = False
    departs: bool = False
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One sortie. ``return_up_m`` is the height of the way home above home.

    ``returns`` says that the route ends with the vehicle's own return.
    """

    sortie: Sortie
    waypoints: tuple[Waypoint, ...]
    return_up_m: float | None
    returns: bool

    @property
    def copter(self) -> bool:
        """Whether it flies."""
        return self.sortie.vehicle_kind is VehicleKind.COPTER


def route_of(plan: Plan, sortie: Sortie) -> Route:
    """Flatten a sortie: a dwell becomes a stay at its waypoint.

    The way home is made explicit (up, then above home), as other ground
    stations and autopilots choose a return height of their own.

    Raises:
        InputError: an altitude that cannot be told above home.
    """
    home = plan.home_of(sortie)
    waypoints: list[Waypoint] = []
    return_up_m: float | None = None
    returns = False
    for item in sortie.items:
        up_m = _up_m(item, home.amsl_m, sortie)
        if item.type is ItemType.RETURN_HOME:
            returns, return_up_m = True, up_m
            if sortie.vehicle_kind is VehicleKind.COPTER:
                place = LatLon(lat_deg=home.lat_deg, lon_deg=home.lon_deg)
                waypoints += _way_home(waypoints, item, up_m, place)
        else:
            _append(waypoints, item, up_m)
    return Route(sortie, tuple(waypoints), return_up_m, returns)


def _append_pass(waypoints: list[Waypoint], item: PlanItem, up_m: float) -> None:
    """A stay at the start, where the message begins, and the way to the end.

    At the end the vehicle stays until the message is over, by the plan.
    """
    if not waypoints:
        where = f"item {item.seq}"
        raise InputError.one(where, "is a pass from nowhere", "an item before it")
    start = waypoints[-1]
    hold_s = item.hold_s or 0.0
    waypoints[-1] = replace(
        start,
        plan_seq=item.seq,
        heading_deg=item.heading_deg,
        stay_s=(start.stay_s or 0.0) + hold_s,
        cue=item.cue,
        station=item.station,
        departs=True,
    )
    north = (item.lat_deg - start.position.lat_deg) * _METRES_PER_DEG
    scale = math.cos(math.radians(item.lat_deg))
    east = (item.lon_deg - start.position.lon_deg) * _METRES_PER_DEG * scale
    way_s = math.hypot(north, east) / max(item.speed_m_s or 0.0, 0.1)
    waypoints.append(
        Waypoint(
            position=item.position,
            up_m=up_m,
            plan_seq=item.seq,
            speed_m_s=item.speed_m_s,
            heading_deg=item.heading_deg,
            stay_s=round(max(1.0, (item.duration_s or 0.0) - hold_s - way_s), 1),
            station=item.station,
            passing=True,
        )
    )


def _append(waypoints: list[Waypoint], item: PlanItem, up_m: float) -> None:
    if item.type is ItemType.PASS:
        _append_pass(waypoints, item, up_m)
        return
    stay_s = item.duration_s if item.type is ItemType.DWELL else None
    point = Waypoint(
        position=item.position,
        up_m=up_m,
        plan_seq=item.seq,
        speed_m_s=item.speed_m_s,
        heading_deg=item.heading_deg,
        stay_s=stay_s,
        cue=item.cue,
        station=item.station,
        takeoff=item.type is ItemType.TAKEOFF,
        land=item.type is ItemType.LAND,
    )
    last = waypoints[-1] if waypoints else None
    # The first item stays as it is: loops come back to the second.
    arrived = len(waypoints) > 1 and last is not None and last.stay_s is None
    if stay_s is not None and last is not None and arrived and _same(last, point):
        waypoints.pop()  # the leg to the station and the dwell there are one
        speed = point.speed_m_s or last.speed_m_s
        point = Waypoint(
            position=point.position,
            up_m=point.up_m,
            plan_seq=point.plan_seq,
            speed_m_s=speed,
            heading_deg=point.heading_deg,
            stay_s=stay_s,
            cue=point.cue,
            station=point.station,
        )
    waypoints.append(point)


def _way_home(
    waypoints: list[Waypoint], item: PlanItem, up_m: float, home: LatLon
) -> list[Waypoint]:
    if not waypoints or up_m < 1.0:
        return []
    last = waypoints[-1]
    # A climb only: who is higher than the return height stays up there.
    level_m = max(up_m, last.up_m)
    way = [
        Waypoint(last.position, level_m, item.seq, item.speed_m_s),
        Waypoint(home, level_m, item.seq, item.speed_m_s),
    ]
    return [
        w for w, before in zip(way, [last, way[0]], strict=True) if not _same(w, before)
    ]


def _same(a: Waypoint, b: Waypoint) -> bool:
    near = (
        abs(a.position.lat_deg - b.position.lat_deg) < _SAME_DEG
        and abs(a.position.lon_deg - b.position.lon_deg) < _SAME_DEG
    )
    return near and abs(a.up_m - b.up_m) < _SAME_M


def _up_m(item: PlanItem, home_amsl_m: float, sortie: Sortie) -> float:
    if item.datum is Datum.TERRAIN:
        raise InputError.one(
            f"sortie {sortie.id}: item {item.seq}",
            "has an altitude above terrain",
            "altitudes above home (HOME) or sea level (AMSL)",
        )
    return item.altitude.amsl_m(home_amsl_m=home_amsl_m) - home_amsl_m
