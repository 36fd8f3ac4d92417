"""Prisms in the air and what a straight leg keeps from them.

Own geometry: the gate shares no code with the planners that it checks.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from patrolctl.domain.site import NoFlyArea, Site

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class SolidKind(StrEnum):
    """What a prism stands for."""

    BUILDING = "building"
    OBSTACLE = "obstacle"
    NO_FLY = "no-fly"


@dataclass(frozen=True, slots=True)
class Solid:
    """An upright prism: a shape in the plane from ``bottom_m`` to ``top_m``."""

    kind: SolidKind
    id: str
    name: str
    shape: BaseGeometry
    bottom_m: float
    top_m: float

    @property
    def label(self) -> str:
        """How people call it."""
        words = {SolidKind.NO_FLY: "no-fly area"}.get(self.kind, str(self.kind))
        named = f" ({self.name})" if self.name and self.name != self.id else ""
        return f"{words} {self.id}{named}"


@dataclass(frozen=True, slots=True)
class Approach:
    """A leg that comes too near: leg and solid by index, and where."""

    leg: int
    solid: int
    distance_m: float
    point_m: tuple[float, float, float]


def solids_of(site: Site) -> tuple[Solid, ...]:
    """Every building, obstacle and no-fly volume of the site."""
    buildings = tuple(
        Solid(SolidKind.BUILDING, b.id, b.name, b.footprint, b.base_m, b.height_m)
        for b in site.buildings
    )
    obstacles = tuple(
        Solid(SolidKind.OBSTACLE, o.id, o.name, o.shape, 0.0, o.height_m)
        for o in site.obstacles
    )
    return buildings + obstacles + tuple(solid_of(n) for n in site.no_fly)


def solid_of(area: NoFlyArea) -> Solid:
    """The prism of a no-fly area."""
    return Solid(
        SolidKind.NO_FLY, area.id, area.name, area.area, area.bottom_m, area.top_m
    )


def plan_shapes(a_m: Floats, b_m: Floats) -> npt.NDArray[np.object_]:
    """(n,) shapes in the plane of straight legs: lines, or points if upright."""
    ends = np.stack([a_m[:, :2], b_m[:, :2]], axis=1)
    upright = np.hypot(*(b_m - a_m)[:, :2].T) < 1e-6
    shapes = np.empty(len(a_m), dtype=object)
    shapes[~upright] = shapely.linestrings(ends[~upright])
    shapes[upright] = shapely.points(a_m[upright, :2])
    return shapes


def cut_between(
    a_m: Floats, b_m: Floats, low_m: Floats, high_m: Floats
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """The part of each leg that lies strictly between two heights.

    Args:
        a_m: (n, 3) starts.
        b_m: (n, 3) ends.
        low_m: (n,) lower heights.
        high_m: (n,) upper heights.

    Returns:
        (n, 3) starts and ends of the parts, and (n,) whether there is one.
    """
    za, rise = a_m[:, 2], b_m[:, 2] - a_m[:, 2]
    level = np.abs(rise) < 1e-9
    safe = np.where(level, 1.0, rise)
    with np.errstate(over="ignore"):  # a prism without a floor: −inf
        t1, t2 = (low_m - za) / safe, (high_m - za) / safe
    begin = np.where(level, 0.0, np.clip(np.minimum(t1, t2), 0.0, 1.0))
    end = np.where(level, 1.0, np.clip(np.maximum(t1, t2), 0.0, 1.0))
    within_level = (za > low_m) & (za < high_m)
    present = np.where(level, within_level, end > begin)
    step = b_m - a_m
    return a_m + begin[:, None] * step, a_m + end[:, None] * step, present


class SolidIndex:
    """Solids in a tree, asked for approaches of many legs at once."""

    def __init__(self, solids: tuple[Solid, ...]) -> None:
        self.solids = solids
        self._shapes = np.array([s.shape for s in solids], dtype=object)
        self._tree = shapely.STRtree(self._shapes)
        self._bottom_m = np.array([s.bottom_m for s in solids], dtype=np.float64)
        self._top_m = np.array([s.top_m for s in solids], dtype=np.float64)

    def approaches(
        self, a_m: Floats, b_m: Floats, *, beside_m: float, above_m: float
    ) -> list[Approach]:
        """Legs that are nearer than they may be.

        A point of a leg is clear of a solid when it is at least ``beside_m``
        away from it in the plane, or at least ``above_m`` above its top or
        below its bottom (a solid that stands on the ground has no below).

        Args:
            a_m: (n, 3) starts, ENU.
            b_m: (n, 3) ends, ENU.
            beside_m: horizontal distance to keep.
            above_m: vertical distance to keep.

        Returns:
            One entry for each pair of leg and solid that is not clear.
        """
        if not self.solids or not len(a_m):
            return []
        legs, hits = self._tree.query(
            plan_shapes(a_m, b_m), predicate="dwithin", distance=beside_m
        )
        low = np.where(self._bottom_m > 0.0, self._bottom_m - above_m, -np.inf)
        p, q, present = cut_between(
            a_m[legs], b_m[legs], low[hits], self._top_m[hits] + above_m
        )
        legs, hits, p, q = legs[present], hits[present], p[present], q[present]
        if not len(legs):
            return []
        parts = plan_shapes(p, q)
        distance = shapely.distance(parts, self._shapes[hits])
        near = np.flatnonzero(distance < beside_m)
        return [
            Approach(
                int(legs[k]),
                int(hits[k]),
                float(distance[k]),
                _nearest(parts[k], self._shapes[hits[k]], p[k], q[k]),
            )
            for k in near
        ]

    def nearest_m(self, points_m: Floats) -> tuple[Floats, Ints]:
        """3-D distance from each point to the nearest solid's surface.

        Args:
            points_m: (n, 3) ENU.

        Returns:
            (n,) distances (0 inside, inf without solids) and (n,) indices.
        """
        n = len(points_m)
        best, which = np.full(n, np.inf), np.full(n, -1, dtype=np.int64)
        flat = shapely.points(points_m[:, :2])
        for i, solid in enumerate(self.solids):
            beside = shapely.distance(flat, solid.shape)
            z = points_m[:, 2]
            off = np.maximum(np.maximum(solid.bottom_m - z, z - solid.top_m), 0.0)
            distance = np.hypot(beside, off)
            closer = distance < best
            best[closer], which[closer] = distance[closer], i
        return best, which


def _nearest(
    part: BaseGeometry, shape: BaseGeometry, p_m: Floats, q_m: Floats
) -> tuple[float, float, float]:
    """The point of a leg's part that is nearest to a shape."""
    x, y = shapely.get_coordinates(shapely.shortest_line(part, shape))[0]
    run = q_m[:2] - p_m[:2]
    length2 = float(run @ run)
    t = float((np.array([x, y]) - p_m[:2]) @ run) / length2 if length2 > 0 else 0.0
    return float(x), float(y), float(p_m[2] + t * (q_m[2] - p_m[2]))
