"""GeoJSON to Site."""
