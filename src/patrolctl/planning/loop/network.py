"""The road network as a directed graph that a vehicle can drive.

Roads meet where they share a vertex, or where one ends on another; lines
that merely cross are a bridge and a road below it (OpenStreetMap, "Key:
bridge": ways are connected by shared nodes only). What lies outside the
geofence or inside a building is cut off.
"""

import itertools
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

from patrolctl.domain.site import Road, Site

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FENCE_MARGIN_M = 2.0
WALL_MARGIN_M = 0.8
VEHICLE_HEIGHT_M = 3.0
SAME_M = 0.05  # two vertices this near are one
TOUCH_M = 0.5  # an end this near to another road is on it


@dataclass(frozen=True, slots=True)
class Edge:
    """A stretch of road between two nodes; ``line`` is (k, 2) ENU."""

    tail: int
    head: int
    line: Floats
    length_m: float
    oneway: bool
    speed_m_s: float | None
    road: str
    name: str


@dataclass(frozen=True, slots=True)
class Network:
    """Nodes (n, 2) and edges; arc 2k goes along edge k, 2k + 1 against it."""

    nodes: Floats
    edges: tuple[Edge, ...]

    def arcs(self) -> tuple[Ints, Ints, Ints, Floats]:
        """Arc numbers, tails, heads and lengths of all that may be driven."""
        number, tail, head, length = [], [], [], []
        for k, edge in enumerate(self.edges):
            number.append(2 * k)
            tail.append(edge.tail)
            head.append(edge.head)
            length.append(edge.length_m)
            if not edge.oneway:
                number.append(2 * k + 1)
                tail.append(edge.head)
                head.append(edge.tail)
                length.append(edge.length_m)
        return (
            np.array(number, dtype=np.int64),
            np.array(tail, dtype=np.int64),
            np.array(head, dtype=np.int64),
            np.array(length, dtype=np.float64),
        )

    def arc_line(self, arc: int) -> Floats:
        """(k, 2) points in the order driven."""
        line = self.edges[arc // 2].line
        return line[::-1] if arc % 2 else line

    def parts(self) -> Ints:
        """(edges,) the strong component that each edge lies in, or −1.

        An edge lies in one when both its ends do: it can be reached from
        any other of that component, and left again.
        """
        _, tail, head, _ = self.arcs()
        n = len(self.nodes)
        graph = csr_array((np.ones(len(tail)), (tail, head)), shape=(n, n))
        _, label = connected_components(graph, directed=True, connection="strong")
        ends = np.array([(e.tail, e.head) for e in self.edges]).reshape(-1, 2)
        a, b = label[ends[:, 0]], label[ends[:, 1]]
        return np.where(a == b, a, -1).astype(np.int64)


def _bounds(site: Site) -> tuple[BaseGeometry | None, BaseGeometry]:
    """Where a vehicle may be, and what it may not drive into."""
    fence = None if site.geofence is None else site.geofence.buffer(-FENCE_MARGIN_M)
    walls: list[BaseGeometry] = [
        b.footprint for b in site.buildings if b.base_m < VEHICLE_HEIGHT_M
    ]
    walls += [o.shape for o in site.obstacles]
    return fence, shapely.union_all([w.buffer(WALL_MARGIN_M) for w in walls])


def _cut(road: Road, free: BaseGeometry) -> list[Floats]:
    """The parts of a road within ``free``, in the road's direction."""
    points = shapely.get_coordinates(road.line)
    parts: list[list[Floats]] = []
    for p, q in itertools.pairwise(points):
        run, length = q - p, float(np.hypot(*(q - p)))
        if length < 1e-9:
            continue
        kept = shapely.get_parts(shapely.intersection(shapely.LineString([p, q]), free))
        spans = []
        for piece in kept:
            if piece.geom_type != "LineString" or piece.length < SAME_M:
                continue
            t = np.sort((shapely.get_coordinates(piece) - p) @ run / length**2)
            spans.append((float(t[0]), float(t[-1])))
        for t0, t1 in sorted(spans):
            a = p if t0 < 1e-9 else p + t0 * run
            b = q if t1 > 1 - 1e-9 else p + t1 * run
            if parts and np.array_equal(parts[-1][-1], a):
                parts[-1].append(b)
            else:
                parts.append([a, b])
    return [np.array(part) for part in parts]


def drivable(site: Site) -> list[tuple[Road, Floats]]:
    """Pieces of road inside the fence and outside all walls."""
    fence, walls = _bounds(site)
    shapely.prepare(walls)
    pieces: list[tuple[Road, Floats]] = []
    for road in site.roads:
        inside = fence is None or fence.covers(road.line)
        if inside and not walls.intersects(road.line):
            pieces.append((road, shapely.get_coordinates(road.line)))
            continue
        near = shapely.box(*road.line.bounds).buffer(1.0)
        free = near if fence is None else near & fence
        pieces += [(road, line) for line in _cut(road, free - walls)]
    return pieces


@dataclass
class _Noder:
    """Joins vertices that are one, and puts ends onto the roads they touch."""

    pieces: list[tuple[Road, Floats]]
    of: list[Ints] = field(default_factory=list)
    places: Floats = field(default_factory=lambda: np.empty((0, 2)))

    def join(self) -> None:
        """Number all vertices, one number for each place."""
        points = np.concatenate([line for _, line in self.pieces])
        pairs = cKDTree(points).query_pairs(SAME_M, output_type="ndarray")
        n = len(points)
        same = csr_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (n, n))
        count, label = connected_components(same, directed=False)
        self.places = np.zeros((count, 2))
        self.places[label] = points
        sizes = [len(line) for _, line in self.pieces]
        self.of = [
            part.astype(np.int64) for part in np.split(label, np.cumsum(sizes)[:-1])
        ]

    def touch(self) -> None:
        """Insert a road's end into the line of another that it ends on."""
        segments, owner = [], []
        for k, (_, line) in enumerate(self.pieces):
            for i in range(len(line) - 1):
                segments.append(line[i : i + 2])
                owner.append((k, i))
        tree = shapely.STRtree([shapely.LineString(s) for s in segments])
        inserts: dict[int, dict[int, tuple[float, int, float]]] = {}
        for k, (_, line) in enumerate(self.pieces):
            for end in (0, -1):
                node = int(self.of[k][end])
                self._put(node, line[end], (tree, owner, segments), inserts)
        for k, added in inserts.items():
            road, line = self.pieces[k]
            of = self.of[k]
            places = [(i, t, node) for node, (_, i, t) in added.items()]
            for i, _, node in sorted(places, reverse=True):
                line = np.insert(line, i + 1, self.places[node], axis=0)
                of = np.insert(of, i + 1, node)
            self.pieces[k], self.of[k] = (road, line), of

    def _put(
        self,
        node: int,
        at: Floats,
        lines: tuple[shapely.STRtree, list[tuple[int, int]], list[Floats]],
        inserts: dict[int, dict[int, tuple[float, int, float]]],
    ) -> None:
        tree, owner, segments = lines
        hits = tree.query(shapely.points(at), predicate="dwithin", distance=TOUCH_M)
        for hit in hits:
            k, i = owner[int(hit)]
            if node in self.of[k]:
                continue  # they meet there already
            p, q = segments[int(hit)]
            run = q - p
            t = float((at - p) @ run) / max(float(run @ run), 1e-12)
            t = min(max(t, 0.0), 1.0)
            off = float(np.hypot(*(p + t * run - at)))
            mine = inserts.setdefault(k, {})
            mine[node] = min(mine.get(node, (np.inf, 0, 0.0)), (off, i, t))


