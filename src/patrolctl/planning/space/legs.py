"""Flights between points of free space: straight, over, or around.

A straight flight where it is clear; else the quicker of climbing over what
is in between and of going around it on a road map of free points, pulled
taut. The copter stops at every corner: that is how its time is counted.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from patrolctl.acoustics.bands import Bools
from patrolctl.acoustics.compiled import compiled
from patrolctl.planning.space.free import FreeSpace
from patrolctl.planning.space.kernels import Floats
from patrolctl.planning.space.motion import Motion

Ints = npt.NDArray[np.int64]
Ints32 = npt.NDArray[np.int32]
_CORNER_S = 5.0  # what stops at corners add to a road map's time, at a guess
_LINKS = 24
_NEAR_M = 110.0  # how far apart points are tried straight, over, and by one stop
_FAR = 1.25  # ways farther than that, against the straight line, at a guess
_FAR_S = 8.0
_MANY = 2000  # pairs worth a second thread
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

    ``time_s`` (n, n) from row to column. Where the way leads around
    something it may be a guess until :meth:`exact` was asked for the pair.
    """

    points_m: Floats
    time_s: Floats
    kind: npt.NDArray[np.int8]
    over_m: Floats
    nodes: Ints
    _legs: "Legs"
    _direct_s: Floats  # straight or over, infinite where neither
    _paths: dict[tuple[int, int], Floats] = field(default_factory=dict)
    _trees: dict[int, tuple[Ints32, Ints32]] = field(default_factory=dict)
    _graph: csr_array | None = None

    def path(self, i: int, j: int) -> Floats:
        """(k, 3) points from i to j, both included.

        Raises:
            ValueError: there is no way.
        """
        if (i, j) not in self._paths:
            back = self._paths.get((j, i))
            self._paths[i, j] = self._find(i, j) if back is None else back[::-1]
            if self.kind[i, j] == AROUND:
                self.time_s[i, j] = self._legs.motion.path_s(self._paths[i, j])
        return self._paths[i, j]

    def _find(self, i: int, j: int) -> Floats:
        kind = self.kind[i, j]
        if kind in {STRAIGHT, OVER}:
            return self._direct(i, j)
        if kind == NONE:
            msg = f"no way from point {i} to point {j}"
            raise ValueError(msg)
        ways = [w for w in (self._by_stops(i, j), self._by_map(i, j)) if w is not None]
        return min(ways, key=self._legs.motion.path_s)

    def _direct(self, i: int, j: int) -> Floats:
        a, b = self.points_m[i], self.points_m[j]
        if self.kind[i, j] == STRAIGHT:
            return np.array([a, b])
        return _over_path(a, b, float(self.over_m[i, j]))

    def _tree(self, i: int) -> tuple[Ints32, Ints32]:
        """Whence one comes on the way from i: among the points, on the map."""
        if i not in self._trees:
            _, stops = dijkstra(self._stops, indices=[i], return_predecessors=True)
            start = int(self.nodes[i])
            graph = self._legs.graph
            _, nodes = dijkstra(graph, indices=[start], return_predecessors=True)
            self._trees[i] = (stops[0], nodes[0])
        return self._trees[i]

    @property
    def _stops(self) -> csr_array:
        """Straight and over ways as a graph."""
        if self._graph is None:
            direct = self._direct_s
            self._graph = csr_array(np.where(np.isfinite(direct), direct, 0.0))
        return self._graph

    def look_up(self, rows: Ints) -> None:
        """Replace guesses of ways from and to these points."""
        every = np.arange(len(self.nodes))
        out = dijkstra(self._stops, indices=rows)
        back = dijkstra(self._stops.T, indices=rows).T
        for part, at in ((out, np.ix_(rows, every)), (back, np.ix_(every, rows))):
            better = (self.kind[at] == AROUND) & np.isfinite(part)
            self.time_s[at] = np.where(better, part, self.time_s[at])

    def _by_stops(self, i: int, j: int) -> Floats | None:
        """Straight and over, from one of the points to the next."""
        before, way = self._tree(i)[0], [j]
        while way[-1] != i:
            if before[way[-1]] < 0:
                return None
            way.append(int(before[way[-1]]))
        way = way[::-1]
        legs = [self._direct(a, b) for a, b in pairwise(way)]
        return np.vstack([legs[0], *(leg[1:] for leg in legs[1:])])

    def _by_map(self, i: int, j: int) -> Floats | None:
        """Along the road map, pulled taut."""
        before, start = self._tree(i)[1], int(self.nodes[i])
        way = [int(self.nodes[j])]
        while way[-1] != start:
            if before[way[-1]] < 0:
                return None
            way.append(int(before[way[-1]]))
        return self._legs.pull(self._legs.nodes_m[way[::-1]])

    def energy_s(self, i: int, j: int) -> float:
        """Hover-seconds that :meth:`path` costs."""
        return 0.0 if i == j else self._legs.motion.path_energy_s(self.path(i, j))

    def guessed(self, i: int, j: int) -> bool:
        """Whether the time of a pair is not that of a way yet."""
        return bool(self.kind[i, j] == AROUND and (i, j) not in self._paths)

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
        pairs = _unique(pairs, len(nodes))
        ok = space.clear(nodes[pairs[:, 0]], nodes[pairs[:, 1]])
        pairs = pairs[ok]
        both = np.vstack([pairs, pairs[:, ::-1]])
        graph = csr_array(
            (cruise_s(motion, nodes, both), (both[:, 0], both[:, 1])),
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
        return _unique(np.vstack([pairs, extra]), len(nodes))

    def round_trip_s(self, home: int) -> tuple[Floats, Floats]:
        """Times from home to every node and from every node to home."""
        there = dijkstra(self.graph, indices=[home])[0]
        back = dijkstra(self.graph.T, indices=[home])[0]
        return there + 2 * _CORNER_S, back + 2 * _CORNER_S

    def table(self, chosen: Ints, homes: int = 0) -> LegTable:
        """Times between the chosen nodes.

        Near pairs are tried straight, over what is between, and by another
        chosen point; the times of farther pairs are guesses.

        Args:
            chosen: nodes.
            homes: how many of them, at the end, are homes: ways from and to
                them are not guessed.
        """
        chosen = np.asarray(chosen, dtype=np.int64)
        points = np.ascontiguousarray(self.nodes_m[chosen])
        n = len(points)
        near = cKDTree(points[:, :2]).query_pairs(_NEAR_M, output_type="ndarray")
        near = near[np.lexsort((near[:, 1], near[:, 0]))].astype(np.int64)
        i, j = near[:, 0], near[:, 1]
        ok = self._clear(points, i, j)
        direct, kind = np.full((n, n), np.inf), np.full((n, n), NONE, dtype=np.int8)
        for a, b in ((i[ok], j[ok]), (j[ok], i[ok])):
            direct[a, b] = self.motion.leg_s(points[a], points[b])
            kind[a, b] = STRAIGHT
        over = np.full((n, n), np.inf)
        if not ok.all():
            self._add_over(points, (i[~ok], j[~ok]), (direct, kind, over))
        np.fill_diagonal(direct, 0.0)
        np.fill_diagonal(kind, STRAIGHT)
        time = direct.copy()
        for a, b in ((i[~ok], j[~ok]), (j[~ok], i[~ok])):
            _by_one_stop(direct, a, b, time)
        kind[time < direct] = AROUND
        table = LegTable(points, time, kind, over, chosen, self, direct)
        self._guess_far(table)
        if homes:
            table.look_up(np.arange(n - homes, n))
        return table

    def _clear(self, points: Floats, i: Ints, j: Ints) -> Bools:
        """Which pairs can be flown straight, on two cores."""
        half = len(i) // 2
        parts = [slice(0, half), slice(half, len(i))]
        if half < _MANY:
            return self.space.clear(points[i], points[j])
        with ThreadPoolExecutor(max_workers=2) as pool:
            return np.concatenate(
                list(pool.map(lambda s: self.space.clear(points[i[s]], points[j[s]]),
                              parts))
            )  # fmt: skip

    def _add_over(
        self,
        points: Floats,
        pairs: tuple[Ints, Ints],
        out: tuple[Floats, npt.NDArray[np.int8], Floats],
    ) -> None:
        """Fly over what is between the two, where one can climb there."""
        i, j = pairs
        direct, kind, over = out
        height = self._heights(points, i, j)
        for a, b in ((i, j), (j, i)):
            direct[a, b] = self._over_s(points[a], points[b], height)
            over[a, b] = height
            kind[a, b] = np.where(np.isfinite(height), OVER, NONE)

    def _guess_far(self, table: LegTable) -> None:
        """Ways that were not looked at: longer than the straight line."""
        _, part = connected_components(self.graph, directed=False)
        part = part[table.nodes]
        points = table.points_m
        flat = self.motion.leg_s(points[:, None, :], points[None, :, :])
        far = ~np.isfinite(table.time_s) & (part[:, None] == part[None, :])
        np.copyto(table.time_s, flat * _FAR + _FAR_S, where=far)
        table.kind[far] = AROUND

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


def _unique(pairs: Ints, n: int) -> Ints:
    """Pairs of numbers below n, the lesser first, each once, in their order."""
    low, high = pairs.min(axis=1), pairs.max(axis=1)
    code = np.unique(low.astype(np.int64) * n + high)
    return np.column_stack([code // n, code % n])


@compiled
def _by_one_stop(direct: Floats, i: Ints, j: Ints, time: Floats) -> None:
    """The quickest way with a stop at one other point, for each pair."""
    n = len(direct)
    for p in range(len(i)):
        a, b = i[p], j[p]
        best = time[a, b]
        for k in range(n):
            there = direct[a, k]
            if there < best and there + direct[k, b] < best:
                best = there + direct[k, b]
        time[a, b] = best


def _stacked(nodes: Floats) -> Ints:
    """Pairs of nodes one straight above the other, whatever the height."""
    order = np.lexsort((nodes[:, 2], nodes[:, 1].round(2), nodes[:, 0].round(2)))
    low, high = order[:-1], order[1:]
    same = np.abs(nodes[low, :2] - nodes[high, :2]).max(axis=1, initial=0.0) < 0.01
    return np.column_stack([low[same], high[same]]).astype(np.int64)


def cruise_s(motion: Motion, nodes: Floats, pairs: Ints) -> Floats:
    """Time along road map edges without stopping at their ends."""
    p = motion.profile
    delta = nodes[pairs[:, 1]] - nodes[pairs[:, 0]]
    along = np.linalg.norm(delta, axis=1) / p.cruise_m_s
    up = np.maximum(delta[:, 2], 0.0) / p.climb_m_s
    down = np.maximum(-delta[:, 2], 0.0) / p.descent_m_s
    return np.asarray(np.maximum(along, np.maximum(up, down)), dtype=np.float64)
