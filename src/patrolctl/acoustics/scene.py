"""The solids that stand between a loudspeaker and its listeners."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from patrolctl.acoustics import rays
from patrolctl.acoustics.bands import Bools, Floats
from patrolctl.domain.site import Site

Ints = npt.NDArray[np.int32]
UNLIMITED_M = 1.0e9
_GRAZE_M = 1.0e-6
_THIN_M = 0.3  # a point or line obstacle becomes a solid this wide each side


@dataclass(frozen=True, slots=True)
class Prism:
    """An upright solid: polygonal base, from ``bottom_m`` up to ``top_m``."""

    base: BaseGeometry
    bottom_m: float
    top_m: float


@dataclass(frozen=True, slots=True)
class Prisms:
    """Prisms as flat arrays, for kernels.

    ``edges`` (m, 4) are x, y of both ends of every ring's every edge, holes
    included; those of prism k are rows ``starts[k]`` to ``starts[k + 1]``.
    ``boxes`` (p, 4) are west, south, east, north; ``spans`` (p, 2) bottom, top.
    """

    edges: Floats
    starts: Ints
    boxes: Floats
    spans: Floats

    def __len__(self) -> int:
        return len(self.spans)


def _edges_of(shape: BaseGeometry) -> Floats:
    rings: list[Floats] = []
    for part in shapely.get_parts(shape):
        if part.geom_type != "Polygon":
            continue
        for ring in (part.exterior, *part.interiors):
            xy = shapely.get_coordinates(ring)
            rings.append(np.hstack([xy[:-1], xy[1:]]))
    return np.vstack(rings) if rings else np.empty((0, 4))


def flatten(prisms: Iterable[Prism]) -> Prisms:
    """Turn solids into arrays; shapes without area are thickened."""
    edges, starts, boxes, spans = [], [0], [], []
    for prism in prisms:
        base = prism.base
        if base.area == 0.0:
            base = base.buffer(_THIN_M, quad_segs=2)
        mine = _edges_of(base)
        if not len(mine):
            continue
        edges.append(mine)
        starts.append(starts[-1] + len(mine))
        boxes.append(base.bounds)
        spans.append((prism.bottom_m, prism.top_m))
    return Prisms(
        np.ascontiguousarray(np.vstack(edges)) if edges else np.empty((0, 4)),
        np.array(starts, dtype=np.int32),
        np.array(boxes, dtype=np.float64).reshape(-1, 4),
        np.array(spans, dtype=np.float64).reshape(-1, 2),
    )


@dataclass(frozen=True, slots=True)
class Scene:
    """Buildings and obstacles of a site as sound meets them."""

    prisms: Prisms

    def visible(
        self,
        sources_m: Floats,
        receivers_m: Floats,
        *,
        range_m: float = UNLIMITED_M,
        error_m: float = 0.0,
        normals: Floats | None = None,
        wanted: Bools | None = None,
    ) -> Bools:
        """Which receivers see which sources.

        Args:
            sources_m: (k, 3) ENU.
            receivers_m: (n, 3) ENU.
            range_m: pairs farther apart than this are not looked at.
            error_m: the line must stay clear for every source position
                within this distance of the given one, not only for it.
            normals: (n, 2) out of the receivers' own walls (zero: none);
                sources behind a wall's plane are not seen. Only saves time.
            wanted: (k, n) pairs to look at; None: all of them.

        Returns:
            (k, n), False also beyond ``range_m`` and where not wanted.
            Quickest where points that stand one above the other follow
            each other.
        """
        p = self.prisms
        src = np.ascontiguousarray(sources_m, dtype=np.float64)
        rec = np.ascontiguousarray(receivers_m, dtype=np.float64)
        every = (len(src), len(rec))
        out = np.ones(every, dtype=np.bool_) if wanted is None else wanted.copy()
        walls = np.empty((0, 2)) if normals is None else np.ascontiguousarray(normals)
        # A line that grazes a corner is not clear.
        limits = (range_m, max(error_m, _GRAZE_M))
        rays.see(src, rec, limits, walls, (p.edges, p.starts, p.boxes, p.spans), out)
        return out

    def detours(self, source_m: Floats, receivers_m: Floats) -> Floats:
        """Ways over the roofs and around both sides of what is in between.

        Args:
            source_m: (3,) ENU.
            receivers_m: (n, 3) ENU.

        Returns:
            (n, 3, 3): over, left, right × to the first edge, between, from
            the last edge, metres; infinite where there is no such way.
        """
        p = self.prisms
        rec = np.ascontiguousarray(receivers_m, dtype=np.float64)
        out = np.full((len(rec), 3, 3), np.inf)
        src = np.ascontiguousarray(source_m, dtype=np.float64)
        rays.bend(src, rec, (p.edges, p.starts, p.boxes, p.spans), out)
        return out


def site_prisms(site: Site) -> tuple[Prism, ...]:
    """Buildings and obstacles as solids, heights above the site's ground."""
    buildings = (
        Prism(b.footprint, b.base_m, b.height_m)
        for b in site.buildings
        if b.height_m > b.base_m
    )
    obstacles = (Prism(o.shape, 0.0, o.height_m) for o in site.obstacles)
    return (*buildings, *obstacles)


def scene_of(site: Site) -> Scene:
    """The scene of a site: its buildings and obstacles."""
    return Scene(flatten(site_prisms(site)))
