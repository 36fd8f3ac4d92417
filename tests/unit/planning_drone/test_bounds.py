"""Bounds against exact optima of small random instances."""

from itertools import combinations, pairwise, permutations, product

import numpy as np
import pytest

from patrolctl.domain.machines import VehicleProfile
from patrolctl.planning.drone.bounds import (
    Least,
    apart,
    least_round_s,
    one_tree_s,
    round_trips_s,
    visits_s,
)
from patrolctl.planning.drone.cover import greedy
from patrolctl.planning.drone.coverage import joined, transposed
from patrolctl.planning.drone.offer import come_of
from patrolctl.planning.drone.prices import Costs, Pricing, prices_of
from patrolctl.planning.drone.reduce import needed_rows, with_rows
from patrolctl.planning.drone.sets import best_sets
from patrolctl.planning.drone.sorties import Chain, cut
from patrolctl.planning.drone.task import home_points, task_of
from patrolctl.planning.space import Motion

HEADS = 3


def cover_from(matrix):
    """(columns, rows) booleans → Cover."""
    rows = [np.flatnonzero(m) for m in matrix]
    indptr = np.r_[0, np.cumsum([len(r) for r in rows])].astype(np.int64)
    flat = np.concatenate(rows).astype(np.int32)
    return transposed(indptr, flat, np.ones(matrix.shape[1], dtype=np.int32))


def random_matrix(rng, places, rows):
    m = rng.random((places * HEADS, rows)) < 0.35
    m[rng.integers(len(m), size=rows), np.arange(rows)] = True  # all can be covered
    return m


