"""The area to import: a GeoJSON polygon."""

from collections.abc import Callable
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from patrolctl.domain.errors import SiteError
from patrolctl.formats.importing.geojson_in import shape_of
from patrolctl.sites.document import read_json


def read_area(path: Path) -> BaseGeometry:
    """The polygons of a GeoJSON file as one area in (lon, lat) degrees.

    Raises:
        SiteError: unreadable, no polygon in it, or one that crosses itself.
    """
    try:
        raw = path.read_bytes()
    except OSError as e:
        what = f"cannot be read ({e.strerror or e})"
        raise SiteError.one(str(path), what, "a GeoJSON polygon") from None
    polygons = []
    for i, geometry in enumerate(_geometries(read_json(raw, str(path)))):
        try:
            shape = shape_of(geometry)
        except ValueError as e:
            raise SiteError.one(f"{path}: geometry {i}", str(e), "a Polygon") from None
        if shape.geom_type in ("Polygon", "MultiPolygon"):
            polygons.append(shape)
    if not polygons:
        raise SiteError.one(str(path), "has no polygon", "the outline of the area")
    for polygon in polygons:
        if not polygon.is_valid:
            reason = shapely.is_valid_reason(polygon)
            raise SiteError.one(str(path), f"is no area ({reason})", "a simple outline")
    return shapely.union_all(polygons)


def within(area: BaseGeometry | None) -> Callable[[BaseGeometry], bool]:
    """Whether a shape reaches into the area (None: the whole world)."""
    if area is None:
        return lambda shape: not shape.is_empty
    shapely.prepare(area)
    return lambda shape: bool(area.intersects(shape))


def _geometries(document: object) -> list[object]:
    if not isinstance(document, dict):
        return []
    features = document.get("features")
    if isinstance(features, list):
        return [f.get("geometry") for f in features if isinstance(f, dict)]
    if document.get("type") == "Feature":
        return [document.get("geometry")]
    return [document]
