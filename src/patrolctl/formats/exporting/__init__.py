"""Plans for other people's ground stations."""

from patrolctl.formats.exporting.audio import MegaphoneFile, megaphone_file
from patrolctl.formats.exporting.extras import Surroundings, surroundings_of
from patrolctl.formats.exporting.geojson_out import plan_geojson
from patrolctl.formats.exporting.kmz import wpml_kmz
from patrolctl.formats.exporting.qgc import qgc_plan
from patrolctl.formats.exporting.route import Route, Waypoint, route_of

__all__ = [
    "MegaphoneFile",
    "Route",
    "Surroundings",
    "Waypoint",
    "megaphone_file",
    "plan_geojson",
    "qgc_plan",
    "route_of",
    "surroundings_of",
    "wpml_kmz",
]