def build_network(site: Site) -> Network:
    """The graph of a site's roads; empty where none can be driven."""
    pieces = [(r, line) for r, line in drivable(site) if len(line) > 1]
    if not pieces:
        return Network(np.empty((0, 2)), ())
    noder = _Noder(pieces)
    noder.join()
    noder.touch()
    uses = np.zeros(len(noder.places), dtype=np.int64)
    for of in noder.of:
        np.add.at(uses, of, 1)
        uses[of[[0, -1]]] += 1  # an end is always a node
    edges: list[Edge] = []
    for (road, line), of in zip(noder.pieces, noder.of, strict=True):
        stops = np.flatnonzero(uses[of] > 1)
        for i, j in itertools.pairwise(stops):
            edge = _edge(road, line[i : j + 1], (int(of[i]), int(of[j])))
            if edge is not None:
                edges.append(edge)
    return _compact(noder.places, edges)


def _edge(road: Road, line: Floats, ends: tuple[int, int]) -> Edge | None:
    length = float(np.hypot(*np.diff(line, axis=0).T).sum())
    if length < 1e-6:
        return None
    return Edge(
        tail=ends[0],
        head=ends[1],
        line=line,
        length_m=length,
        oneway=road.oneway,
        speed_m_s=road.speed_limit_m_s,
        road=road.id,
        name=road.name,
    )


