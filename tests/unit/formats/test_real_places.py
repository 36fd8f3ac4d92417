"""Imports of real places; the files are not part of the project."""

import json
from pathlib import Path

import pytest

from patrolctl.formats import import_site
from patrolctl.sites import count_kinds, parse_site, with_defaults

DATA = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture(
    params=[
        ("nyc_stuyvesant_town.geojson", 100, 0),
        ("nyc_lower_east_side_towers.geojson", 60, 0),
        ("moscow.osm.gz", 600, 300),
        ("Helsinki.osm.pbf", 430, 300),
    ],
    ids=lambda p: p[0],
)
def place(request):
    name, buildings, roads = request.param
    if not (DATA / name).is_file():
        pytest.skip(f"{name} is not in ../shared/data")
    return DATA / name, buildings, roads


def test_imports_and_checks_cleanly(place):
    path, buildings, roads = place
    result = import_site((path,))
    counts = count_kinds(result.site)
    assert counts["building"] >= buildings
    assert counts["road"] >= roads
    assert result.site.warnings == ()
    heights = [b.height_m for b in result.site.buildings]
    assert 0.0 < min(heights) < max(heights) < 600.0
    site, _ = with_defaults(result.site)
    assert site.launches
    assert site.geofence is not None


def test_swapped_axes_would_be_noticed(place):
    path, _, _ = place
    document = json.loads(import_site((path,)).raw)

    def swap(c):
        return [swap(x) for x in c] if isinstance(c[0], list) else [c[1], c[0]]

    for feature in document["features"]:
        geometry = feature["geometry"]
        geometry["coordinates"] = swap(geometry["coordinates"])
    with pytest.raises(Exception, match="swapped"):
        parse_site(json.dumps(document).encode(), source="swapped")
