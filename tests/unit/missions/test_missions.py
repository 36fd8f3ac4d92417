"""Every sample mission loads, so that examples cannot rot."""

import networkx as nx
import pytest
import shapely

from patrolctl.config import load_brief, mission_folders, missions_dir
from patrolctl.domain.brief import Brief
from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.site import Site, ZoneClass

FOLDERS = mission_folders(missions_dir())


def test_there_are_missions():
    assert {f.name for f in FOLDERS} >= {"xuzhou-estate", "quickstart"}


@pytest.fixture(params=FOLDERS, ids=[f.name for f in FOLDERS])
def brief(request) -> Brief:
    return load_brief(request.param)


def test_loads_without_a_guess(brief):
    assert brief.defaults == ()
    assert brief.site.warnings == ()
    assert not any(b.height_assumed for b in brief.site.buildings)


def test_says_that_it_is_invented(brief):
    assert "fictional" in brief.name
    assert "fictional" in brief.site.name


def test_a_drone_and_a_patrol_vehicle_with_loudspeakers(brief):
    kinds = {v.kind for v in brief.fleet}
    assert kinds == {VehicleKind.COPTER, VehicleKind.ROVER}
    assert all(v.speaker_id and v.endpoint for v in brief.fleet)


def test_streets_run_clear_of_buildings(brief):
    solid = shapely.union_all([b.footprint for b in brief.site.buildings])
    assert min(solid.distance(r.line) for r in brief.site.roads) > 5.0


def test_every_point_is_in_the_open(brief):
    site = brief.site
    solid = shapely.union_all([b.footprint for b in site.buildings])
    for point in site.launches + site.rallies + site.sampling_points:
        here = shapely.Point(point.east_m, point.north_m)
        assert solid.distance(here) > 14.0, point.id
        assert site.geofence is not None
        assert site.geofence.contains(here)


def road_graph(site: Site) -> nx.DiGraph:
    graph = nx.DiGraph()
    for road in site.roads:
        nodes = [(round(x, 1), round(y, 1)) for x, y in road.line.coords]
        nx.add_path(graph, nodes)
        if not road.oneway:
            nx.add_path(graph, nodes[::-1])
    return graph


def test_the_roads_are_one_network_for_driving(brief):
    assert nx.is_strongly_connected(road_graph(brief.site))


def test_sampling_points_and_the_rovers_launch_lie_on_the_roads(brief):
    lines = shapely.MultiLineString([r.line for r in brief.site.roads])
    points = list(brief.site.sampling_points)
    points += [p for p in brief.site.launches if p.vehicle_kind is VehicleKind.ROVER]
    for point in points:
        assert lines.distance(shapely.Point(point.east_m, point.north_m)) < 5.0


def test_schedules_do_not_fall_into_quiet_hours(brief):
    for schedule in brief.schedules:
        minute = schedule.start_local.hour * 60 + schedule.start_local.minute
        for quiet in {q for z in brief.site.zones for q in z.quiet_hours}:
            crosses = quiet.end_min < quiet.start_min
            after, before = minute >= quiet.start_min, minute < quiet.end_min
            assert not ((after or before) if crosses else (after and before))


def test_xuzhou_is_the_estate_that_was_asked_for():
    site = load_brief(missions_dir() / "xuzhou-estate").site
    homes = [b for b in site.buildings if b.residential]
    assert len(homes) == 12
    assert {min(b.floors for b in homes), max(b.floors for b in homes)} == {6, 33}
    sealed = [z for z in site.zones if z.zone_class is ZoneClass.SEALED]
    tower = max(homes, key=lambda b: b.height_m)
    assert len(sealed) == 1
    assert sealed[0].area.contains(tower.footprint)
    assert tower.height_m == pytest.approx(99.0)
    school = next(b for b in site.buildings if b.id == "school")
    assert site.no_fly[0].area.contains(school.footprint)
    assert len(site.sampling_points) == 2


def test_xuzhou_pads_are_far_enough_apart_for_both_drones_to_climb():
    site = load_brief(missions_dir() / "xuzhou-estate").site
    a, b = (
        shapely.Point(p.east_m, p.north_m)
        for p in site.launches
        if p.vehicle_kind is VehicleKind.COPTER
    )
    assert a.distance(b) > 50.0


def test_xuzhou_speaks_mandarin_and_english():
    brief = load_brief(missions_dir() / "xuzhou-estate")
    assert [u.lang for u in brief.announcements[0].utterances] == ["zh", "en"]
