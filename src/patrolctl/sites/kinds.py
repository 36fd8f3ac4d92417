"""Features to domain objects, one builder per ``properties.kind``."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import shapely
from shapely import LineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.site import (
    Building,
    NoFlyArea,
    Obstacle,
    Road,
    SitePoint,
    Zone,
    ZoneClass,
)
from patrolctl.sites.fields import Fields

FLOOR_HEIGHT_M = 3.0
MIN_FLOOR_HEIGHT_M = 2.0
MAX_HEIGHT_M = 1000.0
MAX_FLOORS = 250


@dataclass(slots=True)
class Parts:
    """What the features of one file became."""

    zones: list[Zone] = field(default_factory=list)
    buildings: list[Building] = field(default_factory=list)
    no_fly: list[NoFlyArea] = field(default_factory=list)
    geofences: list[tuple[str, Polygon]] = field(default_factory=list)
    launches: list[SitePoint] = field(default_factory=list)
    rallies: list[SitePoint] = field(default_factory=list)
    chargers: list[SitePoint] = field(default_factory=list)
    sampling_points: list[SitePoint] = field(default_factory=list)
    roads: list[Road] = field(default_factory=list)
    obstacles: list[Obstacle] = field(default_factory=list)


Builder = Callable[[Parts, str, Fields, BaseGeometry], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of feature may be drawn as and which properties it has."""

    geometries: tuple[str, ...]
    properties: frozenset[str]
    build: Builder


def storeys(
    height_m: float | None,
    floors: int | None,
    floor_height_m: float | None,
    base_m: float,
) -> tuple[float, int, float]:
    """Complete a building's height, floors and floor height from each other.

    Args:
        height_m: top above ground; None: from the floors.
        floors: storeys between base and top; None: from the height.
        floor_height_m: None: 3 m, or less where the floors would not fit.
        base_m: underside above ground.

    Returns:
        Height above ground, floors, floor height.
    """
    if height_m is None:
        each_m = floor_height_m or FLOOR_HEIGHT_M
        return base_m + (floors or 1) * each_m, floors or 1, each_m
    inside_m = height_m - base_m
    if floors is None:
        each_m = floor_height_m or FLOOR_HEIGHT_M
        count = max(1, math.floor(inside_m / each_m + 1e-6))
        return height_m, count, min(each_m, inside_m / count)
    return height_m, floors, floor_height_m or min(FLOOR_HEIGHT_M, inside_m / floors)


def _build_building(parts: Parts, id_: str, f: Fields, shape: BaseGeometry) -> None:
    base_m = f.number("base_m", 0.0, MAX_HEIGHT_M) or 0.0
    height_m = f.number("height_m", 0.0, MAX_HEIGHT_M, above=True)
    floors = f.whole("floors", 1, MAX_FLOORS)
    each_m = f.number("floor_height_m", 0.0, 20.0, above=True)
    if not f.has("height_m") and not f.has("floors"):
        f.fault("height_m", "is missing, and so is floors", "metres above ground")
    _check_fit(f, height_m, floors, each_m, base_m)
    top_m, count, floor_m = storeys(height_m, floors, each_m, base_m)
    parts.buildings.append(
        Building(
            id=id_,
            name=f.text("name") or id_,
            footprint=MultiPolygon(_polygons(shape)),
            height_m=top_m,
            floor_height_m=floor_m,
            floors=count,
            base_m=base_m,
            residential=f.flag("residential", default=True),
            households=f.whole("households", 0, 100_000),
            height_assumed=f.flag("height_assumed", default=False),
        )
    )


def _polygons(shape: BaseGeometry) -> list[Polygon]:
    return [p for p in shapely.get_parts(shape) if isinstance(p, Polygon)]


def _check_fit(
    f: Fields,
    height_m: float | None,
    floors: int | None,
    each_m: float | None,
    base_m: float,
) -> None:
    if height_m is None:
        return
    inside_m = height_m - base_m
    if inside_m <= 0.0:
        f.fault("base_m", f"is {base_m:g}", f"below height_m, {height_m:g}")
        return
    if floors is None or floors == 1:  # a hut may be as low as it likes
        return
    least_m = floors * (each_m or MIN_FLOOR_HEIGHT_M)
    if least_m > inside_m + 0.05:
        each = f"{each_m:g} m" if each_m else f"at least {MIN_FLOOR_HEIGHT_M:g} m"
        f.fault(
            "floors",
            f"{floors} of {each} need {least_m:g} m, the building has {inside_m:g} m",
            "fewer floors, a lower floor_height_m or a larger height_m",
        )


