"""Bytes to features: is it JSON, is it a FeatureCollection, has each an id."""

import json
from dataclasses import dataclass
from typing import Any

from patrolctl.domain.errors import SiteError
from patrolctl.sites.faults import FaultList, shown

MAX_BYTES = 256 * 2**20
MAX_ID_CHARS = 120
_OTHER_TYPES = frozenset(
    {"Feature", "GeometryCollection", "Topology", "Point", "MultiPoint"}
    | {"LineString", "MultiLineString", "Polygon", "MultiPolygon"}
)
_WGS84_NAMES = ("CRS84", "4326")


@dataclass(frozen=True, slots=True)
class RawFeature:
    """A feature as the file has it; ``place`` names it in faults."""

    place: str
    id: str
    kind: str
    properties: dict[str, Any]
    geometry: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RawSite:
    """A FeatureCollection: its own members and its features."""

    members: dict[str, Any]
    features: tuple[RawFeature, ...]


def read_json(raw: bytes, source: str) -> Any:
    """Parse JSON, letting NaN through so that its feature can be named.

    Raises:
        SiteError: too large, not UTF-8 or not JSON.
    """
    if len(raw) > MAX_BYTES:
        raise SiteError.one(
            source,
            f"is {len(raw) / 2**20:.0f} MiB",
            f"at most {MAX_BYTES // 2**20} MiB; clip it to the area",
        )
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as e:
        what = f"is not UTF-8 text (byte {e.start})"
        raise SiteError.one(source, what, "a GeoJSON file") from None
    except json.JSONDecodeError as e:
        what = f"is not JSON (line {e.lineno}, column {e.colno}: {e.msg})"
        raise SiteError.one(source, what, "a GeoJSON FeatureCollection") from None
    except RecursionError:
        raise SiteError.one(source, "is nested too deeply", "GeoJSON") from None
    except ValueError as e:  # an integer of thousands of digits
        raise SiteError.one(source, f"is not JSON ({e})", "GeoJSON") from None


def read_collection(raw: bytes, faults: FaultList) -> dict[str, Any]:
    """Parse a FeatureCollection.

    Raises:
        SiteError: not JSON, of another type, or in another projection.
    """
    document = read_json(raw, faults.source)
    right = 'an object {"type": "FeatureCollection", "features": [...]}'
    if not isinstance(document, dict):
        raise SiteError.one(faults.source, f"is a JSON {_json_name(document)}", right)
    kind = document.get("type")
    if kind != "FeatureCollection":
        known = isinstance(kind, str) and kind in _OTHER_TYPES
        what = f"is a {kind}" if known else f"has type {shown(kind)}"
        raise SiteError.one(faults.source, what, right)
    if not isinstance(document.get("features"), list):
        raise SiteError.one(faults.source, "has no list of features", right)
    crs = document.get("crs")
    if crs is not None and not any(n in json.dumps(crs) for n in _WGS84_NAMES):
        faults.add(
            "crs",
            f"is {shown(json.dumps(crs))}",
            "WGS 84 longitude, latitude (RFC 7946 knows no other); reproject it",
        )
    return document


def read_site(raw: bytes, faults: FaultList) -> RawSite:
    """Read the features of a site file; faulty ones are left out and noted.

    Raises:
        SiteError: the document as a whole is of no use.
    """
    document = read_collection(raw, faults)
    features = document.pop("features")
    if not features:
        faults.add("", "has no features", "at least one building or road")
    read = []
    seen: dict[str, int] = {}
    for index, feature in enumerate(features):
        found = _read_feature(feature, index, faults)
        if found is None:
            continue
        if found.id in seen:
            what = f"id is used by features[{seen[found.id]}] already"
            faults.add(f"features[{index}] ({shown(found.id)})", what, "a unique id")
            continue
        seen[found.id] = index
        read.append(found)
    return RawSite(document, tuple(read))


def _read_feature(feature: object, index: int, faults: FaultList) -> RawFeature | None:
    place = f"features[{index}]"
    if not isinstance(feature, dict):
        faults.add(place, f"is a JSON {_json_name(feature)}", "a Feature object")
        return None
    name = _read_id(feature.get("id"), place, faults)
    if name is not None:
        place = f"feature {shown(name)}"
    if feature.get("type") != "Feature":
        what = f"has type {shown(feature.get('type'))}"
        faults.add(place, what, '"type": "Feature"')
        return None
    properties = feature.get("properties")
    geometry = feature.get("geometry")
    if not isinstance(properties, dict):
        faults.add(f"{place}: properties", "is missing", 'an object with "kind"')
        return None
    if not isinstance(geometry, dict):
        what = "is missing" if geometry is None else "is no object"
        faults.add(f"{place}: geometry", what, "a GeoJSON geometry")
        return None
    kind = properties.get("kind")
    if not isinstance(kind, str):
        what = "is missing" if kind is None else f"is {shown(kind)}"
        faults.add(f"{place}: properties.kind", what, 'a text such as "building"')
        return None
    # A feature without an id is gone through all the same, so that the rest
    # of its faults are told in the same breath.
    return RawFeature(place, name or f"#{index}", kind, properties, geometry)


def _read_id(value: object, place: str, faults: FaultList) -> str | None:
    right = f"a text of 1 to {MAX_ID_CHARS} printable characters, or a whole number"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is None:
        faults.add(f"{place}: id", "is missing", right)
        return None
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        faults.add(f"{place}: id", f"is {shown(repr(value))}", right)
        return None
    if len(value) > MAX_ID_CHARS:
        faults.add(f"{place}: id", f"has {len(value)} characters", right)
        return None
    return value


def _json_name(value: object) -> str:
    names = {list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")
