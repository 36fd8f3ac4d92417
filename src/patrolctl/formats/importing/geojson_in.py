"""GeoJSON: footprints of any maker, and site files."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from patrolctl.domain.errors import SiteError
from patrolctl.formats.importing import tags as t
from patrolctl.formats.importing.buildings import footprint_of
from patrolctl.formats.importing.found import Found, Street
from patrolctl.sites.document import read_json
from patrolctl.sites.faults import shown
from patrolctl.sites.kinds import KINDS
from patrolctl.sites.shapes import degrees_table

_DRAWN = frozenset(KINDS) - {"building", "road"}
_PARTS = frozenset({"building_part", "building:part"})


def read_geojson(raw: bytes, source: str, found: Found) -> None:
    """Add the buildings, roads and site features of a GeoJSON file.

    A polygon is a building unless its ``kind`` or tags say that it is
    something else; features of a site file's other kinds are kept as they
    are. A feature that cannot be used is left out with a warning.

    Raises:
        SiteError: not a GeoJSON FeatureCollection.
    """
    for index, feature in enumerate(_features(read_json(raw, source), source)):
        place = f"{source}: features[{index}]"
        properties = feature.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        name = _id(feature, properties) or f"f{index}"
        try:
            shape = shape_of(feature.get("geometry"))
        except ValueError as e:
            found.warnings.append(f"{place} ({shown(name)}): left out: {e}")
            continue
        found.count(source, int(shapely.get_num_coordinates(shape)))
        add_feature(found, name, shape, properties, feature)


def add_feature(
    found: Found,
    name: str,
    shape: BaseGeometry,
    properties: Mapping[str, Any],
    feature: dict[str, Any],
) -> None:
    """Sort one feature into buildings, streets and the rest."""
    kind = properties.get("kind")
    if kind in _DRAWN:
        found.others.append({**feature, "id": name})
    elif shape.geom_type in ("Polygon", "MultiPolygon"):
        if _is_building(kind, properties):
            part = kind in _PARTS or "building:part" in properties
            found.footprints.append(footprint_of(name, shape, properties, part=part))
    elif shape.geom_type.endswith("LineString") and (
        kind == "road" or t.drivable(properties)
    ):
        found.streets.extend(_streets(name, shape, properties))


def shape_of(geometry: object) -> BaseGeometry:
    """A geometry in (lon, lat) degrees; rings may be open or cross themselves.

    Raises:
        ValueError: no geometry, or positions that are none.
    """
    given = geometry if isinstance(geometry, dict) else {}
    kind, coordinates = given.get("type"), given.get("coordinates")
    readers: dict[object, Callable[[Any], BaseGeometry]] = {
        "Point": lambda c: shapely.Point(_positions([c])[0]),
        "LineString": _line,
        "Polygon": _polygon,
        "MultiLineString": lambda c: shapely.MultiLineString([_line(p) for p in c]),
        "MultiPolygon": lambda c: shapely.MultiPolygon([_polygon(p) for p in c]),
    }
    if kind not in readers:
        msg = f"is a {shown(kind)}" if kind else "has no geometry"
        raise ValueError(msg)
    if not isinstance(coordinates, list) or not coordinates:
        msg = "has no coordinates"
        raise ValueError(msg)
    return readers[kind](coordinates)


def _polygon(rings: object) -> shapely.Polygon:
    if not isinstance(rings, list) or not rings:
        msg = "has no rings"
        raise ValueError(msg)
    tables = [_positions(r) for r in rings]
    if any(len(np.unique(table, axis=0)) < 3 for table in tables):
        msg = "has a ring of fewer than 3 different positions"
        raise ValueError(msg)
    return shapely.Polygon(tables[0], tables[1:])


def _line(positions: object) -> shapely.LineString:
    table = _positions(positions)
    if len(np.unique(table, axis=0)) < 2:
        msg = "is a line without length"
        raise ValueError(msg)
    return shapely.LineString(table)


def _positions(positions: object) -> np.ndarray[Any, np.dtype[np.float64]]:
    table = degrees_table(positions) if isinstance(positions, list) else None
    if table is None or not len(table):
        msg = "has positions that are not [longitude, latitude]"
        raise ValueError(msg)
    if not np.isfinite(table).all():
        msg = "has a position that is not a number"
        raise ValueError(msg)
    if (np.abs(table[:, 0]) > 180.0).any() or (np.abs(table[:, 1]) > 90.0).any():
        worst = table[int(np.argmax(np.abs(table[:, 1])))]
        msg = f"has position [{worst[0]}, {worst[1]}], beyond ±180 / ±90"
        raise ValueError(msg)
    return table


def _features(document: object, source: str) -> Iterator[dict[str, Any]]:
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        raise SiteError.one(
            source, "is no GeoJSON FeatureCollection", "buildings as GeoJSON features"
        )
    return (f if isinstance(f, dict) else {} for f in features)


def _id(feature: Mapping[str, Any], properties: Mapping[str, Any]) -> str | None:
    for value in (feature.get("id"), properties.get("id"), properties.get("osm_id")):
        usable = isinstance(value, str | int) and not isinstance(value, bool)
        if usable and str(value).strip() and str(value).isprintable():
            return str(value)[:100]
    return None


def _is_building(kind: object, properties: Mapping[str, Any]) -> bool:
    if properties.get("building") == "no" or t.underground(properties):
        return False
    if kind is None or kind == "building" or kind in _PARTS:
        return "highway" not in properties and "landuse" not in properties
    return "building" in properties


def _streets(
    name: str, shape: BaseGeometry, properties: Mapping[str, Any]
) -> Iterator[Street]:
    oneway = properties.get("oneway")
    direction = int(oneway) if isinstance(oneway, bool) else t.direction_of(properties)
    limit = properties.get("speed_limit_m_s")
    if not isinstance(limit, int | float) or not 0.0 < limit <= 60.0:
        limit = t.speed_m_s(properties.get("maxspeed"))
    title = properties.get("name")
    lines = shapely.get_parts(shape)
    for i, line in enumerate(lines):
        along = line.reverse() if direction < 0 else line
        id_ = name if len(lines) == 1 else f"{name}-{i}"
        shown_title = shown(title) if isinstance(title, str) else None
        yield Street(id_, along, shown_title, direction != 0, limit)
