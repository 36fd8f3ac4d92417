"""Compiled mission → Route: what an autopilot does with each step."""

import itertools
import math

from patrolctl.domain.machines import VehicleKind, VehicleProfile
from patrolctl.domain.mission import Mission, MissionStep, StepType
from patrolctl.domain.plan import PlanHome
from patrolctl.domain.site import Site
from patrolctl.domain.violation import Violation
from patrolctl.geo import Altitude, Datum
from patrolctl.safety.from_plan import home_m
from patrolctl.safety.returning import return_moves
from patrolctl.safety.route import Finder, Move, Point, Route, make_move

# ArduPilot Copter: near home RTL climbs only to distance × RTL_CONE_SLOPE
# (default 3), so that both its full height and this one must be clear.
CONE_SLOPE = 3.0


def mission_home(mission: Mission) -> PlanHome:
    """The mission's home as a plan would state it."""
    home = mission.home
    return PlanHome(home.lat_deg, home.lon_deg, mission.home_amsl_m)


def check_steps(mission: Mission, find: Finder) -> list[Violation]:
    """Numbering, targets and frames of the steps."""
    steps = mission.steps
    if not steps:
        return [find("form", "the mission has no steps")]
    found: list[Violation] = []
    for n, step in enumerate(steps, start=1):
        if step.seq != n:
            found.append(find("form", f"is step {n} in order", seq=step.seq))
        found += _check_step(step, mission, find)
    if steps[-1].type not in {StepType.RETURN_HOME, StepType.LAND}:
        found.append(find("form", "never comes home", seq=steps[-1].seq))
    copter = mission.vehicle_kind is VehicleKind.COPTER
    if copter and steps[0].type is not StepType.TAKEOFF:
        found.append(find("form", "does not begin with takeoff", seq=steps[0].seq))
    if copter and mission.return_altitude is None:
        found.append(find("form", "states no return altitude"))
    return found


def _check_step(step: MissionStep, mission: Mission, find: Finder) -> list[Violation]:
    found = []
    altitude = step.altitude
    if altitude is not None and altitude.datum is Datum.TERRAIN:
        found.append(find("altitude-frame", "an altitude above terrain", seq=step.seq))
    if step.type in {StepType.GO, StepType.PASS} and step.position is None:
        found.append(find("form", "goes nowhere", seq=step.seq))
    copter = mission.vehicle_kind is VehicleKind.COPTER
    if step.type is StepType.PASS and not copter:
        found.append(find("form", "a rover cannot pass", seq=step.seq))
    climbs = step.type in {StepType.GO, StepType.PASS, StepType.TAKEOFF} and copter
    if climbs and altitude is None:
        found.append(find("form", "has no altitude", seq=step.seq))
    if step.type is StepType.JUMP and not 1 <= (step.jump_to or 0) < step.seq:
        found.append(find("form", f"jumps to step {step.jump_to}", seq=step.seq))
    values = (step.duration_s, step.speed_m_s, step.heading_deg, step.leaves_s)
    found += [
        find("number", f"has {value}", seq=step.seq)
        for value in values
        if value is not None and not math.isfinite(value)
    ]
    return found


def _up_m(altitude: Altitude, mission: Mission, site: Site) -> float:
    return altitude.amsl_m(home_amsl_m=mission.home_amsl_m) - site.ground_amsl_m


def _target(step: MissionStep, here: Point, mission: Mission, site: Site) -> Point:
    east, north = here[:2]
    if step.position is not None:
        east, north = site.frame.point_en(step.position)
    up = here[2] if step.altitude is None else _up_m(step.altitude, mission, site)
    return east, north, up


def return_target(mission: Mission, here: Point, site: Site) -> tuple[Point, bool]:
    """Where RTL goes from here: home, or a rally point that is nearer.

    Source: ArduPilot, AP_Rally: the nearest of rally points and home
    (RALLY_INCL_HOME 1).
    """
    best, is_home = home_m(mission_home(mission), site), True
    gap = math.dist(best[:2], here[:2])
    for place, altitude in mission.rally:
        east, north = site.frame.point_en(place)
        if math.dist((east, north), here[:2]) < gap - 0.01:
            gap, is_home = math.dist((east, north), here[:2]), False
            best = (east, north, min(_up_m(altitude, mission, site), best[2]))
    return best, is_home


