"""``site.geojson`` to a Site in its local frame."""

import hashlib
import re
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from patrolctl.domain.errors import SiteError
from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.site import Site, SitePoint
from patrolctl.geo import LatLon, LocalFrame
from patrolctl.sites.axes import Placed, check_axes
from patrolctl.sites.document import MAX_BYTES, RawFeature, RawSite, read_site
from patrolctl.sites.faults import FaultList, meant, shown
from patrolctl.sites.fields import Fields
from patrolctl.sites.kinds import KINDS, Parts
from patrolctl.sites.shapes import MAX_VERTICES, ShapeReader

_USEFUL = ("building", "road", "zone", "sampling_point")


def load_site(path: Path) -> Site:
    """Read and validate a site file.

    Raises:
        SiteError: unreadable, or faulty; one Fault for everything wrong.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            size = f"is {path.stat().st_size / 2**20:.0f} MiB"
            right = f"at most {MAX_BYTES // 2**20} MiB; clip it to the area"
            raise SiteError.one(str(path), size, right)
        raw = path.read_bytes()
    except OSError as e:
        what = f"cannot be read ({e.strerror or e})"
        raise SiteError.one(str(path), what, "a site.geojson file") from None
    return parse_site(raw, source=str(path))


def parse_site(raw: bytes, *, source: str) -> Site:
    """Validate the bytes of a site file.

    Args:
        raw: GeoJSON as ``docs/site-format.md`` describes it.
        source: names the file in faults; its folder or stem is the site's id
            unless the file says one.

    Returns:
        The site in an ENU frame around its buildings.

    Raises:
        SiteError: with one Fault for everything that is wrong.
    """
    faults = FaultList(source)
    read = read_site(raw, faults)
    shapes = _read_shapes(read, faults)
    before = len(faults.faults)
    check_axes([Placed(f.place, f.kind, s) for f, s in shapes], faults)
    one_place = len(faults.faults) == before
    frame = LocalFrame(_origin(shapes))
    parts = _build(shapes, frame, faults)
    if read.features and not any(f.kind in _USEFUL for f in read.features):
        right = "at least one building, road, zone or sampling_point"
        faults.add("", "has nothing to reach and nowhere to drive", right)
    if one_place:
        _check_places(parts, faults)
    site = _site(read.members, parts, frame, faults)
    faults.raise_if_any()
    return Site(
        **site,
        sha256=hashlib.sha256(raw).hexdigest(),
        warnings=tuple(faults.warnings),
    )


def count_kinds(site: Site) -> dict[str, int]:
    """How many features of each kind the site has."""
    return {
        "zone": len(site.zones),
        "building": len(site.buildings),
        "no_fly": len(site.no_fly),
        "geofence": int(site.geofence is not None),
        "launch": len(site.launches),
        "rally": len(site.rallies),
        "charger": len(site.chargers),
        "sampling_point": len(site.sampling_points),
        "road": len(site.roads),
        "obstacle": len(site.obstacles),
    }


def site_id_of(name: str) -> str:
    """A name as an id for topics, addresses and file names: ``[a-z0-9-]``."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
    return slug[:60] or "site"


def _read_shapes(
    read: RawSite, faults: FaultList
) -> list[tuple[RawFeature, BaseGeometry]]:
    reader = ShapeReader(faults)
    shapes = []
    for feature in read.features:
        kind = KINDS.get(feature.kind)
        if kind is None:
            likely = meant(feature.kind, frozenset(KINDS))
            hint = f"{likely} may be meant; " if likely else ""
            faults.add(
                f"{feature.place}: properties.kind",
                f"{shown(repr(feature.kind))} is unknown",
                f"{hint}one of {', '.join(KINDS)}",
            )
            continue
        shape = reader.read(feature.geometry, feature.place, kind.geometries)
        if reader.too_many:
            right = f"at most {MAX_VERTICES:,}; simplify it or clip it to the area"
            what = f"the site has more than {MAX_VERTICES:,} vertices up to here"
            faults.add(feature.place, what, right)
            faults.raise_if_any()
        if shape is not None:
            shapes.append((feature, shape))
        else:  # its properties may be faulty too, and are told with the rest
            fields = Fields(feature.properties, _fields_place(feature), faults)
            kind.build(Parts(), feature.id, fields, shapely.Point(0, 0))
    return shapes


