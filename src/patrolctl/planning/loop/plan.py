"""Patrol loops, from order to plan."""

import math
from dataclasses import dataclass, replace

import numpy as np
import shapely

from patrolctl.domain.errors import NoFeasiblePlan
from patrolctl.domain.ids import SortieId
from patrolctl.domain.machines import FleetVehicle, VehicleKind, VehicleProfile
from patrolctl.domain.plan import (
    Plan,
    PlanCue,
    PlanHome,
    PlanKind,
    PlanReceiver,
    PlanSummary,
    Sortie,
)
from patrolctl.domain.site import Site, SitePoint
from patrolctl.planning.loop.anchor import Anchored, anchor
from patrolctl.planning.loop.hearing import receivers_at
from patrolctl.planning.loop.items import ItemWriter
from patrolctl.planning.loop.lap import Lap, Pace, repeated_m
from patrolctl.planning.loop.order import Deadline, LoopOrder
from patrolctl.planning.loop.postman import cover_streets
from patrolctl.planning.loop.router import Router
from patrolctl.planning.loop.split import split_lap
from patrolctl.planning.loop.streets import (
    Quiet,
    covering_stops,
    reach_m,
    street_ears,
    translated,
    with_places,
)
from patrolctl.planning.loop.tour import shortest_tour, tour_bound_m
from patrolctl.planning.progress import PlanProgress, Tell, untold

# Around each message, as for a copter: the speaker gets its command and
# starts, and a little is lost between repetitions.
SETTLE_S = 3.0
GAP_S = 1.0
# Between two sorties of one vehicle: a fresh battery and a look round.
TURNAROUND_S = 900.0
PEAK_LIMIT_DB = 120.0  # WHO, peak, children
MIN_QUIET_M = 1.5


def plan_loop(site: Site, order: LoopOrder, progress: Tell | None = None) -> Plan:
    """Plan closed patrol loops over the site's roads.

    Each vehicle drives from its launch point onto the road, round the loop
    as often as ordered, and home. Several vehicles drive the same loop,
    evenly spaced in time. A loop too long for one battery is cut into
    several sorties.

    Args:
        site: the place, with roads and a launch point for rovers.
        order: what is asked.
        progress: told about incumbent and bound.

    Returns:
        A plan of kind ``loop``.

    Raises:
        NoFeasiblePlan: each unreachable sampling point with the reason, or
            the limit that binds (vehicles, headway, battery).
    """
    deadline = Deadline(order, progress or untold)
    job = _Job(site, order, deadline)
    lap, bound_m = job.best_lap()
    plan = job.assemble(lap, bound_m)
    deadline.tell(PlanProgress("done", 1.0, plan.summary.loop_time_s, None))
    return plan


@dataclass(frozen=True, slots=True)
class _Patrol:
    """One vehicle and the launch point it starts from."""

    entry: FleetVehicle
    launch: SitePoint


def patrols_of(site: Site, order: LoopOrder) -> tuple[_Patrol, ...]:
    """The rovers of the fleet, each with its launch point.

    Raises:
        NoFeasiblePlan: no rovers, too few, or no launch point for one.
    """
    rovers = [v for v in order.fleet if v.kind is VehicleKind.ROVER]
    if not rovers:
        raise NoFeasiblePlan(("the fleet has no patrol vehicle (kind rover)",))
    if order.vehicles is not None and not 1 <= order.vehicles <= len(rovers):
        reason = f"{order.vehicles} vehicles are asked for, the fleet has {len(rovers)}"
        raise NoFeasiblePlan((reason,))
    return tuple(_Patrol(v, _launch_of(site, v)) for v in rovers)


def _launch_of(site: Site, vehicle: FleetVehicle) -> SitePoint:
    fitting = [p for p in site.launches if p.vehicle_kind is VehicleKind.ROVER]
    fitting += [p for p in site.launches if p.vehicle_kind is None]
    named = [p for p in fitting if p.id == vehicle.launch]
    if vehicle.launch is not None and not named:
        reason = f"{vehicle.id}: the site has no rover launch point {vehicle.launch}"
        raise NoFeasiblePlan((reason,))
    if not fitting:
        raise NoFeasiblePlan(("the site has no launch point for rovers",))
    return named[0] if named else fitting[0]


def _weakest(patrols: tuple[_Patrol, ...]) -> VehicleProfile:
    """A profile that every one of them keeps."""
    profiles = [p.entry.profile for p in patrols]
    return replace(
        profiles[0],
        cruise_m_s=min(p.cruise_m_s for p in profiles),
        accel_m_s2=min(p.accel_m_s2 for p in profiles),
        endurance_s=min(p.endurance_s for p in profiles),
        cruise_power_ratio=max(p.cruise_power_ratio for p in profiles),
    )


