"""One planning task, made ready: everything in the canonical frame."""

import math
from dataclasses import dataclass, replace

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from patrolctl.acoustics import (
    Listening,
    Scene,
    reach_table,
    scene_of,
    with_directivity,
)
from patrolctl.acoustics.bands import Floats
from patrolctl.domain.errors import InputError, NoFeasiblePlan
from patrolctl.domain.machines import (
    FleetVehicle,
    SpeakerProfile,
    VehicleKind,
    VehicleProfile,
)
from patrolctl.domain.plan import Passes, Requirement
from patrolctl.domain.site import Site, SitePoint
from patrolctl.planning.drone.candidates import FLOOR_M
from patrolctl.planning.drone.canonical import Canonical, canonical_of, into
from patrolctl.planning.drone.coverage import Hearing, hearing_of
from patrolctl.planning.drone.order import HEADING_ERROR_DEG, DroneOrder
from patrolctl.planning.drone.receivers import Receivers, receivers_of
from patrolctl.planning.space import FreeSpace, Limits, Motion, free_space

MOST_REACH_M = 150.0  # farther, wind and turbulence decide
HEAD_M = 1.7
CAP_MARGIN_M = 1.0
_ROUNDING = 0.004  # of the battery


@dataclass(frozen=True, slots=True)
class Drone:
    """One drone that shares the work. ``home_m`` (3,) is above its launch."""

    vehicle: str | None
    launch: SitePoint
    home_m: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Task:
    """The order and its site, ready for planning.

    ``site`` is in the canonical frame ``frame``; ``original`` as given.
    """

    original: Site
    site: Site
    frame: Canonical
    order: DroneOrder
    profile: VehicleProfile
    speaker: SpeakerProfile
    listening: Listening
    receivers: Receivers
    scene: Scene
    space: FreeSpace
    motion: Motion
    hearing: Hearing
    drones: tuple[Drone, ...]
    warnings: tuple[str, ...]

    @property
    def requirement(self) -> Requirement:
        """What heard means."""
        return self.order.requirement

    @property
    def usable_s(self) -> float:
        """Hover-seconds of a full battery less its reserve."""
        return self.profile.endurance_s * (1.0 - self.requirement.reserve_ratio)

    @property
    def passes(self) -> bool:
        """Whether messages may be said in flight.

        Only where the autopilot is known to hold its heading on the way, and
        the loudspeaker to repeat a message without a pause.
        """
        able = all(
            v.autopilot == "ardupilot" and v.speaker_dji is None
            for v in self.order.fleet
            if v.kind is VehicleKind.COPTER
        )
        return self.requirement.passes is Passes.AUTO and able

    @property
    def spent_s(self) -> float:
        """The most that a sortie is planned to spend of it.

        The gate reckons with the document's rounded places and may find a
        little more.
        """
        return self.usable_s * (1.0 - _ROUNDING)


def _copters(order: DroneOrder) -> list[FleetVehicle]:
    copters = [v for v in order.fleet if v.kind is VehicleKind.COPTER]
    if not copters:
        raise InputError.one("fleet", "has no copter", "a vehicle of kind copter")
    if order.drones is None:
        return copters
    if order.drones < 1:
        raise InputError.one("drones", f"is {order.drones}", "at least 1")
    return copters[: order.drones]


def _common(copters: list[FleetVehicle]) -> tuple[VehicleProfile, list[str]]:
    """The profile that every copter of the plan can fly."""
    first = copters[0].profile
    if all(c.profile == first for c in copters):
        return first, []
    profiles = [c.profile for c in copters]
    least = replace(
        first,
        cruise_m_s=min(p.cruise_m_s for p in profiles),
        climb_m_s=min(p.climb_m_s for p in profiles),
        descent_m_s=min(p.descent_m_s for p in profiles),
        accel_m_s2=min(p.accel_m_s2 for p in profiles),
        yaw_rate_deg_s=min(p.yaw_rate_deg_s for p in profiles),
        endurance_s=min(p.endurance_s for p in profiles),
        ceiling_m=min(p.ceiling_m for p in profiles),
        position_error_m=max(p.position_error_m for p in profiles),
        cruise_power_ratio=max(p.cruise_power_ratio for p in profiles),
        climb_power_ratio=max(p.climb_power_ratio for p in profiles),
    )
    return least, ["the copters differ: planned for the least able of them"]


def _speaker(
    order: DroneOrder, copters: list[FleetVehicle]
) -> tuple[SpeakerProfile, list[str]]:
    speakers = [c.speaker for c in copters]
    weakest = min(speakers, key=lambda s: s.level_1m_db - s.crest_db)
    notes = []
    if any(s != weakest for s in speakers):
        notes.append("the loudspeakers differ: planned for the weakest of them")
    if weakest.directivity_db is None:
        notes.append(
            "directivity: the default table of a 0.3 m horn; none is published "
            "for drone loudspeakers"
        )
    if order.crest_db is not None:
        weakest = replace(weakest, crest_db=order.crest_db)
    return with_directivity(weakest), notes


def _launch(vehicle: FleetVehicle, site: Site) -> SitePoint:
    able = [p for p in site.launches if p.vehicle_kind in {None, VehicleKind.COPTER}]
    if not able:
        raise InputError.one(
            f"site {site.id}",
            "has no launch point for copters",
            "a launch feature, or --site with its stated defaults",
        )
    if vehicle.launch is None:
        return able[0]
    for p in able:
        if p.id == vehicle.launch:
            return p
    raise InputError.one(
        f"vehicle {vehicle.id}: launch",
        f"{vehicle.launch} is no launch point for copters",
        "one of " + ", ".join(p.id for p in able),
    )


