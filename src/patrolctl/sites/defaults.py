"""Stated defaults for a site that has no launch point or no geofence."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import shapely
from shapely import Point, Polygon
from shapely.geometry.base import BaseGeometry

from patrolctl.domain.errors import SiteError
from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.site import Site, SitePoint

Floats = npt.NDArray[np.float64]

FENCE_MARGIN_M = 80.0
LAUNCH_CLEARANCE_M = 15.0
LAUNCH_CLEARANCE_MIN_M = 5.0
_GRID_STEPS = 80
_PART = 400


def with_defaults(site: Site) -> tuple[Site, tuple[str, ...]]:
    """Give the site what it needs to be planned on, and say what was given.

    A geofence: the convex hull of everything on the site with 80 m around. A
    launch point for copters: the place nearest to the middle of the buildings
    that has 15 m of free ground around it (as much as there is, down to 5 m)
    and lies in no no-fly area. Where there are roads, a launch point for
    rovers on the road nearest to the middle.

    Returns:
        The site, and one line for each default taken.

    Raises:
        SiteError: there is no open place to launch from.
    """
    said: list[str] = []
    if site.geofence is None:
        site = replace(site, geofence=_fence(site))
        said.append(
            f"geofence: the site has none; drawn {FENCE_MARGIN_M:.0f} m around "
            "everything on it"
        )
    if not _has_launch(site, VehicleKind.COPTER):
        point, clearance_m = _open_place(site)
        site = replace(site, launches=(*site.launches, point))
        said.append(
            f"launch point: the site has none for copters; chosen in the open at "
            f"{_where(site, point)}, {clearance_m:.0f} m clear of buildings"
        )
    if site.roads and not _has_launch(site, VehicleKind.ROVER, sure=True):
        rover = _road_place(site)
        if rover is not None:
            site = replace(site, launches=(*site.launches, rover))
            said.append(
                "launch point: the site has none for rovers; chosen on a road at "
                f"{_where(site, rover)}"
            )
    return site, tuple(said)


def _has_launch(site: Site, kind: VehicleKind, *, sure: bool = False) -> bool:
    fits = (kind,) if sure else (kind, None)
    return any(p.vehicle_kind in fits for p in site.launches)


def _everything(site: Site) -> list[BaseGeometry]:
    shapes: list[BaseGeometry] = [b.footprint for b in site.buildings]
    shapes += [z.area for z in site.zones]
    shapes += [r.line for r in site.roads]
    for group in (site.launches, site.rallies, site.chargers, site.sampling_points):
        shapes += [Point(p.east_m, p.north_m) for p in group]
    return shapes


def _fence(site: Site) -> Polygon:
    hull = shapely.GeometryCollection(_everything(site)).convex_hull
    # Simplified outwards: what the tolerance may cut off is added to the
    # margin. Autopilots hold some 70 fence vertices, so a few dozen must do.
    tolerance_m = 5.0
    wide = hull.buffer(FENCE_MARGIN_M + tolerance_m, quad_segs=3)
    return Polygon(shapely.get_coordinates(wide.simplify(tolerance_m)))


def _middle(site: Site) -> Point:
    shapes = [b.footprint for b in site.buildings] or _everything(site)
    return shapely.GeometryCollection(shapes).centroid


def _open_place(site: Site) -> tuple[SitePoint, float]:
    """The launch point and its clearance in metres."""
    fence = site.geofence or _fence(site)
    en = _grid(fence)
    points = np.asarray(shapely.points(en))
    allowed = shapely.contains(fence.buffer(-LAUNCH_CLEARANCE_M), points)
    for area in site.no_fly:
        allowed &= shapely.distance(area.area, points) > LAUNCH_CLEARANCE_M
    en = en[allowed]
    solid: list[BaseGeometry] = [b.footprint for b in site.buildings]
    solid += [o.shape for o in site.obstacles]
    middle = _middle(site)
    away_m = np.hypot(en[:, 0] - middle.x, en[:, 1] - middle.y)
    order = np.argsort(away_m, kind="stable")
    best, clear_m = _first_clear(en[order], solid)
    if clear_m < LAUNCH_CLEARANCE_MIN_M:
        raise SiteError.one(
            f"site {site.id}",
            f"has no open place with {LAUNCH_CLEARANCE_MIN_M:.0f} m around it",
            "a launch feature, or a larger geofence",
        )
    east_m, north_m = (float(v) for v in en[order[best]])
    name = _free_id(site, "launch-default")
    point = SitePoint(name, "launch (default)", east_m, north_m, VehicleKind.COPTER)
    return point, clear_m


def _first_clear(en: Floats, solid: list[BaseGeometry]) -> tuple[int, float]:
    """The first place that is clear enough, else the first of the clearest.

    Looked for part by part: mostly it is among the first.
    """
    parts = np.array_split(en, max(1, len(en) // _PART))
    found: list[Floats] = []
    for part in parts:
        found.append(_clearance_m(part, solid))
        if found[-1].max(initial=0.0) >= LAUNCH_CLEARANCE_M:
            break
    clear_m = np.concatenate(found)
    enough_m = min(LAUNCH_CLEARANCE_M, float(clear_m.max(initial=0.0)))
    if enough_m <= 0.0:
        return 0, 0.0
    best = int(np.argmax(clear_m >= enough_m))
    return best, float(clear_m[best])


def _grid(fence: Polygon) -> Floats:
    west, south, east, north = fence.bounds
    step_m = max(4.0, max(east - west, north - south) / _GRID_STEPS)
    x, y = np.meshgrid(np.arange(west, east, step_m), np.arange(south, north, step_m))
    return np.column_stack([x.ravel(), y.ravel()])


def _clearance_m(en: Floats, solid: list[BaseGeometry]) -> Floats:
    if not solid or not len(en):
        return np.full(len(en), 1.0e6)
    tree = shapely.STRtree(solid)
    points = np.asarray(shapely.points(en))
    nearest = tree.nearest(points)
    return np.asarray(shapely.distance(points, tree.geometries[nearest]))


def _road_place(site: Site) -> SitePoint | None:
    """The road vertex nearest to the middle that lies in no building."""
    en = np.vstack([shapely.get_coordinates(r.line) for r in site.roads])
    clear = _clearance_m(en, [b.footprint for b in site.buildings]) > 1.0
    if site.geofence is not None:
        clear &= shapely.contains(site.geofence, np.asarray(shapely.points(en)))
    if not clear.any():
        return None
    middle = _middle(site)
    away_m = np.hypot(en[:, 0] - middle.x, en[:, 1] - middle.y)
    east_m, north_m = (float(v) for v in en[np.argmin(np.where(clear, away_m, np.inf))])
    name = _free_id(site, "launch-rover-default")
    return SitePoint(name, "rover launch (default)", east_m, north_m, VehicleKind.ROVER)


def _free_id(site: Site, name: str) -> str:
    used = {p.id for p in site.launches}
    while name in used:
        name += "-2"
    return name


def _where(site: Site, point: SitePoint) -> str:
    at = site.frame.point_latlon(point.east_m, point.north_m)
    return f"lat {at.lat_deg:.6f}, lon {at.lon_deg:.6f}"
