"""The search for stations and tour: from an offer to a cut, timed tour."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.bands import Floats
from patrolctl.planning.drone.cover import greedy
from patrolctl.planning.drone.flight import Flight, Stop, flight
from patrolctl.planning.drone.improve import improved, ordered
from patrolctl.planning.drone.market import Fleet, Market
from patrolctl.planning.drone.offer import Offer
from patrolctl.planning.drone.order import Budget
from patrolctl.planning.drone.sorties import Chain, Cut
from patrolctl.planning.drone.stations import Survey, ends_energy_s, landing_s
from patrolctl.planning.drone.task import Task
from patrolctl.planning.progress import PlanProgress, Tell
from patrolctl.planning.space import LegTable
from patrolctl.planning.space.legs import STRAIGHT

Ints = npt.NDArray[np.int64]
_ROUNDS = 100  # a chunk of ruin and recover between two looks at the clock
_ROUNDS_EACH = 25  # … and no more than this for each station
_LEAST_CHUNKS = 12
_HEAT_S = 6.0
_QUICK = 100
# Chunks, heat and how many searches at once: first a good plan soon, then two
# long ways to cool down from it, a core each. One long way is worth more than
# several short ones.
_STAGES = ((40, 4.0, 1), (160, 4.0, 2))


@dataclass(frozen=True, slots=True)
class Bench:
    """An offer with the times between its places, ready to be searched.

    ``places`` are the candidate positions that rows of ``table`` stand for;
    the drones' homes follow them.
    """

    offer: Offer
    market: Market
    table: LegTable
    places: Ints


def bench_of(task: Task, view: Survey, goods: Offer) -> Bench:
    """Time all flights between the places on offer."""
    heads = len(view.candidates.headings_deg)
    places, inverse = np.unique(goods.columns // heads, return_inverse=True)
    nodes = np.concatenate([places, view.home_nodes])
    table = view.legs.table(nodes, len(view.home_nodes))
    headings = view.candidates.headings_deg[goods.columns % heads]
    market = Market(
        cover=goods.cover,
        place=inverse.reshape(-1).astype(np.int64),
        heading_deg=headings.astype(np.float64),
        time_s=_with_one_home(table.time_s, len(places)),
        hold_s=task.order.message_s,
        yaw_deg_s=task.profile.yaw_rate_deg_s,
        fleet=_fleet(task, table, len(places)),
    )
    return Bench(goods, market, table, places)


def _fleet(task: Task, table: LegTable, places: int) -> Fleet:
    """Sorties as the search sees them.

    Ways round corners are taken to climb all along: their energy is a guess
    until they are flown, and should not turn out too low.
    """
    up = task.space.floor_m
    climb = float(task.motion.leg_s(np.zeros(3), np.array([0.0, 0.0, up])))
    power = (task.profile.cruise_power_ratio, task.profile.climb_power_ratio)
    z = table.points_m[:, 2]
    rises = (z[None, :] > z[:, None] + 0.1) | (table.kind != STRAIGHT)
    energy = table.time_s * np.maximum(1.0, np.where(rises, max(power), power[0]))
    time = table.time_s
    return Fleet(
        out_s=np.ascontiguousarray(time[places:, :places]),
        back_s=np.ascontiguousarray(time[:places, places:].T),
        hop_j=np.ascontiguousarray(energy[:places, :places]),
        out_j=np.ascontiguousarray(energy[places:, :places]),
        back_j=np.ascontiguousarray(energy[:places, places:].T),
        ends_s=climb + landing_s(task, up),
        ends_j=ends_energy_s(task),
        usable_j=task.spent_s,
        turnaround_s=task.order.turnaround_s,
    )


def _with_one_home(time_s: Floats, places: int, drone: int = 0) -> Floats:
    """The times with one drone's home as the only one, copied."""
    keep = np.append(np.arange(places), places + drone)
    return np.ascontiguousarray(time_s[np.ix_(keep, keep)])


def market_of(bench: Bench, drone: int) -> Market:
    """The market as one drone sees it, with the times known by now."""
    time = _with_one_home(bench.table.time_s, len(bench.places), drone)
    return replace(bench.market, time_s=time, fleet=None)


