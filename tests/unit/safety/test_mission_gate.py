"""What is about to be uploaded, fence and rally points included."""

from dataclasses import replace

import pytest
from shapely import MultiPolygon, box

from patrolctl.domain.machines import VehicleProfile
from patrolctl.domain.mission import MissionStep, StepType
from patrolctl.domain.plan import Requirement
from patrolctl.domain.site import NoFlyArea, SitePoint
from patrolctl.domain.violation import Severity
from patrolctl.geo import Altitude, Datum
from patrolctl.safety import check_mission

GOOD = [(0.0, -60.0, 20.0), (60.0, -60.0, 25.0)]


def _found(lab, mission, **profile):
    vehicle = replace(VehicleProfile(), **profile)
    return check_mission(mission, lab.site, vehicle, Requirement())


def _rules(lab, mission, **profile):
    found = _found(lab, mission, **profile)
    return {v.rule for v in found if v.severity is Severity.REFUSE}


def test_a_good_mission_has_no_violation(lab):
    assert _found(lab, lab.mission(GOOD)) == ()


def test_a_step_through_a_building_is_found(lab):
    mission = lab.mission([(0.0, 0.0, 30.0), (160.0, 0.0, 30.0)])
    found = [v for v in _found(lab, mission) if v.rule == "clearance"]
    assert [v.seq for v in found] == [3]


def test_a_fence_beyond_the_surveyed_one_is_refused(lab):
    mission = lab.mission(GOOD)
    wide = [lab.site.frame.point_latlon(e, n) for e, n in
            [(-300, -300), (330, -300), (330, 300), (-300, 300)]]  # fmt: skip
    mission = replace(mission, fence=replace(mission.fence, inclusion=tuple(wide)))
    found = _found(lab, mission)
    assert [(v.rule, v.measured) for v in found] == [("fence", pytest.approx(30.0))]


def test_plan_and_fence_rotated_together_are_caught(lab):
    lab.site = replace(lab.site, no_fly=())
    mission = lab.mission(GOOD)
    fence = replace(
        mission.fence,
        inclusion=lab.turned(mission.fence.inclusion, 7.0),
    )
    steps = tuple(
        s if s.position is None
        else replace(s, position=lab.turned((s.position,), 7.0)[0])
        for s in mission.steps
    )  # fmt: skip
    assert "fence" in _rules(lab, replace(mission, steps=steps, fence=fence))


def test_a_fence_that_the_mission_leaves_is_refused(lab):
    mission = lab.mission(GOOD)
    small = [lab.site.frame.point_latlon(e, n) for e, n in
             [(-50, -100), (50, -100), (50, 100), (-50, 100)]]  # fmt: skip
    mission = replace(mission, fence=replace(mission.fence, inclusion=tuple(small)))
    assert _rules(lab, mission) == {"fence"}


def test_no_fence_is_refused(lab):
    assert _rules(lab, replace(lab.mission(GOOD), fence=None)) == {"fence"}


def test_a_missing_exclusion_is_refused(lab):
    mission = lab.mission(GOOD)
    bare = replace(mission, fence=replace(mission.fence, exclusions=()))
    assert _rules(lab, bare) == {"fence"}


def test_what_is_closed_for_a_time_needs_no_exclusion(lab):
    """A notice beside the way: missions are compiled without it."""
    away = NoFlyArea("n", "Fair", box(60, 60, 70, 70), 0.0, 500.0, temporary=True)
    mission = lab.mission(GOOD)
    lab.site = replace(lab.site, no_fly=(*lab.site.no_fly, away))
    assert _rules(lab, mission) == set()
    surveyed = replace(away, temporary=False)
    lab.site = replace(lab.site, no_fly=(*lab.site.no_fly[:-1], surveyed))
    assert _rules(lab, mission) == {"fence"}


def test_an_exclusion_passed_over_is_only_advised(lab):
    yard = NoFlyArea("yard", "", lab.site.no_fly[0].area, 0.0, 30.0)
    lab.site = replace(lab.site, no_fly=(yard,))
    mission = lab.mission([(0.0, 60.0, 60.0), (0.0, 160.0, 60.0)])
    assert "fence" in _rules(lab, mission)  # its own exclusion would stop it
    open_ = replace(mission, fence=replace(mission.fence, exclusions=()))
    assert _rules(lab, open_) == set()
    assert [v.severity for v in _found(lab, open_)] == [Severity.ADVISE]


