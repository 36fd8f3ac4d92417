"""Distances on the ground, small enough for the agent. Pure."""

import math

METRES_PER_DEG = 111_320.0


def metres_between(
    lat_deg: float, lon_deg: float, other_lat_deg: float, other_lon_deg: float
) -> float:
    """Horizontal distance; flat-earth error at 1 km is millimetres."""
    north = (lat_deg - other_lat_deg) * METRES_PER_DEG
    scale = math.cos(math.radians(other_lat_deg))
    east = (lon_deg - other_lon_deg) * METRES_PER_DEG * scale
    return math.hypot(north, east)


def share_along(
    here: tuple[float, float],
    start: tuple[float, float],
    end: tuple[float, float],
) -> float:
    """How far along a straight way the nearest point to a place lies, 0 to 1.

    All are latitude and longitude in degrees.
    """
    scale = math.cos(math.radians(start[0]))
    way = (end[0] - start[0], (end[1] - start[1]) * scale)
    off = (here[0] - start[0], (here[1] - start[1]) * scale)
    length2 = way[0] ** 2 + way[1] ** 2
    if length2 <= 0.0:
        return 0.0
    return min(1.0, max(0.0, (way[0] * off[0] + way[1] * off[1]) / length2))