def first_tour(bench: Bench) -> Ints:
    """Greedy stations in a short order."""
    cover = bench.offer.cover
    return ordered(bench.market, greedy(cover, np.ones(cover.n_cols)))


def quickened(task: Task, bench: Bench, tour: Ints) -> Ints:
    """The tour after a moment's search."""
    market = bench.market
    _found_out(bench, tour)
    better = improved(
        market, tour, seed=task.order.seed, rounds=_QUICK, heat=(_HEAT_S, 0.05)
    )
    _found_out(bench, better)
    return min((tour, better), key=market.mission_s)


def searched(
    task: Task,
    bench: Bench,
    budget: Budget,
    report: "Reporter",
    rest_s: float = 0.0,
) -> Ints:
    """Improve the first tour until the work or the time is used up.

    Args:
        task: the task.
        bench: what there is to choose from.
        budget: the time; ``rest_s`` of it are to be left.
        report: is told.
        rest_s: what comes afterwards takes so long.
    """
    effort, state = task.order.effort, _Best(bench, budget, report, rest_s)
    state.take(quickened(task, bench, first_tour(bench)))
    stages: tuple[tuple[int, float, int], ...] = _STAGES
    if effort < 1.0:
        stages = ((max(_LEAST_CHUNKS, round(_STAGES[0][0] * effort)), _HEAT_S, 1),)
    state.chunks = sum(chunks for chunks, _, _ in stages)
    with ThreadPoolExecutor(max(count for _, _, count in stages)) as pool:
        for turn, (chunks, heat, count) in enumerate(stages):
            seeds = [task.order.seed * 7919 + turn * 100_003 + 1009 * n
                     for n in range(count)]  # fmt: skip
            if not _cooled(state, seeds, (chunks, heat), pool):
                break
    return state.tour


@dataclass(slots=True)
class _Best:
    """The best tour so far, and how far the search is."""

    bench: Bench
    budget: Budget
    report: "Reporter"
    rest_s: float
    chunks: int = 1
    done: int = 0
    tour: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    time_s: float = np.inf

    def take(self, tour: Ints) -> None:
        """Look at one more tour, its guessed times replaced by true ones."""
        market = self.bench.market
        if _found_out(self.bench, tour) and len(self.tour):
            self.time_s = market.mission_s(self.tour)
        time_s = market.mission_s(tour)
        if time_s < self.time_s - 1e-6:
            self.tour, self.time_s = tour, time_s


def _cooled(
    state: _Best, seeds: list[int], how: tuple[int, float], pool: ThreadPoolExecutor
) -> bool:
    """Search from the best tour on, cooling down; one way for each seed.

    What the ways find is taken in their order, so that it does not matter
    which is the quicker. False: there is no time left.
    """
    chunks, heat = how
    market, ways = state.bench.market, [state.tour] * len(seeds)
    for k in range(chunks):
        if not state.budget.leaves(state.rest_s):
            return False
        hot, cool = (heat * (1 - x / chunks) + 0.05 for x in (k, k + 1))
        found = [
            pool.submit(
                improved,
                market,
                tour,
                seed=seed + k,
                rounds=min(_ROUNDS, _ROUNDS_EACH * len(tour)),
                heat=(hot, cool),
            )
            for tour, seed in zip(ways, seeds, strict=True)
        ]
        ways = [f.result() for f in found]
        for tour in ways:
            state.take(tour)
        state.done += 1
        state.report.found(state.time_s, state.done / state.chunks)
    return True


def _found_out(bench: Bench, tour: Ints) -> bool:
    """Replace guessed times by true ones, along the tour; whether there were."""
    market, table, places = bench.market, bench.table, len(bench.places)
    at = [int(a) for a in market.place[tour]]
    pairs = [(a, b) for a, b in pairwise(at) if a != b and table.guessed(a, b)]
    for a, b in pairs:
        for i, j in ((a, b), (b, a)):
            market.time_s[i, j] = table.exact(i, j)
            if market.fleet is not None:
                market.fleet.hop_j[i, j] = table.energy_s(i, j)
    found = bool(pairs)
    homes = range(places, len(table.points_m)) if market.fleet is not None else ()
    for home in homes:
        for a in at:
            if table.guessed(home, a):
                _found_home(bench, home, a)
                found = True
    return found


