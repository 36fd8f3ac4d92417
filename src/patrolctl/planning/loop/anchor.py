"""Launch points and sampling points put onto the road network."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from patrolctl.domain.errors import NoFeasiblePlan
from patrolctl.domain.site import Site, SitePoint
from patrolctl.planning.loop.network import Network, build_network, split_at

Ints = npt.NDArray[np.int64]

STOP_REACH_M = 50.0
SPOT_STEP_M = 4.0
LAUNCH_REACH_M = 50.0


@dataclass(frozen=True, slots=True)
class Anchored:
    """The part of the network that can be patrolled, with its anchors.

    ``entries`` are the nodes at which each launch point joins the road,
    ``stops`` those of each sampling point.
    """

    network: Network
    entries: dict[str, int]
    stops: dict[str, int]
    left_out_m: float
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A place on an edge, ``along_m`` from its beginning."""

    gap_m: float
    edge: int
    along_m: float


Places = dict[int, Place]  # by part of the network


class _Snapper:
    """Distances from points to edges, and which part each edge is in."""

    def __init__(self, site: Site, network: Network, quiet_m: float) -> None:
        self.network = network
        self.parts = network.parts()
        self.quiet_m = quiet_m
        self.lines = np.array(
            [shapely.LineString(e.line) for e in network.edges], dtype=object
        )
        walls: list[BaseGeometry] = [
            b.footprint for b in site.buildings if b.base_m < 3.0
        ]
        walls += [o.shape for o in site.obstacles]
        self.walls = shapely.STRtree(walls)
        self.homes = shapely.STRtree([b.footprint for b in site.buildings])
        self.fence = site.geofence

    def near(self, point: SitePoint, reach_m: float) -> Places:
        """The best place to play for a point, on each part within reach.

        As near as may be, but with a clear view of the point if there is
        one, and never so near to a façade that people behind it get more
        than the exposure cap.
        """
        at = shapely.Point(point.east_m, point.north_m)
        gaps = shapely.distance(self.lines, at)
        found: dict[int, tuple[bool, Place]] = {}
        for e in np.flatnonzero((gaps <= reach_m) & (self.parts >= 0)):
            part = int(self.parts[e])
            for along in self._spots(int(e), at):
                spot = shapely.line_interpolate_point(self.lines[e], along)
                gap = float(spot.distance(at))
                if gap > reach_m or self._loud(spot):
                    continue
                hidden = self._walled(shapely.LineString([spot, at]), 0.0)
                place = (hidden, Place(gap, int(e), along))
                best = found.get(part)
                if best is None or (hidden, gap) < (best[0], best[1].gap_m):
                    found[part] = place
        return {part: place for part, (_, place) in found.items()}

    def _spots(self, edge: int, at: shapely.Point) -> list[float]:
        line = self.lines[edge]
        nearest = float(shapely.line_locate_point(line, at))
        grid = np.arange(0.0, float(line.length), SPOT_STEP_M)
        return [nearest, *(float(g) for g in grid)]

    def _loud(self, spot: shapely.Point) -> bool:
        near = self.homes.query(spot, predicate="dwithin", distance=self.quiet_m)
        return bool(len(near))

    def _walled(self, way: BaseGeometry, margin_m: float) -> bool:
        return bool(len(self.walls.query(way, predicate="dwithin", distance=margin_m)))

    def access(self, point: SitePoint) -> Places:
        """The nearest place on each part, over open ground inside the fence."""
        at = shapely.Point(point.east_m, point.north_m)
        gap = shapely.distance(self.lines, at)
        found: Places = {}
        for e in np.argsort(gap, kind="stable"):
            if gap[e] > LAUNCH_REACH_M:
                break
            part = int(self.parts[e])
            if part in found or part < 0:
                continue
            way = shapely.shortest_line(at, self.lines[e])
            inside = self.fence is None or self.fence.covers(way)
            if inside and not self._walled(way, 0.5):
                along = float(shapely.line_locate_point(self.lines[e], at))
                found[part] = Place(float(gap[e]), int(e), along)
        return found

    def nearest_m(self, point: SitePoint) -> float:
        """Distance to any road at all."""
        at = shapely.Point(point.east_m, point.north_m)
        return float(shapely.distance(self.lines, at).min())


