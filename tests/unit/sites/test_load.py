import time

import numpy as np
import pytest
import shapely

from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.site import QuietHours, ZoneClass
from patrolctl.sites import count_kinds, load_site, parse_site, site_geojson


def parsed(doc, source="somewhere/my-estate/site.geojson"):
    return parse_site(doc.raw(), source=source)


def test_every_kind_is_read(doc):
    assert set(count_kinds(parsed(doc)).values()) == {1, 2}
    assert count_kinds(parsed(doc))["building"] == 2


def test_defaults_and_derived_heights(doc):
    site = parsed(doc)
    a, b = site.buildings
    assert (a.height_m, a.floors, a.floor_height_m) == (99.0, 33, 3.0)
    assert (b.height_m, b.floors, b.floor_height_m) == (20.0, 6, 3.0)
    assert a.residential
    assert a.households == 66
    assert not a.height_assumed


def test_floors_that_are_lower_than_three_metres_fit_the_height(doc):
    doc["b"]["properties"] |= {"height_m": 28.0, "floors": 10}
    b = parsed(doc).buildings[1]
    assert b.floors * b.floor_height_m == pytest.approx(28.0)


def test_a_hut_has_one_low_floor(doc):
    doc["b"]["properties"]["height_m"] = 1.5
    b = parsed(doc).buildings[1]
    assert (b.floors, b.floor_height_m) == (1, 1.5)


def test_the_frame_is_local_and_metric(doc):
    site = parsed(doc)
    east_m, north_m = (
        float(v)
        for v in np.ptp(shapely.get_coordinates(site.buildings[0].footprint), axis=0)
    )
    assert east_m == pytest.approx(27.65, abs=0.1)  # 0.0003° at 34.2° north
    assert north_m == pytest.approx(22.2, abs=0.1)
    assert abs(site.buildings[0].footprint.centroid.x) < 100.0


def test_zone_launch_and_road_fields(doc):
    site = parsed(doc)
    assert site.zones[0].zone_class is ZoneClass.SEALED
    assert site.zones[0].quiet_hours == (QuietHours(22 * 60, 6 * 60 + 30),)
    assert site.launches[0].vehicle_kind is VehicleKind.COPTER
    assert site.roads[0].oneway
    assert site.sampling_points[0].hours == "08:00-11:00"


def test_members_of_the_collection(doc):
    doc.members |= {"time_zone": "Asia/Shanghai", "ground_amsl_m": 36}
    site = parsed(doc)
    assert (site.name, site.time_zone, site.ground_amsl_m) == (
        "Test site",
        "Asia/Shanghai",
        36.0,
    )
    assert site.id == "my-estate"
    assert parsed(doc, "x/Blöck 7.geojson").id == "block-7"


def test_touching_overlapping_holed_and_multipart_buildings_are_fine(doc, shapes):
    box = shapes["box"]
    doc.add("touching", "building", box(117.2803, 34.2), floors=3)
    doc.add("overlapping", "building", box(117.2811, 34.2001), floors=3)
    holed = box(117.2797, 34.2005, 0.0006, 0.0004)
    holed["coordinates"].append(
        box(117.2799, 34.2006, 0.0002, 0.0001)["coordinates"][0]
    )
    doc.add("holed", "building", holed, floors=3)
    wings = [
        box(117.281, 34.2005)["coordinates"],
        box(117.2813, 34.2005)["coordinates"],
    ]
    doc.add(
        "wings", "building", {"type": "MultiPolygon", "coordinates": wings}, floors=4
    )
    site = parsed(doc)
    assert len(site.buildings) == 6
    assert all(b.footprint.is_valid for b in site.buildings)


def test_ids_may_be_numbers_and_positions_may_have_heights(doc):
    doc["a"]["id"] = 7
    doc["r"]["geometry"]["coordinates"].append(12.5)
    assert parsed(doc).buildings[0].id == "7"


def test_a_misspelt_property_is_warned_of(doc):
    doc["road"]["properties"] = {"kind": "road", "one_way": True}
    (warning,) = parsed(doc).warnings
    assert "one_way" in warning
    assert "oneway" in warning


def test_round_trip_through_our_own_geojson(doc):
    first = parsed(doc)
    second = parse_site(site_geojson(first), source="again.geojson")
    assert count_kinds(second) == count_kinds(first)
    for a, b in zip(first.buildings, second.buildings, strict=True):
        assert (a.id, a.name, a.floors, a.households) == (
            b.id,
            b.name,
            b.floors,
            b.households,
        )
        assert a.height_m == pytest.approx(b.height_m)
        assert a.footprint.hausdorff_distance(b.footprint) < 0.01
    assert site_geojson(second) == site_geojson(first)


def test_the_digest_is_of_the_bytes(doc):
    raw = doc.raw()
    assert parse_site(raw, source="x").sha256 == parse_site(raw, source="y").sha256
    assert (
        parse_site(raw + b"\n", source="x").sha256 != parse_site(raw, source="x").sha256
    )


def test_the_effort_grows_with_the_buildings_and_not_with_their_pairs(doc, shapes):
    def effort_s(count: int) -> float:
        doc.features = []
        for i in range(count):
            lon, lat = 117.0 + 0.0005 * (i % 100), 34.0 + 0.0004 * (i // 100)
            doc.add(i, "building", shapes["box"](lon, lat), floors=5)
        raw = doc.raw()
        start_s = time.process_time()
        assert len(parse_site(raw, source="big").buildings) == count
        return time.process_time() - start_s

    # Ten times as many: ten times the effort, a hundred were it quadratic.
    assert effort_s(10_000) < 30 * effort_s(1_000)


def test_site_check_reports(doc, run, tmp_path):
    path = tmp_path / "site.geojson"
    path.write_bytes(doc.raw())
    code, out, _ = run("site", "check", path)
    assert code == 0
    assert "building: 2" in out
    code, out, _ = run("site", "check", path, "--json")
    assert code == 0
    assert '"building": 2' in out
    assert load_site(path).id
