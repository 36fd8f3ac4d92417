"""KML and KMZ, read with suspicion: no entities, no zip bombs, no slips."""

import io
import stat
import zipfile
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

import shapely
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from shapely.geometry.base import BaseGeometry

from patrolctl.domain.errors import SiteError
from patrolctl.formats.importing.found import Found
from patrolctl.formats.importing.geojson_in import add_feature, shape_of
from patrolctl.sites.faults import shown

MAX_UNPACKED_BYTES = 64 * 2**20
MAX_ENTRIES = 1000
MAX_RATIO = 200


def read_kml(raw: bytes, source: str, found: Found) -> None:
    """Add the placemarks of a KML file.

    Polygons are buildings and lines are roads unless their ExtendedData has
    a ``kind`` of a site file. An extruded polygon's altitude above ground is
    its height.

    Raises:
        SiteError: not XML, or XML with a DTD or entities.
    """
    root = _parse(raw, source)
    for index, placemark in enumerate(_all(root, "Placemark")):
        name = _text(placemark, "name")
        id_ = placemark.get("id") or f"k{index}"
        properties: dict[str, object] = {"name": name} if name else {}
        properties |= dict(_data(placemark))
        for number, geometry in enumerate(_geometries(placemark)):
            try:
                shape, height_m = _shape(geometry)
            except ValueError as e:
                place = f"{source}: Placemark {index} ({shown(name or id_)})"
                found.warnings.append(f"{place}: left out: {e}")
                continue
            found.count(source, int(shapely.get_num_coordinates(shape)))
            given = dict(properties)
            if height_m is not None:
                given.setdefault("height", height_m)
            if shape.geom_type == "LineString":
                given.setdefault("kind", "road")
            unique = id_ if number == 0 else f"{id_}-{number}"
            add_feature(found, unique, shape, given, _feature(unique, shape, given))


