"""What is left of a flight, and its way home, against airspace that closes."""

from dataclasses import replace

import pytest
from shapely import box

from patrolctl.domain.ids import SortieId
from patrolctl.domain.machines import VehicleKind, VehicleProfile
from patrolctl.domain.mission import Mission, MissionStep, StepType
from patrolctl.domain.site import NoFlyArea, Site
from patrolctl.geo import Altitude, Datum, LatLon, LocalFrame
from patrolctl.safety.ahead import Position, Turn, ahead_of, judge

HOME = LatLon(lat_deg=34.2, lon_deg=117.2)
SITE = Site("s", "S", "0" * 64, LocalFrame(HOME), geofence=box(-500, -500, 500, 500))
PROFILE = VehicleProfile()


def step(seq: int, kind: StepType, east: float, north: float, up: float = 30.0):
    return MissionStep(
        seq=seq,
        type=kind,
        position=SITE.frame.point_latlon(east, north),
        altitude=Altitude(up, Datum.HOME),
        duration_s=20.0 if kind is StepType.DWELL else None,
    )


# Out along the north, then east, then back by RTL at 40 m straight to home.
MISSION = Mission(
    sortie_id=SortieId("F1"),
    vehicle_kind=VehicleKind.COPTER,
    home=HOME,
    home_amsl_m=0.0,
    steps=(
        step(1, StepType.TAKEOFF, 0, 0),
        step(2, StepType.GO, 0, 100),
        step(3, StepType.DWELL, 0, 100),
        step(4, StepType.GO, 150, 100),
        step(5, StepType.DWELL, 150, 100),
        MissionStep(seq=6, type=StepType.RETURN_HOME),
    ),
    return_altitude=Altitude(40.0, Datum.HOME),
)


def area(west: float, south: float, east: float, north: float, **more) -> NoFlyArea:
    found = NoFlyArea("n1", "Fair", box(west, south, east, north), 0.0, 500.0)
    return replace(found, **more)


def verdict(here, seq: int, *closed: NoFlyArea, soon: tuple[NoFlyArea, ...] = ()):
    ahead = ahead_of(MISSION, SITE, PROFILE, Position(here, seq))
    return judge(ahead, closed + soon, closed)


EAST_LEG = area(60, 90, 90, 110)
ON_THE_RETURN = area(60, 40, 90, 60)
HOME_CLOSED = area(-10, -10, 10, 10)


@pytest.mark.parametrize(
    ("here", "seq", "closed", "turn"),
    [
        # Before the leg it leads into it, behind it no more.
        ((0.0, 50.0, 30.0), 2, EAST_LEG, Turn.HOME),
        ((0.0, 100.0, 30.0), 3, EAST_LEG, Turn.HOME),
        ((120.0, 100.0, 30.0), 4, EAST_LEG, Turn.GO_ON),
        ((150.0, 100.0, 30.0), 5, EAST_LEG, Turn.GO_ON),
        # Its own way home is part of its way; from the north there is another.
        ((0.0, 50.0, 30.0), 2, ON_THE_RETURN, Turn.HOME),
        ((150.0, 100.0, 30.0), 5, ON_THE_RETURN, Turn.HOLD),
        ((0.0, 50.0, 30.0), 2, HOME_CLOSED, Turn.HOLD),
        # Far from everything, and below or above it.
        ((0.0, 50.0, 30.0), 2, area(300, 300, 350, 350), Turn.GO_ON),
        ((0.0, 50.0, 30.0), 2, replace(EAST_LEG, bottom_m=60.0), Turn.GO_ON),
        ((0.0, 50.0, 30.0), 2, replace(EAST_LEG, top_m=20.0), Turn.GO_ON),
        ((0.0, 50.0, 30.0), 2, replace(EAST_LEG, top_m=28.0), Turn.HOME),
    ],
)
def test_it_goes_home_by_a_clear_way_or_holds(here, seq, closed, turn):
    found = verdict(here, seq, closed)
    assert found.turn is turn
    assert found.areas == (() if turn is Turn.GO_ON else ("n1",))
    assert not found.inside


def test_from_inside_it_comes_out_if_the_way_home_leads_out_once():
    inside = (75.0, 100.0, 30.0)
    found = verdict(inside, 4, EAST_LEG)
    assert (found.turn, found.inside) == (Turn.HOME, True)
    assert "is inside closed airspace: Fair" in found.why
    arms = box(30, 40, 90, 60).union(box(85, 40, 90, 110))
    u_shaped = replace(EAST_LEG, area=EAST_LEG.area.union(arms))
    assert verdict(inside, 4, u_shaped).turn is Turn.HOLD
    # Up and out: the return is flown at 40 m.
    assert verdict(inside, 4, replace(u_shaped, top_m=35.0)).turn is Turn.HOME


def test_the_low_return_near_home_counts_too():
    """Near home an autopilot climbs less than to its full return height."""
    here = (6.0, 0.0, 8.0)
    low = area(2, -3, 4, 3, top_m=25.0)
    assert verdict(here, 5, low).turn is Turn.HOLD


def test_what_closes_later_turns_it_home_by_a_way_that_is_open_now():
    found = verdict((0.0, 50.0, 30.0), 2, soon=(HOME_CLOSED,))
    assert found.turn is Turn.HOME


def test_a_loop_that_goes_round_again_has_all_of_it_ahead():
    steps = (*MISSION.steps[:-1], MissionStep(seq=6, type=StepType.JUMP, jump_to=2,
             jump_times=3), MissionStep(seq=7, type=StepType.RETURN_HOME))  # fmt: skip
    mission = replace(MISSION, steps=steps)
    behind = (150.0, 100.0, 30.0)
    for loops, turn in ((3, Turn.HOME), (1, Turn.GO_ON)):
        ahead = ahead_of(mission, SITE, PROFILE, Position(behind, 5, loops))
        assert judge(ahead, (area(-5, 60, 5, 80),), ()).turn is turn
    assert ahead_of(mission, SITE, PROFILE, Position(behind, 5, 3)).way_s > 60.0


def test_an_unknown_step_leaves_all_of_the_way():
    ahead = ahead_of(MISSION, SITE, PROFILE, Position((150.0, 100.0, 30.0), None))
    assert judge(ahead, (EAST_LEG,), (EAST_LEG,)).turn is Turn.HOME
