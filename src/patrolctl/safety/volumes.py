"""Where a route goes: buildings, no-fly volumes, geofence, heights, roofs."""

import numpy as np
import numpy.typing as npt
import shapely
from shapely import Polygon

from patrolctl.domain.machines import VehicleKind, VehicleProfile
from patrolctl.domain.site import Site
from patrolctl.domain.violation import Severity, Violation
from patrolctl.safety.limits import SafetyLimits
from patrolctl.safety.route import Finder, Point, Route
from patrolctl.safety.solids import (
    Approach,
    Solid,
    SolidIndex,
    SolidKind,
    plan_shapes,
    solids_of,
)

Floats = npt.NDArray[np.float64]


class Volumes:
    """A site's solids, indexed once and asked for many routes."""

    def __init__(self, site: Site, limits: SafetyLimits) -> None:
        self.site = site
        self.limits = limits
        solids = solids_of(site)
        flies = tuple(s for s in solids if s.kind is SolidKind.NO_FLY)
        self.hard = SolidIndex(tuple(s for s in solids if s not in flies))
        self.no_fly = SolidIndex(flies)

    def check(self, route: Route, standoff_m: float) -> list[Violation]:
        """Approaches of the route's path to anything it must keep from."""
        find = Finder(self.site, route.sortie)
        if route.kind is VehicleKind.ROVER:
            return self._check_rover(route, find)
        limits = self.limits
        near = self.hard.approaches(
            route.starts_m(),
            route.ends_m(),
            beside_m=standoff_m - limits.tolerance_m,
            above_m=limits.roof_clearance_m - limits.tolerance_m,
        )
        found = [
            _too_near(route, self.hard.solids[n.solid], n, find, standoff_m)
            for n in near
        ]
        margin = limits.no_fly_margin_m
        inside = self.no_fly.approaches(
            route.starts_m(),
            route.ends_m(),
            beside_m=margin - limits.tolerance_m,
            above_m=margin - limits.tolerance_m,
        )
        found += [
            _too_near(route, self.no_fly.solids[n.solid], n, find, margin)
            for n in inside
        ]
        return found

    def _check_rover(self, route: Route, find: Finder) -> list[Violation]:
        lift = np.array([0.0, 0.0, self.limits.rover_height_m / 2])
        keep = self.limits.rover_clearance_m
        near = self.hard.approaches(
            _on_ground(route.starts_m()) + lift,
            _on_ground(route.ends_m()) + lift,
            beside_m=keep,
            above_m=self.limits.rover_height_m / 2,
        )
        return [
            _too_near(route, self.hard.solids[n.solid], n, find, keep) for n in near
        ]


def _on_ground(points_m: Floats) -> Floats:
    flat = points_m.copy()
    flat[:, 2] = 0.0
    return flat


def _too_near(
    route: Route, solid: Solid, near: Approach, find: Finder, limit_m: float
) -> Violation:
    move = route.moves[near.leg]
    rule = "no-fly" if solid.kind is SolidKind.NO_FLY else "clearance"
    if near.distance_m <= 0:
        how = "goes through or too low over" if rule == "clearance" else "enters"
        reason = f"{move.what} {how} {solid.label}"
    else:
        reason = (
            f"{move.what} passes {near.distance_m:.1f} m from {solid.label},"
            f" {limit_m:g} m are required"
        )
    return find(
        rule,
        reason,
        seq=move.seq,
        measured=near.distance_m,
        limit=limit_m,
        at_m=near.point_m,
    )


def check_fence(
    route: Route, fence: Polygon | None, find: Finder, limits: SafetyLimits
) -> list[Violation]:
    """Every move inside the fence, with the margin."""
    if fence is None:
        return [find("geofence", "the site has no geofence to check against")]
    rover = route.kind is VehicleKind.ROVER
    margin = limits.rover_fence_margin_m if rover else limits.fence_margin_m
    shapes = plan_shapes(route.starts_m(), route.ends_m())
    inside = shapely.covered_by(shapes, fence)
    gap = shapely.distance(shapes, fence.boundary)
    bad = np.flatnonzero(~inside | (gap < margin - limits.tolerance_m))
    return [_outside(route, int(k), (shapes[k], fence), margin, find) for k in bad]


