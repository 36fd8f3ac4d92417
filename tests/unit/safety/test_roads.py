"""Patrol loops on a square of roads, two of them one-way."""

from dataclasses import replace

import pytest
from shapely import MultiPolygon, box

from patrolctl.safety import check_plan

ROUND = [
    (0.0, -100.0),
    (200.0, -100.0),
    (200.0, 200.0),
    (-200.0, 200.0),
    (-200.0, -100.0),
    (0.0, -100.0),
]


def test_the_loop_with_the_traffic_is_fine(lab):
    assert check_plan(lab.plan(lab.drive(ROUND)), lab.site) == ()


def test_against_a_one_way_road_names_the_leg(lab):
    found = check_plan(lab.plan(lab.drive(ROUND[::-1])), lab.site)
    assert {(v.rule, v.seq) for v in found} == {("oneway", 4), ("oneway", 5)}


def test_off_the_road_is_measured(lab):
    loop = [*ROUND[:2], (150.0, 0.0), *ROUND[2:]]
    found = [
        v for v in check_plan(lab.plan(lab.drive(loop)), lab.site) if v.rule == "road"
    ]
    assert found
    assert found[0].seq == 3
    assert found[0].measured > 40.0


def test_a_drive_through_a_building_is_found(lab):
    garage = replace(
        lab.site.buildings[0],
        id="arch",
        footprint=MultiPolygon([box(90, -110, 110, -90)]),
    )
    lab.site = replace(lab.site, buildings=(garage,))
    assert lab.rules(lab.drive(ROUND)) == {"clearance"}
    bridge = replace(garage, base_m=4.0)
    lab.site = replace(lab.site, buildings=(bridge,))
    assert lab.rules(lab.drive(ROUND)) == set()


def test_the_speed_limit_of_the_road_counts(lab):
    found = check_plan(lab.plan(lab.drive(ROUND, speed=1.9)), lab.site)
    assert {(v.rule, v.seq) for v in found} == {("speed-limit", 5)}


def test_outside_the_fence_is_found(lab):
    lab.site = replace(lab.site, geofence=box(-300, -300, 199, 300))
    assert lab.rules(lab.drive(ROUND)) == {"geofence"}


def test_loops_multiply_the_battery(lab):
    assert lab.rules(lab.drive(ROUND, loops=7)) == set()
    found = check_plan(lab.plan(lab.drive(ROUND, loops=12)), lab.site)
    assert {v.rule for v in found if v.severity == "refuse"} == {"battery"}


def test_a_copter_may_not_drive_nor_a_rover_fly(lab):
    rover = lab.drive(ROUND)
    copter = lab.sortie([(0.0, -60.0, 20.0)])
    assert "form" in lab.rules(replace(rover, items=copter.items))


@pytest.mark.parametrize("off", [2.0, 4.0])
def test_the_road_has_a_width(lab, off):
    loop = [ROUND[0], (0.0, -100.0 + off), (190.0, -100.0 + off), *ROUND[1:]]
    assert lab.rules(lab.drive(loop)) == ({"road"} if off > 3.0 else set())
