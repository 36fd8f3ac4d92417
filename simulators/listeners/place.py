"""The place: a site file's solids in metres, and the ways of sound in it.

Read from ``site.geojson`` alone. The frame is a plane that touches the
ellipsoid (WGS 84 radii of curvature), good to centimetres over a kilometre.
"""

import json
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from simulators.listeners.propagation import Bend

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_AXIS_M, _ECC2 = 6378137.0, 6.69437999014e-3  # WGS 84
THIN_M = 0.3  # what has no area stands this wide on each side
CLEAR_M = 1e-3  # a crossing nearer to an end than this is that end


@dataclass(frozen=True, slots=True)
class Solid:
    """An upright solid: corners of its plan, bottom and top above ground."""

    name: str
    plan: BaseGeometry
    bottom_m: float
    top_m: float


@dataclass(frozen=True, slots=True)
class Paths:
    """From one point to n others: in view, or the ways round what is not."""

    clear: Bools
    bends: tuple[Bend, ...]


class Place:
    """Solids around an origin, as arrays of walls."""

    def __init__(
        self, lat_deg: float, lon_deg: float, ground_amsl_m: float = 0.0
    ) -> None:
        self.lat_deg = lat_deg
        self.lon_deg = lon_deg
        self.ground_amsl_m = ground_amsl_m
        bulge = 1.0 - _ECC2 * math.sin(math.radians(lat_deg)) ** 2
        self._m_per_lat = math.radians(1.0) * _AXIS_M * (1.0 - _ECC2) / bulge**1.5
        across = _AXIS_M / math.sqrt(bulge) * math.cos(math.radians(lat_deg))
        self._m_per_lon = math.radians(1.0) * across
        self.solids: list[Solid] = []
        self._walls = np.empty((0, 4))
        self._of = np.empty(0, dtype=np.int64)
        self._span = np.empty((0, 2))

    def to_m(self, lat_deg: Floats, lon_deg: Floats) -> Floats:
        """(n, 2) metres east and north of the origin."""
        east = (np.asarray(lon_deg) - self.lon_deg) * self._m_per_lon
        north = (np.asarray(lat_deg) - self.lat_deg) * self._m_per_lat
        return np.column_stack([east, north])

    def build(self, solids: list[Solid]) -> None:
        """Put up the walls."""
        walls, of = [], []
        for number, solid in enumerate(solids):
            plan = solid.plan if solid.plan.area > 0 else solid.plan.buffer(THIN_M)
            for part in shapely.get_parts(plan):
                for ring in (part.exterior, *part.interiors):
                    xy = shapely.get_coordinates(ring)
                    walls.append(np.hstack([xy[:-1], xy[1:]]))
                    of += [number] * (len(xy) - 1)
        self.solids = solids
        self._walls = np.vstack(walls) if walls else np.empty((0, 4))
        self._of = np.array(of, dtype=np.int64)
        self._span = np.array([(s.bottom_m, s.top_m) for s in solids]).reshape(-1, 2)

    def paths(self, source_m: Floats, ears_m: Floats) -> Paths:
        """How sound gets from (3,) to (n, 3)."""
        n = len(ears_m)
        if not len(self._walls):
            return Paths(np.ones(n, dtype=np.bool_), ())
        at = self._crossings(source_m[:2], ears_m[:, :2])
        height = source_m[2] + at * (ears_m[:, 2] - source_m[2])[:, None]
        span = self._span[self._of]
        with np.errstate(invalid="ignore"):
            hits = (height > span[:, 0]) & (height < span[:, 1])
        clear = ~hits.any(axis=1)
        hidden = np.flatnonzero(~clear)
        over = self._over(source_m, ears_m, hidden, at)
        sides = self._sides(source_m, ears_m, hidden, hits)
        return Paths(clear, (over, *sides))

    def _crossings(self, source: Floats, ears: Floats) -> Floats:
        """(n, walls) where each line crosses each wall, 0 to 1, else NaN."""
        w = self._walls
        run = ears - source
        side = w[:, 2:] - w[:, :2]
        start = w[:, :2] - source
        cross = run[:, :1] * side[:, 1] - run[:, 1:] * side[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            along = (start[:, 0] * side[:, 1] - start[:, 1] * side[:, 0]) / cross
            share = (start[:, 0] * run[:, 1:] - start[:, 1] * run[:, :1]) / cross
            length = np.linalg.norm(run, axis=1)[:, None]
            inner = (along * length > CLEAR_M) & ((1.0 - along) * length > CLEAR_M)
            found = inner & (share >= 0.0) & (share <= 1.0)
        return np.where(found, along, np.nan)

    def _over(
        self, source: Floats, ears: Floats, hidden: npt.NDArray[np.int64], at: Floats
    ) -> Bend:
        """The rubber band over the roofs on the line, for the hidden ones."""
        first, between, last, direct = (np.full(len(ears), np.inf) for _ in range(4))
        direct[:] = np.linalg.norm(ears - source, axis=1)
        for k in hidden:
            crossed = np.flatnonzero(~np.isnan(at[k]))
            flat = float(np.linalg.norm(ears[k, :2] - source[:2]))
            points = [(0.0, float(source[2]))]
            points += sorted(
                (float(at[k, w]) * flat, float(self._span[self._of[w], 1]))
                for w in crossed
            )
            band = _upper_hull([*points, (flat, float(ears[k, 2]))])
            steps = [math.dist(a, b) for a, b in pairwise(band)]
            if len(steps) < 2:
                continue  # bottoms, not roofs, are in the way: no way over
            first[k], last[k], between[k] = steps[0], steps[-1], sum(steps[1:-1])
        return Bend(first, between, last, direct, over=True)

    def _sides(
        self, source: Floats, ears: Floats, hidden: npt.NDArray[np.int64], hits: Bools
    ) -> tuple[Bend, Bend]:
        """Round one corner on each side: the one that asks for the longest way.

        The true way may touch more corners and is then a little longer.
        """
        n = len(ears)
        direct = np.linalg.norm(ears - source, axis=1)
        ways = [np.full((n, 2), np.inf) for _ in range(2)]
        corner = self._walls[:, :2]
        run = ears[:, :2] - source[:2]
        rise = np.abs(ears[:, 2] - source[2])
        leg1 = np.linalg.norm(corner - source[:2], axis=1)
        for k in hidden:
            mine = np.isin(self._of, np.unique(self._of[hits[k]]))
            leg2 = np.linalg.norm(corner[mine] - ears[k, :2], axis=1)
            off = corner[mine] - source[:2]
            turn = run[k, 0] * off[:, 1] - run[k, 1] * off[:, 0]
            for way, here in zip(ways, (turn > 0, turn < 0), strict=True):
                if here.any():
                    far = int(np.argmax(np.where(here, leg1[mine] + leg2, -1.0)))
                    flat = leg1[mine][far] + leg2[far]
                    stretch = math.hypot(flat, rise[k]) / flat
                    way[k] = leg1[mine][far] * stretch, leg2[far] * stretch
        none = np.zeros(n)
        left, right = (Bend(w[:, 0], none, w[:, 1], direct, over=False) for w in ways)
        return left, right


def _upper_hull(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The rubber band over points in order of distance."""
    band: list[tuple[float, float]] = []
    for p in points:
        while len(band) >= 2:
            (x1, y1), (x2, y2) = band[-2], band[-1]
            if (x2 - x1) * (p[1] - y1) < (y2 - y1) * (p[0] - x1):
                break
            band.pop()
        band.append(p)
    return band


def read_place(path: Path) -> Place:
    """Read a site file.

    Raises:
        ValueError: it is no site file, or a building has neither height nor
            floors.
        OSError: it cannot be read.
    """
    document = json.loads(path.read_bytes())
    features = document.get("features") if isinstance(document, dict) else None
    if not features:
        msg = f"{path}: holds no features"
        raise ValueError(msg)
    kept = [f for f in features if f["properties"].get("kind") in _SOLID]
    shapes = [shapely.from_geojson(json.dumps(f["geometry"])) for f in features]
    middle = shapely.union_all([s.envelope for s in shapes]).centroid
    place = Place(middle.y, middle.x, float(document.get("ground_amsl_m", 0.0)))
    place.build([_solid(f, place) for f in kept])
    return place


_SOLID = ("building", "obstacle")
FLOOR_M = 3.0


def _solid(feature: dict[str, object], place: Place) -> Solid:
    properties = feature["properties"]
    if not isinstance(properties, dict):
        msg = f"feature {feature.get('id')}: has no properties"
        raise TypeError(msg)
    height = properties.get("height_m")
    if height is None and properties.get("floors") is not None:
        height = properties["floors"] * float(
            properties.get("floor_height_m") or FLOOR_M
        )
        height += float(properties.get("base_m") or 0.0)
    if height is None:
        msg = f"feature {feature.get('id')}: has neither height_m nor floors"
        raise ValueError(msg)
    shape = shapely.from_geojson(json.dumps(feature["geometry"]))
    plan = shapely.transform(shape, lambda xy: place.to_m(xy[:, 1], xy[:, 0]))
    bottom = float(properties.get("base_m") or 0.0)
    return Solid(str(feature.get("id")), plan, bottom, float(height))
