"""The safety gate on compiled missions, fence included."""

from dataclasses import replace

from shapely import Point

from patrolctl.domain.machines import VehicleKind, VehicleProfile
from patrolctl.domain.mission import Mission
from patrolctl.domain.plan import Requirement
from patrolctl.domain.site import Site
from patrolctl.domain.violation import Violation
from patrolctl.safety.from_mission import (
    MissionReader,
    check_steps,
    endless,
    mission_home,
)
from patrolctl.safety.limits import DEFAULT_LIMITS, SafetyLimits
from patrolctl.safety.own_fence import check_own_fence
from patrolctl.safety.passing import check_pass_steps
from patrolctl.safety.plan_gate import check_home, check_start
from patrolctl.safety.roads import Roads
from patrolctl.safety.route import Finder, Route
from patrolctl.safety.solids import solids_of
from patrolctl.safety.timing import check_battery, check_speeds
from patrolctl.safety.volumes import Volumes, check_fence, check_heights


def check_mission(
    mission: Mission,
    site: Site,
    profile: VehicleProfile,
    requirement: Requirement,
    limits: SafetyLimits = DEFAULT_LIMITS,
) -> tuple[Violation, ...]:
    """Judge what is about to be uploaded: path, fence, rally points.

    Args:
        mission: the compiled sortie.
        site: the surveyed place, which the mission's own fence cannot move.
        profile: the vehicle that is to do it.
        requirement: standoff and reserve to keep.
        limits: the gate's own limits.

    Returns:
        Every broken rule; empty when it may be uploaded.
    """
    find = Finder(site, mission.sortie_id)
    broken = check_steps(mission, find)
    if broken:
        return tuple(broken)
    found = [
        find("battery", "a jump that no battery ends", seq=seq)
        for seq in endless(mission)
    ]
    found += check_pass_steps(mission, find, limits)
    reader = MissionReader(mission, site, profile)
    route = reader.route()
    volumes = Volumes(site, limits)
    found += check_home(mission_home(mission), mission.vehicle_kind, find, limits)
    found += _check_path(route, volumes, site, requirement, limits)
    if reader.low_returns:
        low = replace(route, moves=tuple(reader.low_returns), cycle=(0, 0))
        found += volumes.check(low, requirement.standoff_m)
    found += [
        find("home", "the return goes to a rally point, not home", seq=seq)
        for seq in reader.to_rally
    ]
    found += check_heights(route, profile, find, limits)
    found += check_start(route, find)
    found += check_speeds(route, profile, find)
    found += check_battery(route, profile, requirement.reserve_ratio, find)
    found += check_own_fence(mission, route, site, profile, limits)
    found += _check_rally(mission, site, requirement)
    return tuple(dict.fromkeys(found))


def _check_path(
    route: Route,
    volumes: Volumes,
    site: Site,
    requirement: Requirement,
    limits: SafetyLimits,
) -> list[Violation]:
    found = volumes.check(route, requirement.standoff_m)
    found += check_fence(route, site.geofence, Finder(site, route.sortie), limits)
    if route.kind is VehicleKind.ROVER:
        found += Roads(site, limits).check(route)
    return found


def _check_rally(
    mission: Mission, site: Site, requirement: Requirement
) -> list[Violation]:
    """Each rally point is a place to come down: in the fence, in the open."""
    find = Finder(site, mission.sortie_id)
    solids = solids_of(site)
    found = []
    for place, _ in mission.rally:
        east, north = site.frame.point_en(place)
        here = Point(east, north)
        where = (east, north, 0.0)
        fence = site.geofence
        if fence is None or not fence.covers(here):
            reason = "a rally point lies outside the surveyed geofence"
            found.append(find("rally", reason, at_m=where))
        near = (s for s in solids if s.shape.distance(here) < requirement.standoff_m)
        found += [
            find("rally", f"a rally point lies too near to {s.label}", at_m=where)
            for s in near
        ]
    return found
