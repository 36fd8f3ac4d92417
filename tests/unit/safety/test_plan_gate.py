"""Every rule of the gate: kept by the good plan, broken by one change."""

import math
import time
from dataclasses import replace

import pytest
from shapely import box

from patrolctl.domain.machines import SpeakerProfile, VehicleKind
from patrolctl.domain.plan import ItemType, Requirement
from patrolctl.domain.site import SitePoint
from patrolctl.domain.violation import Severity
from patrolctl.geo import Datum
from patrolctl.safety import check_plan

GOOD = [(0.0, -60.0, 20.0), (60.0, -60.0, 25.0)]


def test_a_good_plan_has_no_violation(lab):
    assert check_plan(lab.plan(lab.sortie(GOOD)), lab.site) == ()


def test_a_leg_through_a_building_names_sortie_item_and_building(lab):
    plan = lab.plan(lab.sortie([(0.0, 0.0, 30.0), (160.0, 0.0, 30.0)]))
    found = [v for v in check_plan(plan, lab.site) if v.rule == "clearance"]
    assert [(v.sortie, v.seq) for v in found] == [("s1", 4)]
    assert "t1" in found[0].reason
    assert found[0].measured == 0.0
    assert found[0].limit == 10.0


@pytest.mark.parametrize(
    ("point", "rule"),
    [
        ((75.0, 0.0, 30.0), "clearance"),  # 5 m from the wall
        ((100.0, 0.0, 63.0), "clearance"),  # 3 m above the roof
        ((-75.0, 0.0, 20.0), "clearance"),  # 5 m from the mast
        ((0.0, 78.5, 20.0), "no-fly"),  # 1.5 m from the school
        ((0.0, 298.5, 20.0), "geofence"),
        ((0.0, -60.0, 121.0), "ceiling"),
        ((0.0, -60.0, 2.0), "low"),
    ],
)
def test_a_station_in_a_wrong_place_breaks_its_rule(lab, point, rule):
    assert rule in lab.rules(lab.sortie([(0.0, 0.0, 30.0), point]))


def test_above_a_roof_with_clearance_is_allowed(lab):
    assert lab.rules(lab.sortie([(0.0, 0.0, 66.0), (100.0, 0.0, 66.0)])) == set()


def test_take_off_beside_a_wall_is_found(lab):
    site = lab.site
    site = replace(site, launches=(SitePoint("p", "", 77, 0, VehicleKind.COPTER),))
    lab.site = site
    sortie = lab.sortie([(77.0, -60.0, 20.0)], home=lab.home(77, 0))
    found = check_plan(lab.plan(sortie), site)
    takeoff = [v for v in found if v.rule == "clearance" and v.seq == 1]
    assert takeoff
    assert takeoff[0].measured == pytest.approx(3.0, abs=0.01)


def test_the_return_is_swept_at_its_real_height(lab):
    """Behind the tower the way home leads through it, unless above it."""
    sortie = lab.sortie([(0.0, -60.0, 20.0), (160.0, -60.0, 20.0), (160.0, 0.0, 20.0)])
    plan = lab.plan(sortie)
    low = replace(plan, vehicle=replace(plan.vehicle, return_altitude_m=30.0))
    found = [v for v in check_plan(low, lab.site) if v.rule == "clearance"]
    assert [v.seq for v in found] == [sortie.items[-1].seq]
    assert "return leg" in found[0].reason
    assert not [v for v in check_plan(plan, lab.site) if v.rule == "clearance"]


def test_an_unstated_return_height_clears_every_roof(lab):
    sortie = lab.sortie([(0.0, -60.0, 20.0), (160.0, -60.0, 20.0), (160.0, 0.0, 20.0)])
    plan = lab.plan(sortie)
    unstated = replace(plan, vehicle=replace(plan.vehicle, return_altitude_m=None))
    assert not [v for v in check_plan(unstated, lab.site) if v.rule == "clearance"]


def test_a_return_over_a_no_fly_volume_is_refused(lab):
    sortie = lab.sortie([(80.0, 60.0, 20.0), (80.0, 160.0, 20.0), (0.0, 180.0, 20.0)])
    found = check_plan(lab.plan(sortie), lab.site)
    assert {v.seq for v in found if v.rule == "no-fly"} == {sortie.items[-1].seq}