def cheapest(matrix, hold, come, turn=0.0):
    best = np.inf
    for k in range(1, 5):
        for chosen in combinations(range(len(matrix)), k):
            if matrix[list(chosen)].any(axis=0).all():
                places = {c // HEADS for c in chosen}
                turns = turn * (k - len(places))
                best = min(best, hold * k + turns + sum(come[p] for p in places))
    return best


def never():
    return False


@pytest.mark.parametrize("seed", range(8))
def test_price_bound_never_exceeds_the_optimum(seed):
    rng = np.random.default_rng(seed)
    m = random_matrix(rng, 5, 9)
    come = rng.uniform(1, 8, size=5)
    turn = 0.5 * (seed % 3)
    cover, costs = cover_from(m), Costs(10.0, come, HEADS, turn)
    found, _ = prices_of(cover, costs, greedy(cover, np.ones(len(m))), enough=never)
    best = cheapest(m, 10.0, come, turn)
    assert 0.6 * best < found.bound_s <= best + 1e-6
    fewest = cheapest(m, 1.0, np.zeros(5))
    assert found.stations <= fewest + 1e-6
    cut_short, _ = prices_of(
        cover, costs, greedy(cover, np.ones(len(m))), enough=lambda: True
    )
    assert cut_short.bound_s <= best + 1e-6


@pytest.mark.parametrize("seed", range(6))
def test_more_candidates_never_raise_the_bound(seed):
    rng = np.random.default_rng(100 + seed)
    m = random_matrix(rng, 6, 10)
    come = rng.uniform(1, 8, size=6)
    few = m[: 5 * HEADS]
    few[rng.integers(len(few), size=10), np.arange(10)] = True
    bounds = []
    for matrix, c in ((few, come[:5]), (np.vstack([few, m[5 * HEADS :]]), come)):
        cover = cover_from(matrix)
        start = greedy(cover, np.ones(len(matrix)))
        found, _ = prices_of(cover, Costs(10.0, c, HEADS), start, enough=never)
        bounds.append(found.bound_s)
    assert bounds[1] <= bounds[0] + 1e-6


@pytest.mark.parametrize("seed", range(5))
def test_rows_left_out_follow_from_the_others(seed):
    rng = np.random.default_rng(seed)
    begin = np.r_[0, rng.integers(0, 55, size=28), 50]
    rows = np.arange(60)
    m = (rows >= begin[:, None]) & (rows < begin[:, None] + 10)
    m[rng.integers(30, size=60), rows] = True
    cover = cover_from(m)
    rows = needed_rows(cover)
    assert len(rows) < 60
    slim = with_rows(cover, rows)
    chosen = greedy(slim, np.ones(len(m)))
    assert m[chosen].any(axis=0).all()


@pytest.mark.parametrize("seed", range(6))
def test_the_best_set_of_headings_is_found(seed):
    rng = np.random.default_rng(seed)
    m = random_matrix(rng, 4, 12)
    cover, u = cover_from(m), rng.uniform(0, 4, size=12)
    worth, first = m @ u, rng.uniform(0, 4, size=4)
    places, value, mask = best_sets(cover, HEADS, u, worth, (3.0, first))
    for p in range(4):
        best = max(
            u[m[[p * HEADS + h for h in chosen]].any(axis=0)].sum() - 3.0 * k - first[p]
            for k in (2, 3)
            for chosen in combinations(range(HEADS), k)
        )
        if p not in places:
            assert best <= 1e-9
            continue
        at = int(np.flatnonzero(places == p)[0])
        assert value[at] >= best - 1e-9
        if value[at] == 0.0:
            continue
        bits = [p * HEADS + h for h in range(HEADS) if mask[at] >> h & 1]
        got = u[m[bits].any(axis=0)].sum() - 3.0 * len(bits) - first[p]
        assert got == pytest.approx(value[at])


@pytest.mark.parametrize("seed", range(5))
def test_rows_added_later_raise_the_bound_and_keep_it_true(seed):
    rng = np.random.default_rng(200 + seed)
    m = random_matrix(rng, 5, 12)
    come = rng.uniform(1, 8, size=5)
    few, more = cover_from(m[:, :6]), cover_from(m[:, 6:])
    work = Pricing(few, Costs(10.0, come, HEADS), greedy(few, np.ones(len(m))))
    work.search(never)
    before = work.bound_s
    work.grow(joined(few, more), greedy(more, np.ones(len(m))))
    work.search(never)
    assert before - 1e-6 <= work.bound_s <= cheapest(m, 10.0, come) + 1e-6
    whole, _ = prices_of(
        cover_from(m),
        Costs(10.0, come, HEADS),
        greedy(cover_from(m), np.ones(len(m))),
        enough=never,
    )
    assert work.bound_s == pytest.approx(whole.bound_s, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_coming_never_costs_more_than_a_round_trip_takes(estate, order, seed):
    """Halves of two legs a place, and of home, against the shortest trips."""
    task = task_of(estate, order)
    rng = np.random.default_rng(seed)
    points = rng.uniform((-120, -120, 10), (120, 120, 60), size=(40, 3))
    home = home_points(task)
    come = come_of(task, points, home)
    for k in (1, 2, 3, 4):
        visited = rng.choice(40, size=k, replace=False)
        every = np.vstack([points[visited], home])
        time = task.motion.leg_s(every[:, None], every[None])
        best = min(tour(time, (k, *p)) for p in permutations(range(k)))
        assert come.place_s[visited].sum() + come.home_s <= best + 1e-9


@pytest.mark.parametrize("drones", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_the_least_makespan_is_below_every_way_to_share(drones, seed):
    """Work in lumps, each sortie within a battery: no way is quicker."""
    rng = np.random.default_rng(seed)
    lumps = rng.uniform(20, 60, size=5)
    least = Least(25.0, 25.0, 125.0, 90.0, drones)
    best = np.inf
    for who in product(range(drones), repeat=len(lumps)):
        own = [
            [w for w, d in zip(lumps, who, strict=True) if d == k]
            for k in range(drones)
        ]
        best = min(best, max(_one_drone(mine) for mine in own))
    work = float(lumps.sum())
    assert least.mission_s(work, least.sorties(work)) <= best + 1e-9


def _one_drone(lumps, cap=100.0, ends=25.0, turn=90.0):
    """The least time for these lumps in sorties of at most ``cap``."""
    if not lumps:
        return 0.0
    fewest = np.inf
    for where in product(range(len(lumps)), repeat=len(lumps)):
        loads = np.bincount(where, weights=lumps)
        if loads.max() <= cap:
            fewest = min(fewest, int((loads > 0).sum()))
    return sum(lumps) + fewest * ends + (fewest - 1) * turn


def tour(time, order):
    return sum(time[a, b] for a, b in zip(order, [*order[1:], order[0]], strict=True))


@pytest.mark.parametrize("seed", range(8))
def test_one_tree_never_exceeds_the_shortest_tour(seed):
    rng = np.random.default_rng(seed)
    n = 7
    time = rng.uniform(1, 30, size=(n, n))
    best = min(tour(time, (0, *p)) for p in permutations(range(1, n)))
    got = one_tree_s(time, upper_s=best * 1.3)
    assert 0 < got <= best + 1e-6
    flat = rng.uniform(0, 100, size=(n, 2))
    time = np.linalg.norm(flat[:, None] - flat[None], axis=2)
    best = min(tour(time, (0, *p)) for p in permutations(range(1, n)))
    assert 0.8 * best <= one_tree_s(time, upper_s=best * 1.2) <= best + 1e-6


def test_round_trips_count_every_return():
    # Home in the middle of two places 100 away: two trips cost 4 ways.
    time = np.array([[0, 200, 100], [200, 0, 100], [100, 100, 0.0]])
    assert round_trips_s(time, 1, upper_s=500) == pytest.approx(400)
    assert round_trips_s(time, 2, upper_s=500) == pytest.approx(400)
    both = Least(25.0, 25.0, 1000.0, 90.0, 1)
    assert both.sorties(3 * 975.0) == 3
    assert both.mission_s(100.0, 2) == pytest.approx(100 + 50 + 90)


@pytest.mark.parametrize("seed", range(5))
def test_flying_bounds_never_exceed_the_best_round_trip(seed):
    rng = np.random.default_rng(seed)
    places, rows = 6, 4
    m = np.zeros((places * HEADS, rows), dtype=bool)
    for r in range(rows):
        m[rng.integers(places * HEADS, size=2), r] = True
    cover, motion = cover_from(m), Motion(VehicleProfile())
    points = np.vstack(
        [rng.uniform(-200, 200, size=(places, 3)) * (1, 1, 0.1), np.zeros(3)]
    )
    time = motion.leg_s(points[:, None], points[None])
    best = np.inf
    for k in range(1, places + 1):
        for visited in combinations(range(places), k):
            columns = [p * HEADS + h for p in visited for h in range(HEADS)]
            if m[columns].any(axis=0).all():
                best = min(
                    best,
                    *(tour(time, (places, *p)) for p in permutations(visited)),
                )
    groups = apart(cover, HEADS)
    seen = np.concatenate(groups)
    assert len(seen) == len(set(seen))
    assert visits_s(points, groups, motion) <= best + 1e-6
    alone = time[places, :places] + time[:places, places]
    assert least_round_s(alone, cover, HEADS) <= best + 1e-6


@pytest.mark.parametrize("drones", [1, 2])
def test_cuts_keep_the_battery_and_are_the_best_there_are(drones):
    rng = np.random.default_rng(5)
    n = 6
    hop = rng.uniform(4, 12, size=n)
    out = rng.uniform(10, 30, size=(drones, n))
    chain = Chain(hop, hop, out, out, out, out, 20.0, 130.0, 40.0)
    got = cut(chain, closed=False)
    used = [k for _, members in got.sorties for k in members]
    assert used == list(range(n))
    totals = dict.fromkeys(range(drones), -40.0)
    for d, members in got.sorties:
        inner = sum(hop[k] for k in members[:-1])
        time = out[d, members[0]] + inner + 20 * len(members) + out[d, members[-1]]
        assert time <= 130.0
        totals[d] += time + 40.0
    assert got.makespan_s == pytest.approx(max(totals.values()))
    if drones == 1:
        assert got.makespan_s == pytest.approx(_brute(hop, out[0], n))


def _brute(hop, out, n):
    best = np.inf
    for cuts in range(2 ** (n - 1)):
        edges = [0, *(k + 1 for k in range(n - 1) if cuts >> k & 1), n]
        total = -40.0
        for a, b in pairwise(edges):
            time = out[a] + sum(hop[a : b - 1]) + 20 * (b - a) + out[b - 1]
            total += np.inf if time > 130 else time + 40
        best = min(best, total)
    return best
