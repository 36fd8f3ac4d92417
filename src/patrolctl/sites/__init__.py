"""Sites: GeoJSON to a checked Site in its local frame, and back."""

from patrolctl.sites.defaults import with_defaults
from patrolctl.sites.load import count_kinds, load_site, parse_site, site_id_of
from patrolctl.sites.write import site_geojson

__all__ = [
    "count_kinds",
    "load_site",
    "parse_site",
    "site_geojson",
    "site_id_of",
    "with_defaults",
]
