"""The fence that goes to the vehicle, against the surveyed one.

Plan and fence can be wrong together, and then agree with each other; only
the site's surveyed boundary can tell (a light show of 2024 flew with both
rotated by seven degrees).
"""

import numpy as np
import numpy.typing as npt
import shapely
from shapely import Polygon

from patrolctl.domain.machines import VehicleKind, VehicleProfile
from patrolctl.domain.mission import Fence, Mission
from patrolctl.domain.site import NoFlyArea, Site
from patrolctl.domain.violation import Severity, Violation
from patrolctl.geo import LatLon
from patrolctl.safety.limits import SafetyLimits
from patrolctl.safety.route import Finder, Route
from patrolctl.safety.solids import plan_shapes

# ArduPilot's FENCE_MARGIN: the vehicle may breach by coming this near, and
# an altitude fence clips the return height by as much.
AUTOPILOT_MARGIN_M = 2.0
ROUNDING_M = 0.5
HEADROOM_M = 5.0


def ring(vertices: tuple[LatLon, ...], site: Site) -> Polygon | None:
    """A fence ring in site ENU; None where it is no simple polygon."""
    if len(vertices) < 3:
        return None
    lat = np.array([v.lat_deg for v in vertices])
    lon = np.array([v.lon_deg for v in vertices])
    polygon = Polygon(site.frame.to_en(lat, lon))
    return polygon if polygon.is_valid and polygon.area > 0 else None


def check_own_fence(
    mission: Mission,
    route: Route,
    site: Site,
    profile: VehicleProfile,
    limits: SafetyLimits,
) -> list[Violation]:
    """Everything about the mission's fence."""
    find = Finder(site, mission.sortie_id)
    fence = mission.fence
    if fence is None:
        return [find("fence", "the mission carries no fence")]
    inclusion = ring(fence.inclusion, site)
    if inclusion is None:
        return [find("fence", "the mission's fence is no simple polygon")]
    found = _check_inclusion(inclusion, route, site, find)
    if mission.vehicle_kind is VehicleKind.COPTER:
        found += _check_exclusions(fence, route, site, profile, limits)
        found += _check_top(fence, mission, route, profile, (site, limits))
    return found


def _check_inclusion(
    inclusion: Polygon, route: Route, site: Site, find: Finder
) -> list[Violation]:
    found = []
    if site.geofence is not None:
        out = shapely.difference(inclusion, site.geofence.buffer(ROUNDING_M))
        if not out.is_empty:
            points = shapely.points(shapely.get_coordinates(out))
            beyond = float(shapely.distance(points, site.geofence).max())
            reason = f"the fence reaches {beyond:.1f} m beyond the surveyed geofence"
            found.append(find("fence", reason, measured=beyond, limit=ROUNDING_M))
    shapes = plan_shapes(route.starts_m(), route.ends_m())
    margin = min(AUTOPILOT_MARGIN_M, _margin(route))
    inside = shapely.covered_by(shapes, inclusion)
    gap = shapely.distance(shapes, inclusion.boundary)
    for k in np.flatnonzero(~inside | (gap < margin - 0.1)):
        move = route.moves[int(k)]
        how = "comes too near to" if inside[k] else "leaves"
        measured = float(gap[k]) if inside[k] else 0.0
        found.append(
            find(
                "fence",
                f"{move.what} {how} the fence that the vehicle is given",
                seq=move.seq,
                measured=measured,
                limit=margin,
                at_m=move.b_m,
            )
        )
    return found


def _margin(route: Route) -> float:
    return 1.0 if route.kind is VehicleKind.ROVER else AUTOPILOT_MARGIN_M


def _check_exclusions(
    fence: Fence,
    route: Route,
    site: Site,
    profile: VehicleProfile,
    limits: SafetyLimits,
) -> list[Violation]:
    find = Finder(site, route.sortie)
    rings = [ring(r, site) for r in fence.exclusions]
    found = []
    if any(r is None for r in rings):
        found.append(find("fence", "an exclusion of the fence is no simple polygon"))
    areas = [r for r in rings if r is not None]
    shapes = plan_shapes(route.starts_m(), route.ends_m())
    for area in areas:
        for k in np.flatnonzero(shapely.distance(shapes, area) < AUTOPILOT_MARGIN_M):
            move = route.moves[int(k)]
            reason = f"{move.what} enters an exclusion of the vehicle's own fence"
            found.append(find("fence", reason, seq=move.seq, at_m=move.b_m))
    covered = shapely.union_all([a.buffer(ROUNDING_M) for a in areas])
    top = min(profile.ceiling_m, limits.max_height_m)
    found += [
        _uncovered(n, shapes, find)
        for n in site.no_fly
        if n.bottom_m < top and not covered.covers(n.area)
    ]
    return found


def _uncovered(
    no_fly: NoFlyArea, shapes: npt.NDArray[np.object_], find: Finder
) -> Violation:
    """No exclusion for a no-fly area: a fault, unless the way passes over it.

    A fence's exclusions know no height. Where the path rightly passes above
    or below a volume, excluding it would stop the vehicle in flight. What is
    closed for a time is in no vehicle's fence: missions are the same whether
    it is closed or not, and the path itself is judged against it.
    """
    passes = bool((shapely.distance(shapes, no_fly.area) < AUTOPILOT_MARGIN_M).any())
    reason = f"no exclusion of the fence covers the no-fly area {no_fly.id}"
    if passes:
        reason += " (the way passes above or below it)"
    lenient = passes or no_fly.temporary
    severity = Severity.ADVISE if lenient else Severity.REFUSE
    return find("fence", reason, severity=severity)


def _check_top(
    fence: Fence,
    mission: Mission,
    route: Route,
    profile: VehicleProfile,
    bounds: tuple[Site, SafetyLimits],
) -> list[Violation]:
    site, limits = bounds
    find = Finder(site, mission.sortie_id)
    if fence.altitude_max is None:
        return [find("fence", "the fence has no upper altitude")]
    top = fence.altitude_max.amsl_m(home_amsl_m=mission.home_amsl_m)
    top -= site.ground_amsl_m
    allowed = min(profile.ceiling_m, limits.max_height_m) + HEADROOM_M
    highest = float(max(route.starts_m()[:, 2].max(), route.ends_m()[:, 2].max()))
    if mission.return_altitude is not None:  # for a failsafe, from anywhere
        back = mission.return_altitude.amsl_m(home_amsl_m=mission.home_amsl_m)
        highest = max(highest, back - site.ground_amsl_m)
    found = []
    if top > allowed + 0.1:
        reason = f"the fence's top is {top:.1f} m, {allowed:g} m at most"
        found.append(find("fence", reason, measured=top, limit=allowed))
    if highest > top - AUTOPILOT_MARGIN_M + 0.1:
        reason = (
            f"the way or a failsafe return goes up to {highest:.1f} m, the fence's top"
            f" at {top:.1f} m"
            f" leaves {AUTOPILOT_MARGIN_M:g} m less"
        )
        found.append(find("fence", reason, measured=highest, limit=top))
    return found
