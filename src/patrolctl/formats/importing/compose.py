"""Other people's maps to ``site.geojson``."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from patrolctl.domain.errors import Fault, SiteError
from patrolctl.domain.site import Site
from patrolctl.formats.importing.area import read_area, within
from patrolctl.formats.importing.clean import clean, free_id
from patrolctl.formats.importing.found import Footprint, Found, Street
from patrolctl.formats.importing.geojson_in import read_geojson
from patrolctl.formats.importing.kml_in import read_kml, unpack_kmz
from patrolctl.formats.importing.osm_in import read_osm
from patrolctl.sites import parse_site, site_id_of
from patrolctl.sites.document import MAX_BYTES
from patrolctl.sites.kinds import storeys
from patrolctl.sites.write import collection_bytes

_OSM = (".osm", ".osm.gz", ".osm.bz2", ".pbf", ".osm.xml")
_DECIMALS = 8


@dataclass(frozen=True, slots=True)
class ImportedSite:
    """An imported site, as bytes and as what those bytes parse to."""

    raw: bytes
    site: Site
    warnings: tuple[str, ...]


def import_site(
    sources: tuple[Path, ...], *, area: Path | None = None, name: str = "imported"
) -> ImportedSite:
    """Read buildings and roads from files of any of the known formats.

    Args:
        sources: GeoJSON, OSM (XML or PBF), KML or KMZ, told by their names.
        area: a GeoJSON polygon; buildings that do not touch it are left out,
            roads are cut at it.
        name: the site's name.

    Returns:
        A site that passes ``site check``.

    Raises:
        SiteError: a source cannot be read, or nothing usable is in it.
    """
    outline = None if area is None else read_area(area)
    near = within(outline)
    found = Found()
    for source in sources:
        _read(source, found, near)
    buildings = clean([f for f in found.footprints if near(f.shape)], found.warnings)
    streets = _cut([s for s in found.streets if near(s.line)], outline)
    if not buildings and not streets and not found.others:
        reasons = [Fault(w, "") for w in found.warnings]
        what = "no building and no road" + (" in the area" if area else "")
        place = ", ".join(str(s) for s in sources)
        fault = Fault(place, what, "polygons with a height, or another --area")
        raise SiteError([*reasons, fault])
    raw = _document(buildings, streets, found, name)
    site = parse_site(raw, source=f"{name}.geojson")
    return ImportedSite(raw, site, (*found.warnings, *site.warnings))


def _read(path: Path, found: Found, near: Callable[[BaseGeometry], bool]) -> None:
    source, lower = str(path), path.name.lower()
    if not path.is_file():
        what = "is no file" if path.exists() else "does not exist"
        raise SiteError.one(source, what, "a GeoJSON, OSM or KML file")
    if lower.endswith(_OSM):
        read_osm(path, source, found, near)
        return
    if not lower.endswith((".geojson", ".json", ".kml", ".kmz")):
        right = ".geojson, .json, .osm, .osm.gz, .osm.pbf, .kml or .kmz"
        raise SiteError.one(source, "is of an unknown format", right)
    if path.stat().st_size > MAX_BYTES:
        what = f"is {path.stat().st_size / 2**20:.0f} MiB"
        raise SiteError.one(source, what, f"at most {MAX_BYTES // 2**20} MiB")
    raw = path.read_bytes()
    if lower.endswith(".kmz"):
        read_kml(unpack_kmz(raw, source), source, found)
    elif lower.endswith(".kml"):
        read_kml(raw, source, found)
    else:
        read_geojson(raw, source, found)


def _cut(streets: list[Street], area: BaseGeometry | None) -> list[Street]:
    if area is None:
        return streets
    kept = []
    for street in streets:
        inside = shapely.intersection(street.line, area)
        lines = [p for p in shapely.get_parts(inside) if p.geom_type == "LineString"]
        for i, line in enumerate(lines):
            # An intersection may turn a line round; its direction matters.
            start, end = (
                street.line.project(shapely.Point(line.coords[k])) for k in (0, -1)
            )
            along = line.reverse() if start > end else line
            id_ = street.id if len(lines) == 1 else f"{street.id}-{i}"
            limit = street.speed_limit_m_s
            kept.append(Street(id_, along, street.name, street.oneway, limit))
    return kept


def _document(
    buildings: list[Footprint], streets: list[Street], found: Found, name: str
) -> bytes:
    used = {str(f["id"]) for f in found.others}
    features = [_feature(f.id, used, _building(f), f.shape) for f in buildings]
    for s in streets:
        line = _rounded_line(s.line)
        if line is not None:
            features.append(_feature(s.id, used, _road(s), line))
    members: dict[str, Any] = {"id": site_id_of(name), "name": name}
    if found.attribution:
        members["attribution"] = "; ".join(sorted(found.attribution))
    return collection_bytes(members, features + found.others)


def _feature(
    id_: str, used: set[str], properties: dict[str, Any], shape: BaseGeometry
) -> dict[str, Any]:
    free = free_id(id_, used)
    used.add(free)
    rounded = shapely.transform(shape, lambda c: np.round(c, _DECIMALS))
    return {
        "type": "Feature",
        "id": free,
        "properties": {k: v for k, v in properties.items() if v is not None},
        "geometry": shapely.geometry.mapping(rounded),
    }


def _rounded_line(line: shapely.LineString) -> shapely.LineString | None:
    """None for a line that is shorter than the coordinates' last digit."""
    points = np.round(shapely.get_coordinates(line), _DECIMALS)
    return line if len(np.unique(points, axis=0)) > 1 else None


def _building(f: Footprint) -> dict[str, Any]:
    height_m, floors, floor_m = storeys(
        f.height_m, f.floors, f.floor_height_m, f.base_m
    )
    warning = "height unknown: the import's default" if f.assumed else None
    return {
        "kind": "building",
        "name": f.name,
        "height_m": round(height_m, 2),
        "floors": floors,
        "floor_height_m": round(floor_m, 3),
        "base_m": round(f.base_m, 2) or None,
        "residential": None if f.residential else False,
        "households": f.households,
        "height_assumed": f.assumed or None,
        "warning": warning,
    }


def _road(s: Street) -> dict[str, Any]:
    limit = s.speed_limit_m_s
    return {
        "kind": "road",
        "name": s.name,
        "oneway": s.oneway or None,
        "speed_limit_m_s": None if limit is None else round(limit, 2),
    }
