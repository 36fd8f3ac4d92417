"""A flat local frame in metres, good to centimetres over a few kilometres."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

EARTH_RADIUS_M = 6378137.0
M_PER_DEG = math.radians(1.0) * EARTH_RADIUS_M


@dataclass(frozen=True, slots=True)
class Frame:
    """Metres north and east of an origin; scaled degrees on the wire."""

    lat_deg: float
    lon_deg: float

    def to_ne(self, lat_e7: int, lon_e7: int) -> tuple[float, float]:
        """Metres north and east of the origin."""
        north_m = (lat_e7 * 1e-7 - self.lat_deg) * M_PER_DEG
        east_m = (lon_e7 * 1e-7 - self.lon_deg) * self._m_per_lon_deg()
        return north_m, east_m

    def to_e7(self, north_m: float, east_m: float) -> tuple[int, int]:
        """Latitude and longitude in 1e-7 degrees."""
        lat = self.lat_deg + north_m / M_PER_DEG
        lon = self.lon_deg + east_m / self._m_per_lon_deg()
        return round(lat * 1e7), round(lon * 1e7)

    def _m_per_lon_deg(self) -> float:
        return M_PER_DEG * math.cos(math.radians(self.lat_deg))


def bearing_rad(north_m: float, east_m: float) -> float:
    """Bearing of a vector, clockwise from north, -pi to pi."""
    return math.atan2(east_m, north_m)


def wrap_pi(angle_rad: float) -> float:
    """The same angle within -pi to pi."""
    return (angle_rad + math.pi) % (2 * math.pi) - math.pi


def inside(north_m: float, east_m: float, ring: Sequence[tuple[float, float]]) -> bool:
    """Whether a point lies in a polygon (even-odd)."""
    hit = False
    n1, e1 = ring[-1]
    for n2, e2 in ring:
        if (n1 > north_m) != (n2 > north_m):
            cross_e = e1 + (north_m - n1) * (e2 - e1) / (n2 - n1)
            if east_m < cross_e:
                hit = not hit
        n1, e1 = n2, e2
    return hit


def edge_distance_m(
    north_m: float, east_m: float, ring: Sequence[tuple[float, float]]
) -> float:
    """Distance from a point to the nearest edge of a polygon."""
    best = math.inf
    n1, e1 = ring[-1]
    for n2, e2 in ring:
        dn, de = n2 - n1, e2 - e1
        length2 = dn * dn + de * de
        along = 0.0
        if length2 > 0:
            along = ((north_m - n1) * dn + (east_m - e1) * de) / length2
            along = min(1.0, max(0.0, along))
        best = min(
            best, math.hypot(north_m - n1 - along * dn, east_m - e1 - along * de)
        )
        n1, e1 = n2, e2
    return best
