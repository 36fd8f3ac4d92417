"""A sortie compiled: vehicle-neutral steps, fence, rally points, cue sheet.

The way home is made explicit. A bare RETURN_HOME leaves it to the autopilot
(ArduPilot climbs less when home is near, RTL_CONE_SLOPE, and prefers a rally
point that is nearer than home), so a copter is first sent up and above home
by ordinary steps, and only comes down there by RETURN_HOME.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
import shapely
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from patrolctl.domain.errors import InputError, NoFeasiblePlan, SiteError
from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.mission import Fence, Mission, MissionStep, StepType
from patrolctl.domain.plan import ItemType, Plan, PlanHome, PlanItem, Sortie
from patrolctl.domain.site import Site
from patrolctl.domain.sound import Cue, CueSheet
from patrolctl.geo import Altitude, Datum, LatLon

ROOF_CLEARANCE_M = 5.0
FENCE_HEADROOM_M = 5.0
PASSES_M = 2.5  # ArduPilot's fence margin and a little more
MAX_HEIGHT_M = 120.0
# A polygon fence of more points than this fills ArduPilot's fence storage.
MAX_FENCE_VERTICES = 70

STEP_OF = {
    ItemType.TAKEOFF: StepType.TAKEOFF,
    ItemType.FLY: StepType.GO,
    ItemType.DRIVE: StepType.GO,
    ItemType.DWELL: StepType.DWELL,
    ItemType.LAND: StepType.LAND,
}


def compile_mission(plan: Plan, sortie: Sortie, site: Site) -> tuple[Mission, CueSheet]:
    """Compile one sortie of a plan.

    A sortie of several loops becomes the loop once and a JUMP back to its
    first step, so that a long patrol fits the autopilot's storage; its cues
    keep their ids in every loop.

    Args:
        plan: the approved plan.
        sortie: one of its sorties.
        site: the site that it was made for; its geofence and no-fly areas
            become the vehicle's own fence.

    Returns:
        The mission, and the cues keyed by the step that starts each.

    Raises:
        SiteError: the site has no geofence.
        InputError: a cue names no rendered clip.
        NoFeasiblePlan: no return height clears the buildings on the way.
    """
    builder = _Builder(plan, sortie, site)
    builder.build()
    home = plan.home_of(sortie)
    copter = sortie.vehicle_kind is VehicleKind.COPTER
    up = Altitude(round(builder.return_up_m, 2), Datum.HOME)
    mission = Mission(
        sortie_id=sortie.id,
        vehicle_kind=sortie.vehicle_kind,
        home=_place(home),
        home_amsl_m=home.amsl_m,
        home_amsl_known=home.amsl_known,
        steps=tuple(builder.steps),
        fence=_fence(site, sortie, builder),
        rally=_rally(site, up) if copter else (),
        return_altitude=up if copter else None,
    )
    return mission, CueSheet(sortie.id, tuple(builder.cues))


def _place(home: PlanHome) -> LatLon:
    return LatLon(lat_deg=home.lat_deg, lon_deg=home.lon_deg)


def return_height_m(plan: Plan, sortie: Sortie, site: Site) -> float:
    """Height above home at which a copter comes home.

    The vehicle's own setting, else what the plan's return item states, else
    what clears every roof of the site as far as the ceiling lets it.

    Raises:
        NoFeasiblePlan: a building on the way is higher than may be flown.
    """
    stated = plan.vehicle.return_altitude_m
    if stated is not None:
        return stated
    home = plan.home_of(sortie)
    last = sortie.items[-1]
    planned = last.altitude.amsl_m(home_amsl_m=home.amsl_m) - home.amsl_m
    if last.type is ItemType.RETURN_HOME and planned > 1.0:
        return planned
    lift = home.amsl_m - site.ground_amsl_m
    solids: list[tuple[str, BaseGeometry, float]] = [
        (b.id, b.footprint, b.height_m) for b in site.buildings
    ]
    solids += [(o.id, o.shape, o.height_m) for o in site.obstacles]
    ceiling = min(plan.vehicle.ceiling_m, MAX_HEIGHT_M)
    over = max((top for _, _, top in solids), default=10.0) + ROOF_CLEARANCE_M
    up = min(over, ceiling)
    path = _return_line(sortie, home, site)
    for name, shape, top in solids:
        near = shape.distance(path) < plan.requirement.standoff_m
        if near and top + ROOF_CLEARANCE_M > up:
            reason = (
                f"sortie {sortie.id}: the way home passes {name} ({top:g} m high),"
                f" and the ceiling of {ceiling:g} m leaves no height above it"
            )
            raise NoFeasiblePlan((reason,))
    return up - lift


def _return_line(sortie: Sortie, home: PlanHome, site: Site) -> LineString:
    end = site.frame.point_en(_place(home))
    before = sortie.items[-2] if len(sortie.items) > 1 else sortie.items[-1]
    return LineString([site.frame.point_en(before.position), end])


@dataclass
class _Builder:
    """Collects steps and cues, numbering the steps from 1."""

    plan: Plan
    sortie: Sortie
    site: Site
    steps: list[MissionStep] = field(default_factory=list)
    cues: list[Cue] = field(default_factory=list)
    return_up_m: float = 0.0
    highest_m: float = 0.0

    def build(self) -> None:
        """Go through the items."""
        items = self.sortie.items
        if self.sortie.vehicle_kind is VehicleKind.COPTER:
            self.return_up_m = return_height_m(self.plan, self.sortie, self.site)
        loop_from: int | None = None
        for n, item in enumerate(items):
            if n == 1:
                loop_from = len(self.steps) + 1
            if n == len(items) - 1 and self.sortie.loops > 1 and loop_from:
                again = self.sortie.loops - 1
                jump = MissionStep(
                    0, StepType.JUMP, jump_to=loop_from, jump_times=again
                )
                self._add(item, jump)
            self._item(item)

    def _item(self, item: PlanItem) -> None:
        if item.type is ItemType.RETURN_HOME:
            self._return(item)
            return
        if item.type is ItemType.PASS:
            self._pass(item)
            return
        kind = STEP_OF[item.type]
        up = self._up_m(item)
        self.highest_m = max(self.highest_m, up)
        step = MissionStep(
            0,
            kind,
            position=item.position,
            altitude=Altitude(round(up, 3), Datum.HOME),
            heading_deg=item.heading_deg,
            speed_m_s=item.speed_m_s,
            duration_s=item.duration_s if kind is StepType.DWELL else None,
        )
        self._add(item, step)
        if item.cue is not None:
            self._cue(item)

    def _pass(self, item: PlanItem) -> None:
        """Stand at the start, fly past with the nose held, stand at the end.

        The first stand ends by itself: without a link the loudspeaker begins
        by its own clock, and the vehicle must follow by its own.
        """
        here, low = self._last()
        up = self._up_m(item)
        self.highest_m = max(self.highest_m, up)
        hold_s = item.hold_s or 0.0
        nose = item.heading_deg
        away_m = math.dist(
            (*self.site.frame.point_en(here), low),
            (*self.site.frame.point_en(item.position), up),
        )
        rest_s = (item.duration_s or 0.0) - hold_s
        rest_s -= away_m / max(item.speed_m_s or 0.0, 0.1)
        start = MissionStep(
            0,
            StepType.DWELL,
            here,
            Altitude(round(low, 3), Datum.HOME),
            heading_deg=nose,
            duration_s=hold_s,
            leaves_s=hold_s,
        )
        there = Altitude(round(up, 3), Datum.HOME)
        past = MissionStep(
            0,
            StepType.PASS,
            item.position,
            there,
            heading_deg=nose,
            speed_m_s=item.speed_m_s,
        )
        end = MissionStep(
            0,
            StepType.DWELL,
            item.position,
            there,
            heading_deg=nose,
            duration_s=round(max(1.0, rest_s), 2),
        )
        self._add(item, start)
        if item.cue is not None:
            self._cue(item, until_seq=len(self.steps) + 2)
        self._add(item, past)
        self._add(item, end)

    def _cue(self, item: PlanItem, until_seq: int | None = None) -> None:
        said = self.plan.announcement
        sha256 = item.cue.clip_sha256 if item.cue else None
        sha256 = sha256 or said.clip_sha256
        if sha256 is None or item.cue is None:
            raise InputError.one(
                f"sortie {self.sortie.id}: item {item.seq}",
                f"the announcement {said.id} is not rendered yet",
                "a plan whose announcement has a clip_sha256",
            )
        seq = len(self.steps)
        self.cues.append(
            Cue(
                id=f"{self.sortie.id}.{item.seq}",
                seq=seq,
                clip_sha256=sha256,
                repeats=item.cue.repeats,
                clip_duration_s=said.duration_s,
                station=item.station,
                until_seq=until_seq,
            )
        )

    def _return(self, item: PlanItem) -> None:
        """Up, above home, down; a rover simply drives home."""
        if self.sortie.vehicle_kind is VehicleKind.ROVER:
            self._add(item, MissionStep(0, StepType.RETURN_HOME))
            return
        home = _place(self.plan.home_of(self.sortie))
        here, low = self._last()
        up = max(low, self.return_up_m)
        self.highest_m = max(self.highest_m, up)
        altitude = Altitude(round(up, 3), Datum.HOME)
        east, north = self.site.frame.point_en(here)
        away = math.dist((east, north), self.site.frame.point_en(home))
        if away > 2.0:
            if up > low + 0.1:
                self._add(item, MissionStep(0, StepType.GO, here, altitude))
            self._add(item, MissionStep(0, StepType.GO, home, altitude))
        self._add(item, MissionStep(0, StepType.RETURN_HOME))

    def _last(self) -> tuple[LatLon, float]:
        for step in reversed(self.steps):
            if step.position is not None and step.altitude is not None:
                return step.position, step.altitude.value_m
        return _place(self.plan.home_of(self.sortie)), 0.0

    def _up_m(self, item: PlanItem) -> float:
        amsl_m = self.plan.home_of(self.sortie).amsl_m
        return item.altitude.amsl_m(home_amsl_m=amsl_m) - amsl_m

    def _add(self, item: PlanItem, step: MissionStep) -> None:
        seq = len(self.steps) + 1
        self.steps.append(replace(step, seq=seq, plan_seq=item.seq))


def _ring(polygon: Polygon, site: Site) -> tuple[LatLon, ...]:
    points = shapely.get_coordinates(polygon.exterior)[:-1]
    return tuple(
        LatLon(lat_deg=round(float(lat), 8), lon_deg=round(float(lon), 8))
        for lat, lon in site.frame.to_latlon_deg(points)
    )


def _within(polygon: Polygon) -> Polygon:
    """The polygon, or a simpler one inside it where it has too many corners."""
    tolerance_m = 0.25
    slim = polygon
    while shapely.get_num_coordinates(slim.exterior) - 1 > MAX_FENCE_VERTICES:
        # No point of a simplified line is further than the tolerance from
        # it, so what was shrunk by that much first stays inside.
        shrunk = polygon.buffer(-tolerance_m).simplify(tolerance_m)
        if not isinstance(shrunk, Polygon) or shrunk.is_empty:
            raise SiteError.one("geofence", "is too intricate for a vehicle's fence")
        slim, tolerance_m = shrunk, tolerance_m * 2
    return slim


def _fence(site: Site, sortie: Sortie, builder: _Builder) -> Fence:
    if site.geofence is None:
        raise SiteError.one(
            f"site {site.id}",
            "has no geofence",
            "a polygon of kind geofence around all flights",
        )
    outer = _within(Polygon(site.geofence.exterior))
    if sortie.vehicle_kind is VehicleKind.ROVER:
        holes = tuple(_ring(Polygon(h), site) for h in site.geofence.interiors)
        return Fence(_ring(outer, site), holes)
    # An altitude fence clips the height of a failsafe return as well.
    highest = max(builder.highest_m, builder.return_up_m)
    top = round(highest + FENCE_HEADROOM_M, 2)
    return Fence(
        _ring(outer, site),
        _exclusions(site, builder),
        Altitude(top, Datum.HOME),
    )


def _exclusions(site: Site, builder: _Builder) -> tuple[tuple[LatLon, ...], ...]:
    """Holes of the geofence, and no-fly areas that the way does not pass.

    A vehicle's exclusion knows no height: one that the plan rightly flies
    over would stop the vehicle in flight, so that one is left to the plan.
    """
    home = site.frame.point_en(_place(builder.plan.home_of(builder.sortie)))
    way = [home]
    way += [site.frame.point_en(s.position) for s in builder.steps if s.position]
    path = LineString([*way, home]) if len(way) > 1 else shapely.Point(home)
    areas = [Polygon(h) for h in site.geofence.interiors] if site.geofence else []
    for no_fly in site.no_fly:
        area = Polygon(no_fly.area.exterior)
        if path.distance(area) > PASSES_M:
            areas.append(area)
    return tuple(_ring(a, site) for a in areas)


def _rally(site: Site, up: Altitude) -> tuple[tuple[LatLon, Altitude], ...]:
    if not site.rallies:
        return ()
    points = np.array([(r.east_m, r.north_m) for r in site.rallies])
    return tuple(
        (LatLon(lat_deg=float(lat), lon_deg=float(lon)), up)
        for lat, lon in site.frame.to_latlon_deg(points)
    )