def test_a_fence_too_low_for_the_return_is_refused(lab):
    mission = lab.mission(GOOD)
    low = replace(mission.fence, altitude_max=Altitude(71.0, Datum.HOME))
    assert _rules(lab, replace(mission, fence=low)) == {"fence"}
    high = replace(mission.fence, altitude_max=Altitude(200.0, Datum.HOME))
    assert _rules(lab, replace(mission, fence=high)) == {"fence"}


def test_the_low_return_near_home_is_swept_too(lab):
    """RTL climbs only to three times the distance when home is near."""
    wall = replace(
        lab.site.buildings[0],
        footprint=MultiPolygon([box(88, -20, 92, 20)]),
        height_m=95.0,
    )
    lab.site = replace(
        lab.site, buildings=(wall,), launches=(SitePoint("p", "", 76, 0),)
    )
    home = lab.site.frame.point_latlon(76, 0)
    around = [(76.0, -60.0, 20.0), (104.0, -60.0, 20.0), (104.0, 0.0, 20.0)]
    mission = lab.mission(around)
    steps = (
        replace(mission.steps[0], position=home),
        *mission.steps[1:4],
        MissionStep(5, StepType.RETURN_HOME),
    )
    fence = replace(mission.fence, altitude_max=Altitude(110.0, Datum.HOME))
    bare = replace(
        mission,
        home=home,
        steps=steps,
        fence=fence,
        return_altitude=Altitude(105.0, Datum.HOME),
    )
    found = [v for v in _found(lab, bare) if v.rule == "clearance"]
    assert [v.seq for v in found] == [5]  # 28 m from home: only 84 m high
    up = Altitude(105.0, Datum.HOME)
    last = steps[3]
    explicit = (
        *steps[:4],
        MissionStep(5, StepType.GO, last.position, up),
        MissionStep(6, StepType.GO, home, up),
        MissionStep(7, StepType.RETURN_HOME),
    )
    assert _rules(lab, replace(bare, steps=explicit)) == set()


def test_a_return_that_would_go_to_a_rally_point_is_refused(lab):
    mission = lab.mission(GOOD)
    rally = (lab.site.frame.point_latlon(60, -70), Altitude(30.0, Datum.HOME))
    with_rally = replace(mission, rally=(rally,))
    assert _rules(lab, with_rally) == set()  # flies above home first
    steps = (*mission.steps[:3], MissionStep(4, StepType.RETURN_HOME))
    assert "home" in _rules(lab, replace(with_rally, steps=steps))


def test_a_rally_point_beside_a_wall_or_outside_is_refused(lab):
    for at in ((125.0, 0.0), (400.0, 0.0)):
        rally = (lab.site.frame.point_latlon(*at), Altitude(30.0, Datum.HOME))
        assert _rules(lab, replace(lab.mission(GOOD), rally=(rally,))) == {"rally"}


def test_endless_jumps_and_wrong_targets_are_refused(lab):
    mission = lab.mission(GOOD)

    def with_jump(to, times):
        steps = (
            *mission.steps[:-1],
            MissionStep(6, StepType.JUMP, jump_to=to, jump_times=times),
            MissionStep(7, StepType.RETURN_HOME),
        )
        return replace(mission, steps=steps)

    assert _rules(lab, with_jump(2, 1)) == set()
    assert _rules(lab, with_jump(2, -1)) == {"battery"}
    assert _rules(lab, with_jump(2, 200)) == {"battery"}
    assert _rules(lab, with_jump(6, 1)) == {"form"}


def test_misnumbered_and_homeless_missions_are_refused(lab):
    mission = lab.mission(GOOD)
    assert _rules(lab, replace(mission, steps=mission.steps[1:])) == {"form"}
    assert _rules(lab, replace(mission, steps=mission.steps[:-1])) == {"form"}
    assert _rules(lab, replace(mission, steps=())) == {"form"}
    assert _rules(lab, replace(mission, return_altitude=None)) == {"form"}


def test_the_battery_of_the_vehicle_at_hand_counts(lab):
    assert _rules(lab, lab.mission(GOOD), endurance_s=120.0) == {"battery"}