def test_a_failsafe_return_over_a_no_fly_volume_is_advised(lab):
    sortie = lab.sortie([(80.0, 60.0, 20.0), (80.0, 160.0, 20.0), (0.0, 180.0, 20.0),
                         (80.0, 160.0, 20.0), (80.0, 60.0, 20.0)])  # fmt: skip
    found = check_plan(lab.plan(sortie), lab.site)
    assert {v.rule for v in found} == {"failsafe-return"}
    assert {v.severity for v in found} == {Severity.ADVISE}


def test_battery_is_reckoned_from_the_items(lab):
    points = [(0.0, -60.0 - 2 * k, 20.0) for k in range(50)]
    liar = replace(lab.sortie(points), energy_ratio=0.1)
    found = check_plan(lab.plan(liar), lab.site)
    battery = next(v for v in found if v.rule == "battery")
    assert battery.measured > 0.7
    assert battery.limit == pytest.approx(0.7)


def test_a_leg_planned_faster_than_the_vehicle_is_refused(lab):
    sortie = lab.sortie(GOOD)
    items = tuple(
        replace(i, duration_s=1.0) if i.type is ItemType.FLY else i
        for i in sortie.items
    )
    assert "duration" in lab.rules(replace(sortie, items=items))


def test_a_sortie_that_understates_its_time_is_refused(lab):
    sortie = lab.sortie(GOOD)
    assert lab.rules(replace(sortie, duration_s=sortie.duration_s / 2)) == {"duration"}


def test_a_stay_shorter_than_the_announcement_is_refused(lab):
    assert lab.rules(lab.sortie(GOOD, dwell_s=19.0)) == {"dwell"}


def test_another_clip_than_planned_is_refused(lab):
    sortie = lab.sortie(GOOD)
    items = tuple(
        replace(i, cue=replace(i.cue, clip_sha256="d" * 64)) if i.cue else i
        for i in sortie.items
    )
    assert lab.rules(replace(sortie, items=items)) == {"clip"}


def test_speed_above_cruise_is_refused(lab):
    sortie = lab.sortie(GOOD)
    items = tuple(
        replace(i, speed_m_s=9.0) if i.type is ItemType.FLY else i for i in sortie.items
    )
    assert lab.rules(replace(sortie, items=items)) == {"speed"}


def test_exposure_at_a_facade_is_capped(lab):
    near = lab.sortie([(60.0, 0.0, 30.0)])  # 20 m from the tower
    loud = SpeakerProfile(level_1m_db=140.0)
    found = check_plan(lab.plan(near, speaker=loud), lab.site)
    level = next(v for v in found if v.rule == "exposure" and "t1" in v.reason)
    assert level.measured == pytest.approx(140 - 9 - 20 * math.log10(20), abs=0.01)
    assert lab.rules(near, speaker=SpeakerProfile(level_1m_db=130.0)) == set()


def test_peaks_are_capped_also_where_speech_is_not_loud(lab):
    near = lab.sortie([(0.0, 0.0, 4.0)])  # people 2.3 m below
    sharp = SpeakerProfile(level_1m_db=128.0, crest_db=25.0)
    assert lab.rules(near, speaker=sharp) == {"exposure-peak"}


def test_another_site_is_refused(lab):
    assert lab.rules(lab.sortie(GOOD), site_sha256="b" * 64) == {"site"}


def test_home_far_from_every_launch_point_is_refused(lab):
    sortie = lab.sortie([(20.0, -60.0, 20.0)], home=lab.home(20, 0))
    assert lab.rules(sortie) == {"home"}


def test_a_plan_and_fence_rotated_together_are_caught(lab):
    """The launch point 60 m out turns by 7 degrees, 7.3 m: more than 5."""
    lab.site = replace(
        lab.site, launches=(SitePoint("p", "", 60, -60, VehicleKind.COPTER),)
    )
    a = math.radians(7)

    def turn(e, n):
        return e * math.cos(a) - n * math.sin(a), e * math.sin(a) + n * math.cos(a)

    straight = lab.sortie([(60.0, -120.0, 20.0)], home=lab.home(60, -60))
    assert lab.rules(straight) == set()
    wrong = lab.sortie([(*turn(60, -120), 20.0)], home=lab.home(*turn(60, -60)))
    assert "home" in lab.rules(wrong)


