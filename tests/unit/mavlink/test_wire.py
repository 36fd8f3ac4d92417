"""Frames, homes and items: nothing is flown in another frame than approved."""

import math
import struct
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patrolctl.domain.ids import SortieId
from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.mission import Mission, MissionStep, StepType
from patrolctl.geo import Altitude, Datum, LatLon
from patrolctl.mavlink.autopilots.ardupilot import ArduPilot
from patrolctl.mavlink.autopilots.px4 import Px4
from patrolctl.mavlink.messages import MissionItemInt
from patrolctl.mavlink.wire import (
    Cmd,
    WireItem,
    datum_of,
    distance_m,
    frame_of,
    heading_of,
    item_message,
    item_of,
    latlon,
    placed,
)

COPTER = ArduPilot(VehicleKind.COPTER)
ROVER = ArduPilot(VehicleKind.ROVER)
positions = st.builds(
    lambda lat, lon: LatLon(lat_deg=lat, lon_deg=lon),
    st.floats(-89.9, 89.9),
    st.floats(-179.9, 179.9),
)
altitudes = st.builds(Altitude, st.floats(-100.0, 4500.0), st.sampled_from(list(Datum)))


@given(positions, altitudes)
def test_an_item_keeps_place_height_and_datum(where: LatLon, height: Altitude) -> None:
    item = placed(Cmd.NAV_WAYPOINT, where, height)
    raw = struct.pack("<ffffiif", *item.params, item.x, item.y, item.z)
    back = struct.unpack("<ffffiif", raw)
    assert datum_of(item.frame) is height.datum
    got = latlon(back[4], back[5])
    assert got is not None
    assert abs(got.lat_deg - where.lat_deg) <= 0.51e-7
    assert abs(got.lon_deg - where.lon_deg) <= 0.51e-7
    assert back[6] == pytest.approx(height.value_m, abs=3e-4)


@given(
    st.floats(0.0, 4000.0),
    st.floats(2.0, 120.0),
    st.sampled_from([Datum.HOME, Datum.AMSL]),
)
def test_the_height_flown_does_not_depend_on_where_home_lies(
    home_amsl_m: float, up_m: float, datum: Datum
) -> None:
    value_m = up_m if datum is Datum.HOME else up_m + home_amsl_m
    where = LatLon(lat_deg=34.0, lon_deg=117.0)
    steps = (
        MissionStep(1, StepType.TAKEOFF, where, Altitude(value_m, datum)),
        MissionStep(2, StepType.GO, where, Altitude(value_m, datum)),
    )
    mission = Mission(SortieId("s"), VehicleKind.COPTER, where, home_amsl_m, steps)
    for pilot in (COPTER, Px4(VehicleKind.COPTER)):
        for item in pilot.compile(mission).items[-2:]:
            relative = item.frame == frame_of(Datum.HOME)
            flown_m = item.z if relative else item.z - home_amsl_m
            assert flown_m == pytest.approx(up_m, abs=1e-6)


def test_frames_in_which_nobody_flies_are_refused() -> None:
    for frame in (1, 2, 4, 7, 8, 9, 12, 99):
        with pytest.raises(ValueError, match="MAV_FRAME"):
            datum_of(frame)


def test_headings_and_positions_that_are_none() -> None:
    assert heading_of(65535) is None
    assert heading_of(36000) is None
    assert heading_of(12345) == 123.45
    assert latlon(2_000_000_000, 0) is None
    assert latlon(0, -1_900_000_000) is None


def test_distance_crosses_the_date_line() -> None:
    west = LatLon(lat_deg=0.0, lon_deg=179.9999)
    east = LatLon(lat_deg=0.0, lon_deg=-179.9999)
    assert distance_m(west, east) == pytest.approx(22.2, abs=0.1)


# -- compiling ---------------------------------------------------------------


