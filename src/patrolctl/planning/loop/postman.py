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


QUICK_TRIES = 5


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
        self.wanted = wanted
        even, least = self._even(wanted)
        self.rules = [self._balance(), self._cover(wanted), self._pass(through), even]
        self.low: list[Floats] = [np.zeros(len(router.out)), np.ones(len(wanted))]
        self.low += [np.ones(len(through)), least]

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

    def _even(self, wanted: Ints) -> tuple[csr_array, Floats]:
        """At a node of odd degree some street is driven once more.

        What comes in goes out, so the drives at a node are even in number;
        the relaxation would halve them instead (the blossom inequalities of
        Edmonds & Johnson, 1973, for single nodes).
        """
        degree = np.zeros(len(self.router.out), dtype=np.int64)
        for e in wanted:
            edge = self.router.network.edges[int(e)]
            degree[edge.tail] += 1
            degree[edge.head] += 1
        odd = np.flatnonzero(degree % 2)
        row = {int(n): r for r, n in enumerate(odd)}
        hits = [
            (row[int(n)], k)
            for k in range(self.m)
            for n in self._ends(k)
            if int(n) in row and self.router.tail[k] != self.router.head[k]
        ]
        r, c = np.array(hits, dtype=np.int64).reshape(-1, 2).T
        matrix = csr_array((np.ones(len(r)), (r, c)), shape=(len(odd), self.m))
        return matrix, np.asarray(degree[odd] + 1, dtype=np.float64)

    def _pass(self, through: list[int]) -> csr_array:
        hits = [(r, a) for r, n in enumerate(through) for a in self.router.out[n]]
        r, c = np.array(hits, dtype=np.int64).reshape(-1, 2).T
        return csr_array((np.ones(len(r)), (r, c)), shape=(len(through), self.m))

    def solve(self, deadline: Deadline) -> tuple[Ints, float]:
        """Solve, cutting off pieces that hang together with nothing."""
        best, bound = self._quick()
        while deadline.left_s() > 0.05:
            low = np.concatenate(self.low)
            high = np.where(np.arange(len(low)) < len(self.router.out), 0.0, np.inf)
            result = milp(
                self.router.length,
                integrality=np.ones(self.m, dtype=np.int64),
                bounds=Bounds(0, np.inf),
                constraints=LinearConstraint(csr_array(vstack(self.rules)), low, high),
                options={"time_limit": deadline.left_s(), "mip_rel_gap": 1e-4},
            )
            if result.mip_dual_bound is not None:
                bound = max(bound, float(result.mip_dual_bound))
            if result.x is None:
                break
            times = np.round(result.x).astype(np.int64)
            apart = self._apart(times)
            tied = self._tied(times, apart)
            if tied @ self.router.length < best @ self.router.length:
                best = tied
            if not apart:
                break
            self.rules.append(csr_array(np.array([self._leaves(c) for c in apart])))
            self.low.append(np.ones(len(apart)))
        return best, bound

    def _quick(self) -> tuple[Ints, float]:
        """A good way and a bound at once.

        The relaxation says which direction of a two-way street is the
        better one; with all directions chosen the shortest circulation is a
        flow, whose optimum is whole.
        """
        best = self._there_and_back()
        relaxed = self._flow(np.zeros(self.m), self.rules, self.low)
        if relaxed is None:
            return best, 0.0
        rng = np.random.default_rng(0)
        for _ in range(QUICK_TRIES):
            chosen = np.zeros(self.m)
            taste = relaxed + rng.uniform(0, 0.01, self.m)
            for edge in self.wanted:
                arcs = [
                    self.router.index[a]
                    for a in (2 * int(edge), 2 * int(edge) + 1)
                    if a in self.router.index
                ]
                chosen[max(arcs, key=lambda k: taste[k])] = 1.0
            times = self._flow(chosen, self.rules[:1], self.low[:1])
            if times is None or self._apart(np.round(times).astype(np.int64)):
                continue
            if times @ self.router.length < best @ self.router.length:
                best = np.round(times).astype(np.int64)
        bound = float(relaxed @ self.router.length)
        return best, bound * (1.0 - 1e-6)  # the solver's tolerance

    def _flow(
        self, least: Floats, rules: list[csr_array], low: list[Floats]
    ) -> Floats | None:
        """The shortest circulation that drives each arc so often at least."""
        floor = np.concatenate(low)
        balanced = np.arange(len(floor)) < len(self.router.out)
        result = milp(
            self.router.length,
            bounds=Bounds(least, np.inf),
            constraints=LinearConstraint(
                csr_array(vstack(rules)), floor, np.where(balanced, 0.0, np.inf)
            ),
            options={"time_limit": 20.0},
        )
        found: Floats | None = result.x
        return found

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