def test_a_home_at_the_wrong_height_is_refused(lab):
    home = replace(lab.home(), amsl_m=0.0)  # forgot the ground's 30 m
    assert "home-height" in lab.rules(lab.sortie(GOOD), home=home)


def test_amsl_altitudes_are_read_as_such(lab):
    sortie = lab.sortie(GOOD)
    items = tuple(
        replace(i, alt_m=i.alt_m + 30.0, datum=Datum.AMSL) for i in sortie.items
    )
    assert lab.rules(replace(sortie, items=items)) == set()


def test_terrain_altitudes_are_refused(lab):
    sortie = lab.sortie(GOOD)
    items = tuple(replace(i, datum=Datum.TERRAIN) for i in sortie.items)
    assert lab.rules(replace(sortie, items=items)) == {"altitude-frame"}


@pytest.mark.parametrize("field", ["lat_deg", "alt_m", "heading_deg", "duration_s"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_numbers_that_are_none_are_refused(lab, field, value):
    sortie = lab.sortie(GOOD)
    items = (sortie.items[0], replace(sortie.items[1], **{field: value}))
    assert "number" in lab.rules(replace(sortie, items=items))


def test_form_faults_are_named(lab):
    sortie = lab.sortie(GOOD)
    assert lab.rules(replace(sortie, items=())) == {"form"}
    assert "form" in lab.rules(replace(sortie, items=sortie.items[:-1]))
    assert "form" in lab.rules(replace(sortie, items=sortie.items[1:]))
    assert "form" in lab.rules(replace(sortie, items=sortie.items[::-1]))
    assert lab.rules() == {"form"}


def test_a_site_without_fence_or_launch_is_refused(lab):
    sortie = lab.sortie(GOOD)
    lab.site = replace(lab.site, geofence=None, launches=())
    assert lab.rules(sortie) == {"geofence", "home"}


def test_heights_count_in_every_violation(lab):
    found = check_plan(lab.plan(lab.sortie([(75.0, 0.0, 30.0)])), lab.site)
    near = next(v for v in found if v.rule == "clearance")
    assert near.measured == pytest.approx(5.0, abs=0.01)
    assert near.lat_deg is not None
    assert near.alt_m == pytest.approx(30.0, abs=0.1)


def test_a_wide_fence_margin_is_kept_around_a_corner(lab):
    """A leg between two good ends that cuts a notch of the fence."""
    notch = box(-300, -300, 300, 300) - box(-10, -300, 10, -40)
    lab.site = replace(lab.site, geofence=notch)
    sortie = lab.sortie([(-40.0, -60.0, 20.0), (40.0, -60.0, 20.0)])
    found = check_plan(lab.plan(sortie), lab.site)
    assert [v.seq for v in found if v.rule == "geofence"] == [4]


def test_standoff_is_the_plan_s_requirement(lab):
    sortie = lab.sortie([(60.0, 0.0, 30.0)])
    assert lab.rules(sortie) == set()
    assert lab.rules(sortie, requirement=Requirement(standoff_m=25.0)) == {"clearance"}


def test_the_effort_grows_with_the_stations_and_not_with_their_pairs(lab):
    towers = tuple(
        replace(
            lab.site.buildings[0],
            id=f"b{i}-{j}",
            footprint=box(i * 60, j * 60, i * 60 + 20, j * 60 + 20),
        )
        for i in range(12)
        for j in range(10)
    )
    lab.site = replace(
        lab.site, buildings=towers, geofence=box(-900, -900, 900, 900), no_fly=()
    )

    def effort_s(count: int) -> float:
        places = [
            (40.0 + 60 * (k % 10), 40.0 + 60 * (k // 10 % 10), 20.0)
            for k in range(count)
        ]
        plan = lab.plan(lab.sortie(places))
        start_s = time.process_time()
        check_plan(plan, lab.site)
        return time.process_time() - start_s

    effort_s(10)  # imports and caches
    # Ten times as many: ten times the effort, a hundred were it quadratic.
    assert effort_s(200) < 30 * effort_s(20)
