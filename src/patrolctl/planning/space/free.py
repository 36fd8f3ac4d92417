"""Free space: buildings, obstacles and no-fly volumes, grown by clearance."""

import math
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from patrolctl.acoustics import Prism, Prisms, flatten
from patrolctl.domain.site import Site
from patrolctl.planning.space import kernels
from patrolctl.planning.space.cells import cells_of
from patrolctl.planning.space.kernels import Bools, Floats, Ints

FENCE_MARGIN_M = 5.0
NO_FLY_MARGIN_M = 5.0
CEILING_MARGIN_M = 2.0
SOLID_MARGIN_M = 0.5  # on top of the standoff, against rounding
_SEGMENTS = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """What the flying keeps to, metres."""

    standoff_m: float
    ceiling_m: float
    floor_m: float


@dataclass(frozen=True, slots=True)
class FreeSpace:
    """Everything that a copter must stay out of, as grown prisms.

    ``names`` says what each prism is, for people. ``floor_m`` and
    ``ceiling_m`` bound the heights of stations and legs. ``cells`` list the
    prisms by where they stand.
    """

    prisms: Prisms
    names: tuple[str, ...]
    floor_m: float
    ceiling_m: float
    area: BaseGeometry
    cells: kernels.Cells

    @property
    def _solids(self) -> kernels.Solids:
        p = self.prisms
        return (p.edges, p.starts, p.boxes, p.spans)

    def blocker(self, points_m: Floats) -> Ints:
        """The prism that each of (n, 3) points is in, −1 for none."""
        points = np.ascontiguousarray(points_m, dtype=np.float64)
        out = np.empty(len(points), dtype=np.int32)
        kernels.inside(points, self._solids, out)
        return out

    def free(self, points_m: Floats) -> Bools:
        """Which of (n, 3) points may be flown to."""
        z = np.asarray(points_m)[:, 2]
        within = (z >= self.floor_m - 1e-9) & (z <= self.ceiling_m + 1e-9)
        return np.asarray(within & (self.blocker(points_m) < 0))

    def clear(self, a_m: Floats, b_m: Floats) -> Bools:
        """Which straight flights between (n, 3) points hit nothing."""
        a = np.ascontiguousarray(a_m, dtype=np.float64)
        b = np.ascontiguousarray(b_m, dtype=np.float64)
        out = np.zeros(len(a), dtype=np.bool_)
        kernels.clear(a, b, self._solids, self.cells, out)
        return out

    def over_m(self, a_m: Floats, b_m: Floats) -> Floats:
        """Heights to climb to for a level flight over all in between.

        Infinite where that is above the ceiling or cannot be.
        """
        a = np.ascontiguousarray(a_m, dtype=np.float64)
        b = np.ascontiguousarray(b_m, dtype=np.float64)
        out = np.empty(len(a))
        kernels.heights(a, b, self._solids, out)
        return np.where(out <= self.ceiling_m, out, np.inf)

    @property
    def highest_m(self) -> float:
        """The height above which nothing that can be flown over stands."""
        tops = self.prisms.spans[:, 1]
        finite = tops[tops < kernels.FOREVER_M]
        return float(finite.max(initial=self.floor_m))


def _grown(shape: BaseGeometry, by_m: float) -> BaseGeometry:
    # The polygon of a rounded buffer lies inside the true one; grown a
    # little more it holds it.
    return shape.buffer(by_m / math.cos(math.pi / (4 * _SEGMENTS)), _SEGMENTS)


def _fence_prism(fence: Polygon) -> tuple[Prism, BaseGeometry]:
    inner = fence.buffer(-FENCE_MARGIN_M, _SEGMENTS, join_style="mitre")
    west, south, east, north = fence.bounds
    far = max(east - west, north - south, 100.0) * 10.0
    world = shapely.box(west - far, south - far, east + far, north + far)
    wall = Prism(world.difference(inner), -kernels.FOREVER_M, kernels.FOREVER_M)
    return wall, inner


def _solid_prisms(site: Site, clearance_m: float) -> list[tuple[str, Prism]]:
    out: list[tuple[str, Prism]] = []
    for b in site.buildings:
        base = _grown(b.footprint, clearance_m)
        out.append((f"building {b.id}", Prism(base, -1.0, b.height_m + clearance_m)))
    for o in site.obstacles:
        base = _grown(o.shape, clearance_m)
        out.append((f"obstacle {o.id}", Prism(base, -1.0, o.height_m + clearance_m)))
    return out


def free_space(site: Site, limits: Limits) -> FreeSpace:
    """Build the free space of a site.

    Buildings stand on the ground whatever their base: nobody flies under
    one. The geofence, where there is one, is shrunk by 5 m; no-fly volumes
    are grown by as much.
    """
    named = _solid_prisms(site, limits.standoff_m + SOLID_MARGIN_M)
    for n in site.no_fly:
        base = _grown(n.area, NO_FLY_MARGIN_M)
        top = n.top_m + NO_FLY_MARGIN_M
        bottom = -1.0 if n.bottom_m <= 0 else n.bottom_m - NO_FLY_MARGIN_M
        top = kernels.FOREVER_M if top > limits.ceiling_m else top
        named.append((f"no-fly area {n.id}", Prism(base, bottom, top)))
    area: BaseGeometry = MultiPolygon()
    if site.geofence is not None:
        wall, area = _fence_prism(site.geofence)
        named.append(("the geofence", wall))
    prisms = flatten(p for _, p in named)
    return FreeSpace(
        prisms=prisms,
        cells=cells_of(prisms),
        names=tuple(name for name, _ in named),
        floor_m=limits.floor_m,
        ceiling_m=limits.ceiling_m - CEILING_MARGIN_M,
        area=area,
    )
