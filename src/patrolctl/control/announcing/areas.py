"""Which zones and buildings of our sites an alert's area touches."""

import numpy as np
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from patrolctl.domain.cap import CapArea
from patrolctl.domain.site import Site

MOST_NAMED = 12


def shape_on(site: Site, areas: tuple[CapArea, ...]) -> BaseGeometry | None:
    """The areas in the site's frame; None: they have no geometry."""
    shapes: list[BaseGeometry] = []
    for area in areas:
        for ring in area.polygons:
            lat, lon = np.array(ring, dtype=np.float64).T
            shapes.append(shapely.make_valid(Polygon(site.frame.to_en(lat, lon))))
        for circle in area.circles:
            lat, lon = np.array([circle.lat_deg]), np.array([circle.lon_deg])
            east, north = site.frame.to_en(lat, lon)[0]
            shapes.append(shapely.Point(east, north).buffer(circle.radius_m))
    return shapely.union_all(shapes) if shapes else None


def touched(site: Site, areas: tuple[CapArea, ...]) -> tuple[str, ...]:
    """The zones and buildings that the areas touch, in words."""
    shape = shape_on(site, areas)
    if shape is None:
        return ()
    shapely.prepare(shape)
    zones = [f"zone {z.name}" for z in site.zones if shape.intersects(z.area)]
    blocks = [b.name or b.id for b in site.buildings if shape.intersects(b.footprint)]
    named = [f"building {b}" for b in blocks[:MOST_NAMED]]
    if len(blocks) > MOST_NAMED:
        named = [f"{len(blocks)} of {len(site.buildings)} buildings"]
    fence = site.geofence
    if not zones and not named and fence is not None and shape.intersects(fence):
        named = ["within its geofence, no zone or building"]
    return tuple(f"{site.name}: {text}" for text in (*zones, *named))
