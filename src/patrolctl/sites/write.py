"""A Site as a GeoJSON FeatureCollection, for the console and for files."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely
from shapely import Point
from shapely.geometry.base import BaseGeometry

from patrolctl.domain.site import Building, QuietHours, Site, SitePoint, Zone
from patrolctl.geo import LocalFrame

_DECIMALS = 8  # of a degree: a millimetre


def site_geojson(site: Site) -> bytes:
    """Encode a site as ``site.geojson``; reading it back gives the same site.

    Defaults are filled in: a building always has ``height_m``, ``floors`` and
    ``floor_height_m``, with ``height_assumed`` where the height is a guess.
    """
    features = [
        {
            "type": "Feature",
            "id": id_,
            "properties": {"kind": kind, **_without_none(properties)},
            "geometry": _geometry(shape, site.frame),
        }
        for kind, id_, properties, shape in _features(site)
    ]
    members: dict[str, Any] = {
        "id": site.id,
        "name": site.name,
        "time_zone": site.time_zone,
    }
    if site.ground_amsl_known:
        members["ground_amsl_m"] = site.ground_amsl_m
    return collection_bytes(members, features)


def collection_bytes(members: dict[str, Any], features: list[dict[str, Any]]) -> bytes:
    """A FeatureCollection with one feature a line.

    Files written so can be compared and mended by hand.
    """
    head = json.dumps(
        {"type": "FeatureCollection", **members, "features": []}, ensure_ascii=False
    )
    lines = (
        json.dumps(f, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        for f in features
    )
    return (head[:-2] + "\n" + ",\n".join(lines) + "\n]}\n").encode()


_Row = tuple[str, str, dict[str, Any], BaseGeometry]


def _features(site: Site) -> Iterator[_Row]:
    if site.geofence is not None:
        yield "geofence", _fence_id(site), {}, site.geofence
    yield from (("zone", z.id, _zone(z), z.area) for z in site.zones)
    yield from (("building", b.id, _building(b), _flat(b)) for b in site.buildings)
    for area in site.no_fly:
        heights = {"name": area.name, "bottom_m": area.bottom_m, "top_m": area.top_m}
        yield "no_fly", area.id, heights, area.area
    for road in site.roads:
        limits = {
            "name": road.name or None,
            "oneway": road.oneway,
            "speed_limit_m_s": road.speed_limit_m_s,
        }
        yield "road", road.id, limits, road.line
    for thing in site.obstacles:
        tall = {"name": thing.name, "height_m": thing.height_m}
        yield "obstacle", thing.id, tall, thing.shape
    yield from _points(site)


def _points(site: Site) -> Iterator[_Row]:
    groups: tuple[tuple[str, tuple[SitePoint, ...]], ...] = (
        ("launch", site.launches),
        ("rally", site.rallies),
        ("charger", site.chargers),
        ("sampling_point", site.sampling_points),
    )
    for kind, points in groups:
        for p in points:
            properties = {
                "name": p.name,
                "vehicle_kind": None if p.vehicle_kind is None else p.vehicle_kind,
                "hours": p.hours,
            }
            yield kind, p.id, properties, Point(p.east_m, p.north_m)


def _fence_id(site: Site) -> str:
    """The Site keeps no id for its geofence; any free one will do."""
    used = {
        thing.id
        for group in (site.zones, site.buildings, site.no_fly, site.launches)
        for thing in group
    }
    used |= {thing.id for group in (site.roads, site.obstacles) for thing in group}
    used |= {
        p.id
        for group in (site.rallies, site.chargers, site.sampling_points)
        for p in group
    }
    name = "geofence"
    while name in used:
        name += "-site"
    return name


def _zone(zone: Zone) -> dict[str, Any]:
    return {
        "name": zone.name,
        "class": zone.zone_class,
        "quiet_hours": [_span(q) for q in zone.quiet_hours] or None,
    }


def _span(quiet: QuietHours) -> str:
    start_h, start_min = divmod(quiet.start_min, 60)
    end_h, end_min = divmod(quiet.end_min, 60)
    return f"{start_h:02d}:{start_min:02d}-{end_h:02d}:{end_min:02d}"


def _building(b: Building) -> dict[str, Any]:
    return {
        "name": b.name,
        "height_m": round(b.height_m, 3),
        "floors": b.floors,
        "floor_height_m": round(b.floor_height_m, 6),
        "base_m": b.base_m,
        "residential": b.residential,
        "households": b.households,
        "height_assumed": b.height_assumed or None,
    }


def _flat(b: Building) -> BaseGeometry:
    parts = b.footprint.geoms
    return parts[0] if len(parts) == 1 else b.footprint


def _geometry(shape: BaseGeometry, frame: LocalFrame) -> dict[str, Any]:
    degrees = shapely.transform(
        shape, lambda en: np.round(frame.to_latlon_deg(en)[:, ::-1], _DECIMALS)
    )
    mapped: dict[str, Any] = json.loads(shapely.to_geojson(degrees))
    return mapped


def _without_none(properties: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in properties.items() if v is not None}