class _Job:
    """One order, solved step by step."""

    def __init__(self, site: Site, order: LoopOrder, deadline: Deadline) -> None:
        self.site = site
        self.order = order
        self.deadline = deadline
        self.patrols = patrols_of(site, order)
        said = order.announcement
        self.pace = Pace(
            _weakest(self.patrols), said.repeats * (said.duration_s + GAP_S) + SETTLE_S
        )
        self.area = self._area()
        self.points = self._points()
        launches = {p.launch.id: p.launch for p in self.patrols}
        self.anchored: Anchored = anchor(
            site, tuple(launches.values()), self.points, self._quiet_m()
        )
        self.entry = self.anchored.entries[self.patrols[0].launch.id]
        self.wanted = self._wanted()
        self.router = Router(self.anchored.network)
        self.ears: tuple[SitePoint, ...] = ()  # along covered streets
        self.cut = False  # whether one round takes several sorties

    def _quiet_m(self) -> float:
        """How far from a façade the loudspeaker must be to keep the caps."""
        speaker = self.patrols[0].entry.speaker
        speech_db = speaker.level_1m_db - speaker.crest_db
        over_db = max(
            speech_db - self.order.requirement.max_level_db,
            speaker.level_1m_db - PEAK_LIMIT_DB,
        )
        return float(max(MIN_QUIET_M, 10 ** (over_db / 20) * 1.05))

    def _area(self) -> shapely.Geometry | None:
        name = self.order.requirement.zone
        if name is None:
            return None
        zones = [z.area for z in self.site.zones if name in {z.id, z.name}]
        if not zones:
            raise NoFeasiblePlan((f"the site has no zone {name}",))
        return shapely.union_all(zones)

    def _points(self) -> tuple[SitePoint, ...]:
        points = tuple(
            p
            for p in self.site.sampling_points
            if self.area is None
            or shapely.intersects_xy(self.area, p.east_m, p.north_m)
        )
        if not points and self.order.cover == "points":
            where = f" in zone {self.order.requirement.zone}" if self.area else ""
            reason = f"there is no sampling point{where}; --cover streets needs none"
            raise NoFeasiblePlan((reason,))
        return points

    def _wanted(self) -> set[int] | None:
        """Edges to cover; None: only the points count."""
        if self.order.cover == "points":
            return None
        edges = self.anchored.network.edges
        if self.area is None:
            return set(range(len(edges)))
        lines = [shapely.LineString(e.line) for e in edges]
        middles = shapely.line_interpolate_point(lines, 0.5, normalized=True)
        inside = set(np.flatnonzero(shapely.intersects(self.area, middles)).tolist())
        if not inside:
            reason = f"no road leads through zone {self.order.requirement.zone}"
            raise NoFeasiblePlan((reason,))
        return inside

    # -- solving

    def best_lap(self) -> tuple[Lap, float]:
        """The shortest closed way found, and a valid bound on any, metres."""
        self.deadline.tell(PlanProgress("roads", 0.1))
        if self.wanted is None:
            return self._over_points()
        return self._over_streets(self.wanted)

    def _nodes(self) -> list[int]:
        nodes = [self.entry, *self.anchored.entries.values()]
        return list(dict.fromkeys([*nodes, *self.anchored.stops.values()]))

    def _over_points(self) -> tuple[Lap, float]:
        nodes = self._nodes()
        if len(nodes) == 1:
            here = tuple((0, s) for s in self.anchored.stops)
            return Lap(self.entry, (), here), 0.0
        ways = self.router.ways(nodes)
        matrix = ways.matrix_m()
        tour = shortest_tour(matrix, self.order.seed, self.deadline)
        arcs, reached = ways.through(tour.order)
        at = {nodes[k]: n for k, n in zip(tour.order, reached, strict=True)}
        at[nodes[tour.order[0]]] = len(arcs)
        stops = sorted((at[n], s) for s, n in self.anchored.stops.items())
        plain = self.router.plain_m(nodes)
        same = np.allclose(plain, matrix)
        bound = tour.bound_m if same else tour_bound_m(plain, self.deadline)
        return Lap(self.entry, tuple(arcs), tuple(stops)), bound

    def _over_streets(self, wanted: set[int]) -> tuple[Lap, float]:
        numbers = np.array(sorted(wanted), dtype=np.int64)
        circuit = cover_streets(self.router, numbers, self._nodes(), self.deadline)
        self.ears = street_ears(self.anchored, wanted)
        arcs = self._finer([int(self.router.number[a]) for a in circuit.arcs], wanted)
        first: dict[int, int] = {}
        for n, arc in enumerate(arcs, start=1):
            first.setdefault(int(self.router.head[arc]), n)
        stops = sorted((first[n], s) for s, n in self.anchored.stops.items())
        lap = Lap(self.entry, tuple(arcs), tuple(stops))
        voice = (self.patrols[0].entry.speaker, Quiet(self.site, self._quiet_m()))
        lap = covering_stops(lap, self.router, self.ears, self.order, voice)
        return lap, circuit.bound_m

    def _finer(self, arcs: list[int], wanted: set[int]) -> list[int]:
        """The same round on a network with places to stop along its streets.

        Only now: the solver has no use for them, and they would be many.
        """
        reach = reach_m(self.order, self.patrols[0].entry.speaker)
        self.anchored, became = with_places(self.anchored, wanted, reach)
        self.wanted = {piece for e in wanted for piece in became[e]}
        self.router = Router(self.anchored.network)
        return [self.router.index[a] for a in translated(arcs, became)]

    # -- the plan

    def assemble(self, lap: Lap, bound_m: float) -> Plan:
        """Sorties, receivers and numbers."""
        sorties, loop_s, revisit_s = self._sorties(lap)
        length = lap.length_m(self.router)
        if self.cut:
            length = sum(s.distance_m for s in sorties)
        first = self.patrols[0]
        receivers = self._receivers(sorties)
        reached = sum(r.reached for r in receivers)
        covering = lap.length_m(self.router) - repeated_m(lap, self.router, self.wanted)
        summary = PlanSummary(
            receivers=len(receivers),
            reachable=len(receivers),
            reached=reached,
            stations=len(lap.stops),
            sorties=len(sorties),
            mission_time_s=round(max(s.start_s + s.duration_s for s in sorties), 1),
            gap=round(max(0.0, 1 - bound_m / length), 6) if length > 0 else 0.0,
            solve_s=round(self.deadline.spent_s(), 3),
            loop_time_s=round(loop_s, 1),
            distance_m=round(length, 2),
            deadhead_m=round(length - covering, 2),
            max_revisit_s=round(revisit_s, 1),
            lower_bound_m=round(bound_m, 2),
        )
        return Plan(
            kind=PlanKind.LOOP,
            site_sha256=self.site.sha256,
            seed=self.order.seed,
            created_utc=self.order.created_utc,
            requirement=self.order.requirement,
            speaker=first.entry.speaker,
            vehicle=self.pace.profile,
            announcement=replace(
                self.order.announcement, spectrum_db=self.order.spectrum_db
            ),
            home=self._home(first.launch),
            sorties=sorties,
            receivers=receivers,
            summary=summary,
            site_id=self.site.id,
            warnings=self._warnings(sorties),
        )

    def _home(self, launch: SitePoint) -> PlanHome:
        place = self.site.frame.point_latlon(launch.east_m, launch.north_m)
        return PlanHome(
            place.lat_deg,
            place.lon_deg,
            self.site.ground_amsl_m,
            self.site.ground_amsl_known,
        )

    def _receivers(self, sorties: tuple[Sortie, ...]) -> tuple[PlanReceiver, ...]:
        items = tuple(i for s in sorties for i in s.items)
        speaker = self.patrols[0].entry.speaker
        points = self.points + self.ears
        return receivers_at(self.site, points, items, self.order, speaker)

    def _warnings(self, sorties: tuple[Sortie, ...]) -> tuple[str, ...]:
        said = []
        if self.order.cover == "streets" and self.anchored.left_out:
            names = ", ".join(self.anchored.left_out[:8])
            said.append(
                f"{self.anchored.left_out_m:.0f} m of road cannot be reached and left"
                f" again and are not covered: {names}"
            )
        if self.cut:
            said.append(
                f"one round is too long for one battery or mission: {len(sorties)}"
                f" sorties, {TURNAROUND_S / 60:.0f} min between two of one vehicle"
            )
        return tuple(said)

    def _limit_s(self) -> float:
        profile = self.pace.profile
        share = 1.0 - self.order.requirement.reserve_ratio
        return profile.endurance_s * share / max(profile.cruise_power_ratio, 1.0)

    def _sorties(self, lap: Lap) -> tuple[tuple[Sortie, ...], float, float]:
        """The sorties, the time of one round, and the longest revisit."""
        whole = self._sortie("r1", lap, self.patrols[0])
        loop_s = _lap_s(whole)
        if whole.duration_s <= self._limit_s() and len(whole.items) <= 600:
            count = self._vehicles(loop_s)
            return self._spaced(lap, loop_s, count), loop_s, loop_s / count
        if self.order.loops > 1 and self._fits_once(lap):
            most = math.floor(self._limit_s() / loop_s)
            reason = f"{self.order.loops} loops need more than one battery, {most} fit"
            raise NoFeasiblePlan((reason,))
        return self._shared(lap)

    def _fits_once(self, lap: Lap) -> bool:
        times = self.pace.arc_times_s(lap, self.router)
        return float(times[-1]) <= self._limit_s() - 60.0

    def _vehicles(self, loop_s: float) -> int:
        headway = self.order.headway_s
        asked = self.order.vehicles or 1
        if headway is None:
            return asked
        need = math.ceil(loop_s / headway - 1e-9)
        most = self.order.vehicles or len(self.patrols)
        if need > most:
            reason = (
                f"a headway of {headway:g} s on a round of {loop_s:.0f} s needs"
                f" {need} vehicles, there are {most}"
            )
            raise NoFeasiblePlan((reason,))
        return max(asked, need)

    def _spaced(self, lap: Lap, loop_s: float, count: int) -> tuple[Sortie, ...]:
        """The same round by several vehicles, evenly spaced in time."""
        times = self.pace.arc_times_s(lap, self.router)
        scale = loop_s / times[-1] if times[-1] > 0 else 1.0
        sorties = []
        for k, patrol in enumerate(self.patrols[:count]):
            node = self.anchored.entries[patrol.launch.id]
            own = lap.begun_at(node, self.router)
            into = 0 if node == self.entry else _at(lap, node, self.router)
            phase = float(times[into]) * scale
            start = float((phase + k * loop_s / count) % loop_s) if loop_s > 0 else 0.0
            made = self._sortie(f"r{k + 1}", own, patrol)
            sorties.append(replace(made, start_s=round(start, 3)))
        return tuple(sorties)

    def _shared(self, lap: Lap) -> tuple[tuple[Sortie, ...], float, float]:
        """A round cut into sorties, shared among the vehicles."""
        self.cut = True
        if len(self.anchored.entries) > 1:
            node_of = self.anchored.entries
            self.patrols = tuple(
                p for p in self.patrols if node_of[p.launch.id] == self.entry
            )
        access_s = 2 * self.pace.start_s + 120.0
        parts = split_lap(
            lap, self.entry, self.router, self.pace, self._limit_s() - access_s
        )
        count = min(self.order.vehicles or 1, len(self.patrols))
        if self.order.headway_s is not None:
            count = len(self.patrols)
        free = [0.0] * count
        sorties = []
        for k, part in enumerate(parts):
            v = int(np.argmin(free))
            made = self._sortie(f"r{k + 1}", part, self.patrols[v])
            sorties.append(replace(made, start_s=round(free[v], 3)))
            free[v] += made.duration_s + TURNAROUND_S
        cycle_s = max(free)
        if self.order.headway_s is not None and cycle_s > self.order.headway_s:
            reason = (
                f"a headway of {self.order.headway_s:g} s cannot be kept: the round"
                f" needs {len(parts)} batteries and {cycle_s:.0f} s"
            )
            raise NoFeasiblePlan((reason,))
        return tuple(sorties), sum(_lap_s(s) for s in sorties), cycle_s

    def _sortie(self, name: str, lap: Lap, patrol: _Patrol) -> Sortie:
        launch = patrol.launch
        home_m = (launch.east_m, launch.north_m)
        said = self.order.announcement
        cue = PlanCue(said.clip_sha256, said.repeats)
        writer = ItemWriter(self.site, self.router, self.pace, cue, here_m=home_m)
        node = self.router.network.nodes[lap.start]
        speed = self.pace.speed_m_s(None)
        access = (float(node[0]), float(node[1]))
        writer.drive_to(access, speed, more_s=2 * self.pace.start_s)
        access_m = writer.driven_m
        writer.lap(lap)
        lap_m = writer.driven_m - access_m
        writer.home(home_m, speed)
        items = tuple(writer.items)
        loops = self.order.loops
        inner = sum(i.duration_s or 0.0 for i in items[1:-1])
        total = sum(i.duration_s or 0.0 for i in items) + (loops - 1) * inner
        power = max(1.0, self.pace.profile.cruise_power_ratio)
        return Sortie(
            id=SortieId(name),
            vehicle_kind=VehicleKind.ROVER,
            items=items,
            duration_s=round(total, 3),
            distance_m=round(2 * access_m + loops * lap_m, 2),
            energy_ratio=round(total * power / self.pace.profile.endurance_s, 5),
            vehicle=patrol.entry.id,
            loops=loops,
            home=self._home(launch),
        )


def _lap_s(sortie: Sortie) -> float:
    """Time of one round, without the ways from and to the launch point."""
    return sum(i.duration_s or 0.0 for i in sortie.items[1:-1])


def _at(lap: Lap, node: int, router: Router) -> int:
    """How many arcs of the lap are driven when it first comes to a node."""
    return [int(router.head[a]) for a in lap.arcs].index(node) + 1
