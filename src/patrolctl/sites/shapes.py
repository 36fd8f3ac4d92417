"""GeoJSON geometry to shapely, in degrees, with faults that name the place."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from patrolctl.sites.faults import FaultList, meant, shown

Floats = npt.NDArray[np.float64]
MAX_VERTICES = 1_000_000
_MAX_NESTING = 8
_TYPES = frozenset(
    {"Point", "MultiPoint", "LineString", "MultiLineString"}
    | {"Polygon", "MultiPolygon"}
)


class ShapeReader:
    """Reads geometries of one file and counts their vertices."""

    def __init__(self, faults: FaultList) -> None:
        self._faults = faults
        self.vertices = 0
        self._read: dict[str, Callable[[object, str], BaseGeometry | None]] = {
            "Point": self._point,
            "MultiPoint": self._many(shapely.MultiPoint, self._point),
            "LineString": self._line,
            "MultiLineString": self._many(shapely.MultiLineString, self._line),
            "Polygon": self._polygon,
            "MultiPolygon": self._many(_multipolygon, self._polygon),
        }

    @property
    def too_many(self) -> bool:
        """Whether the file has more vertices than are read."""
        return self.vertices > MAX_VERTICES

    def read(
        self, geometry: dict[str, Any], place: str, allowed: tuple[str, ...]
    ) -> BaseGeometry | None:
        """Read one geometry, or note what is wrong with it.

        Args:
            geometry: the GeoJSON object.
            place: names the feature in faults.
            allowed: geometry types that its kind may have.

        Returns:
            The shape in (lon, lat) degrees, or None after a fault.
        """
        kind = geometry.get("type")
        if kind not in allowed:
            self._faults.add(
                f"{place}: geometry", f"is a {shown(kind)}", f"a {' or '.join(allowed)}"
            )
            return None
        return self._any(geometry, f"{place}: geometry", 0)

    def _any(
        self, geometry: dict[str, Any], place: str, depth: int
    ) -> BaseGeometry | None:
        kind = geometry.get("type")
        if kind == "GeometryCollection":
            return self._collection(geometry.get("geometries"), place, depth)
        if not isinstance(kind, str) or kind not in self._read:
            hint = meant(kind, _TYPES) if isinstance(kind, str) else None
            self._faults.add(place, f"has type {shown(kind)}", hint or "a GeoJSON type")
            return None
        return self._read[kind](geometry.get("coordinates"), place)

    def _collection(
        self, members: object, place: str, depth: int
    ) -> BaseGeometry | None:
        if not isinstance(members, list) or not members or depth > _MAX_NESTING:
            self._faults.add(place, "has no list of geometries", "at least one")
            return None
        shapes = [
            self._any(m, f"{place}.geometries[{i}]", depth + 1)
            for i, m in enumerate(members)
            if isinstance(m, dict)
        ]
        if len(shapes) < len(members) or None in shapes:
            return None
        return shapely.GeometryCollection([s for s in shapes if s is not None])

    def _many(
        self,
        build: Callable[[list[Any]], BaseGeometry],
        read: Callable[[object, str], BaseGeometry | None],
    ) -> Callable[[object, str], BaseGeometry | None]:
        def read_all(parts: object, place: str) -> BaseGeometry | None:
            if not isinstance(parts, list) or not parts:
                self._faults.add(place, "has no coordinates", "at least one part")
                return None
            shapes = [read(p, f"{place}.coordinates[{i}]") for i, p in enumerate(parts)]
            return None if any(s is None for s in shapes) else build(shapes)

        return read_all

    def _point(self, position: object, place: str) -> BaseGeometry | None:
        points = self._positions([position], place)
        return None if points is None else shapely.Point(points[0])

    def _line(self, positions: object, place: str) -> BaseGeometry | None:
        points = self._positions(positions, place)
        if points is None:
            return None
        if len(np.unique(points, axis=0)) < 2:
            self._faults.add(place, "has no length", "at least 2 different positions")
            return None
        return shapely.LineString(points)

    def _polygon(self, rings: object, place: str) -> BaseGeometry | None:
        if not isinstance(rings, list) or not rings:
            self._faults.add(place, "has no rings", "an outer ring of ≥ 4 positions")
            return None
        read = [self._ring(r, f"{place} ring {i}") for i, r in enumerate(rings)]
        if any(r is None for r in read):
            return None
        return self._valid(shapely.Polygon(read[0], read[1:]), place)

    def _ring(self, ring: object, place: str) -> Floats | None:
        points = self._positions(ring, place)
        if points is None:
            return None
        if len(points) < 4:
            what = f"has {len(points)} positions"
            self._faults.add(place, what, "at least 4, the last equal to the first")
            return None
        if not np.array_equal(points[0], points[-1]):
            self._faults.add(
                place,
                f"is not closed ({_at(points[0])} to {_at(points[-1])})",
                "repeat the first position at the end",
            )
            return None
        return points

    def _valid(self, polygon: shapely.Polygon, place: str) -> BaseGeometry | None:
        if polygon.is_valid:
            return polygon
        reason = shapely.is_valid_reason(polygon)
        what, _, where = reason.partition("[")
        numbers = where.rstrip("]").split()
        at = f" at {_at(np.array([float(n) for n in numbers[:2]]))}" if numbers else ""
        if what.startswith(("Self-intersection", "Ring Self-intersection")):
            said = f"crosses itself{at}"
        elif what.startswith("Too few points"):
            said = f"encloses no area{at}"
        else:
            said = f"{what.strip().lower()}{at}"
        self._faults.add(place, said, "rings that neither cross nor touch along a line")
        return None

    def _positions(self, positions: object, place: str) -> Floats | None:
        """(n, 2) lon, lat in degrees, within ±180 and ±90."""
        if not isinstance(positions, list) or not positions:
            self._faults.add(place, "has no coordinates", "[longitude, latitude], ...")
            return None
        self.vertices += len(positions)
        if self.too_many:
            return None  # told once, by the loader
        table = degrees_table(positions)
        if table is None:
            index = next((i for i, p in enumerate(positions) if not _is_pair(p)), 0)
            what = f"position {index} is {shown(repr(positions[index]))}"
            self._faults.add(place, what, "[longitude, latitude] in degrees")
            return None
        bad = ~np.isfinite(table).all(axis=1)
        bad |= (np.abs(table[:, 0]) > 180.0) | (np.abs(table[:, 1]) > 90.0)
        if bad.any():
            index = int(np.argmax(bad))
            self._note_range(table[index], f"{place}: position {index}")
            return None
        return table

    def _note_range(self, point: Floats, place: str) -> None:
        lon, lat = float(point[0]), float(point[1])
        if not (math.isfinite(lon) and math.isfinite(lat)):
            right = "finite degrees"
            self._faults.add(place, f"is [{lon}, {lat}], not a number", right)
        elif abs(lat) <= 180.0 and abs(lon) <= 90.0:
            self._faults.add(
                place,
                f"has latitude {lat}, beyond ±90: the axes look swapped",
                "[longitude, latitude], longitude first",
            )
        else:
            metres = max(abs(lon), abs(lat)) > 1000.0
            hint = "; these look like metres, reproject to WGS 84" if metres else ""
            self._faults.add(
                place,
                f"is [{lon}, {lat}], beyond ±180 / ±90",
                f"[longitude, latitude] in degrees{hint}",
            )


def _multipolygon(polygons: list[shapely.Polygon]) -> BaseGeometry:
    """Parts that touch or overlap are one part: a building drawn in wings."""
    whole = shapely.MultiPolygon(polygons)
    return whole if whole.is_valid else shapely.union_all(polygons)


def degrees_table(positions: list[Any]) -> Floats | None:
    """Positions as (n, 2) lon, lat; None when one of them is no position."""
    try:
        table = np.array(positions)
    except (ValueError, OverflowError):  # ragged, or beyond every number
        return None
    if table.dtype.kind not in "fiu" or table.ndim != 2:
        return None
    # RFC 7946, 3.1.1: a third number is a height; more have no meaning.
    return table[:, :2].astype(np.float64) if 2 <= table.shape[1] <= 3 else None


def _is_pair(position: object) -> bool:
    return (
        isinstance(position, list)
        and 2 <= len(position) <= 3
        and all(
            isinstance(v, int | float) and not isinstance(v, bool) for v in position
        )
    )


def _at(point: Floats) -> str:
    return f"lat {point[1]:.6f}, lon {point[0]:.6f}"