def _compact(places: Floats, edges: list[Edge]) -> Network:
    """Renumber the nodes that edges use."""
    ends = np.array([(e.tail, e.head) for e in edges], dtype=np.int64).reshape(-1, 2)
    used, inverse = np.unique(ends, return_inverse=True)
    inverse = inverse.reshape(-1, 2)
    renamed = tuple(
        Edge(
            tail=int(inverse[k, 0]),
            head=int(inverse[k, 1]),
            line=e.line,
            length_m=e.length_m,
            oneway=e.oneway,
            speed_m_s=e.speed_m_s,
            road=e.road,
            name=e.name,
        )
        for k, e in enumerate(edges)
    )
    return Network(places[used], renamed)


def split_at(
    network: Network, cuts: list[tuple[int, float]]
) -> tuple[Network, list[int]]:
    """Put nodes onto edges.

    Args:
        network: the graph.
        cuts: (edge, metres along it) for each wanted node.

    Returns:
        The graph with these edges split, and the node of each cut.
    """
    nodes = [tuple(p) for p in network.nodes]
    edges: list[Edge] = []
    found = [-1] * len(cuts)
    by_edge: dict[int, list[int]] = {}
    for c, (e, _) in enumerate(cuts):
        by_edge.setdefault(e, []).append(c)
    for k, edge in enumerate(network.edges):
        mine = sorted(by_edge.get(k, ()), key=lambda c: cuts[c][1])
        rest, tail, done = edge.line, edge.tail, 0.0
        for c in mine:
            along = cuts[c][1]
            if along - done < SAME_M:  # at the piece's beginning
                found[c] = tail
                continue
            if edge.length_m - along < SAME_M:
                found[c] = edge.head
                continue
            first, rest = _halves(rest, along - done)
            nodes.append(tuple(first[-1]))
            found[c] = len(nodes) - 1
            edges.append(_piece(edge, first, tail, found[c]))
            tail, done = found[c], along
        edges.append(_piece(edge, rest, tail, edge.head))
    return Network(np.array(nodes).reshape(-1, 2), tuple(edges)), found


def _piece(edge: Edge, line: Floats, tail: int, head: int) -> Edge:
    return Edge(
        tail=tail,
        head=head,
        line=line,
        length_m=float(np.hypot(*np.diff(line, axis=0).T).sum()),
        oneway=edge.oneway,
        speed_m_s=edge.speed_m_s,
        road=edge.road,
        name=edge.name,
    )


def _halves(line: Floats, along_m: float) -> tuple[Floats, Floats]:
    steps = np.hypot(*np.diff(line, axis=0).T)
    marks = np.concatenate([[0.0], np.cumsum(steps)])
    i = int(np.clip(np.searchsorted(marks, along_m) - 1, 0, len(steps) - 1))
    t = (along_m - marks[i]) / max(steps[i], 1e-12)
    cut = line[i] + t * (line[i + 1] - line[i])
    return np.vstack([line[: i + 1], cut]), np.vstack([cut, line[i + 1 :]])