def _outside(
    route: Route,
    k: int,
    shapes: tuple[shapely.Geometry, Polygon],
    margin_m: float,
    find: Finder,
) -> Violation:
    move, (shape, fence) = route.moves[k], shapes
    out = shapely.difference(shape, fence)
    if shapely.is_empty(out):
        gap = float(shapely.distance(shape, fence.boundary))
        reason = (
            f"{move.what} comes within {gap:.1f} m of the geofence,"
            f" {margin_m:g} m are required"
        )
        at = shapely.get_coordinates(shapely.shortest_line(shape, fence.boundary))[0]
    else:
        points = shapely.get_coordinates(out)
        far = shapely.distance(shapely.points(points), fence)
        gap, at = -float(far.max()), points[int(far.argmax())]
        reason = f"{move.what} leaves the geofence by {-gap:.1f} m"
    where: Point = (float(at[0]), float(at[1]), move.b_m[2])
    return find(
        "geofence", reason, seq=move.seq, measured=gap, limit=margin_m, at_m=where
    )


def check_heights(
    route: Route, profile: VehicleProfile, find: Finder, limits: SafetyLimits
) -> list[Violation]:
    """Under the ceiling, above people's heads, never below the ground."""
    if route.kind is VehicleKind.ROVER:
        return []
    top = min(profile.ceiling_m, limits.max_height_m)
    found: list[Violation] = []
    for move in route.moves:
        high = max(move.a_m[2], move.b_m[2])
        if high > top + limits.tolerance_m:
            reason = f"{move.what} at {high:.1f} m, the ceiling is {top:g} m"
            found.append(
                find(
                    "ceiling",
                    reason,
                    seq=move.seq,
                    measured=high,
                    limit=top,
                    at_m=max(move.a_m, move.b_m, key=lambda p: p[2]),
                )
            )
    return found + _low(route, find, limits)


def _low(route: Route, find: Finder, limits: SafetyLimits) -> list[Violation]:
    floor = limits.min_height_m
    found: list[Violation] = []
    for move in route.moves:
        level = move.a_m[:2] != move.b_m[:2] or move.stays
        low = min(move.a_m[2], move.b_m[2])
        if low < min(-1.0, route.home_m[2] - 1.0):
            found.append(
                find(
                    "ground",
                    f"{move.what} goes {-low:.1f} m below the ground",
                    seq=move.seq,
                    measured=low,
                    limit=0.0,
                )
            )
        elif (
            level
            and low < floor - limits.tolerance_m
            and not _beside_home(move.a_m, move.b_m, route)
        ):
            found.append(
                find(
                    "low",
                    f"{move.what} at {low:.1f} m above ground, {floor:g} m at least",
                    seq=move.seq,
                    measured=low,
                    limit=floor,
                    at_m=move.b_m,
                )
            )
    return found


def _beside_home(a_m: Point, b_m: Point, route: Route) -> bool:
    """A take-off or landing that drifts by less than two metres."""
    home = np.array(route.home_m[:2])
    ends = np.array([a_m[:2], b_m[:2]])
    return bool(np.hypot(*(ends - home).T).max() < 2.0)


def check_abandon(
    route: Route, volumes: Volumes, standoff_m: float, up_m: float
) -> list[Violation]:
    """Where a failsafe return would not be clear; for the operator to know.

    From the end of any move the vehicle may be sent home at its return
    height (battery, link, operator). That way is not the plan's to choose,
    so this advises and does not refuse.

    Args:
        route: a flight.
        volumes: of its site.
        standoff_m: as the plan requires.
        up_m: the vehicle's return height, ENU.
    """
    if route.kind is VehicleKind.ROVER or not route.moves:
        return []
    find = Finder(volumes.site, route.sortie)
    a = route.ends_m()
    a[:, 2] = np.maximum(a[:, 2], up_m)
    b = np.tile(np.array(route.home_m), (len(a), 1))
    b[:, 2] = a[:, 2]
    limits = volumes.limits
    keep, margin = limits.roof_clearance_m, limits.no_fly_margin_m
    hard = volumes.hard.approaches(a, b, beside_m=standoff_m - 0.1, above_m=keep - 0.1)
    fly = volumes.no_fly.approaches(a, b, beside_m=margin - 0.1, above_m=margin)
    met = [(n, volumes.hard.solids[n.solid]) for n in hard]
    met += [(n, volumes.no_fly.solids[n.solid]) for n in fly]
    first: dict[str, Violation] = {}
    for near, solid in sorted(met, key=lambda m: m[0].leg):
        move = route.moves[near.leg]
        if solid.id in first or move.what.startswith(("return", "descent")):
            continue
        first[solid.id] = find(
            "failsafe-return",
            f"a failsafe return from here on, at {up_m:.0f} m, may meet {solid.label}",
            seq=move.seq,
            at_m=near.point_m,
            severity=Severity.ADVISE,
        )
    return list(first.values())