def test_item_0_is_home_and_steps_know_their_items(world: SimpleNamespace) -> None:
    wire = COPTER.compile(world.copter_mission())
    commands = [Cmd(i.command).name for i in wire.items]
    assert commands == [
        "NAV_WAYPOINT",
        "NAV_TAKEOFF",
        "DO_CHANGE_SPEED",
        "NAV_WAYPOINT",
        "DO_CHANGE_SPEED",
        "NAV_WAYPOINT",
        "CONDITION_YAW",  # before the loiter: it runs with the item that follows
        "NAV_LOITER_TIME",
        "NAV_WAYPOINT",
        "NAV_RETURN_TO_LAUNCH",
    ]
    assert wire.home_item
    assert wire.items[0].z == 30.0
    assert datum_of(wire.items[0].frame) is Datum.AMSL
    assert [(s.seq, s.first, s.last) for s in wire.steps] == [
        (1, 1, 1),
        (2, 2, 3),
        (3, 4, 5),
        (4, 6, 7),
        (5, 8, 8),
        (6, 9, 9),
    ]
    assert wire.step_at(0) is None
    assert wire.step(4) is wire.step_at(6) is wire.step_at(7)
    assert wire.items[7].params[0] > 12.0  # a backstop, not the dwell itself
    assert [s.speed_m_s for s in wire.steps] == [None, 6.0, 5.0, 5.0, 5.0, 5.0]


def test_a_rover_jumps_to_the_first_item_of_a_step(world: SimpleNamespace) -> None:
    wire = ROVER.compile(world.rover_mission())
    commands = [Cmd(i.command).name for i in wire.items]
    assert commands == [
        "NAV_WAYPOINT",
        "DO_CHANGE_SPEED",
        "NAV_WAYPOINT",
        "NAV_LOITER_TIME",
        "DO_CHANGE_SPEED",
        "NAV_WAYPOINT",
        "DO_JUMP",
        "NAV_WAYPOINT",  # home, at the speed of the mission
    ]
    assert wire.items[6].params[:2] == (1.0, 1.0)
    home = wire.items[-1]
    assert (home.x, home.y) == (342044000, 1172857000)


def test_land_after_return_has_no_item_of_its_own(world: SimpleNamespace) -> None:
    mission = world.copter_mission()
    steps = (*mission.steps, MissionStep(7, StepType.LAND, mission.home, world.up(0)))
    wire = COPTER.compile(replace(mission, steps=steps))
    assert wire.items[-1].command == Cmd.NAV_RETURN_TO_LAUNCH
    last, landing = wire.steps[-2:]
    assert (last.first, last.last) == (landing.first, landing.last)


def test_what_cannot_be_flown_is_said(world: SimpleNamespace) -> None:
    base = world.rover_mission()
    landing = replace(base, steps=(MissionStep(1, StepType.LAND, base.home),))
    with pytest.raises(ValueError, match="step 1: a rover does not land"):
        ROVER.compile(landing)
    nowhere = replace(base, steps=(MissionStep(1, StepType.JUMP, jump_to=9),))
    with pytest.raises(ValueError, match="jumps to step 9, which does not exist"):
        ROVER.compile(nowhere)
    lost = replace(base, steps=(MissionStep(1, StepType.GO),))
    with pytest.raises(ValueError, match=r"step 1 \(go\) has no position"):
        ROVER.compile(lost)


# -- what reads back differently, and what may ------------------------------


def test_real_read_backs_are_recognised(world: SimpleNamespace) -> None:
    """What was uploaded in the recordings is what was read back there."""
    compared = 0
    for name, pilot in (("copter_mission", COPTER), ("rover_loop", ROVER)):
        sent: dict[tuple[int, int], WireItem] = {}
        for _, frame in world.recorded(name):
            if frame.msg_id != 73:
                continue
            message = _item(frame.payload)
            key = (message.mission_type, message.seq)
            if frame.sysid == 255:
                item = item_of(message)
                has_place = item.command in (16, 19, 22) or item.command >= 5000
                sent[key] = replace(item, place=has_place)
            elif key != (0, 0):
                difference = pilot.difference(sent[key], item_of(message))
                assert difference == "", (name, key, difference)
                compared += 1
    assert compared == 8 + 4 + 1 + 7  # the rover's fence was not read back


