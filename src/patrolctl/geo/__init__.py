"""Frames, positions and altitudes."""

from patrolctl.geo.frame import LocalFrame
from patrolctl.geo.position import (
    Altitude,
    Datum,
    LatLon,
    bearing_deg,
    heading_difference_deg,
)

__all__ = [
    "Altitude",
    "Datum",
    "LatLon",
    "LocalFrame",
    "bearing_deg",
    "heading_difference_deg",
]
