"""The rover: arming, modes, missions and failsafes as ArduPilot's."""

import math

import pytest

from simulators.build import rover
from simulators.ground import Ground, Item
from simulators.rover import AUTO, GUIDED, HOLD, MANUAL, RTL
from simulators.wire import mavlink

ACCEPTED, DENIED, UNSUPPORTED, FAILED = 0, 2, 3, 4
LAT, LON = 342044000, 1172857000
SET_MODE = mavlink.MAV_CMD_DO_SET_MODE
ARM = mavlink.MAV_CMD_COMPONENT_ARM_DISARM
START = mavlink.MAV_CMD_MISSION_START
HOME = Item(mavlink.MAV_CMD_NAV_WAYPOINT, 0)
VERTEX = mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION


def wp(north_m: float, east_m: float = 0.0, hold: float = 0) -> Item:
    lat = LAT + round(north_m / 0.011132)
    lon = LON + round(east_m / 0.009207)
    return Item(mavlink.MAV_CMD_NAV_WAYPOINT, 6, (hold, 0, 0, 0), lat, lon)


def square(size_m: float) -> list[Item]:
    ring = [(-1, -1), (-1, 1), (1, 1), (1, -1)]
    corners = [wp(a * size_m, b * size_m) for a, b in ring]
    return [Item(VERTEX, 0, (4, 0, 0, 0), c.x, c.y) for c in corners]


def ready(**more: object) -> Ground:
    ground = Ground(rover(ready_scale=0, **more))
    ground.beats = True
    ground.run(0.2)
    ground.send(mavlink.MAVLink_request_data_stream_message(1, 1, 0, 4, 1))
    return ground


def drive(ground: Ground, items: list[Item]) -> None:
    assert ground.upload([HOME, *items]) == 0
    assert ground.command(SET_MODE, 1, AUTO) == ACCEPTED
    assert ground.command(ARM, 1) == ACCEPTED


def test_it_arms_in_auto_and_manual_but_not_in_rtl() -> None:
    ground = ready()
    ground.upload([HOME, wp(20)])
    for mode, result in ((MANUAL, ACCEPTED), (AUTO, ACCEPTED), (RTL, FAILED)):
        ground.command(SET_MODE, 1, mode)
        assert ground.command(ARM, 1) == result
        ground.command(ARM, 0)
    assert "Arm: Mode not armable" in ground.texts()
    health = ground.run(1.0) and ground.last("SYS_STATUS")
    assert not health.onboard_control_sensors_health & 0x10000000


def test_auto_without_a_mission_is_refused() -> None:
    ground = ready()
    assert ground.command(SET_MODE, 1, AUTO) == FAILED
    assert ground.command(START) == FAILED
    assert "No Mission. Can't set AUTO." in ground.texts()


def test_it_never_disarms_by_itself() -> None:
    ground = ready()
    ground.command(ARM, 1)
    ground.run(600.0)
    assert ground.vehicle.armed


def test_it_accepts_a_disarm_at_speed_and_rolls_out() -> None:
    ground = ready(param_overrides={"WP_SPEED": 4})
    drive(ground, [wp(100)])
    ground.run(8.0)
    assert ground.vehicle.body.speed_m_s == pytest.approx(4.0)
    assert ground.command(ARM, 0) == ACCEPTED
    ground.run(1.0)
    assert 2.0 < ground.vehicle.body.speed_m_s < 4.0
    ground.run(5.0)
    assert ground.vehicle.body.speed_m_s == 0.0


def test_hold_and_auto_again_goes_on_with_the_same_item() -> None:
    ground = ready()
    drive(ground, [wp(10), wp(40), wp(40, 20)])
    ground.run(12.0)
    assert ground.last("MISSION_CURRENT").seq == 2
    pause = mavlink.MAV_CMD_DO_PAUSE_CONTINUE
    assert ground.command(pause, 0) == UNSUPPORTED
    assert ground.command(SET_MODE, 1, HOLD) == ACCEPTED
    ground.run(5.0)
    assert ground.vehicle.body.speed_m_s == 0.0
    assert ground.last("MISSION_CURRENT").mission_state == 2
    assert ground.last("HEARTBEAT").system_status == mavlink.MAV_STATE_STANDBY
    assert ground.command(SET_MODE, 1, AUTO) == ACCEPTED
    ground.run(1.0)
    last = ground.last("MISSION_CURRENT")
    assert (last.seq, last.mission_state) == (2, 3)


