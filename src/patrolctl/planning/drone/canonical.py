"""A frame that belongs to the site's buildings.

Grids and headings are laid out in it, so that turning or shifting a site
turns and shifts its plan and changes nothing else.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from patrolctl.acoustics.bands import Floats
from patrolctl.domain.site import Site, SitePoint

G = TypeVar("G", bound=BaseGeometry)
_ROUND_M = 1.0e-3  # coordinates are rounded, so that noise cannot add up


@dataclass(frozen=True, slots=True)
class Canonical:
    """x runs along the long side of the buildings' smallest rectangle."""

    angle_rad: float
    east_m: float
    north_m: float

    def inward(self, en_m: Floats) -> Floats:
        """(n, 2) east, north to canonical x, y."""
        c, s = math.cos(self.angle_rad), math.sin(self.angle_rad)
        d = np.asarray(en_m, dtype=np.float64) - (self.east_m, self.north_m)
        return np.column_stack([c * d[:, 0] + s * d[:, 1], c * d[:, 1] - s * d[:, 0]])

    def outward(self, xy_m: Floats) -> Floats:
        """(n, 2) canonical x, y to east, north."""
        c, s = math.cos(self.angle_rad), math.sin(self.angle_rad)
        xy = np.asarray(xy_m, dtype=np.float64)
        east = c * xy[:, 0] - s * xy[:, 1] + self.east_m
        north = s * xy[:, 0] + c * xy[:, 1] + self.north_m
        return np.column_stack([east, north])

    def heading_deg(self, canonical_deg: float) -> float:
        """A compass heading of the canonical frame as one of the site's."""
        return (canonical_deg - math.degrees(self.angle_rad)) % 360.0


def _rectangle(shapes: list[BaseGeometry]) -> tuple[float, float, float]:
    """Angle and corner of the smallest rectangle, long side first."""
    box = shapely.GeometryCollection(shapes).minimum_rotated_rectangle
    ring = shapely.get_coordinates(box)
    if len(ring) < 4:
        return 0.0, float(ring[0, 0]), float(ring[0, 1])
    sides = np.diff(ring[:3], axis=0)
    along = sides[int(np.argmax(np.round(np.linalg.norm(sides, axis=1), 3)))]
    return math.atan2(along[1], along[0]), float(ring[0, 0]), float(ring[0, 1])


def canonical_of(site: Site) -> Canonical:
    """Choose the frame; a turned site gets the same one, turned.

    Of the two ways along the long side the one is taken that has more of
    the built volume near the origin.
    """
    shapes: list[BaseGeometry] = [b.footprint for b in site.buildings]
    if not shapes:
        return Canonical(0.0, 0.0, 0.0)
    angle, *_ = _rectangle(shapes)
    best: tuple[float, Canonical] | None = None
    weights = np.array([b.footprint.area * b.height_m for b in site.buildings])
    centers = shapely.get_coordinates(shapely.centroid(np.array(shapes)))
    corners = np.vstack([shapely.get_coordinates(s) for s in shapes])
    for turn in (0.0, math.pi):
        frame = Canonical(angle + turn, 0.0, 0.0)
        low = frame.inward(corners).min(axis=0)
        origin = frame.outward(low[None, :])[0]
        frame = Canonical(angle + turn, float(origin[0]), float(origin[1]))
        middle = weights @ frame.inward(centers) / weights.sum()
        score = float(np.round(middle.sum(), 3))
        if best is None or score < best[0]:
            best = (score, frame)
    if best is None:
        return Canonical(0.0, 0.0, 0.0)
    return best[1]


def _mover(frame: Canonical) -> Callable[[G], G]:
    def move(shape: G) -> G:
        return shapely.transform(
            shape, lambda xy: np.round(frame.inward(xy) / _ROUND_M) * _ROUND_M
        )

    return move


def into(site: Site, frame: Canonical) -> Site:
    """The site with its geometry in the canonical frame.

    Its ``frame`` still belongs to the original; only shapes are moved.
    """
    move = _mover(frame)

    def point(p: SitePoint) -> SitePoint:
        x, y = frame.inward(np.array([[p.east_m, p.north_m]]))[0]
        return replace(p, east_m=round(float(x), 3), north_m=round(float(y), 3))

    return replace(
        site,
        zones=tuple(replace(z, area=move(z.area)) for z in site.zones),
        buildings=tuple(
            replace(b, footprint=move(b.footprint)) for b in site.buildings
        ),
        no_fly=tuple(replace(n, area=move(n.area)) for n in site.no_fly),
        geofence=None if site.geofence is None else move(site.geofence),
        launches=tuple(point(p) for p in site.launches),
        sampling_points=tuple(point(p) for p in site.sampling_points),
        obstacles=tuple(replace(o, shape=move(o.shape)) for o in site.obstacles),
    )
