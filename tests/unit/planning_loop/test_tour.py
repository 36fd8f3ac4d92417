"""Orders, ways and street covers against brute force."""

import itertools
from collections import Counter

import numpy as np
import pytest

from patrolctl.planning.loop.lap import Lap
from patrolctl.planning.loop.network import build_network
from patrolctl.planning.loop.order import Deadline
from patrolctl.planning.loop.postman import cover_streets
from patrolctl.planning.loop.router import Router
from patrolctl.planning.loop.tour import shortest_tour, tour_bound_m, tour_length_m
from patrolctl.planning.progress import untold


@pytest.fixture
def deadline(make_order):
    return Deadline(make_order(), untold)


def _brute(matrix: np.ndarray) -> float:
    rest = range(1, len(matrix))
    return min(tour_length_m(matrix, [0, *p]) for p in itertools.permutations(rest))


@pytest.mark.parametrize("seed", range(12))
def test_small_tours_are_optimal_and_their_bound_is_never_above(seed, deadline):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 8))
    matrix = rng.uniform(1, 100, (n, n))
    np.fill_diagonal(matrix, 0)
    best = _brute(matrix)
    tour = shortest_tour(matrix, seed, deadline)
    assert sorted(tour.order) == list(range(n))
    assert tour.order[0] == 0
    assert tour.length_m == pytest.approx(best)
    assert tour.bound_m <= best + 1e-6
    assert tour_bound_m(matrix, deadline) <= best + 1e-6


def test_a_bound_without_time_is_still_valid(make_order):
    rng = np.random.default_rng(1)
    points = rng.uniform(0, 100, (40, 2))
    matrix = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    late = Deadline(make_order(time_limit_s=0.0), untold)
    good = shortest_tour(matrix, 0, Deadline(make_order(), untold))
    hasty = shortest_tour(matrix, 0, late)
    assert hasty.bound_m <= good.length_m + 1e-6
    assert good.bound_m >= 0.97 * good.length_m
    assert sorted(hasty.order) == list(range(40))


def _grid(rng: np.random.Generator, n: int) -> tuple[list, tuple[int, ...]]:
    """A grid of streets with some missing and some one-way."""
    lines = []
    for i, j in itertools.product(range(n), range(n)):
        if i + 1 < n:
            lines.append([(100 * i, 100 * j), (100 * i + 100, 100 * j)])
        if j + 1 < n:
            lines.append([(100 * i, 100 * j), (100 * i, 100 * j + 100)])
    keep = [line for line in lines if rng.random() < 0.85]
    oneway = tuple(k for k in range(len(keep)) if rng.random() < 0.25)
    return keep, oneway


def _biggest(site):
    net = build_network(site)
    parts = net.parts()
    part = np.bincount(parts[parts >= 0]).argmax()
    edges = tuple(e for e, p in zip(net.edges, parts, strict=True) if p == part)
    return type(net)(net.nodes, edges)