def test_the_end_of_a_mission_leaves_it_armed_in_auto() -> None:
    ground = ready()
    drive(ground, [wp(10), wp(10, 10, hold=2)])
    ground.run(60.0)
    assert "Mission Complete" in ground.texts()
    last = ground.last("MISSION_CURRENT")
    assert (last.seq, last.mission_state, last.mission_mode) == (2, 5, 1)
    assert ground.vehicle.armed
    assert ground.vehicle.body.speed_m_s == 0.0


def test_it_keeps_its_limits_of_speed_and_turn() -> None:
    ground = ready()
    drive(ground, [wp(30), wp(30, 30), wp(0, 30), wp(0, 0)])
    last_yaw, last_s = ground.vehicle.body.yaw_rad, ground.vehicle.now_s
    for _ in range(800):
        ground.run(0.1)
        body = ground.vehicle.body
        assert body.speed_m_s <= 2.001
        turned = abs((body.yaw_rad - last_yaw + math.pi) % (2 * math.pi) - math.pi)
        passed = ground.vehicle.now_s - last_s
        assert turned <= math.radians(120) * (passed + 0.11)
        last_yaw, last_s = body.yaw_rad, ground.vehicle.now_s
    assert "Mission Complete" in ground.texts()


def test_a_waypoint_outside_the_fence_stalls_it_silently() -> None:
    ground = ready()
    ground.upload(square(20), 1)
    assert ground.command(mavlink.MAV_CMD_DO_FENCE_ENABLE, 1) == ACCEPTED
    drive(ground, [wp(50)])
    ground.run(5.0)
    said = len(ground.texts())
    ground.run(60.0)
    assert 17.0 < ground.vehicle.body.north_m <= 18.01
    assert ground.vehicle.mode == AUTO
    last = ground.last("MISSION_CURRENT")
    assert (last.seq, last.mission_state) == (1, 3)
    assert ground.texts()[said:] == []
    assert ground.vehicle.fence.breaches == 0


def test_rtl_stops_at_home_armed() -> None:
    ground = ready()
    drive(ground, [wp(30)])
    ground.run(10.0)
    assert ground.command(mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH) == ACCEPTED
    ground.run(40.0)
    assert "Reached destination" in ground.texts()
    body = ground.vehicle.body
    assert math.hypot(body.north_m, body.east_m) < 2.0
    assert ground.vehicle.armed


def test_losing_the_station_is_called_a_radio_failsafe() -> None:
    ground = ready(param_overrides={"FS_GCS_ENABLE": 1, "FS_ACTION": 2})
    drive(ground, [wp(300)])
    ground.run(5.0)
    ground.beats = False
    ground.run(8.0)
    assert "Radio Failsafe" in ground.texts()
    assert ground.vehicle.mode == HOLD
    ground.beats = True
    ground.run(3.0)
    assert ground.vehicle.mode == HOLD, "it stays"


def test_the_battery_brings_it_home() -> None:
    ground = ready(battery_s=60.0)
    drive(ground, [wp(300)])
    ground.run(55.0)
    assert any(t.startswith("Battery 1 is low") for t in ground.texts())
    assert ground.vehicle.mode == RTL


def test_a_copters_commands_are_unsupported() -> None:
    ground = ready()
    for command in (mavlink.MAV_CMD_NAV_TAKEOFF, mavlink.MAV_CMD_NAV_LAND):
        assert ground.command(command) == UNSUPPORTED


def test_it_streams_unasked() -> None:
    ground = Ground(rover(ready_scale=0))
    ground.run(5.0)
    assert len(ground.all("GLOBAL_POSITION_INT")) >= 4


def test_guided() -> None:
    ground = ready()
    ground.command(SET_MODE, 1, GUIDED)
    ground.command(ARM, 1)
    there = wp(15, 5)
    reposition = mavlink.MAV_CMD_DO_REPOSITION
    assert ground.command_int(reposition, -1, 0, x=there.x, y=there.y) == ACCEPTED
    ground.run(25.0)
    body = ground.vehicle.body
    assert math.hypot(body.north_m - 15, body.east_m - 5) < 0.5


def test_losing_the_position_holds() -> None:
    ground = ready()
    drive(ground, [wp(100)])
    ground.run(5.0)
    ground.vehicle.lose_gps()
    ground.run(5.0)
    assert ground.vehicle.mode == HOLD
    assert ground.command(SET_MODE, 1, AUTO) == FAILED
