"""Import and export of other people's formats."""

from patrolctl.formats.exporting import (
    megaphone_file,
    plan_geojson,
    qgc_plan,
    route_of,
    surroundings_of,
    wpml_kmz,
)
from patrolctl.formats.importing import ImportedSite, import_site

__all__ = [
    "ImportedSite",
    "import_site",
    "megaphone_file",
    "plan_geojson",
    "qgc_plan",
    "route_of",
    "surroundings_of",
    "wpml_kmz",
]
