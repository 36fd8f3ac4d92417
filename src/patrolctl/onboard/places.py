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