def unpack_kmz(raw: bytes, source: str) -> bytes:
    """The KML document of a KMZ archive.

    Raises:
        SiteError: not a zip file, one that unpacks to far more than it
            claims, or one whose entries point out of it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = archive.infolist()
            _check_entries(entries, source)
            names = [e for e in entries if e.filename.lower().endswith(".kml")]
            if not names:
                raise SiteError.one(source, "has no .kml inside", "a KMZ file")
            # OGC 12-007r2, 7.2: the first .kml at the root is the document.
            main = min(names, key=lambda e: ("/" in e.filename, e.header_offset))
            with archive.open(main) as packed:
                text = packed.read(MAX_UNPACKED_BYTES + 1)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError) as e:
        what = f"cannot be unpacked ({e})"
        raise SiteError.one(source, what, "a KMZ file without a password") from None
    if len(text) > MAX_UNPACKED_BYTES:
        raise SiteError.one(
            source, "unpacks to more than it says", f"at most {_MIB} MiB"
        )
    return text


_MIB = MAX_UNPACKED_BYTES // 2**20


def _check_entries(entries: list[zipfile.ZipInfo], source: str) -> None:
    if len(entries) > MAX_ENTRIES:
        what = f"has {len(entries)} entries"
        raise SiteError.one(source, what, f"at most {MAX_ENTRIES}")
    total = sum(e.file_size for e in entries)
    if total > MAX_UNPACKED_BYTES:
        what = f"unpacks to {total / 2**20:.0f} MiB"
        raise SiteError.one(source, what, f"at most {_MIB} MiB")
    for entry in entries:
        name = entry.filename
        place = f"{source}: entry {shown(name)}"
        parts = name.replace("\\", "/").split("/")
        if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            raise SiteError.one(place, "points out of the archive", "a relative path")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise SiteError.one(place, "is a symbolic link", "a plain file")
        if entry.file_size > MAX_RATIO * max(entry.compress_size, 1024):
            ratio = entry.file_size // max(entry.compress_size, 1)
            what = f"is packed {ratio} times: a zip bomb"
            raise SiteError.one(place, what, f"at most {MAX_RATIO} times")


def _parse(raw: bytes, source: str) -> Element:
    try:
        root = fromstring(raw, forbid_dtd=True)
    except DefusedXmlException:
        what = "has a DTD or entities, which may read other files"
        raise SiteError.one(source, what, "plain KML without a DOCTYPE") from None
    except ParseError as e:
        raise SiteError.one(source, f"is not XML ({e})", "a KML file") from None
    except (ValueError, LookupError) as e:  # an encoding nobody knows
        raise SiteError.one(source, f"cannot be read ({e})", "UTF-8 KML") from None
    if _local(root) != "kml":
        what = f"is XML of <{shown(_local(root))}>"
        raise SiteError.one(source, what, "a KML file")
    return root


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _all(element: Element, name: str) -> Iterator[Element]:
    return (e for e in element.iter() if _local(e) == name)


def _text(element: Element, name: str) -> str | None:
    for child in element:
        if _local(child) == name and child.text and child.text.strip():
            return child.text.strip()
    return None


def _data(placemark: Element) -> Iterator[tuple[str, object]]:
    for data in placemark.iter():
        key = data.get("name")
        if key is None:
            continue
        if _local(data) == "Data":
            value = _text(data, "value")
        elif _local(data) == "SimpleData":
            value = (data.text or "").strip()
        else:
            continue
        if value:
            yield key, _plain(value)


def _plain(value: str) -> object:
    """KML knows only text; true and false are meant as such."""
    return {"true": True, "false": False}.get(value.lower(), value)


def _geometries(placemark: Element) -> Iterator[Element]:
    names = ("Polygon", "LineString", "Point")
    return (e for e in placemark.iter() if _local(e) in names)


def _shape(geometry: Element) -> tuple[BaseGeometry, float | None]:
    kind = _local(geometry)
    if kind != "Polygon":
        positions, _ = _positions(geometry)
        coordinates = positions[0] if kind == "Point" else positions
        return shape_of({"type": kind, "coordinates": coordinates}), None
    rings, tops = [], []
    for boundary in ("outerBoundaryIs", "innerBoundaryIs"):
        for found in _all(geometry, boundary):
            positions, heights = _positions(found)
            rings.append(positions)
            tops.extend(heights)
    above_ground = _text(geometry, "altitudeMode") == "relativeToGround"
    extruded = above_ground and _text(geometry, "extrude") == "1"
    top_m = max(tops, default=0.0) if extruded else 0.0
    shape = shape_of({"type": "Polygon", "coordinates": rings})
    return shape, top_m if top_m > 0.0 else None


def _positions(element: Element) -> tuple[list[list[float]], list[float]]:
    """Positions, and the altitudes of those that have one."""
    text = next((e.text for e in _all(element, "coordinates") if e.text), None)
    if not text or not text.strip():
        msg = "has no coordinates"
        raise ValueError(msg)
    positions, heights = [], []
    for word in text.split():
        try:
            numbers = [float(n) for n in word.split(",")]
        except ValueError:
            msg = f"has the position {shown(word)}"
            raise ValueError(msg) from None
        if len(numbers) not in (2, 3):
            msg = f"has the position {shown(word)}"
            raise ValueError(msg)
        positions.append(numbers[:2])
        heights.extend(numbers[2:])
    return positions, heights


def _feature(
    id_: str, shape: BaseGeometry, properties: dict[str, object]
) -> dict[str, object]:
    """A placemark whose ``kind`` is one of a site file's."""
    numbers: dict[str, object] = {}
    for key, value in properties.items():
        try:
            numbers[key] = float(value) if isinstance(value, str) else value
        except ValueError:
            numbers[key] = value
    name = properties.get("name")
    return {
        "type": "Feature",
        "id": id_,
        "properties": {**numbers, **({"name": str(name)} if name else {})},
        "geometry": shapely.geometry.mapping(shape),
    }