class MissionReader:
    """Follows a mission step by step."""

    def __init__(self, mission: Mission, site: Site, profile: VehicleProfile) -> None:
        self.mission = mission
        self.site = site
        self.profile = profile
        self.home: Point = home_m(mission_home(mission), site)
        self.to_rally: list[int] = []
        self.low_returns: list[Move] = []
        self._loops = 1
        self._cycle = (0, 0)

    def route(self) -> Route:
        """All moves of the mission, its jump as a cycle."""
        moves: list[Move] = []
        begins: dict[int, int] = {}
        here = self.home
        for step in self.mission.steps:
            begins[step.seq] = len(moves)
            added = self._step(step, here, moves, begins)
            moves += added
            if added and step.type is not StepType.JUMP:
                here = added[-1].b_m
        return Route(
            sortie=self.mission.sortie_id,
            kind=self.mission.vehicle_kind,
            moves=tuple(moves),
            home_m=self.home,
            loops=self._loops,
            cycle=self._cycle,
        )

    def _step(
        self,
        step: MissionStep,
        here: Point,
        moves: list[Move],
        begins: dict[int, int],
    ) -> list[Move]:
        match step.type:
            case StepType.JUMP:
                return self._jump(step, here, moves, begins)
            case StepType.RETURN_HOME:
                return self._return(step, here)
            case StepType.DWELL:
                return self._dwell(step, here)
            case _:
                there = _target(step, here, self.mission, self.site)
                if step.type is StepType.LAND:
                    there = (there[0], there[1], self.home[2])
                return [self._way(step, here, there)]

    def _way(self, step: MissionStep, here: Point, there: Point) -> Move:
        """A copter is reckoned to stop at each waypoint, a rover to roll on."""
        rolls = self.mission.vehicle_kind is VehicleKind.ROVER
        speed = min(step.speed_m_s or math.inf, self.profile.cruise_m_s)
        return make_move(
            step.seq,
            str(step.type),
            (here, there),
            self.profile,
            speed_m_s=step.speed_m_s,
            stated_s=math.dist(here, there) / max(speed, 1e-3) if rolls else None,
        )

    def _dwell(self, step: MissionStep, here: Point) -> list[Move]:
        there = _target(step, here, self.mission, self.site)
        moved = math.dist(here, there) > 0.05
        way = [make_move(step.seq, "leg", (here, there), self.profile)] if moved else []
        return [*way, Move(step.seq, "dwell", there, there, step.duration_s or 0.0)]

    def _return(self, step: MissionStep, here: Point) -> list[Move]:
        if self.mission.vehicle_kind is VehicleKind.ROVER:
            return [make_move(step.seq, "return leg", (here, self.home), self.profile)]
        _, is_home = return_target(self.mission, here, self.site)
        if not is_home:
            self.to_rally.append(step.seq)
        high, *low = self.ways_home(step.seq, here)
        for way in low:
            self.low_returns += way
        return high

    def ways_home(self, seq: int, here: Point) -> list[list[Move]]:
        """A copter's return at its full height and, near home, at a lower one."""
        target, _ = return_target(self.mission, here, self.site)
        altitude = self.mission.return_altitude
        up = here[2] if altitude is None else _up_m(altitude, self.mission, self.site)
        cone = math.dist(here[:2], target[:2]) * CONE_SLOPE + self.home[2]
        return [
            return_moves(seq, here, target, up_m, self.profile)
            for up_m in ([up, cone] if cone < up else [up])
        ]

    def _jump(
        self,
        step: MissionStep,
        here: Point,
        moves: list[Move],
        begins: dict[int, int],
    ) -> list[Move]:
        first = begins[step.jump_to or 1]
        self._loops = 1 + (step.jump_times or 0)
        self._cycle = (first, len(moves))
        if first >= len(moves) or math.dist(here, moves[first].a_m) <= 0.05:
            return []  # the next round begins where this one ended
        ends = (here, moves[first].b_m)
        closing = make_move(step.seq, "closing leg", ends, self.profile)
        self._cycle = (first, len(moves) + 1)
        return [closing]


def endless(mission: Mission) -> list[int]:
    """Steps that jump for ever, or more than one jump, which we never make."""
    jumps = [s for s in mission.steps if s.type is StepType.JUMP]
    forever = [s.seq for s in jumps if (s.jump_times or 0) < 0]
    more = [s.seq for s in itertools.islice(jumps, 1, None)]
    return sorted(set(forever + more))
