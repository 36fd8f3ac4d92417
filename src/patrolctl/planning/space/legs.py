"""Flights between points of free space: straight, over, or around.

A straight flight where it is clear; else the quicker of climbing over what
is in between and of going around it on a road map of free points, pulled
taut. The copter stops at every corner: that is how its time is counted.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from patrolctl.planning.space.free import FreeSpace
from patrolctl.planning.space.kernels import Floats
from patrolctl.planning.space.motion import Motion

Ints = npt.NDArray[np.int64]
_CORNER_S = 5.0  # what stops at corners add to a road map's time, at a guess
_LINKS = 24
_NEAR_M = 160.0
STRAIGHT, OVER, AROUND, NONE = 0, 1, 2, 3


def _over_path(a: Floats, b: Floats, height_m: float) -> Floats:
    points = [a, [a[0], a[1], height_m], [b[0], b[1], height_m], b]
    kept = [np.asarray(points[0])]
    for p in points[1:]:
        if np.linalg.norm(np.asarray(p) - kept[-1]) > 1e-6:
            kept.append(np.asarray(p))
    return np.array(kept)


@dataclass(slots=True)
class LegTable:
    """Times between chosen points, and the ways they stand for.

    ``time_s`` (n, n) from row to column; around a corner it is an estimate
    until :meth:`exact` has been asked for the pair.
    """

    points_m: Floats
    time_s: Floats
    kind: npt.NDArray[np.int8]
    over_m: Floats
    _legs: "Legs"
    _previous: npt.NDArray[np.int32]
    _nodes: npt.NDArray[np.int64]
    _paths: dict[tuple[int, int], Floats] = field(default_factory=dict)

    def path(self, i: int, j: int) -> Floats:
        """(k, 3) points from i to j, both included.

        Raises:
            ValueError: there is no way.
        """
        if (i, j) not in self._paths:
            self._paths[i, j] = self._find(i, j)
            if self.kind[i, j] == AROUND:
                self.time_s[i, j] = self._legs.motion.path_s(self._paths[i, j])
        return self._paths[i, j]

    def _find(self, i: int, j: int) -> Floats:
        a, b = self.points_m[i], self.points_m[j]
        kind = self.kind[i, j]
        if kind == STRAIGHT:
            return np.array([a, b])
        if kind == OVER:
            return _over_path(a, b, float(self.over_m[i, j]))
        if kind == NONE:
            msg = f"no way from point {i} to point {j}"
            raise ValueError(msg)
        taut = self._legs.pull(self._around(i, j))
        if np.isfinite(self.over_m[i, j]):
            over = _over_path(a, b, float(self.over_m[i, j]))
            if self._legs.motion.path_s(over) < self._legs.motion.path_s(taut):
                return over
        return taut

    def _around(self, i: int, j: int) -> Floats:
        way = [int(self._nodes[j])]
        while way[-1] != self._nodes[i]:
            way.append(int(self._previous[i, way[-1]]))
        return self._legs.nodes_m[way[::-1]]

    def energy_s(self, i: int, j: int) -> float:
        """Hover-seconds that :meth:`path` costs."""
        return 0.0 if i == j else self._legs.motion.path_energy_s(self.path(i, j))

    def exact(self, i: int, j: int) -> float:
        """The time of :meth:`path`, also put into the table."""
        if i == j:
            return 0.0
        if self.kind[i, j] == AROUND:
            self.path(i, j)
        return float(self.time_s[i, j])


@dataclass(slots=True)
class Legs:
    """A road map of free space and the times it gives."""

    space: FreeSpace
    motion: Motion
    nodes_m: Floats
    graph: csr_array

    @classmethod
    def over(
        cls, space: FreeSpace, motion: Motion, nodes_m: Floats, reach_m: Floats
    ) -> "Legs":
        """Join free nodes that are within (dx, dy, dz) ``reach_m`` and clear."""
        nodes = np.ascontiguousarray(nodes_m, dtype=np.float64)
        tree = cKDTree(nodes / reach_m)
        pairs = tree.query_pairs(1.0, output_type="ndarray").astype(np.int64)
        pairs = cls._linked(nodes, reach_m, pairs)
        pairs = np.vstack([pairs, _stacked(nodes)])
        pairs = np.unique(np.sort(pairs, axis=1), axis=0)
        ok = space.clear(nodes[pairs[:, 0]], nodes[pairs[:, 1]])
        pairs = pairs[ok]
        both = np.vstack([pairs, pairs[:, ::-1]])
        graph = csr_array(
            (_cruise_s(motion, nodes, both), (both[:, 0], both[:, 1])),
            shape=(len(nodes), len(nodes)),
        )
        return cls(space, motion, nodes, graph)

    @staticmethod
    def _linked(nodes: Floats, reach_m: Floats, pairs: Ints) -> Ints:
        """Give nodes without near neighbours their nearest ones all the same."""
        degree = np.bincount(pairs.ravel(), minlength=len(nodes))
        lonely = np.flatnonzero(degree < 6)
        if not len(lonely) or len(nodes) < 2:
            return pairs.reshape(-1, 2)
        k = min(_LINKS, len(nodes))
        _, near = cKDTree(nodes / reach_m).query(nodes[lonely] / reach_m, k=k)
        own = np.repeat(lonely, k - 1)
        extra = np.column_stack([own, np.atleast_2d(near)[:, 1:].ravel()])
        return np.unique(np.sort(np.vstack([pairs, extra]), axis=1), axis=0)

    def round_trip_s(self, home: int) -> tuple[Floats, Floats]:
        """Times from home to every node and from every node to home."""
        there = dijkstra(self.graph, indices=[home])[0]
        back = dijkstra(self.graph.T, indices=[home])[0]
        return there + 2 * _CORNER_S, back + 2 * _CORNER_S

    def table(self, chosen: Ints) -> LegTable:
        """Times between the chosen nodes.

        Pairs farther apart than the road map looks are not tried straight;
        :meth:`LegTable.exact` still is.
        """
        chosen = np.asarray(chosen, dtype=np.int64)
        points = self.nodes_m[chosen]
        n = len(points)
        i, j = (g.ravel() for g in np.indices((n, n)))
        a, b = points[i], points[j]
        near = np.hypot(a[:, 0] - b[:, 0], a[:, 1] - b[:, 1]) <= _NEAR_M
        flat = np.zeros(n * n, dtype=np.bool_)
        upper = near & (i < j)
        flat[upper] = self.space.clear(a[upper], b[upper])
        straight = flat.reshape(n, n)
        straight = straight | straight.T | np.eye(n, dtype=np.bool_)
        time = np.where(straight, self.motion.leg_s(a, b).reshape(n, n), np.inf)
        kind = np.where(straight, STRAIGHT, NONE).astype(np.int8)
        over = np.full((n, n), np.inf)
        todo = near & ~straight.ravel()
        over.ravel()[todo] = self._heights(points, i[todo], j[todo])
        over_s = np.full((n, n), np.inf)
        over_s.ravel()[todo] = self._over_s(a[todo], b[todo], over.ravel()[todo])
        around, previous = dijkstra(
            self.graph, indices=chosen, return_predecessors=True
        )
        around_s = around[:, chosen] + _CORNER_S
        for label, other in ((OVER, over_s), (AROUND, around_s)):
            better = ~straight & (other < time)
            time[better] = other[better]
            kind[better] = label
        np.fill_diagonal(time, 0.0)
        return LegTable(points, time, kind, over, self, previous, chosen)

    def _heights(self, points: Floats, i: Ints, j: Ints) -> Floats:
        """Heights for flying over, infinite where one cannot climb there."""
        over = self.space.over_m(points[i], points[j])
        most = self._headroom_m(points)
        return np.where((over <= most[i]) & (over <= most[j]), over, np.inf)

    def _headroom_m(self, points: Floats) -> Floats:
        """How high one can climb straight up from each point."""
        out = points[:, 2].copy()
        high = self.space.ceiling_m
        for level in np.linspace(self.space.floor_m, high, 12):
            top = points.copy()
            top[:, 2] = np.maximum(points[:, 2], level)
            ok = self.space.clear(points, top)
            out = np.where(ok, np.maximum(out, top[:, 2]), out)
        return out

    def _over_s(self, a: Floats, b: Floats, height_m: Floats) -> Floats:
        top_a, top_b = a.copy(), b.copy()
        top = np.where(np.isfinite(height_m), height_m, 0.0)
        top_a[:, 2] = top_b[:, 2] = top
        total = self.motion.leg_s(a, top_a) + self.motion.leg_s(top_a, top_b)
        total = total + self.motion.leg_s(top_b, b)
        return np.where(np.isfinite(height_m), total, np.inf)

    def pull(self, path_m: Floats) -> Floats:
        """The same way with every corner left out that can be."""
        kept = [path_m[0]]
        at = 0
        last = len(path_m) - 1
        while at < last:
            ahead = path_m[at + 1 :]
            here = np.broadcast_to(path_m[at], ahead.shape)
            ok = np.flatnonzero(self.space.clear(here, ahead))
            at = at + 1 + (int(ok[-1]) if len(ok) else 0)
            kept.append(path_m[at])
        return np.array(kept)


def _stacked(nodes: Floats) -> Ints:
    """Pairs of nodes one straight above the other, whatever the height."""
    order = np.lexsort((nodes[:, 2], nodes[:, 1].round(2), nodes[:, 0].round(2)))
    low, high = order[:-1], order[1:]
    same = np.abs(nodes[low, :2] - nodes[high, :2]).max(axis=1, initial=0.0) < 0.01
    return np.column_stack([low[same], high[same]]).astype(np.int64)


def _cruise_s(motion: Motion, nodes: Floats, pairs: Ints) -> Floats:
    """Time along road map edges without stopping at their ends."""
    p = motion.profile
    delta = nodes[pairs[:, 1]] - nodes[pairs[:, 0]]
    along = np.linalg.norm(delta, axis=1) / p.cruise_m_s
    up = np.maximum(delta[:, 2], 0.0) / p.climb_m_s
    down = np.maximum(-delta[:, 2], 0.0) / p.descent_m_s
    return np.asarray(np.maximum(along, np.maximum(up, down)), dtype=np.float64)
