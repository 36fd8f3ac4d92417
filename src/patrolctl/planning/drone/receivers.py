"""Where people listen: windows of façades, floor by floor, and the ground."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from patrolctl.acoustics.bands import Bools, Floats
from patrolctl.domain.site import Building, Site

Ints = npt.NDArray[np.int64]
WINDOW_UP_M = 1.5  # above its floor
OUTSIDE_M = 0.5  # the level is that of a point this far before the façade
BLIND_M = 1.0  # a façade that faces a wall nearer than this has no windows
EAR_UP_M = 1.5
_SIMPLIFY_M = 0.4
_MIN_FACADE_M = 1.5
_COURT_GAP_M = 12.0  # a yard with gaps up to this between its walls is a court
_COURT_MIN_M2 = 150.0


@dataclass(frozen=True, slots=True)
class Receivers:
    """All receivers of a site, n of them, in the canonical frame.

    ``normal`` (n, 2) points out of the façade (zero on the ground).
    ``building`` indexes ``Site.buildings``, −1 on the ground; ``floor``
    counts from 1 at the ground, 0 for ground receivers.
    """

    points_m: Floats
    normal: Floats
    indoors: Bools
    building: tuple[int, ...]
    floor: tuple[int, ...]
    household: tuple[str | None, ...]
    ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def only(self, ids: frozenset[str]) -> "Receivers":
        """Those of these ids."""
        rows = [k for k, name in enumerate(self.ids) if name in ids]
        return Receivers(
            points_m=self.points_m[rows],
            normal=self.normal[rows],
            indoors=self.indoors[rows],
            building=tuple(self.building[k] for k in rows),
            floor=tuple(self.floor[k] for k in rows),
            household=tuple(self.household[k] for k in rows),
            ids=tuple(self.ids[k] for k in rows),
        )


@dataclass(slots=True)
class _Windows:
    """Windows of one building's one floor plan, once round."""

    xy: Floats
    normal: Floats


def _ring_windows(
    ring: BaseGeometry, spacing_m: float
) -> Iterator[tuple[Floats, Floats]]:
    """Middles and outward normals of a ring's façade segments.

    The ring must turn so that the building lies on its left.
    """
    xy = shapely.get_coordinates(ring.simplify(_SIMPLIFY_M))
    sides = np.diff(xy, axis=0)
    lengths = np.linalg.norm(sides, axis=1)
    least = min(_MIN_FACADE_M, float(lengths.max(initial=0.0)))
    for start, side, length in zip(xy[:-1], sides, lengths, strict=True):
        if length < least or length <= 0.0:
            continue
        count = max(1, int(np.ceil(round(length / spacing_m, 6))))
        at = (np.arange(count) + 0.5) / count
        normal = np.array([side[1], -side[0]]) / length
        yield start + at[:, None] * side, np.repeat(normal[None, :], count, axis=0)


def _windows(building: Building, spacing_m: float) -> _Windows:
    xy, normals = [], []
    for part in building.footprint.geoms:
        turned = shapely.orient_polygons(part)  # building on the left
        for ring in (turned.exterior, *turned.interiors):
            for middles, normal in _ring_windows(ring, spacing_m):
                xy.append(middles)
                normals.append(normal)
    if not xy:
        return _Windows(np.empty((0, 2)), np.empty((0, 2)))
    return _Windows(np.vstack(xy), np.vstack(normals))


