"""Shortest ways between nodes, with a price on turning round.

A state of the search is the arc just driven, so that a turn can cost
something; distances are metres.
"""

import itertools

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from patrolctl.planning.loop.network import Network

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# A three-point turn takes about ten seconds, at 2 m/s as long as 20 m.
UTURN_M = 20.0


class Router:
    """Ways through one network."""

    def __init__(self, network: Network, uturn_m: float = UTURN_M) -> None:
        self.network = network
        self.uturn_m = uturn_m
        self.number, self.tail, self.head, self.length = network.arcs()
        self.index = {int(a): k for k, a in enumerate(self.number)}
        n = len(network.nodes)
        self.out: list[list[int]] = [[] for _ in range(n)]
        self.into: list[list[int]] = [[] for _ in range(n)]
        for k, (t, h) in enumerate(zip(self.tail, self.head, strict=True)):
            self.out[t].append(k)
            self.into[h].append(k)
        self._turns = self._turn_graph()
        self._plain = csr_array(_least(self.tail, self.head, self.length), shape=(n, n))

    def turns_round(self, before: int, after: int) -> bool:
        """Whether one arc (by index) is the other driven back."""
        return bool(self.number[before] ^ 1 == self.number[after])

    def two_way(self, arc: int) -> bool:
        """Whether an arc's street may be driven the other way as well."""
        return int(self.number[arc]) ^ 1 in self.index

    def _turn_graph(self) -> csr_array:
        rows, cols, costs = [], [], []
        for before, node in enumerate(self.head):
            for after in self.out[node]:
                rows.append(before)
                cols.append(after)
                price = self.uturn_m if self.turns_round(before, after) else 0.0
                costs.append(self.length[after] + price)
        m = len(self.number)
        return csr_array((costs, (rows, cols)), shape=(m, m))

    def plain_m(self, nodes: list[int]) -> Floats:
        """(k, k) shortest distances, turns for nothing: never too long."""
        return np.asarray(dijkstra(self._plain, indices=nodes)[:, nodes])

    def from_and_to_m(self, node: int) -> tuple[Floats, Floats]:
        """(n,) shortest distances from one node, and to it, turns for nothing."""
        there = dijkstra(self._plain, indices=[node])[0]
        back = dijkstra(self._plain.T.tocsr(), indices=[node])[0]
        return np.asarray(there), np.asarray(back)

    def ways(self, nodes: list[int]) -> "Ways":
        """Shortest ways between all of these nodes."""
        starts = sorted({a for n in nodes for a in self.out[n]})
        cost, before = dijkstra(self._turns, indices=starts, return_predecessors=True)
        cost = cost + self.length[starts][:, None]
        return Ways(self, nodes, starts, cost, before)


def _least(tail: Ints, head: Ints, length: Floats) -> tuple[Floats, tuple[Ints, Ints]]:
    """Parallel arcs reduced to the shortest, since a sparse matrix adds them."""
    order = np.lexsort((length, head, tail))
    t, h = tail[order], head[order]
    first = np.ones(len(t), dtype=bool)
    first[1:] = (t[1:] != t[:-1]) | (h[1:] != h[:-1])
    return length[order][first], (t[first], h[first])


class Ways:
    """Shortest ways between chosen nodes, down to their first and last arcs."""

    def __init__(
        self,
        router: Router,
        nodes: list[int],
        starts: list[int],
        cost: Floats,
        before: npt.NDArray[np.int32],
    ) -> None:
        self._router = router
        self._row = {a: k for k, a in enumerate(starts)}
        self._cost = cost
        self._before = before
        self.nodes = nodes

    def matrix_m(self) -> Floats:
        """(k, k) shortest distances between the nodes, turns priced."""
        n = len(self.nodes)
        matrix = np.zeros((n, n))
        for i, j in itertools.permutations(range(n), 2):
            costs = self.table(self.nodes[i], self.nodes[j])[2]
            matrix[i, j] = costs.min() if costs.size else np.inf
        return matrix

    def table(self, a: int, b: int) -> tuple[list[int], list[int], Floats]:
        """First arcs out of node a, last arcs into b, and (f, l) metres."""
        first, last = self._router.out[a], self._router.into[b]
        rows = [self._row[f] for f in first]
        return first, last, self._cost[np.ix_(rows, last)]

    def arcs(self, first: int, last: int) -> list[int]:
        """The arcs of the shortest way that begins and ends with these."""
        way = [last]
        row = self._row[first]
        while way[-1] != first:
            way.append(int(self._before[row, way[-1]]))
        return way[::-1]

    def through(self, order: list[int]) -> tuple[list[int], list[int]]:
        """The shortest closed way through nodes in this order, turns priced.

        Args:
            order: indices into ``nodes``; the way returns to the first.

        Returns:
            Arc indices, and for each node of the order how many arcs have
            been driven when it is reached (the first one at the end).
        """
        stops = [self.nodes[k] for k in order]
        legs = list(zip(stops, stops[1:] + stops[:1], strict=True))
        tables = [self.table(a, b) for a, b in legs]
        best: tuple[float, list[tuple[int, int]]] = (np.inf, [])
        for start in tables[0][0]:
            best = min(best, self._closed(tables, start), key=lambda t: t[0])
        arcs: list[int] = []
        reached: list[int] = []
        for first, last in best[1]:
            arcs += self.arcs(first, last)
            reached.append(len(arcs))
        return arcs, reached[-1:] + reached[:-1]

    def _closed(
        self, tables: list[tuple[list[int], list[int], Floats]], start: int
    ) -> tuple[float, list[tuple[int, int]]]:
        """Best choice of first and last arcs when the way begins with one."""
        turn = self._router.turns_round
        price = self._router.uturn_m
        state: dict[int, tuple[float, list[tuple[int, int]]]] = {}
        for k, (firsts, lasts, cost) in enumerate(tables):
            nxt: dict[int, tuple[float, list[tuple[int, int]]]] = {}
            for f, first in enumerate(firsts):
                if k == 0 and first != start:
                    continue
                base: tuple[float, list[tuple[int, int]]] = (0.0, [])
                if k:
                    base = min(
                        (
                            (c + (price if turn(b, first) else 0.0), w)
                            for b, (c, w) in state.items()
                        ),
                        key=lambda t: t[0],
                    )
                for e, last in enumerate(lasts):
                    total = base[0] + float(cost[f, e])
                    if total < nxt.get(last, (np.inf, []))[0]:
                        nxt[last] = (total, [*base[1], (first, last)])
            state = nxt
        closing = (
            (c + (price if turn(b, start) else 0.0), w) for b, (c, w) in state.items()
        )
        return min(closing, key=lambda t: t[0], default=(np.inf, []))
