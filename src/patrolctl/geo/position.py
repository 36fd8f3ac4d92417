"""Positions on the globe and altitudes that carry their reference."""

import math
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class LatLon:
    """A WGS 84 position.

    Keyword-only: GeoJSON is longitude first and every autopilot is latitude
    first, so a positional pair would one day be swapped.

    Raises:
        ValueError: not finite, or outside ±90 / ±180 degrees.
    """

    lat_deg: float
    lon_deg: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.lat_deg) and abs(self.lat_deg) <= 90.0):
            msg = f"latitude {self.lat_deg} is not within ±90°"
            raise ValueError(msg)
        if not (math.isfinite(self.lon_deg) and abs(self.lon_deg) <= 180.0):
            msg = f"longitude {self.lon_deg} is not within ±180°"
            raise ValueError(msg)


class Datum(StrEnum):
    """What an altitude is measured from."""

    AMSL = "AMSL"
    HOME = "HOME"
    TERRAIN = "TERRAIN"


@dataclass(frozen=True, slots=True)
class Altitude:
    """A height in metres above its datum; never a bare float."""

    value_m: float
    datum: Datum

    def __post_init__(self) -> None:
        if not math.isfinite(self.value_m):
            msg = f"altitude {self.value_m} is not a number of metres"
            raise ValueError(msg)

    def amsl_m(self, *, home_amsl_m: float) -> float:
        """Height above mean sea level.

        Raises:
            ValueError: the datum is TERRAIN, which needs a terrain model.
        """
        match self.datum:
            case Datum.AMSL:
                return self.value_m
            case Datum.HOME:
                return self.value_m + home_amsl_m
            case Datum.TERRAIN:
                msg = "a TERRAIN altitude needs a terrain model"
                raise ValueError(msg)


def bearing_deg(east_m: float, north_m: float) -> float:
    """Compass bearing of an ENU direction, degrees in [0, 360)."""
    return math.degrees(math.atan2(east_m, north_m)) % 360.0


def heading_difference_deg(a_deg: float, b_deg: float) -> float:
    """Smallest angle between two headings, degrees in [0, 180]."""
    return abs((a_deg - b_deg + 180.0) % 360.0 - 180.0)