def anchor(
    site: Site,
    launches: tuple[SitePoint, ...],
    stops: tuple[SitePoint, ...],
    quiet_m: float,
) -> Anchored:
    """Choose the part of the network that serves the most stops, and join it.

    Args:
        site: the place.
        launches: where vehicles start; all of them must reach the part.
        stops: the sampling points to serve.
        quiet_m: least distance from a façade while playing.

    Raises:
        NoFeasiblePlan: no roads; a launch point that reaches none; a
            sampling point that cannot be reached and left again; each with
            its name and the reason.
    """
    network = build_network(site)
    if not network.edges:
        raise NoFeasiblePlan(
            ("the site has no road that can be driven (inside the geofence)",)
        )
    snapper = _Snapper(site, network, quiet_m)
    starts = {p.id: snapper.access(p) for p in launches}
    ends = {p.id: snapper.near(p, STOP_REACH_M) for p in stops}
    part = _choose(snapper, launches, starts, ends)
    missing = tuple(
        _why(snapper, p, launches[0], ends[p.id])
        for p in stops
        if part not in ends[p.id]
    )
    if missing:
        raise NoFeasiblePlan(missing)
    return _joined(snapper, part, (launches, starts), (stops, ends))


def _choose(
    snapper: _Snapper,
    launches: tuple[SitePoint, ...],
    starts: dict[str, Places],
    ends: dict[str, Places],
) -> int:
    common = set.intersection(*(set(s) for s in starts.values()))
    if not common:
        reasons = tuple(_no_access(snapper, p, starts[p.id]) for p in launches)
        raise NoFeasiblePlan(reasons)
    length = np.zeros(snapper.parts.max() + 1)
    for k, edge in enumerate(snapper.network.edges):
        if snapper.parts[k] >= 0:
            length[snapper.parts[k]] += edge.length_m

    def worth(part: int) -> tuple[int, float]:
        return sum(part in e for e in ends.values()), float(length[part])

    return max(sorted(common), key=worth)


def _no_access(snapper: _Snapper, point: SitePoint, near: Places) -> str:
    if near:
        return f"launch point {point.id}: its roads lead to no other launch point"
    gap = snapper.nearest_m(point)
    if gap > LAUNCH_REACH_M:
        return (
            f"launch point {point.id}: the nearest road is {gap:.0f} m away,"
            f" {LAUNCH_REACH_M:g} m at most"
        )
    return (
        f"launch point {point.id}: a building or the geofence lies between it"
        f" and every road within {LAUNCH_REACH_M:g} m, or these roads are one-way"
        " without a way back"
    )


def _why(
    snapper: _Snapper,
    point: SitePoint,
    launch: SitePoint,
    near: Places,
) -> str:
    name = f"sampling point {point.id}"
    gap = snapper.nearest_m(point)
    if gap > STOP_REACH_M:
        return (
            f"{name}: the nearest road is {gap:.0f} m away, {STOP_REACH_M:g} m at most"
        )
    if not near:
        return (
            f"{name}: its roads are one-way and cannot be reached and left again, or"
            f" lie everywhere within {snapper.quiet_m:.1f} m of a façade"
        )
    best = min(near.values(), key=lambda p: p.gap_m)
    road = snapper.network.edges[best.edge].road
    return (
        f"{name}: road {road} cannot be reached from launch point {launch.id}"
        " and left again"
    )


def _joined(
    snapper: _Snapper,
    part: int,
    launches: tuple[tuple[SitePoint, ...], dict[str, Places]],
    stops: tuple[tuple[SitePoint, ...], dict[str, Places]],
) -> Anchored:
    keep = np.flatnonzero(snapper.parts == part)
    number = {int(k): n for n, k in enumerate(keep)}
    edges = snapper.network.edges
    kept = Network(snapper.network.nodes, tuple(edges[k] for k in keep))
    points = (*launches[0], *stops[0])
    where = [*(launches[1][p.id][part] for p in launches[0]),
             *(stops[1][p.id][part] for p in stops[0])]  # fmt: skip
    cuts = [(number[place.edge], place.along_m) for place in where]
    network, nodes = split_at(kept, cuts)
    out = [e for k, e in enumerate(edges) if k not in number]
    count = len(launches[0])
    return Anchored(
        network=network,
        entries={p.id: n for p, n in zip(points[:count], nodes, strict=False)},
        stops={p.id: n for p, n in zip(points[count:], nodes[count:], strict=True)},
        left_out_m=sum(e.length_m for e in out),
        left_out=tuple(sorted({e.road for e in out})),
    )
