import pytest
import shapely

from patrolctl.domain.errors import SiteError
from patrolctl.domain.machines import VehicleKind
from patrolctl.sites import parse_site, site_geojson, with_defaults


def bare(doc, *keep):
    doc.features = [f for f in doc.features if f["id"] in keep]
    return parse_site(doc.raw(), source="x.geojson")


def test_nothing_is_added_to_a_complete_site(doc):
    site = parse_site(doc.raw(), source="x.geojson")
    doc["l"]["properties"]["vehicle_kind"] = "rover"
    _, said = with_defaults(bare(doc, "fence", "a", "l"))
    assert len(said) == 1
    complete, said = with_defaults(site)
    assert [line for line in said if "copter" in line or "geofence" in line] == []
    assert complete.geofence is site.geofence


def test_a_launch_in_the_open_and_a_fence_around_everything(doc):
    site, said = with_defaults(bare(doc, "a", "b", "mast", "nf"))
    assert len(said) == 2
    assert site.geofence is not None
    solid = shapely.union_all([b.footprint for b in site.buildings])
    assert site.geofence.contains(solid.buffer(79.0))
    (launch,) = site.launches
    here = shapely.Point(launch.east_m, launch.north_m)
    assert solid.distance(here) >= 15.0
    assert site.geofence.contains(here)
    assert launch.vehicle_kind is VehicleKind.COPTER


def test_the_result_is_a_valid_site(doc):
    site, _ = with_defaults(bare(doc, "a", "b", "road"))
    again = parse_site(site_geojson(site), source="again.geojson")
    assert len(again.launches) == 2
    assert with_defaults(again)[1] == ()


def test_a_rover_starts_on_a_road(doc):
    site, said = with_defaults(bare(doc, "a", "b", "road"))
    rover = next(p for p in site.launches if p.vehicle_kind is VehicleKind.ROVER)
    here = shapely.Point(rover.east_m, rover.north_m)
    assert site.roads[0].line.distance(here) < 0.01
    assert any("rovers" in line for line in said)


def test_no_open_place_is_a_fault(doc, shapes):
    doc.features = [f for f in doc.features if f["id"] in ("a",)]
    doc.add("all", "no_fly", shapes["box"](117.27, 34.19, 0.03, 0.03))
    with pytest.raises(SiteError, match="no open place"):
        with_defaults(parse_site(doc.raw(), source="x.geojson"))