def _households(count: int, building: Building) -> list[int]:
    """Which household of a floor each of its windows belongs to.

    With a stated number of households they share the windows in their order
    round the floor; without, each window is its own household.
    """
    if building.households is None:
        return list(range(count))
    per_floor = max(1, round(building.households / max(building.floors, 1)))
    groups = min(per_floor, count)
    return [i * groups // count for i in range(count)]


def _blind(points_m: Floats, normal: Floats, site: Site) -> Bools:
    """Windows that a wall nearer than a metre stands before."""
    tree = shapely.STRtree(np.array([b.footprint for b in site.buildings]))
    base = np.array([b.base_m for b in site.buildings])
    top = np.array([b.height_m for b in site.buildings])
    # All floors of a window are asked about at once.
    order, starts = stacks(points_m, normal)
    sizes = np.diff(np.append(starts, len(order)))
    one = order[starts]
    blind = np.zeros(len(points_m), dtype=np.bool_)
    for away_m in (OUTSIDE_M, 0.75, BLIND_M):
        at = points_m[one, :2] + (away_m - OUTSIDE_M) * normal[one]
        hit, who = tree.query(shapely.points(at), predicate="intersects")
        first = np.repeat(starts[hit] - np.cumsum(sizes[hit]) + sizes[hit], sizes[hit])
        rows = order[first + np.arange(len(first))]
        who = np.repeat(who, sizes[hit])
        up = points_m[rows, 2]
        blind[rows[(up >= base[who]) & (up <= top[who])]] = True
    return blind


def stacks(points_m: Floats, normal: Floats) -> tuple[Ints, Ints]:
    """Bring points that stand one above the other together.

    Args:
        points_m: (n, 3).
        normal: (n, 2) of their walls.

    Returns:
        An order of the points, and where in it each stack begins.
    """
    key = (points_m[:, 2], normal[:, 1], normal[:, 0], points_m[:, 1], points_m[:, 0])
    order = np.lexsort(key)
    plan = np.column_stack([points_m[order, :2], normal[order]])
    fresh = np.ones(len(order), dtype=np.bool_)
    fresh[1:] = (plan[1:] != plan[:-1]).any(axis=1)
    return order, np.flatnonzero(fresh)


@dataclass(slots=True)
class _Rows:
    """Receivers while they are being gathered."""

    points: list[Floats]
    normal: list[Floats]
    building: list[int]
    floor: list[int]
    household: list[str | None]
    ids: list[str]

    def add_floor(
        self, index: int, building: Building, windows: _Windows, floor: int
    ) -> None:
        """The windows of one floor."""
        count = len(windows.xy)
        up = building.base_m + (floor - 1) * building.floor_height_m + WINDOW_UP_M
        up = min(up, building.height_m - 0.3)
        at = windows.xy + OUTSIDE_M * windows.normal
        self.points.append(np.column_stack([at, np.full(count, up)]))
        self.normal.append(windows.normal)
        self.building += [index] * count
        self.floor += [floor] * count
        groups = _households(count, building)
        self.household += [f"{building.id}/{floor}-{g + 1}" for g in groups]
        self.ids += [f"{building.id}/{floor}/{k + 1}" for k in range(count)]

    def add_ground(self, points_m: Floats, ids: list[str]) -> None:
        """Receivers in the open."""
        if not len(points_m):
            return
        self.points.append(points_m)
        self.normal.append(np.zeros((len(points_m), 2)))
        self.building += [-1] * len(points_m)
        self.floor += [0] * len(points_m)
        self.household += [None] * len(points_m)
        self.ids += ids


def courtyards(site: Site) -> list[Polygon]:
    """Open ground that buildings enclose, gaps up to 12 m notwithstanding."""
    solid = shapely.union_all([b.footprint for b in site.buildings])
    closed = solid.buffer(_COURT_GAP_M / 2, 2)
    holes = [
        Polygon(ring) for part in shapely.get_parts(closed) for ring in part.interiors
    ]
    if not holes:
        return []
    around = shapely.union_all(holes).buffer(_COURT_GAP_M / 2, 2).difference(solid)
    parts = shapely.get_parts(around)
    return [p for p in parts if isinstance(p, Polygon) and p.area >= _COURT_MIN_M2]


def _court_points(court: Polygon, spacing_m: float) -> Floats:
    west, south, east, north = court.bounds
    xs = np.arange(west + spacing_m / 2, east, spacing_m)
    ys = np.arange(south + spacing_m / 2, north, spacing_m)
    grid = np.column_stack([g.ravel() for g in np.meshgrid(xs, ys)])
    inner = court.buffer(-BLIND_M)
    grid = grid[shapely.contains_xy(inner, grid[:, 0], grid[:, 1])]
    if not len(grid) and not inner.is_empty:
        grid = shapely.get_coordinates(inner.representative_point())
    return np.column_stack([grid, np.full(len(grid), EAR_UP_M)])


def _add_ground(rows: _Rows, site: Site, spacing_m: float) -> None:
    courts = courtyards(site) if site.buildings else []
    for i, court in enumerate(courts, start=1):
        at = _court_points(court, 2.0 * spacing_m)
        rows.add_ground(at, [f"court-{i}/{k + 1}" for k in range(len(at))])
    if site.sampling_points:
        at = np.array([[p.east_m, p.north_m, EAR_UP_M] for p in site.sampling_points])
        rows.add_ground(at, [f"sampling/{p.id}" for p in site.sampling_points])


def receivers_of(site: Site, spacing_m: float, area: BaseGeometry | None) -> Receivers:
    """Every window of every residential building, and ground receivers.

    Args:
        site: in the canonical frame.
        spacing_m: façade segments are at most this long.
        area: only receivers in it; None for the whole site.
    """
    rows = _Rows([], [], [], [], [], [])
    for index, building in enumerate(site.buildings):
        if not building.residential:
            continue
        windows = _windows(building, spacing_m)
        for floor in range(1, building.floors + 1):
            rows.add_floor(index, building, windows, floor)
    _add_ground(rows, site, spacing_m)
    return _kept(rows, site, area)


def _kept(rows: _Rows, site: Site, area: BaseGeometry | None) -> Receivers:
    points = np.vstack(rows.points) if rows.points else np.empty((0, 3))
    normal = np.vstack(rows.normal) if rows.normal else np.empty((0, 2))
    keep = np.ones(len(points), dtype=np.bool_)
    if site.buildings and len(points):
        keep = ~_blind(points, normal, site)
    if area is not None:
        at = points[:, :2] - OUTSIDE_M * normal
        keep &= shapely.intersects_xy(area, at[:, 0], at[:, 1])
    chosen = np.flatnonzero(keep).tolist()
    building = np.array(rows.building, dtype=np.int64)
    return Receivers(
        points_m=np.ascontiguousarray(np.round(points[keep], 3)),
        normal=normal[keep],
        indoors=building[keep] >= 0,
        building=tuple(rows.building[i] for i in chosen),
        floor=tuple(rows.floor[i] for i in chosen),
        household=tuple(rows.household[i] for i in chosen),
        ids=tuple(rows.ids[i] for i in chosen),
    )
