"""OpenStreetMap extracts: ``.osm`` (also gzipped or bzipped) and ``.osm.pbf``.

Read as a stream: what lies outside of the area is never kept.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import shapely
from shapely.geometry.base import BaseGeometry

from patrolctl.domain.errors import SiteError
from patrolctl.formats.importing import tags as t
from patrolctl.formats.importing.buildings import footprint_of
from patrolctl.formats.importing.found import Found, Street

ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0"
_KEYS = ("building", "building:part", "highway")


def read_osm(
    path: Path, source: str, found: Found, near: Callable[[BaseGeometry], bool]
) -> None:
    """Add the buildings and drivable ways of an extract.

    Args:
        path: the file; its name tells the format.
        source: names it in warnings.
        found: is added to.
        near: whether a shape is to be kept.

    Raises:
        SiteError: the file cannot be read.
    """
    reader = _OsmReader(source, found, near)
    try:
        processor = (
            osmium.FileProcessor(str(path))
            .with_areas(osmium.filter.KeyFilter(*_KEYS[:2]))
            .with_filter(osmium.filter.KeyFilter(*_KEYS))
        )
        for thing in processor:
            reader.take(thing)
    except (RuntimeError, OSError, ValueError) as e:
        what = f"cannot be read as OpenStreetMap data ({str(e).splitlines()[0]})"
        right = "an .osm, .osm.gz or .osm.pbf file"
        raise SiteError.one(source, what, right) from None
    reader.finish()
    found.attribution.add(ATTRIBUTION)


class _OsmReader:
    def __init__(
        self, source: str, found: Found, near: Callable[[BaseGeometry], bool]
    ) -> None:
        self._source = source
        self._found = found
        self._near = near
        # Closed ways that should become areas; what is not assembled is broken.
        self._assembled: set[int] = set()
        self._waiting: dict[int, tuple[dict[str, str], BaseGeometry]] = {}
        self._incomplete = 0

    def take(self, thing: Any) -> None:
        """Sort one object of the stream."""
        if thing.is_area():
            self._area(thing)
        elif thing.is_way():
            self._way(thing, dict(thing.tags))

    def finish(self) -> None:
        """Take what the area assembler could not close; cleaning repairs it."""
        for way_id, (tags, shape) in self._waiting.items():
            if way_id in self._assembled:
                continue
            self._building(f"w{way_id}", shape, tags)
        if self._incomplete:
            self._found.warnings.append(
                f"{self._source}: {self._incomplete} ways reach beyond the extract "
                "and were left out"
            )

    def _area(self, area: Any) -> None:
        tags = dict(area.tags)
        if not _is_building(tags):
            return
        try:
            polygons = [
                shapely.Polygon(
                    _degrees(outer), [_degrees(i) for i in area.inner_rings(outer)]
                )
                for outer in area.outer_rings()
            ]
        except osmium.InvalidLocationError:
            self._incomplete += 1
            return
        if not polygons:  # osmium could not close it; see finish()
            return
        if area.from_way():
            self._assembled.add(area.orig_id())
        prefix = "w" if area.from_way() else "r"
        shape = polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
        self._building(f"{prefix}{area.orig_id()}", shape, tags)

    def _way(self, way: Any, tags: dict[str, str]) -> None:
        road = t.drivable(tags)
        building = _is_building(tags) and way.is_closed() and len(way.nodes) > 3
        if not road and not building:
            return
        try:
            points = _degrees(way.nodes)
        except osmium.InvalidLocationError:
            self._incomplete += 1
            return
        if road and len(np.unique(points, axis=0)) > 1:
            self._street(way.id, shapely.LineString(points), tags)
        elif building and len(np.unique(points, axis=0)) > 2:
            outline = shapely.Polygon(points)
            if self._near(outline):
                self._waiting[way.id] = (tags, outline)

    def _building(self, id_: str, shape: BaseGeometry, tags: Mapping[str, str]) -> None:
        if not self._near(shape):
            return
        self._found.count(self._source, int(shapely.get_num_coordinates(shape)))
        part = "building" not in tags
        self._found.footprints.append(footprint_of(id_, shape, tags, part=part))

    def _street(
        self, way_id: int, line: shapely.LineString, tags: Mapping[str, str]
    ) -> None:
        if not self._near(line):
            return
        self._found.count(self._source, int(shapely.get_num_coordinates(line)))
        direction = t.direction_of(tags)
        limit_m_s = t.speed_m_s(tags.get("maxspeed"))
        along = line.reverse() if direction < 0 else line
        name = tags.get("name")
        street = Street(f"w{way_id}", along, name, direction != 0, limit_m_s)
        self._found.streets.append(street)


def _is_building(tags: Mapping[str, str]) -> bool:
    value = tags.get("building") or tags.get("building:part")
    return value is not None and value != "no" and not t.underground(tags)


def _degrees(nodes: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([(n.lon, n.lat) for n in nodes], dtype=np.float64)
