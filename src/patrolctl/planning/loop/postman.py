"""Every street at least once: the mixed Chinese postman, by integer flow.

How often each arc is driven is an integer circulation that covers every
wanted street in one of its allowed directions (Edmonds & Johnson, 1973, for
mixed graphs as a MIP). The circulation is then walked with as few turns
round as the pairing of arcs at each node allows.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, linear_sum_assignment, milp
from scipy.sparse import csr_array, vstack
from scipy.sparse.csgraph import connected_components

from patrolctl.planning.loop.order import Deadline
from patrolctl.planning.loop.router import Router

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Circuit:
    """Arc indices of a closed way, its length, and what none is below."""

    arcs: list[int]
    length_m: float
    bound_m: float


def cover_streets(
    router: Router, wanted: Ints, through: list[int], deadline: Deadline
) -> Circuit:
    """The shortest closed way over all wanted edges.

    Args:
        router: the network, strongly connected.
        wanted: numbers of the edges to cover.
        through: nodes that the way must pass; it starts at the first.
        deadline: when to be done.

    Returns:
        The best way found in the time; there always is one.
    """
    model = _Model(router, wanted, through)
    times, bound = model.solve(deadline)
    arcs = walk(router, times, through[0])
    return Circuit(arcs, float(router.length[arcs].sum()), bound)


class _Model:
    """How often each arc is driven."""

    def __init__(self, router: Router, wanted: Ints, through: list[int]) -> None:
        self.router = router
        self.start = through[0]
        self.m = len(router.number)
        self.rules = [self._balance(), self._cover(wanted), self._pass(through)]
        self.low: list[Floats] = [np.zeros(len(router.out)), np.ones(len(wanted))]
        self.low.append(np.ones(len(through)))

    def _balance(self) -> csr_array:
        """As many arcs into each node as out of it."""
        k = np.arange(self.m)
        shape = (len(self.router.out), self.m)
        out = csr_array((np.ones(self.m), (self.router.tail, k)), shape=shape)
        into = csr_array((np.ones(self.m), (self.router.head, k)), shape=shape)
        return csr_array(out - into)

    def _cover(self, wanted: Ints) -> csr_array:
        row = {int(e): r for r, e in enumerate(wanted)}
        hits = [(row[e], k) for k, e in enumerate(self.router.number // 2) if e in row]
        r, c = np.array(hits, dtype=np.int64).reshape(-1, 2).T
        return csr_array((np.ones(len(r)), (r, c)), shape=(len(wanted), self.m))

    def _pass(self, through: list[int]) -> csr_array:
        hits = [(r, a) for r, n in enumerate(through) for a in self.router.out[n]]
        r, c = np.array(hits, dtype=np.int64).reshape(-1, 2).T
        return csr_array((np.ones(len(r)), (r, c)), shape=(len(through), self.m))

    def solve(self, deadline: Deadline) -> tuple[Ints, float]:
        """Solve, cutting off pieces that hang together with nothing."""
        bound, best = 0.0, self._there_and_back()
        for _ in range(200):
            low = np.concatenate(self.low)
            high = np.where(np.arange(len(low)) < len(self.router.out), 0.0, np.inf)
            # Once is not enough time for a fresh start: let each round have
            # a second at least, or nothing would ever be found.
            limit_s = max(1.0, deadline.left_s())
            result = milp(
                self.router.length,
                integrality=np.ones(self.m, dtype=np.int64),
                bounds=Bounds(0, np.inf),
                constraints=LinearConstraint(csr_array(vstack(self.rules)), low, high),
                options={"time_limit": limit_s, "mip_rel_gap": 1e-4},
            )
            if result.mip_dual_bound is not None:
                bound = max(bound, float(result.mip_dual_bound))
            if result.x is None:
                return best, bound
            times = np.round(result.x).astype(np.int64)
            apart = self._apart(times)
            if not apart:
                return times, bound
            best = self._tied(times, apart)
            if deadline.left_s() <= 0:
                return best, bound
            self.rules.append(csr_array(np.array([self._leaves(c) for c in apart])))
            self.low.append(np.ones(len(apart)))
        return best, bound

    def _there_and_back(self) -> Ints:
        """The whole network, each two-way street both ways: no time needed."""
        times = np.ones(self.m, dtype=np.int64)
        one = np.flatnonzero([not self.router.two_way(k) for k in range(self.m)])
        nodes = sorted({int(n) for k in one for n in self._ends(int(k))})
        if nodes:
            ways = self.router.ways(nodes)
            for k in one:
                tail, head = self._ends(int(k))
                if tail == head:
                    continue
                first, last, cost = ways.table(head, tail)
                f, e = np.unravel_index(int(np.argmin(cost)), cost.shape)
                np.add.at(times, ways.arcs(first[int(f)], last[int(e)]), 1)
        return times

    def _ends(self, k: int) -> tuple[int, int]:
        return int(self.router.tail[k]), int(self.router.head[k])

    def _apart(self, times: Ints) -> list[Ints]:
        """Sets of nodes that are driven, but not connected with the start."""
        used = np.flatnonzero(times)
        n = len(self.router.out)
        graph = csr_array(
            (np.ones(len(used)), (self.router.tail[used], self.router.head[used])),
            shape=(n, n),
        )
        _, label = connected_components(graph, directed=False)
        driven = np.unique(self.router.tail[used])
        others = np.unique(label[driven])
        return [np.flatnonzero(label == c) for c in others if c != label[self.start]]

    def _leaves(self, inside: Ints) -> Floats:
        within = np.zeros(len(self.router.out), dtype=bool)
        within[inside] = True
        crossing = within[self.router.tail] & ~within[self.router.head]
        return crossing.astype(np.float64)

    def _tied(self, times: Ints, apart: list[Ints]) -> Ints:
        """A way that does hang together: there and back to each piece."""
        tied = times.copy()
        nodes = [self.start, *(int(c[0]) for c in apart)]
        ways = self.router.ways(nodes)
        for k in range(1, len(nodes)):
            for a, b in ((0, k), (k, 0)):
                first, last, cost = ways.table(nodes[a], nodes[b])
                f, e = np.unravel_index(int(np.argmin(cost)), cost.shape)
                np.add.at(tied, ways.arcs(first[int(f)], last[int(e)]), 1)
        return tied


def walk(router: Router, times: Ints, start: int) -> list[int]:
    """One closed way that drives each arc as often as wanted.

    At each node the copies of arcs that come in are paired with those that
    go out, turning round as little as possible; the closed trails that this
    gives are then joined where they meet.

    Args:
        router: the network.
        times: (m,) how often each arc is driven; balanced and connected.
        start: a node of the way, where it begins.

    Returns:
        Arc indices in order.
    """
    copies = np.repeat(np.arange(len(times)), times)
    into: dict[int, list[int]] = {}
    out: dict[int, list[int]] = {}
    for c, arc in enumerate(copies):
        into.setdefault(int(router.head[arc]), []).append(c)
        out.setdefault(int(router.tail[arc]), []).append(c)
    follow = np.empty(len(copies), dtype=np.int64)
    for node, arriving in into.items():
        leaving = out[node]
        price = np.array(
            [[_turn(router, copies, a, b) for b in leaving] for a in arriving]
        )
        rows, cols = linear_sum_assignment(price)
        for row, col in zip(rows, cols, strict=True):
            follow[arriving[row]] = leaving[col]
    _join(router, copies, follow, into)
    first = out[start][0] if start in out else 0
    way, here = [first], int(follow[first])
    while here != first:
        way.append(here)
        here = int(follow[here])
    return [int(a) for a in copies[way]]


def _turn(router: Router, copies: Ints, a: int, b: int) -> float:
    return float(router.turns_round(int(copies[a]), int(copies[b])))


def _join(
    router: Router, copies: Ints, follow: Ints, into: dict[int, list[int]]
) -> None:
    """Merge trails by exchanging successors at shared nodes, cheapest first."""
    trail = _trails(follow)
    root = list(range(int(trail.max()) + 1))

    def find(k: int) -> int:
        while root[k] != k:
            root[k] = root[root[k]]
            k = root[k]
        return k

    for most in (0.0, 1.0, 2.0):  # turns round that an exchange may add
        for arriving in into.values():
            waiting = deque(
                (a, b) for n, a in enumerate(arriving) for b in arriving[n + 1 :]
            )
            while waiting:
                a, b = waiting.popleft()
                one, other = find(int(trail[a])), find(int(trail[b]))
                if one == other or _added(router, copies, follow, (a, b)) > most:
                    continue
                follow[a], follow[b] = follow[b], follow[a]
                root[one] = other


def _added(router: Router, copies: Ints, follow: Ints, pair: tuple[int, int]) -> float:
    a, b = pair
    x, y = int(follow[a]), int(follow[b])
    before = _turn(router, copies, a, x) + _turn(router, copies, b, y)
    after = _turn(router, copies, a, y) + _turn(router, copies, b, x)
    return after - before


def _trails(follow: Ints) -> Ints:
    trail = np.full(len(follow), -1, dtype=np.int64)
    count = 0
    for c in range(len(follow)):
        here = c
        while trail[here] < 0:
            trail[here] = count
            here = int(follow[here])
        count = int(trail.max()) + 1
    return trail
