"""A site: the place where people are to be reached, in its local frame.

All geometry is shapely in site ENU metres (x east, y north); heights are
metres above the site's ground. Positions on the globe come back through
``Site.frame``.
"""

from dataclasses import dataclass
from enum import StrEnum

from shapely import LineString, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from patrolctl.domain.machines import VehicleKind
from patrolctl.geo import LocalFrame


class ZoneClass(StrEnum):
    """How a zone is restricted."""

    SEALED = "sealed"
    CONTROLLED = "controlled"
    PRECAUTION = "precaution"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A daily span in the site's time zone, minutes after midnight.

    ``end_min`` before ``start_min`` means the span crosses midnight.
    """

    start_min: int
    end_min: int


@dataclass(frozen=True, slots=True)
class Zone:
    """An area under one class of restriction."""

    id: str
    name: str
    zone_class: ZoneClass
    area: Polygon
    quiet_hours: tuple[QuietHours, ...] = ()


@dataclass(frozen=True, slots=True)
class Building:
    """A prism: footprint from ``base_m`` up to ``height_m``, in floors.

    ``height_assumed`` says that the source gave no height and the stated
    default was taken.
    """

    id: str
    name: str
    footprint: MultiPolygon
    height_m: float
    floor_height_m: float
    floors: int
    base_m: float = 0.0
    residential: bool = True
    households: int | None = None
    height_assumed: bool = False


@dataclass(frozen=True, slots=True)
class NoFlyArea:
    """A volume that no aircraft may enter.

    ``temporary``: it is closed for a time (a notice), and no survey knows it.
    """

    id: str
    name: str
    area: Polygon
    bottom_m: float = 0.0
    top_m: float = 1.0e4
    temporary: bool = False


@dataclass(frozen=True, slots=True)
class SitePoint:
    """A named point: launch, rally, charger or sampling point.

    ``vehicle_kind`` is set for launch points only (None: any kind).
    """

    id: str
    name: str
    east_m: float
    north_m: float
    vehicle_kind: VehicleKind | None = None
    hours: str | None = None


@dataclass(frozen=True, slots=True)
class Road:
    """A drivable line. ``oneway`` follows the line's direction."""

    id: str
    name: str
    line: LineString
    oneway: bool = False
    speed_limit_m_s: float | None = None


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something to keep clear of from the ground up to ``height_m``."""

    id: str
    name: str
    shape: BaseGeometry
    height_m: float


@dataclass(frozen=True, slots=True)
class Site:
    """Everything known of one place.

    ``sha256`` is the digest of the source file's bytes. ``warnings`` tell
    what was assumed while loading (one line each).
    """

    id: str
    name: str
    sha256: str
    frame: LocalFrame
    zones: tuple[Zone, ...] = ()
    buildings: tuple[Building, ...] = ()
    no_fly: tuple[NoFlyArea, ...] = ()
    geofence: Polygon | None = None
    launches: tuple[SitePoint, ...] = ()
    rallies: tuple[SitePoint, ...] = ()
    chargers: tuple[SitePoint, ...] = ()
    sampling_points: tuple[SitePoint, ...] = ()
    roads: tuple[Road, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    ground_amsl_m: float = 0.0
    ground_amsl_known: bool = True
    time_zone: str = "UTC"
    warnings: tuple[str, ...] = ()
