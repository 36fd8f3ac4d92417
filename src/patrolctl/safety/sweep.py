"""The volume that a plan's flights sweep, and where they announce.

Coarse on purpose: a plan as a whole, for the question whether two plans may
be under way at the same time. Within a plan, ``separation`` looks at each
moment.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from shapely import LineString, Point, Polygon, transform, union_all
from shapely.geometry.base import BaseGeometry

from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.plan import ItemType, Plan
from patrolctl.geo import LatLon, LocalFrame

# safety-security.md: vehicles stay 50 m apart horizontally or 15 m vertically;
# each sweep takes half of it.
HALF_APART_M = 25.0
HALF_APART_UP_M = 7.5
FAR_M = 50_000.0


@dataclass(frozen=True, slots=True)
class Sweep:
    """In metres east and north of ``origin``; heights are AMSL.

    ``area`` None: nothing flies. ``places`` is where something is announced.
    """

    origin: LatLon
    area: BaseGeometry | None
    bottom_m: float
    top_m: float
    places: BaseGeometry | None

    def meets(self, other: "Sweep") -> bool:
        """Whether the two volumes share any airspace."""
        if self.area is None or other.area is None:
            return False
        if self.bottom_m > other.top_m or other.bottom_m > self.top_m:
            return False
        moved = _moved(other.area, other.origin, self.origin)
        return moved is not None and bool(self.area.intersects(moved))

    def meets_area(self, area: Polygon, bottom_m: float, top_m: float) -> bool:
        """Whether it enters an area of the same frame, heights AMSL."""
        if self.area is None or self.bottom_m > top_m or bottom_m > self.top_m:
            return False
        return bool(self.area.intersects(area))


def sweep_of(plan: Plan) -> Sweep:
    """What all sorties of a plan sweep."""
    origin = LatLon(lat_deg=plan.home.lat_deg, lon_deg=plan.home.lon_deg)
    frame = LocalFrame(origin)
    lines: list[BaseGeometry] = []
    places: list[BaseGeometry] = []
    top_m = plan.home.amsl_m
    for sortie in plan.sorties:
        home = plan.home_of(sortie)
        here = LatLon(lat_deg=home.lat_deg, lon_deg=home.lon_deg)
        points = [frame.point_en(here)]
        for item in sortie.items:
            at = frame.point_en(item.position)
            if item.type not in {ItemType.RETURN_HOME, ItemType.LAND}:
                points.append(at)
            if item.cue is not None:
                in_flight = item.type is ItemType.PASS
                way = LineString([points[-2], at]) if in_flight else Point(at)
                places.append(way)
            top_m = max(top_m, home.amsl_m + item.alt_m)
        points.append(frame.point_en(here))
        if sortie.vehicle_kind is VehicleKind.COPTER:
            lines.append(LineString(points).buffer(HALF_APART_M))
    if plan.vehicle.return_altitude_m is not None:
        top_m = max(top_m, plan.home.amsl_m + plan.vehicle.return_altitude_m)
    area = union_all(lines) if lines else None
    return Sweep(
        origin,
        area,
        plan.home.amsl_m - HALF_APART_UP_M,
        top_m + HALF_APART_UP_M,
        union_all(places) if places else None,
    )


def announcing_near(a: Sweep, b: Sweep) -> float:
    """How near to each other the two announce, metres; infinite if they do not."""
    if a.places is None or b.places is None:
        return float("inf")
    moved = _moved(b.places, b.origin, a.origin)
    return float("inf") if moved is None else float(a.places.distance(moved))


def _moved(shape: BaseGeometry, source: LatLon, target: LatLon) -> BaseGeometry | None:
    """A shape in another frame; None where it is far away."""
    there, here = LocalFrame(source), LocalFrame(target)
    east_m, north_m = here.point_en(source)
    if max(abs(east_m), abs(north_m)) > FAR_M:
        return None

    def project(en_m: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        degrees = there.to_latlon_deg(en_m)
        return here.to_en(degrees[:, 0], degrees[:, 1])

    return transform(shape, project)
