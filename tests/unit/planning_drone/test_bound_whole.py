"""The whole of both bounds against exact optima, with the flights as flown."""

from dataclasses import dataclass, field, replace
from itertools import combinations, permutations, product

import numpy as np
import pytest

from patrolctl.planning.drone.bounding import conditional_bound_s, global_bound_s
from patrolctl.planning.drone.candidates import Candidates
from patrolctl.planning.drone.cover import greedy
from patrolctl.planning.drone.coverage import transposed
from patrolctl.planning.drone.flight import flight
from patrolctl.planning.drone.offer import Offer, costs_of
from patrolctl.planning.drone.order import never
from patrolctl.planning.drone.prices import prices_of
from patrolctl.planning.drone.roster import roster_of
from patrolctl.planning.drone.search import Bench, bench_of, first_tour, stops_of
from patrolctl.planning.drone.stations import Survey, _map
from patrolctl.planning.drone.task import Drone, Task, task_of

HEADS, PLACES, ROWS = 2, 4, 4
TIGHT = 0.85  # a bound that is never nearer than this would not test much


@dataclass(frozen=True)
class Small:
    """A few places among the estate's buildings, and who hears from where."""

    task: Task
    view: Survey
    bench: Bench
    heard: np.ndarray  # (columns, rows)
    flown: dict = field(default_factory=dict)

    @property
    def bound_s(self) -> float:
        cover = self.view.cover
        start = greedy(cover, np.ones(cover.n_cols))
        prices, _ = prices_of(
            cover, costs_of(self.task, self.view), start, enough=never
        )
        return global_bound_s(self.task, self.view, prices)

    def sortie_s(self, drone: int, columns: tuple[int, ...]) -> float:
        """The quickest order of these stations that the battery allows."""
        key = (drone, columns)
        if key not in self.flown:
            self.flown[key] = min(
                self._fly_s(drone, order) for order in permutations(columns)
            )
        return self.flown[key]

    def _fly_s(self, drone: int, order: tuple[int, ...]) -> float:
        """As the plan's flights are timed, way point by way point."""
        tour = np.array(order)
        stops = stops_of(self.task, self.view, self.bench, tour)
        rows = self.bench.market.place[tour].tolist()
        pairs = list(zip(rows, stops, strict=True))
        try:
            f = flight(self.task, self.bench.table, drone, pairs)
        except ValueError:  # no way there
            return np.inf
        return f.duration_s if f.energy_s <= self.task.usable_s else np.inf

    def drone_s(self, drone: int, columns: tuple[int, ...]) -> float:
        """The least time of one drone for these stations, sorties as needed."""
        if not columns:
            return 0.0
        first, others = columns[0], columns[1:]
        best = np.inf
        for k in range(len(others) + 1):
            for more in combinations(others, k):
                rest = tuple(c for c in others if c not in more)
                time = self.sortie_s(drone, (first, *more))
                if rest:
                    time += self.task.order.turnaround_s + self.drone_s(drone, rest)
                best = min(best, time)
        return best

    def shared_s(self, columns: tuple[int, ...]) -> float:
        """The least makespan for these stations, however they are shared."""
        drones = range(len(self.task.drones))
        best = np.inf
        for who in product(drones, repeat=len(columns)):
            own = [
                tuple(c for c, d in zip(columns, who, strict=True) if d == k)
                for k in drones
            ]
            best = min(best, max(self.drone_s(k, own[k]) for k in drones))
        return best

    @property
    def best_s(self) -> float:
        """The least makespan over all choices that leave nobody out.

        Who is superfluous only takes time: what is chosen has no such.
        """
        best = np.inf
        for k in range(1, ROWS + 1):
            for chosen in combinations(range(len(self.heard)), k):
                counts = self.heard[list(chosen)].sum(axis=0)
                if not (counts >= 1).all():
                    continue
                if any((counts - self.heard[c] >= 1).all() for c in chosen):
                    continue
                best = min(best, self.shared_s(chosen))
        return best


def small(estate, order, seed: int, drones: int) -> Small:
    rng = np.random.default_rng(seed)
    task = task_of(estate, order)
    task = replace(
        task, profile=replace(task.profile, endurance_s=float(rng.uniform(190, 420)))
    )
    free = rng.uniform((-135, -135, task.space.floor_m), (85, 135, 50), size=(400, 3))
    free = np.round(free[task.space.free(free)], 3)
    floor = free * (1, 1, 0) + (0, 0, task.space.floor_m)
    floor = floor[task.space.free(floor)]
    homes = floor[rng.choice(len(floor), drones, replace=False)]
    launch = task.drones[0].launch
    crew = tuple(Drone(None, launch, tuple(h.tolist())) for h in homes)
    points = free[:PLACES].copy()
    if seed % 3 == 0:  # straight above where one drone starts
        points[0, :2] = homes[0, :2]
    points = points[task.space.free(points)]
    task = replace(task, drones=crew)
    heard = rng.random((len(points) * HEADS, ROWS)) < 0.4
    heard[rng.integers(len(heard), size=ROWS), np.arange(ROWS)] = True
    parts = [np.flatnonzero(h) for h in heard]
    indptr = np.r_[0, np.cumsum([len(p) for p in parts])].astype(np.int64)
    cover = transposed(
        indptr, np.concatenate(parts).astype(np.int32), np.ones(ROWS, dtype=np.int32)
    )
    candidates = Candidates(
        points, np.linspace(0, 360, HEADS, endpoint=False), np.array([60.0, 60.0, 20.0])
    )
    legs, nodes = _map(task, candidates)
    rows = np.arange(ROWS)
    view = Survey(candidates, legs, nodes, rows, cover, rows.astype(np.int32))
    everything = Offer(np.arange(cover.n_cols), cover, np.ones(ROWS, dtype=bool), None)
    return Small(task, view, bench_of(task, view, everything), heard)


@pytest.mark.parametrize("drones", [1, 2])
def test_the_whole_bound_never_exceeds_the_exact_optimum(estate, order, drones):
    ratios = []
    for seed in range(12 if drones == 1 else 5):
        case = small(estate, order, seed, drones)
        best = case.best_s
        if not np.isfinite(best):
            continue  # too little battery for somebody
        bound = case.bound_s
        assert 0.0 < bound <= best + 1e-6, f"seed {seed}: {bound} above {best}"
        ratios.append(bound / best)
    assert len(ratios) >= 4
    assert max(ratios) > TIGHT


@pytest.mark.parametrize("seed", range(6))
def test_the_conditional_bound_never_exceeds_the_best_with_its_stations(
    estate, order, seed
):
    case = small(estate, order, seed, 1)
    tour = first_tour(case.bench)
    flown = roster_of(case.task, case.view, case.bench, tour, never)
    if flown is None:
        pytest.fail("a sortie for each station must do")
    best = case.shared_s(tuple(sorted(flown.tour.tolist())))
    bound = conditional_bound_s(case.task, case.bench, flown)
    assert 0.5 * best < bound <= best + 1e-6
