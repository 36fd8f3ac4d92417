"""Other people's maps to ``site.geojson``."""

from patrolctl.formats.importing.compose import ImportedSite, import_site

__all__ = ["ImportedSite", "import_site"]
