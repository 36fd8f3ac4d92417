"""What the readers find in other people's files, before it is cleaned."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely import LineString
from shapely.geometry.base import BaseGeometry

from patrolctl.domain.errors import SiteError
from patrolctl.sites.shapes import MAX_VERTICES

_DEG_M = 111_320.0


@dataclass(slots=True)
class Footprint:
    """A building as a source has it; shape in (lon, lat) degrees.

    ``part`` marks a piece of a building whose outline is drawn as well.
    """

    id: str
    shape: BaseGeometry
    name: str | None = None
    height_m: float | None = None
    floors: int | None = None
    floor_height_m: float | None = None
    base_m: float = 0.0
    residential: bool = True
    households: int | None = None
    low: bool = False
    part: bool = False
    assumed: bool = False


@dataclass(slots=True)
class Street:
    """A drivable line in (lon, lat) degrees."""

    id: str
    line: LineString
    name: str | None = None
    oneway: bool = False
    speed_limit_m_s: float | None = None


@dataclass(slots=True)
class Found:
    """Everything read from one source or from all of them."""

    footprints: list[Footprint] = field(default_factory=list)
    streets: list[Street] = field(default_factory=list)
    others: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    attribution: set[str] = field(default_factory=set)
    vertices: int = 0

    def count(self, source: str, vertices: int) -> None:
        """Stop reading a file that is far larger than any site.

        Raises:
            SiteError: more vertices than a site may have.
        """
        self.vertices += vertices
        if self.vertices > MAX_VERTICES:
            what = f"has more than {MAX_VERTICES:,} vertices of buildings and roads"
            raise SiteError.one(source, what, "a smaller --area")


def area_m2(shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.float64]:
    """Areas of shapes in (lon, lat) degrees, good to a percent."""
    lat_deg = np.nan_to_num(shapely.bounds(shapes)[:, 1])
    scale = np.cos(np.radians(lat_deg)) * _DEG_M**2
    return np.asarray(shapely.area(shapes) * scale)