def _drones(
    order: DroneOrder, copters: list[FleetVehicle], site: Site, space: FreeSpace
) -> tuple[Drone, ...]:
    count = order.drones or len(copters)
    out = []
    for k in range(count):
        entry = copters[k % len(copters)]
        launch = _launch(entry, site)
        home = (launch.east_m, launch.north_m, space.floor_m)
        who = str(entry.id) if k < len(copters) else None
        out.append(Drone(who, launch, home))
    _check_homes(out, space, order.requirement.standoff_m)
    return tuple(out)


def _check_homes(drones: list[Drone], space: FreeSpace, standoff_m: float) -> None:
    points = np.array([d.home_m for d in drones])
    blocked = space.blocker(points)
    reasons = {
        f"launch point {d.launch.id} is not clear of {space.names[k]} with a "
        f"standoff of {standoff_m:g} m: no copter may rise there"
        for d, k in zip(drones, blocked, strict=True)
        if k >= 0
    }
    if reasons:
        raise NoFeasiblePlan(tuple(sorted(reasons)))


def loudest_m(speaker: SpeakerProfile, max_level_db: float) -> float:
    """Nearer than this to somebody, the speech level cap could be broken."""
    speech = speaker.level_1m_db - speaker.crest_db
    return float(10.0 ** (max(speech - max_level_db, 0.0) / 20.0))


def _limits(
    requirement: Requirement, profile: VehicleProfile, speaker: SpeakerProfile
) -> Limits:
    cap_m = loudest_m(speaker, requirement.max_level_db)
    margin = cap_m + profile.position_error_m + CAP_MARGIN_M
    floor = max(FLOOR_M, margin + HEAD_M)
    ceiling = min(profile.ceiling_m, 120.0)
    limits = Limits(max(requirement.standoff_m, margin), ceiling, math.ceil(floor))
    if limits.floor_m > limits.ceiling_m - 2.0:
        raise NoFeasiblePlan(
            (
                f"ceiling: {ceiling:g} m leaves no height for stations, which keep "
                f"at least {limits.floor_m:g} m above the ground",
            )
        )
    return limits


def _hearing(
    order: DroneOrder,
    profile: VehicleProfile,
    speaker: SpeakerProfile,
    listening: Listening,
) -> Hearing:
    tables = [
        reach_table(
            speaker, order.spectrum_db, listening, indoors=inside, max_m=MOST_REACH_M
        )
        for inside in (False, True)
    ]
    return hearing_of(
        tables[0],
        tables[1],
        sti_min=order.requirement.sti_min,
        error_m=profile.position_error_m,
        error_deg=HEADING_ERROR_DEG,
        most_m=MOST_REACH_M,
    )


def _area(requirement: Requirement, site: Site) -> BaseGeometry | None:
    if requirement.zone is None:
        return None
    named = [z.area for z in site.zones if requirement.zone in {z.id, z.name}]
    if not named:
        have = ", ".join(z.name or z.id for z in site.zones) or "none"
        raise InputError.one(
            "zone", f"{requirement.zone} is not on the site", f"one of: {have}"
        )
    return shapely.union_all(named)


def task_of(site: Site, order: DroneOrder) -> Task:
    """Make an order ready.

    Raises:
        InputError: the fleet, a launch point or a zone does not fit the site.
        NoFeasiblePlan: nothing can be planned, with what binds.
    """
    copters = _copters(order)
    profile, notes = _common(copters)
    speaker, more = _speaker(order, copters)
    frame = canonical_of(site)
    inner = into(site, frame)
    receivers = receivers_of(
        inner, order.requirement.receiver_spacing_m, _area(order.requirement, inner)
    )
    if order.only is not None:
        receivers = receivers.only(order.only)
    if not len(receivers):
        where = f"zone {order.requirement.zone}" if order.requirement.zone else "site"
        raise NoFeasiblePlan((f"receivers: nobody to reach on the {where}",))
    limits = _limits(order.requirement, profile, speaker)
    listening = Listening.of(order.requirement)
    hearing = _hearing(order, profile, speaker, listening)
    _check_reach(hearing, limits, order.requirement)
    space = free_space(inner, limits)
    return Task(
        original=site,
        site=inner,
        frame=frame,
        order=order,
        profile=profile,
        speaker=speaker,
        listening=listening,
        receivers=receivers,
        scene=scene_of(inner),
        space=space,
        motion=Motion(profile),
        hearing=hearing,
        drones=_drones(order, copters, inner, space),
        warnings=(*site.warnings, *notes, *more),
    )


def _check_reach(hearing: Hearing, limits: Limits, requirement: Requirement) -> None:
    if hearing.range_m > limits.standoff_m:
        return
    raise NoFeasiblePlan(
        (
            f"loudspeaker: behind {requirement.window} windows at "
            f"{requirement.indoor_noise_db:g} dB it is understood to "
            f"{hearing.range_m:.0f} m, and {limits.standoff_m:.0f} m are to be kept",
        )
    )


def home_points(task: Task) -> Floats:
    """(drones, 3) points above the launch points."""
    return np.array([d.home_m for d in task.drones])
