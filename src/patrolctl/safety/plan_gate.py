"""The safety gate on plans."""

import math

from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.plan import Plan, PlanHome, Sortie
from patrolctl.domain.site import Site
from patrolctl.domain.violation import Violation
from patrolctl.safety.exposure import Exposure
from patrolctl.safety.from_plan import (
    check_form,
    check_numbers,
    home_m,
    return_height_m,
    route_of,
)
from patrolctl.safety.limits import DEFAULT_LIMITS, SafetyLimits
from patrolctl.safety.passing import check_passes
from patrolctl.safety.roads import Roads
from patrolctl.safety.route import Finder, Route
from patrolctl.safety.separation import check_separation
from patrolctl.safety.timing import (
    check_battery,
    check_durations,
    check_dwells,
    check_speeds,
    check_total,
)
from patrolctl.safety.volumes import (
    Volumes,
    check_abandon,
    check_fence,
    check_heights,
)


def check_plan(
    plan: Plan, site: Site, limits: SafetyLimits = DEFAULT_LIMITS
) -> tuple[Violation, ...]:
    """Judge a whole plan by geometry and reckoning of the gate's own.

    Quiet hours, authority, weather and the day's airspace are judged at
    launch, not here.

    Returns:
        Every broken rule, those of the plan as a whole first; empty when the
        plan may be flown. ADVISE entries do not forbid it.
    """
    found = _check_whole(plan, site)
    routes: list[Route] = []
    gate = _PlanGate(plan, site, limits)
    for sortie in plan.sorties:
        find = Finder(site, sortie.id)
        broken = check_numbers(sortie, find) or check_form(sortie, find)
        found += broken
        if any(v.rule in {"number", "altitude-frame"} for v in broken):
            continue
        if not sortie.items:
            continue
        route = route_of(plan, sortie, site)
        routes.append(route)
        found += gate.check(sortie, route)
    found += check_separation(tuple(routes), site, limits)
    return tuple(found)


def _check_whole(plan: Plan, site: Site) -> list[Violation]:
    def broken(rule: str, reason: str) -> Violation:
        return Violation(sortie=None, seq=None, rule=rule, reason=reason)

    found = []
    if plan.site_sha256 != site.sha256:
        reason = (
            f"made for the site {plan.site_sha256[:12]}…,"
            f" this one is {site.sha256[:12]}…"
        )
        found.append(broken("site", reason))
    if not plan.sorties:
        found.append(broken("form", "the plan has no sorties"))
    ids = [s.id for s in plan.sorties]
    found += [
        broken("form", f"two sorties are called {i}")
        for i in sorted({i for i in ids if ids.count(i) > 1})
    ]
    figures = {
        "standoff_m": plan.requirement.standoff_m,
        "reserve_ratio": plan.requirement.reserve_ratio,
        "max_level_db": plan.requirement.max_level_db,
        "announcement.duration_s": plan.announcement.duration_s,
        "vehicle.cruise_m_s": plan.vehicle.cruise_m_s,
        "vehicle.endurance_s": plan.vehicle.endurance_s,
        "speaker.level_1m_db": plan.speaker.level_1m_db,
    }
    found += [
        broken("number", f"{name} is {value}")
        for name, value in figures.items()
        if not math.isfinite(value) or value < 0
    ]
    return found


class _PlanGate:
    """All checks of one sortie, on a site indexed once."""

    def __init__(self, plan: Plan, site: Site, limits: SafetyLimits) -> None:
        self._plan = plan
        self._site = site
        self._limits = limits
        self._volumes = Volumes(site, limits)
        self._exposure = Exposure(site)
        rover = any(s.vehicle_kind is VehicleKind.ROVER for s in plan.sorties)
        self._roads = Roads(site, limits) if rover else None

    def check(self, sortie: Sortie, route: Route) -> list[Violation]:
        """One sortie."""
        plan, site, limits = self._plan, self._site, self._limits
        need, find = plan.requirement, Finder(site, sortie.id)
        found = check_home(plan.home_of(sortie), sortie.vehicle_kind, find, limits)
        found += self._volumes.check(route, need.standoff_m)
        found += check_fence(route, site.geofence, find, limits)
        found += check_heights(route, plan.vehicle, find, limits)
        up_m = return_height_m(plan, sortie, site)
        found += check_abandon(route, self._volumes, need.standoff_m, up_m)
        found += check_start(route, find)
        found += check_durations(route, find)
        found += check_total(sortie, route, find)
        found += check_speeds(route, plan.vehicle, find)
        found += check_dwells(plan, sortie, find)
        found += check_passes(plan, sortie, find, limits)
        found += check_battery(
            route, plan.vehicle, need.reserve_ratio, find, sortie.energy_ratio
        )
        found += self._exposure.check(route, plan.speaker, need.max_level_db, limits)
        if self._roads is not None and route.kind is VehicleKind.ROVER:
            found += self._roads.check(route)
        return found


def check_home(
    home: PlanHome, kind: VehicleKind, find: Finder, limits: SafetyLimits
) -> list[Violation]:
    """The home is one of the site's surveyed launch points."""
    site = find.site
    figures = (home.lat_deg, home.lon_deg, home.amsl_m)
    if not all(math.isfinite(v) for v in figures):
        return [find("number", "the home is not a position")]
    east, north, up = home_m(home, site)
    gaps = [
        math.hypot(p.east_m - east, p.north_m - north)
        for p in site.launches
        if p.vehicle_kind in {None, kind}
    ]
    found = []
    if not gaps:
        found.append(find("home", f"the site has no launch point for a {kind}"))
    elif min(gaps) > limits.home_radius_m:
        reason = (
            f"home lies {min(gaps):.1f} m from the nearest surveyed launch point,"
            f" {limits.home_radius_m:g} m at most"
        )
        found.append(
            find(
                "home",
                reason,
                measured=min(gaps),
                limit=limits.home_radius_m,
                at_m=(east, north, up),
            )
        )
    if abs(up) > limits.home_height_m:
        reason = (
            f"home is said to be {up:+.1f} m from the site's ground"
            f" ({site.ground_amsl_m:g} m above sea level)"
        )
        found.append(
            find("home-height", reason, measured=up, limit=limits.home_height_m)
        )
    return found


def check_start(route: Route, find: Finder) -> list[Violation]:
    """A copter climbs from home, and comes down on it."""
    if route.kind is not VehicleKind.COPTER or not route.moves:
        return []
    found = []
    for what, point, seq in (
        ("takes off towards", route.moves[0].b_m, route.moves[0].seq),
        ("ends", route.moves[-1].b_m, route.moves[-1].seq),
    ):
        away = math.dist(point[:2], route.home_m[:2])
        if away > 2.0:
            reason = f"{what} a point {away:.1f} m from home"
            found.append(find("home", reason, seq=seq, measured=away, limit=2.0))
    return found