def _found_home(bench: Bench, home: int, place: int) -> None:
    """Replace the guessed times from and to a home."""
    market, table, fleet = bench.market, bench.table, bench.market.fleet
    out, back = table.exact(home, place), table.exact(place, home)
    drone = home - len(bench.places)
    if drone == 0:
        market.time_s[-1, place], market.time_s[place, -1] = out, back
    if fleet is not None:
        fleet.out_s[drone, place], fleet.back_s[drone, place] = out, back
        fleet.out_j[drone, place] = table.energy_s(home, place)
        fleet.back_j[drone, place] = table.energy_s(place, home)


def chain_of(task: Task, bench: Bench, tour: Ints) -> Chain:
    """Exact figures of a tour for cutting it into sorties."""
    table, market = bench.table, bench.market
    rows = [int(r) for r in market.place[tour]]
    n, drones = len(rows), len(task.drones)
    homes = [len(bench.places) + d for d in range(drones)]
    hop_s, hop_j = np.zeros(n), np.zeros(n)
    for k in range(n):
        a, b = rows[k], rows[(k + 1) % n]
        turn = float(
            task.motion.yaw_s(
                market.heading_deg[tour[k]], market.heading_deg[tour[(k + 1) % n]]
            )
        )
        least = 180.0 / task.profile.yaw_rate_deg_s if a != b else max(1.0, turn)
        hop_s[k] = max(table.exact(a, b), least)
        hop_j[k] = max(table.energy_s(a, b), hop_s[k])
    up = task.space.floor_m
    rise = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, up]])
    climb = task.motion.path_s(rise)
    down = landing_s(task, up)
    ends_j = ends_energy_s(task)
    shape = (drones, n)
    out_s, out_j, back_s, back_j = (np.empty(shape) for _ in range(4))
    for d, home in enumerate(homes):
        for k, row in enumerate(rows):
            out_s[d, k] = table.exact(home, row) + climb
            out_j[d, k] = table.energy_s(home, row) + ends_j - down
            back_s[d, k] = table.exact(row, home) + down
            back_j[d, k] = table.energy_s(row, home) + down
    return Chain(hop_s, hop_j, out_s, out_j, back_s, back_j, task.order.message_s,
                 task.spent_s, task.order.turnaround_s)  # fmt: skip


def stops_of(task: Task, view: Survey, bench: Bench, tour: Ints) -> list[Stop]:
    """The tour's stations with names in their order."""
    heads = len(view.candidates.headings_deg)
    out = []
    for k, column in enumerate(bench.offer.columns[tour], start=1):
        point = view.candidates.points_m[column // heads]
        x, y, z = (float(v) for v in point)
        heading = float(view.candidates.headings_deg[column % heads])
        out.append(Stop(int(column), (x, y, z), heading, f"S{k}"))
    return out


def flights_of(
    task: Task, bench: Bench, cuts: Cut, tour: Ints, stops: list[Stop]
) -> list[Flight]:
    """Every sortie of a cut in full."""
    rows = bench.market.place[tour]
    return [
        flight(task, bench.table, d, [(int(rows[k]), stops[k]) for k in members])
        for d, members in cuts.sorties
    ]


@dataclass(slots=True)
class Reporter:
    """Tells how far the search is."""

    tell: Tell
    bound_s: float | None = None
    base: float = 0.3
    span: float = 0.6

    def found(self, time_s: float, ratio: float, text: str = "searching") -> None:
        """A new state of the search."""
        bound = self.bound_s
        gap = None if bound is None else max(0.0, (time_s - bound) / time_s)
        self.tell(PlanProgress(text, self.base + self.span * ratio, time_s, bound, gap))

    def done(self, time_s: float, bound_s: float | None) -> None:
        """The plan as it is."""
        self.base, self.span, self.bound_s = 1.0, 0.0, bound_s
        self.found(time_s, 1.0, "done")

    def stage(self, text: str, ratio: float) -> None:
        """A stage without a tour yet."""
        self.tell(PlanProgress(text, ratio))
