"""Import and export of other people's formats."""

from patrolctl.formats.importing import ImportedSite, import_site

__all__ = ["ImportedSite", "import_site"]