def _origin(shapes: list[tuple[RawFeature, BaseGeometry]]) -> LatLon:
    """The middle of the buildings, else of the geofence, else of all."""
    for kinds in (("building",), ("geofence",), tuple(KINDS)):
        some = [s for f, s in shapes if f.kind in kinds]
        if some:
            middle = shapely.GeometryCollection(some).centroid
            lat, lon = round(middle.y, 7), round(middle.x, 7)
            return LatLon(lat_deg=lat, lon_deg=lon)
    return LatLon(lat_deg=0.0, lon_deg=0.0)


def _build(
    shapes: list[tuple[RawFeature, BaseGeometry]],
    frame: LocalFrame,
    faults: FaultList,
) -> Parts:
    parts = Parts()
    local = shapely.transform(
        np.array([s for _, s in shapes], dtype=object),
        lambda degrees: frame.to_en(degrees[:, 1], degrees[:, 0]),
    )
    for (feature, _), shape in zip(shapes, local, strict=True):
        fields = Fields(feature.properties, _fields_place(feature), faults)
        kind = KINDS[feature.kind]
        kind.build(parts, feature.id, fields, shape)
        fields.warn_misspelt(kind.properties)
    return parts


def _fields_place(feature: RawFeature) -> str:
    return f"{feature.place}: properties."


def _check_places(parts: Parts, faults: FaultList) -> None:
    """Launch and rally points must be where a vehicle can be."""
    for id_, _ in parts.geofences[1:]:
        what = f"is a second geofence beside {shown(parts.geofences[0][0])}"
        faults.add(f"feature {shown(id_)}", what, "one geofence around everything")
    footprints = [b.footprint for b in parts.buildings if b.base_m < 2.0]
    tree = shapely.STRtree(footprints)
    grounded = [b for b in parts.buildings if b.base_m < 2.0]
    for point in parts.launches + parts.rallies:
        inside = tree.query(shapely.Point(point.east_m, point.north_m), "within")
        if len(inside):
            what = f"lies inside building {shown(grounded[int(inside[0])].id)}"
            faults.add(f"feature {shown(point.id)}", what, "a place in the open")
    _check_geofence(parts, faults)
    for point in parts.launches:
        _check_no_fly(point, parts, faults)


def _check_geofence(parts: Parts, faults: FaultList) -> None:
    if not parts.geofences:
        return
    fence = parts.geofences[0][1]
    for point in parts.launches + parts.rallies:
        here = shapely.Point(point.east_m, point.north_m)
        if not fence.contains(here):
            what = f"lies {fence.distance(here):.0f} m outside of the geofence"
            faults.add(f"feature {shown(point.id)}", what, "a place inside of it")
    for point in parts.sampling_points:
        if not fence.contains(shapely.Point(point.east_m, point.north_m)):
            what = "lies outside of the geofence: no vehicle may go there"
            faults.warn(f"feature {shown(point.id)}", what)


def _check_no_fly(point: SitePoint, parts: Parts, faults: FaultList) -> None:
    if point.vehicle_kind is VehicleKind.ROVER:
        return
    here = shapely.Point(point.east_m, point.north_m)
    for area in parts.no_fly:
        if area.bottom_m < 2.0 and area.area.intersects(here):
            what = f"lies in the no-fly area {shown(area.id)}"
            right = 'a place outside of it, or "vehicle_kind": "rover"'
            faults.add(f"feature {shown(point.id)}", what, right)


def _site(
    members: dict[str, Any], parts: Parts, frame: LocalFrame, faults: FaultList
) -> dict[str, Any]:
    fields = Fields(members, "", faults)
    path = Path(faults.source)
    stem = path.parent.name if path.stem == "site" and path.parent.name else path.stem
    name = fields.text("name") or stem or "site"
    ground_amsl_m = fields.number("ground_amsl_m", -500.0, 9000.0)
    return {
        "id": site_id_of(fields.text("id") or stem),
        "name": name,
        "frame": frame,
        "zones": tuple(parts.zones),
        "buildings": tuple(parts.buildings),
        "no_fly": tuple(parts.no_fly),
        "geofence": parts.geofences[0][1] if parts.geofences else None,
        "launches": tuple(parts.launches),
        "rallies": tuple(parts.rallies),
        "chargers": tuple(parts.chargers),
        "sampling_points": tuple(parts.sampling_points),
        "roads": tuple(parts.roads),
        "obstacles": tuple(parts.obstacles),
        "ground_amsl_m": ground_amsl_m or 0.0,
        "ground_amsl_known": ground_amsl_m is not None,
        "time_zone": fields.time_zone("time_zone") or "UTC",
    }