def _build_zone(parts: Parts, id_: str, f: Fields, shape: BaseGeometry) -> None:
    zone_class = f.choice("class", ZoneClass)
    if zone_class is None and not f.has("class"):
        f.fault("class", "is missing", "sealed or controlled or precaution")
    quiet = f.quiet_hours("quiet_hours")
    name = f.text("name") or id_
    if zone_class is not None and isinstance(shape, Polygon):
        parts.zones.append(Zone(id_, name, zone_class, shape, quiet))


def _build_no_fly(parts: Parts, id_: str, f: Fields, shape: BaseGeometry) -> None:
    bottom_m = f.number("bottom_m", 0.0, 1.0e4) or 0.0
    top_m = f.number("top_m", 0.0, 1.0e5, above=True)
    if top_m is not None and top_m <= bottom_m:
        f.fault("top_m", f"is {top_m:g}", f"above bottom_m, {bottom_m:g}")
    if isinstance(shape, Polygon):
        area = NoFlyArea(id_, f.text("name") or id_, shape, bottom_m, top_m or 1.0e4)
        parts.no_fly.append(area)


def _build_geofence(parts: Parts, id_: str, f: Fields, shape: BaseGeometry) -> None:
    f.text("name")
    if isinstance(shape, Polygon):
        if shape.interiors:
            f.fault("kind", "the geofence has holes", "a no_fly feature for each hole")
        parts.geofences.append((id_, shape))


def _point_builder(
    pick: Callable[[Parts], list[SitePoint]], *, launch: bool = False
) -> Builder:
    def build(parts: Parts, id_: str, f: Fields, shape: BaseGeometry) -> None:
        kind = f.choice("vehicle_kind", VehicleKind) if launch else None
        if isinstance(shape, Point):
            name, hours = f.text("name") or id_, f.text("hours")
            pick(parts).append(SitePoint(id_, name, shape.x, shape.y, kind, hours))

    return build


def _build_road(parts: Parts, id_: str, f: Fields, shape: BaseGeometry) -> None:
    oneway = f.flag("oneway", default=False)
    limit_m_s = f.number("speed_limit_m_s", 0.0, 60.0, above=True)
    if isinstance(shape, LineString):
        parts.roads.append(Road(id_, f.text("name") or "", shape, oneway, limit_m_s))


def _build_obstacle(parts: Parts, id_: str, f: Fields, shape: BaseGeometry) -> None:
    height_m = f.number("height_m", 0.0, MAX_HEIGHT_M, above=True)
    if not f.has("height_m"):
        f.fault("height_m", "is missing", "metres above ground")
    name = f.text("name") or id_
    parts.obstacles.append(Obstacle(id_, name, shape, height_m or 0.0))


def _kind(geometries: str, properties: str, build: Builder) -> Kind:
    known = frozenset(properties.split()) | {"kind", "name"}
    return Kind(tuple(geometries.split()), known, build)


_ANY = (
    "Point MultiPoint LineString MultiLineString Polygon MultiPolygon "
    "GeometryCollection"
)

KINDS: dict[str, Kind] = {
    "zone": _kind("Polygon", "class quiet_hours", _build_zone),
    "building": _kind(
        "Polygon MultiPolygon",
        "height_m floors floor_height_m base_m residential households height_assumed",
        _build_building,
    ),
    "no_fly": _kind("Polygon", "bottom_m top_m", _build_no_fly),
    "geofence": _kind("Polygon", "", _build_geofence),
    "launch": _kind(
        "Point",
        "vehicle_kind hours",
        _point_builder(lambda p: p.launches, launch=True),
    ),
    "rally": _kind("Point", "hours", _point_builder(lambda p: p.rallies)),
    "charger": _kind("Point", "hours", _point_builder(lambda p: p.chargers)),
    "sampling_point": _kind(
        "Point", "hours", _point_builder(lambda p: p.sampling_points)
    ),
    "road": _kind("LineString", "oneway speed_limit_m_s", _build_road),
    "obstacle": _kind(_ANY, "height_m", _build_obstacle),
}
