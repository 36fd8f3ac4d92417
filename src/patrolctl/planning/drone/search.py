"""The search for stations and tour: from an offer to a cut, timed tour."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.bands import Floats
from patrolctl.planning.drone.cover import greedy
from patrolctl.planning.drone.flight import Flight, Stop, flight
from patrolctl.planning.drone.improve import Market, improved, ordered
from patrolctl.planning.drone.order import Budget
from patrolctl.planning.drone.sorties import Chain, Cut
from patrolctl.planning.drone.stations import (
    Offer,
    Survey,
    ends_energy_s,
    landing_s,
)
from patrolctl.planning.drone.task import Task
from patrolctl.planning.progress import PlanProgress, Tell
from patrolctl.planning.space import LegTable

Ints = npt.NDArray[np.int64]
_ROUNDS = 250  # a chunk of ruin and recover between two looks at the clock
_ROUNDS_EACH = 25  # … and no more than this for each station
_CHUNKS = 14
_HEAT_S = 6.0
_PASSES = 3


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
    table = view.legs.table(np.concatenate([places, view.home_nodes]))
    headings = view.candidates.headings_deg[goods.columns % heads]
    market = Market(
        cover=goods.cover,
        place=inverse.reshape(-1).astype(np.int64),
        heading_deg=headings.astype(np.float64),
        time_s=_with_one_home(table.time_s, len(places)),
        hold_s=task.order.message_s,
        yaw_deg_s=task.profile.yaw_rate_deg_s,
    )
    return Bench(goods, market, table, places)


def _with_one_home(time_s: Floats, places: int, drone: int = 0) -> Floats:
    """The times with one drone's home as the only one, copied."""
    keep = np.append(np.arange(places), places + drone)
    return np.ascontiguousarray(time_s[np.ix_(keep, keep)])


def market_of(bench: Bench, drone: int) -> Market:
    """The market as one drone sees it, with the times known by now."""
    time = _with_one_home(bench.table.time_s, len(bench.places), drone)
    return replace(bench.market, time_s=time)


def first_tour(bench: Bench) -> Ints:
    """Greedy stations in a short order."""
    cover = bench.offer.cover
    return ordered(bench.market, greedy(cover, np.ones(cover.n_cols)))


@dataclass(slots=True)
class Incumbent:
    """The best so far, as the search sees it: one tour from one home."""

    tour: Ints
    time_s: float


def searched(task: Task, bench: Bench, budget: Budget, report: "Reporter") -> Ints:
    """Improve the first tour until the work or the time is used up."""
    market = bench.market
    now = Incumbent(first_tour(bench), 0.0)
    now.time_s = market.tour_s(now.tour)
    chunks = max(2, round(_CHUNKS * min(1.0, task.order.effort)))
    for turn in range(_PASSES if task.order.effort >= 1.0 else 1):
        heat = _HEAT_S if turn == 0 else _HEAT_S / 4
        for k in range(chunks):
            if budget.over(0.9):
                return now.tour
            hot, cool = (heat * (1 - x / chunks) + 0.05 for x in (k, k + 1))
            seed = task.order.seed * 7919 + turn * 101 + k
            rounds = min(_ROUNDS, _ROUNDS_EACH * len(now.tour))
            tour = improved(
                market, now.tour, seed=seed, rounds=rounds, heat=(hot, cool)
            )
            now = Incumbent(tour, market.tour_s(tour))
            report.found(now.time_s, (turn * chunks + k) / (_PASSES * chunks))
        _sharpen(bench, now.tour)
        now.tour = ordered(market, now.tour) if turn == 0 else now.tour
        now.time_s = market.tour_s(now.tour)
    return now.tour


def _sharpen(bench: Bench, tour: Ints) -> None:
    """Replace estimates round corners by exact times, near the tour."""
    market, table = bench.market, bench.table
    rows = market.place[tour]
    home = len(bench.places)
    for i in np.append(rows, home):
        near = np.argsort(table.time_s[i, rows], kind="stable")[:8]
        for j in np.append(rows[near], home):
            for a, b in ((int(i), int(j)), (int(j), int(i))):
                market.time_s[a, b] = table.exact(a, b)


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
                 task.usable_s, task.order.turnaround_s)  # fmt: skip


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
