"""Fence and rally points to go with an exported sortie."""

from dataclasses import dataclass

import numpy as np
import shapely

from patrolctl.domain.errors import InputError
from patrolctl.domain.mission import Fence
from patrolctl.domain.plan import Plan, Sortie
from patrolctl.domain.site import Site
from patrolctl.formats.exporting.route import Route
from patrolctl.geo import LatLon

_GROUND_M = 2.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What limits a flight, apart from its own path."""

    fence: Fence | None = None
    rally: tuple[LatLon, ...] = ()


def surroundings_of(plan: Plan, route: Route, site: Site | None) -> Surroundings:
    """From the site where it is given, else from the plan alone.

    A plan keeps the geofence but neither no-fly areas nor rally points.

    Raises:
        InputError: the site is not the plan's, or home lies outside of the
            geofence.
    """
    if site is None:
        fence = None if plan.geofence is None else Fence(_plan_ring(plan))
        around = Surroundings(fence)
    else:
        if plan.site_sha256 != site.sha256:
            what = f"was made for another site than {site.id}"
            right = "the site file that the plan was made for"
            raise InputError.one("plan", f"{what} (sha256 differs)", right)
        around = Surroundings(_site_fence(route, site), _rally(route, site))
    _check_home(plan, route.sortie, around.fence)
    return around


def _plan_ring(plan: Plan) -> tuple[LatLon, ...]:
    ring = list(plan.geofence or ())
    if len(ring) > 1 and ring[0] == ring[-1]:
        ring.pop()  # autopilots close the ring themselves
    return tuple(LatLon(lat_deg=lat, lon_deg=lon) for lat, lon in ring)


def _check_home(plan: Plan, sortie: Sortie, fence: Fence | None) -> None:
    if fence is None:
        return
    home = plan.home_of(sortie)
    ring = shapely.Polygon([(p.lon_deg, p.lat_deg) for p in fence.inclusion])
    if not ring.covers(shapely.Point(home.lon_deg, home.lat_deg)):
        place = f"sortie {sortie.id}: home"
        raise InputError.one(place, "lies outside of the geofence", "inside of it")


def _site_fence(route: Route, site: Site) -> Fence | None:
    if site.geofence is None:
        return None
    exclusions: tuple[tuple[LatLon, ...], ...] = ()
    if route.copter:
        # Exclusions know no height: an area that is flown over is left out.
        areas = [a.area for a in site.no_fly if a.bottom_m < _GROUND_M]
        path = _path(route, site)
        exclusions = tuple(_ring(a, site) for a in areas if path.disjoint(a))
    return Fence(_ring(site.geofence, site), exclusions)


def _path(route: Route, site: Site) -> shapely.LineString:
    positions = [w.position for w in route.waypoints]
    lat = np.array([p.lat_deg for p in positions])
    lon = np.array([p.lon_deg for p in positions])
    en = site.frame.to_en(lat, lon)
    return shapely.LineString(np.vstack([en, en[-1:]]))


def _ring(polygon: shapely.Polygon, site: Site) -> tuple[LatLon, ...]:
    points = shapely.get_coordinates(polygon.exterior)[:-1]
    return tuple(
        LatLon(lat_deg=round(float(lat), 8), lon_deg=round(float(lon), 8))
        for lat, lon in site.frame.to_latlon_deg(points)
    )


def _rally(route: Route, site: Site) -> tuple[LatLon, ...]:
    if not route.copter:
        return ()
    return tuple(site.frame.point_latlon(r.east_m, r.north_m) for r in site.rallies)
