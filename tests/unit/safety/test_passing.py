"""Messages in flight: every rule of theirs broken once."""

from dataclasses import replace

import pytest

from patrolctl.domain.ids import SortieId
from patrolctl.domain.machines import VehicleKind, VehicleProfile
from patrolctl.domain.mission import StepType
from patrolctl.domain.plan import (
    ItemType,
    PlanAnnouncement,
    PlanCue,
    Requirement,
    Sortie,
)
from patrolctl.geo import Altitude, Datum
from patrolctl.planning.compile import compile_mission
from patrolctl.safety import check_mission, check_plan

FROM, TO = (60.0, -90.0, 25.0), (60.0, -34.0, 25.0)  # 20 m west of the tower
SAID = PlanAnnouncement("a", 6.0, 1, "c" * 64)
GOOD = {
    "heading_deg": 90.0,
    "speed_m_s": 4.0,
    "duration_s": 22.2,
    "hold_s": 3.0,
    "cue": PlanCue("c" * 64, 3),
    "station": "P1",
}


def passing(lab, start=FROM, end=TO, **more) -> Sortie:
    """Out to the start, past the tower, home."""
    items = [
        lab.item(1, ItemType.TAKEOFF, (0.0, 0.0, start[2])),
        lab.item(2, ItemType.FLY, start, heading_deg=90.0),
        lab.item(3, ItemType.PASS, end, **{**GOOD, **more}),
        lab.item(4, ItemType.RETURN_HOME, (0.0, 0.0, 0.0)),
    ]
    return lab.timed(
        Sortie(SortieId("s1"), VehicleKind.COPTER, tuple(items), 0, 0, 1, vehicle="s1")
    )


def found(lab, sortie, **more):
    plan = lab.plan(sortie, **{"announcement": SAID, **more})
    return [v for v in check_plan(plan, lab.site) if v.severity == "refuse"]


def rules(lab, sortie, **more):
    return {v.rule for v in found(lab, sortie, **more)}


def test_a_good_pass_breaks_no_rule(lab):
    assert found(lab, passing(lab)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"heading_deg": None}, "without a heading"),
        ({"speed_m_s": None}, "is said at 0 m/s"),
        ({"speed_m_s": 0.0}, "is said at 0 m/s"),
        ({"hold_s": None}, "stands 0 s"),
        ({"hold_s": 9.0, "duration_s": 30.0}, "stands 9 s"),
        ({"cue": None}, "says nothing"),
        ({"cue": PlanCue("c" * 64, 4)}, "cuts its message"),
        ({"cue": PlanCue("c" * 64, 0)}, "0 of 1 repeats"),
    ],
)
def test_each_fault_of_a_pass_is_named(lab, change, words):
    broken = [v for v in found(lab, passing(lab, **change)) if v.rule == "pass"]
    assert any(words in v.reason for v in broken), broken
    assert {v.seq for v in broken} == {3}


def test_repeats_that_the_announcement_asks_for_are_said(lab):
    said = replace(SAID, repeats=4)
    broken = found(lab, passing(lab), announcement=said)
    assert any("3 of 4 repeats" in v.reason for v in broken)


def test_nothing_is_said_faster_than_the_gate_allows(lab):
    fast = passing(lab, speed_m_s=9.0)
    quick = replace(lab.plan().vehicle, cruise_m_s=12.0)
    broken = found(lab, fast, vehicle=quick)
    assert [(v.rule, v.measured, v.limit) for v in broken] == [("pass", 9.0, 8.0)]


def test_a_pass_that_cannot_be_flown_in_its_time_is_found(lab):
    assert "duration" in rules(lab, passing(lab, speed_m_s=2.0))


def test_a_pass_is_judged_all_along_its_way(lab):
    """Both ends are clear of the tower; the way between them is not."""
    through = passing(lab, (74.0, -90.0, 25.0), (74.0, 60.0, 25.0), speed_m_s=8.0)
    assert "clearance" in rules(lab, through)


def test_it_is_as_loud_as_at_the_nearest_wall_on_the_way(lab):
    """35 m away at both ends, 12 m in the middle: nearer than the cap allows."""
    near = passing(
        lab, (68.0, -55.0, 25.0), (68.0, 55.0, 25.0), speed_m_s=8.0, duration_s=22.2
    )
    need = Requirement(max_level_db=82.0)
    broken = [v for v in found(lab, near, requirement=need) if v.rule == "exposure"]
    assert broken
    assert max(v.measured for v in broken) == pytest.approx(105 - 21.6, abs=0.2)
    ends = [passing(lab, e, (e[0] - 60, e[1], e[2])) for e in ((68.0, -55.0, 25.0),)]
    for sortie in ends:
        assert "exposure" not in rules(lab, sortie, requirement=need)


def test_a_patrol_vehicle_cannot_pass(lab):
    drive = lab.drive([(0, -110), (0, -100)])
    item = lab.item(2, ItemType.PASS, (100.0, -100.0, 0.0), **GOOD)
    bad = replace(drive, items=(drive.items[0], item, drive.items[-1]))
    assert "form" in rules(lab, bad)


# -- compiled


def compiled(lab):
    sortie = passing(lab)
    mission, _ = compile_mission(lab.plan(sortie, announcement=SAID), sortie, lab.site)
    return mission


def mission_rules(lab, mission, **profile):
    vehicle = replace(VehicleProfile(), **profile)
    return {v.rule for v in check_mission(mission, lab.site, vehicle, Requirement())}


def changed(mission, kind, **more):
    """The mission with its steps of a kind changed."""
    steps = (replace(s, **more) if s.type is kind else s for s in mission.steps)
    return replace(mission, steps=tuple(steps))


def test_a_compiled_pass_breaks_no_rule(lab):
    mission = compiled(lab)
    kinds = [s.type for s in mission.steps[2:5]]
    assert kinds == [StepType.DWELL, StepType.PASS, StepType.DWELL]
    assert mission_rules(lab, mission) == set()


@pytest.mark.parametrize(
    "fault",
    [
        lambda m: changed(m, StepType.DWELL, leaves_s=None),
        lambda m: changed(m, StepType.DWELL, leaves_s=3.0),
        lambda m: changed(m, StepType.PASS, heading_deg=None),
        lambda m: changed(m, StepType.PASS, speed_m_s=None),
        lambda m: changed(m, StepType.PASS, speed_m_s=8.5),
        lambda m: changed(m, StepType.PASS, altitude=Altitude(26.0, Datum.HOME)),
    ],
)
def test_each_fault_of_a_compiled_pass_is_found(lab, fault):
    assert "pass" in mission_rules(lab, fault(compiled(lab)), cruise_m_s=12.0)


def test_a_compiled_pass_through_a_building_is_found(lab):
    mission = compiled(lab)
    there = lab.site.frame.point_latlon(100.0, 60.0)
    moved = changed(mission, StepType.PASS, position=there)
    assert "clearance" in mission_rules(lab, moved)


def test_a_stand_that_leaves_for_nowhere_is_no_number(lab):
    mission = changed(compiled(lab), StepType.DWELL, leaves_s=float("nan"))
    assert "number" in mission_rules(lab, mission)