def _exact_postman(router: Router) -> float:
    """Least length by trying how often each arc is driven, 0 to 2 times.

    Depth first over arcs with the balance of nodes closed as soon as their
    last arc is set. Slow, and no code of the solver.
    """
    m = len(router.number)
    last = {}
    for k in range(m):
        last[int(router.tail[k])] = last[int(router.head[k])] = k
    edge = [int(a) // 2 for a in router.number]
    best = [np.inf]

    def go(k: int, balance: Counter, length: float, times: list[int]) -> None:
        if length >= best[0]:
            return
        if k == m:
            best[0] = length
            return
        for t in (0, 1, 2):
            times.append(t)
            twin = k > 0 and edge[k - 1] == edge[k]
            alone = k + 1 == m or edge[k + 1] != edge[k]
            covered = t + (times[k - 1] if twin else 0) > 0
            tail, head = int(router.tail[k]), int(router.head[k])
            balance[tail] -= t
            balance[head] += t
            closed = all(balance[n] == 0 for n in (tail, head) if last[n] == k)
            if closed and (covered or not alone):
                go(k + 1, balance, length + t * router.length[k], times)
            balance[tail] += t
            balance[head] -= t
            times.pop()

    go(0, Counter(), 0.0, [])
    return best[0]


@pytest.mark.parametrize("seed", range(6))
def test_small_street_covers_are_optimal(seed, make_site, deadline):
    rng = np.random.default_rng(seed)
    lines, oneway = _grid(rng, 3)
    net = _biggest(make_site(lines, oneway=oneway))
    router = Router(net)
    circuit = cover_streets(
        router, np.arange(len(net.edges)), [net.edges[0].tail], deadline
    )
    _is_closed(router, circuit.arcs, net.edges[0].tail)
    assert {int(router.number[a]) // 2 for a in circuit.arcs} == set(
        range(len(net.edges))
    )
    assert circuit.bound_m <= circuit.length_m + 1e-6
    assert circuit.length_m == pytest.approx(_exact_postman(router))


def _is_closed(router, arcs, start):
    assert router.tail[arcs[0]] == start
    assert router.head[arcs[-1]] == start
    for a, b in itertools.pairwise(arcs):
        assert router.head[a] == router.tail[b]


@pytest.mark.parametrize("seed", range(4))
def test_large_covers_are_closed_ways_over_every_street(seed, make_site, make_order):
    rng = np.random.default_rng(100 + seed)
    lines, oneway = _grid(rng, 9)
    net = _biggest(make_site(lines, oneway=oneway))
    router = Router(net)
    start = net.edges[0].tail
    for limit_s in (0.0, 10.0):  # also when there is no time at all
        late = Deadline(make_order(time_limit_s=limit_s), untold)
        circuit = cover_streets(router, np.arange(len(net.edges)), [start], late)
        _is_closed(router, circuit.arcs, start)
        covered = {int(router.number[a]) // 2 for a in circuit.arcs}
        assert covered == set(range(len(net.edges)))
        assert circuit.bound_m <= circuit.length_m + 1e-6
    turns = sum(
        router.turns_round(a, b)
        for a, b in itertools.pairwise([*circuit.arcs, circuit.arcs[0]])
    )
    dead_ends = sum(len(o) == 1 for o in router.out)
    assert turns <= dead_ends + 4


def test_pieces_apart_are_tied_together(make_site, deadline):
    """Two wanted squares with a long road between that is not wanted."""
    a = [(0, 0), (50, 0), (50, 50), (0, 50), (0, 0)]
    b = [(500, 0), (550, 0), (550, 50), (500, 50), (500, 0)]
    net = build_network(make_site([a, b, [(50, 0), (500, 0)]]))
    router = Router(net)
    wanted = np.array([k for k, e in enumerate(net.edges) if e.road != "w2"])
    start = next(e.tail for e in net.edges if e.road == "w0")
    circuit = cover_streets(router, wanted, [start], deadline)
    _is_closed(router, circuit.arcs, start)
    assert circuit.length_m == pytest.approx(200 + 200 + 2 * 450)
    assert circuit.bound_m == pytest.approx(circuit.length_m)


def test_turning_round_has_its_price(make_site):
    """A U-turn of 20 m is dearer than 10 m around a block, not than 200 m."""
    block = [(0, 0), (100, 0), (100, 5), (0, 5), (0, 0)]
    router = Router(build_network(make_site([block])), uturn_m=20.0)
    assert len(router.number) == 2
    assert router.turns_round(0, 1)
    line = Router(build_network(make_site([[(0, 0), (50, 0)], [(50, 0), (90, 0)]])))
    ends = sorted(range(3), key=lambda n: line.network.nodes[n, 0])
    ways = line.ways([ends[0], ends[2]])
    arcs, reached = ways.through([0, 1])
    assert float(line.length[arcs].sum()) == 180.0
    assert reached == [4, 2]


def test_laps_turn_to_begin_elsewhere(make_site):
    ring = [[(0, 0), (50, 0)], [(50, 0), (50, 50)], [(50, 50), (0, 0)]]
    router = Router(build_network(make_site(ring, oneway=(0, 1, 2))))
    start = int(router.tail[0])
    lap = Lap(start, (0, 1, 2), ((1, "a"), (3, "b")))
    turned = lap.begun_at(int(router.head[0]), router)
    assert turned.arcs == (1, 2, 0)
    assert turned.stops == ((0, "a"), (2, "b"))
    assert lap.length_m(router) == turned.length_m(router)