def _item(payload: bytes) -> MissionItemInt:
    layout = "<ffffiifHHBBBBBB"
    padded = payload.ljust(struct.calcsize(layout), b"\0")
    return MissionItemInt._make(struct.unpack(layout, padded))


WAYPOINT = placed(
    Cmd.NAV_WAYPOINT,
    LatLon(lat_deg=34.2, lon_deg=117.2),
    Altitude(15.0, Datum.HOME),
    (0.0, 0.0, 0.0, 0.0),
)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"x": WAYPOINT.x + 1}, "position"),
        ({"y": WAYPOINT.y - 1}, "position"),
        ({"z": 15.02}, "altitude 15.02 m instead of 15 m"),
        ({"z": math.nan}, "altitude"),
        ({"frame": 0}, "altitude frame 0 instead of 3"),
        ({"frame": 10}, "altitude frame"),
        ({"command": 17}, "command 17 instead of 16"),
        ({"params": (3.0, 0.0, 0.0, 0.0)}, "param 1 is 3 instead of 0"),
        ({"params": (0.0, 0.0, 0.0, 90.0)}, "param 4"),
    ],
)
def test_each_difference_that_matters_is_seen(change: dict, told: str) -> None:
    assert told in COPTER.difference(WAYPOINT, replace(WAYPOINT, **change))


@given(st.floats(0.0, 4500.0))
def test_centimetres_that_ardupilot_truncates_are_no_difference(z_m: float) -> None:
    sent = replace(WAYPOINT, z=z_m)
    as_float = struct.unpack("<f", struct.pack("<f", z_m))[0]
    kept = struct.unpack("<f", struct.pack("<f", int(as_float * 100.0) * 0.01))[0]
    assert COPTER.difference(sent, replace(sent, z=kept, frame=6)) == ""


def test_upload_messages_carry_the_item(world: SimpleNamespace) -> None:
    message = item_message(WAYPOINT, 5, 0, (1, 1))
    assert message.seq == 5
    assert item_of(message) == WAYPOINT


# -- parameters and modes ----------------------------------------------------


def test_what_must_be_set_before_arming(world: SimpleNamespace) -> None:
    rules = {r.names[0][0]: r for r in COPTER.parameters(world.copter_mission(), 255)}
    assert rules["FENCE_TYPE"].names[0][1] == 5.0
    assert rules["FENCE_ALT_MAX"].names[0][1] == pytest.approx(60.0)
    assert rules["RTL_ALT_M"].names[1] == ("RTL_ALT", pytest.approx(2500.0))
    assert list(rules)[-1] == "FENCE_ENABLE"
    assert rules["FS_OPTIONS"].to_set(2, 18.0) == 16.0
    assert not rules["FS_OPTIONS"].satisfied(2, 18.0)
    assert rules["FS_GCS_ENABLE"].satisfied(1.0, 2.0)
    assert not rules["FS_GCS_ENABLE"].satisfied(1.0, 0.0)
    drive = {r.names[0][0] for r in ROVER.parameters(world.rover_mission(), 255)}
    assert {"FS_ACTION", "FENCE_ENABLE", "FENCE_ACTION"} <= drive
    assert "FENCE_ALT_MAX" not in drive


def test_px4_as_documented(world: SimpleNamespace) -> None:
    pilot = Px4(VehicleKind.COPTER)
    wire = pilot.compile(world.copter_mission())
    assert not wire.home_item
    assert [Cmd(i.command).name for i in wire.items] == [
        "NAV_TAKEOFF",
        "DO_CHANGE_SPEED",
        "NAV_WAYPOINT",
        "DO_CHANGE_SPEED",
        "NAV_WAYPOINT",
        "NAV_WAYPOINT",
        "NAV_WAYPOINT",
        "NAV_RETURN_TO_LAUNCH",
    ]
    dwell = wire.items[wire.steps[3].last]
    assert dwell.params[3] == 200.0
    assert pilot.mode_name(4 << 16 | 4 << 24) == "AUTO.MISSION"
    assert pilot.set_mode(pilot.mode_purpose(4 << 16 | 5 << 24)).params == (1.0, 4, 5)
    assert not pilot.start().repeatable
