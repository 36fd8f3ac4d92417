"""The copter: arming, modes, missions and failsafes as ArduPilot's."""

import math

import pytest

from simulators.build import copter
from simulators.copter import (
    AUTO,
    BRAKE,
    GUIDED,
    LAND,
    LOITER,
    RTL,
    STABILIZE,
    Copter,
)
from simulators.ground import Ground, Item
from simulators.wire import mavlink

ACCEPTED, DENIED, FAILED = 0, 2, 4
UNSUPPORTED = 3
LAT, LON = 342044000, 1172857000
SET_MODE = mavlink.MAV_CMD_DO_SET_MODE
ARM = mavlink.MAV_CMD_COMPONENT_ARM_DISARM
START = mavlink.MAV_CMD_MISSION_START
PAUSE = mavlink.MAV_CMD_DO_PAUSE_CONTINUE
VERTEX = mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION
HOME = Item(mavlink.MAV_CMD_NAV_WAYPOINT, 0)
TAKEOFF = Item(mavlink.MAV_CMD_NAV_TAKEOFF, 6, z=15.0)
RETURN = Item(mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH, 6)


def wp(north_m: float, east_m: float = 0.0, z: float = 15.0, hold: float = 0) -> Item:
    lat = LAT + round(north_m / 0.011132)
    lon = LON + round(east_m / 0.009207)
    return Item(mavlink.MAV_CMD_NAV_WAYPOINT, 6, (hold, 0, 0, 0), lat, lon, z)


def loiter(north_m: float, seconds: float) -> Item:
    lat = LAT + round(north_m / 0.011132)
    params = (seconds, 0.0, 0.0, 0.0)
    return Item(mavlink.MAV_CMD_NAV_LOITER_TIME, 6, params, lat, LON, 15.0)


def square(size_m: float) -> list[Item]:
    ring = [(-1, -1), (-1, 1), (1, 1), (1, -1)]
    corners = [wp(a * size_m, b * size_m) for a, b in ring]
    return [Item(VERTEX, 0, (4, 0, 0, 0), c.x, c.y) for c in corners]


def ready(**more: object) -> Ground:
    ground = Ground(copter(ready_scale=0, **more))
    ground.beats = True
    ground.run(0.2)
    ground.send(mavlink.MAVLink_request_data_stream_message(1, 1, 0, 4, 1))
    return ground


def body_of(ground: Ground) -> Copter:
    assert isinstance(ground.vehicle, Copter)
    return ground.vehicle


def launch(ground: Ground, items: list[Item]) -> None:
    assert ground.upload([HOME, *items]) == 0
    assert ground.command(SET_MODE, 1, GUIDED) == ACCEPTED
    assert ground.command(ARM, 1) == ACCEPTED
    assert ground.command(START) == ACCEPTED


def run_until(ground: Ground, text: str, limit_s: float = 200.0) -> float:
    end_s = ground.vehicle.now_s + limit_s
    seen = len(ground.texts())
    while ground.vehicle.now_s < end_s:
        ground.run(0.5)
        if any(text in t for t in ground.texts()[seen:]):
            return ground.vehicle.now_s
    msg = f"{text!r} was never said: {ground.texts()[seen:]}"
    raise AssertionError(msg)


class TestArming:
    @pytest.mark.parametrize("mode", [AUTO, RTL, LAND, BRAKE])
    def test_modes_that_cannot_be_armed_in(self, mode: int) -> None:
        ground = ready()
        ground.upload([HOME, TAKEOFF])
        ground.command(SET_MODE, 1, mode)
        assert ground.command(ARM, 1) == FAILED
        assert "mode not armable" in ground.texts()[-1]

    @pytest.mark.parametrize("mode", [STABILIZE, GUIDED, LOITER])
    def test_modes_that_can(self, mode: int) -> None:
        ground = ready()
        ground.command(SET_MODE, 1, mode)
        assert ground.command(ARM, 1) == ACCEPTED

    def test_the_reason_comes_after_the_ack(self) -> None:
        ground = Ground(copter())
        ground.run(1.0)
        ground.heard.clear()
        assert ground.command(ARM, 1) == FAILED
        kinds = [m.get_type() for _, m in ground.heard]
        assert kinds.index("COMMAND_ACK") < kinds.index("STATUSTEXT")

    def test_the_prearm_bit_comes_before_the_position(self) -> None:
        ground = Ground(copter())
        ground.run(30.0)
        ground.send(mavlink.MAVLink_request_data_stream_message(1, 1, 0, 4, 1))
        ground.run(1.0)
        health = ground.last("SYS_STATUS").onboard_control_sensors_health
        assert health & 0x10000000
        assert ground.last("EKF_STATUS_REPORT").flags & 0x80
        ground.command(SET_MODE, 1, GUIDED)
        assert ground.command(ARM, 1) == FAILED
        assert "Arm: Need Position Estimate" in ground.texts()
        ground.run(13.0)
        flags = ground.last("EKF_STATUS_REPORT").flags
        assert flags & 0x10
        assert not flags & 0x480
        assert ground.command(ARM, 1) == ACCEPTED

    def test_it_disarms_by_itself_after_10_s_on_the_ground(self) -> None:
        ground = ready()
        ground.command(SET_MODE, 1, GUIDED)
        ground.command(ARM, 1)
        ground.run(9.5)
        assert ground.vehicle.armed
        ground.run(1.0)
        assert not ground.vehicle.armed
        assert "Disarming motors" in ground.texts()

    def test_home_is_set_where_it_arms(self) -> None:
        ground = ready()
        ground.vehicle.body.east_m = 7.0
        ground.command(SET_MODE, 1, GUIDED)
        ground.command(ARM, 1)
        assert ground.last("HOME_POSITION").longitude - LON == pytest.approx(760, abs=2)

    def test_a_home_that_was_set_stays(self) -> None:
        ground = ready()
        there = wp(50)
        set_home = mavlink.MAV_CMD_DO_SET_HOME
        assert ground.command_int(set_home, frame=0, x=there.x, y=LON, z=30.0) == 0
        ground.command(SET_MODE, 1, GUIDED)
        ground.command(ARM, 1)
        assert ground.last("HOME_POSITION").latitude == there.x
        assert ground.download()[0].x == there.x

    def test_disarming_in_the_air_needs_force_and_then_it_falls(self) -> None:
        ground = ready()
        launch(ground, [TAKEOFF, wp(40)])
        ground.run(15.0)
        assert ground.command(ARM, 0) == FAILED
        assert ground.vehicle.armed
        assert ground.command(ARM, 0, 21196) == ACCEPTED
        assert ground.vehicle.body.up_m == 0.0

    def test_force_skips_the_checks(self) -> None:
        ground = Ground(copter())
        assert ground.command(ARM, 1, 2989) == ACCEPTED


class TestLaunch:
    def test_start_while_disarmed_is_accepted_and_nothing_moves(self) -> None:
        ground = ready()
        assert ground.command(START) == ACCEPTED, "even without a mission"
        ground.upload([HOME, TAKEOFF, wp(40)])
        assert ground.command(START) == ACCEPTED
        ground.run(30.0)
        assert ground.vehicle.body.up_m == 0.0
        assert not ground.vehicle.armed

    def test_start_with_parameters_is_denied(self) -> None:
        ground = ready()
        ground.upload([HOME, TAKEOFF])
        assert ground.command(START, 1, 0) == DENIED
        assert ground.command(START, 0, 3) == DENIED

    def test_auto_by_mode_alone_does_not_take_off(self) -> None:
        ground = ready()
        ground.upload([HOME, TAKEOFF, wp(40)])
        ground.command(SET_MODE, 1, GUIDED)
        ground.command(ARM, 1)
        assert ground.command(SET_MODE, 1, AUTO) == ACCEPTED
        ground.run(12.0)
        assert ground.vehicle.body.up_m == 0.0
        assert not ground.vehicle.armed, "ten seconds later it disarms"

    def test_armed_on_the_ground_auto_needs_a_takeoff_first(self) -> None:
        ground = ready()
        ground.upload([HOME, wp(40)])
        ground.command(SET_MODE, 1, GUIDED)
        ground.command(ARM, 1)
        assert ground.command(START) == FAILED
        assert "Auto: Missing Takeoff Cmd" in ground.texts()

    def test_a_flight_is_reported_as_it_goes(self) -> None:
        ground = ready()
        launch(ground, [TAKEOFF, wp(40, hold=3), RETURN])
        ground.run(120.0)
        assert [m.seq for m in ground.all("MISSION_ITEM_REACHED")] == [1, 2, 3]
        last = ground.last("MISSION_CURRENT")
        assert (last.seq, last.total, last.mission_state) == (0, 3, 5)
        assert not ground.vehicle.armed
        assert math.hypot(body_of(ground).body.north_m, body_of(ground).body.east_m) < 1

    def test_speeds_stay_within_their_limits(self) -> None:
        ground = ready()
        launch(ground, [TAKEOFF, wp(200, z=60.0), wp(200, 100), RETURN])
        fastest = highest = 0.0
        for _ in range(900):
            ground.run(0.2)
            body = ground.vehicle.body
            fastest = max(fastest, body.speed_m_s)
            highest = max(highest, body.vel_u)
            assert body.vel_u >= -1.51
        assert 9.0 < fastest <= 10.01
        assert 2.3 < highest <= 2.51

    def test_a_new_launch_starts_from_the_first_item(self) -> None:
        ground = ready()
        launch(ground, [TAKEOFF, wp(20), RETURN])
        ground.run(120.0)
        assert not ground.vehicle.armed
        ground.command(SET_MODE, 1, GUIDED)
        assert ground.command(ARM, 1) == ACCEPTED
        assert ground.command(START) == ACCEPTED
        ground.run(1.0)
        assert ground.last("MISSION_CURRENT").seq == 1

    def test_mission_land_disarms_and_the_mission_waits_at_its_start(self) -> None:
        ground = ready()
        land = Item(mavlink.MAV_CMD_NAV_LAND, 6, x=wp(20).x, y=LON)
        launch(ground, [TAKEOFF, wp(20), land])
        run_until(ground, "Disarming motors")
        assert ground.vehicle.body.north_m == pytest.approx(20, abs=0.5)
        ground.run(1.5)
        assert not ground.vehicle.armed
        assert ground.last("MISSION_CURRENT").seq == 1
        ground.run(30.0)
        assert ground.vehicle.body.up_m == 0.0


class TestHold:
    def flying(self) -> Ground:
        ground = ready()
        launch(ground, [TAKEOFF, wp(80), loiter(80, 20), RETURN])
        return ground

    def test_pause_works_only_on_a_leg(self) -> None:
        ground = self.flying()
        ground.run(4.0)
        assert ground.command(PAUSE, 0) == FAILED, "during takeoff"
        assert "Failed to pause" in ground.texts()
        run_until(ground, "Mission: 2 WP")
        ground.run(2.0)
        assert ground.command(PAUSE, 0) == ACCEPTED
        ground.run(5.0)
        assert ground.vehicle.body.speed_m_s == 0.0
        assert ground.last("MISSION_CURRENT").mission_state == 4
        assert ground.command(START) == ACCEPTED
        ground.run(2.0)
        assert ground.vehicle.body.speed_m_s == 0.0, "MISSION_START does not unpause"
        assert ground.command(PAUSE, 1) == ACCEPTED
        run_until(ground, "Mission: 3 LoitTime")

    def test_pause_fails_during_a_dwell(self) -> None:
        ground = self.flying()
        run_until(ground, "Mission: 3 LoitTime")
        ground.run(4.0)
        assert ground.command(PAUSE, 0) == FAILED

    def test_pause_outside_auto_fails(self) -> None:
        ground = self.flying()
        ground.run(20.0)
        ground.command(SET_MODE, 1, LOITER)
        assert ground.command(PAUSE, 0) == FAILED
        assert ground.command(PAUSE, 7) == DENIED

    def test_loiter_and_back_starts_the_dwell_again(self) -> None:
        ground = self.flying()
        run_until(ground, "Mission: 3 LoitTime")
        ground.run(12.0)
        ground.command(SET_MODE, 1, LOITER)
        ground.run(30.0)
        assert ground.last("MISSION_CURRENT").mission_state == 2
        ground.command(SET_MODE, 1, AUTO)
        back_s = ground.vehicle.now_s
        assert run_until(ground, "Reached command #3") - back_s > 19.0

    def test_brake_stops_quickly(self) -> None:
        ground = self.flying()
        ground.run(18.0)
        assert ground.command(SET_MODE, 1, BRAKE) == ACCEPTED
        ground.run(5.0)
        assert ground.vehicle.body.speed_m_s == 0.0


class TestMissionCurrent:
    SET = mavlink.MAV_CMD_DO_SET_MISSION_CURRENT

    def test_out_of_range_is_denied_and_0_means_1(self) -> None:
        ground = ready()
        ground.upload([HOME, TAKEOFF, wp(40), RETURN])
        assert ground.command(self.SET, 4) == DENIED
        assert ground.command(self.SET, -1) == DENIED
        assert ground.command(self.SET, 2) == ACCEPTED
        assert ground.last("MISSION_CURRENT").seq == 2
        assert ground.command(self.SET, 0) == ACCEPTED
        assert ground.last("MISSION_CURRENT").seq == 1

    def test_home_alone_is_no_mission(self) -> None:
        ground = ready()
        assert ground.command(self.SET, 0) == FAILED

    def test_skipping_in_flight(self) -> None:
        ground = ready()
        launch(ground, [TAKEOFF, wp(200), wp(20), RETURN])
        run_until(ground, "Mission: 2 WP")
        assert ground.command(self.SET, 3) == ACCEPTED
        run_until(ground, "Reached command #3")
        assert ground.vehicle.body.north_m < 60

    def test_uploading_in_flight_restarts_the_current_item(self) -> None:
        ground = ready()
        launch(ground, [TAKEOFF, wp(200), RETURN])
        run_until(ground, "Mission: 2 WP")
        ground.run(1.0)
        ground.upload([HOME, TAKEOFF, wp(30, 30), RETURN])
        ground.run(0.5)
        assert "Auto mission changed, restarted command" in ground.texts()
        run_until(ground, "Reached command #2")
        assert ground.vehicle.body.east_m == pytest.approx(30, abs=2.5)

    def test_clearing_in_flight_is_refused(self) -> None:
        ground = ready()
        launch(ground, [TAKEOFF, wp(200), RETURN])
        ground.run(10.0)
        clear = mavlink.MAVLink_mission_clear_all_message(1, 1, 0)
        (ack,) = [m for m in ground.send(clear) if m.get_type() == "MISSION_ACK"]
        assert ack.type == mavlink.MAV_MISSION_ERROR

    def test_jump_counters_survive_a_plain_set_current(self) -> None:
        ground = ready()
        jump = Item(mavlink.MAV_CMD_DO_JUMP, 2, (2, 1, 0, 0))
        launch(ground, [TAKEOFF, wp(10), wp(20), jump, wp(30), RETURN])
        run_until(ground, "Mission: 4 Jump 1/1")
        assert ground.command(self.SET, 2) == ACCEPTED
        run_until(ground, "Mission: 5 WP")
        assert ground.command(self.SET, 2, 1) == ACCEPTED
        run_until(ground, "Mission: 4 Jump 1/1")


class TestItems:
    def test_one_slot_for_reached_items(self) -> None:
        ground = ready()
        speed = Item(mavlink.MAV_CMD_DO_CHANGE_SPEED, 6, (1, 4, -1, 0))
        launch(ground, [TAKEOFF, wp(30), speed, wp(60), RETURN])
        run_until(ground, "Mission: 5 RTL")
        assert [m.seq for m in ground.all("MISSION_ITEM_REACHED")] == [1, 3, 4]

    def test_a_new_link_hears_the_last_one_again(self) -> None:
        ground = ready()
        launch(ground, [TAKEOFF, wp(30), RETURN])
        run_until(ground, "Mission: 3 RTL")
        other = Ground(ground.vehicle, "other")
        other.run(0.5)
        assert [m.seq for m in other.all("MISSION_ITEM_REACHED")] == [2]

    def test_change_speed_and_yaw(self) -> None:
        ground = ready()
        speed = Item(mavlink.MAV_CMD_DO_CHANGE_SPEED, 2, (1, 3, -1, 0))
        yaw = Item(mavlink.MAV_CMD_CONDITION_YAW, 2, (135, 0, 1, 0))
        launch(ground, [TAKEOFF, speed, wp(60), yaw, loiter(60, 15), RETURN])
        run_until(ground, "Mission: 3 WP")
        ground.run(4.0)
        assert ground.vehicle.body.speed_m_s == pytest.approx(3.0)
        assert ground.vehicle.body.yaw_rad == pytest.approx(0.0, abs=1e-6)
        run_until(ground, "Mission: 5 LoitTime")
        ground.run(8.0)
        assert math.degrees(ground.vehicle.body.yaw_rad) == pytest.approx(135)

    def test_delay_relay_and_unlimited_loiter(self) -> None:
        ground = ready()
        delay = Item(mavlink.MAV_CMD_NAV_DELAY, 2, (5, 0, 0, 0))
        relay = Item(mavlink.MAV_CMD_DO_SET_RELAY, 2, (0, 1, 0, 0))
        forever = Item(mavlink.MAV_CMD_NAV_LOITER_UNLIM, 6, x=LAT, y=LON, z=15.0)
        launch(ground, [TAKEOFF, delay, relay, forever, RETURN])
        run_until(ground, "Delaying 5 sec")
        start_s = ground.vehicle.now_s
        assert run_until(ground, "Mission: 4 LoitUnlim") - start_s >= 4.0
        ground.run(60.0)
        assert ground.vehicle.relays == [True]
        assert ground.last("MISSION_CURRENT").seq == 4

    def test_a_mission_that_ends_in_the_air_stays_there(self) -> None:
        ground = ready()
        launch(ground, [TAKEOFF, wp(20)])
        run_until(ground, "Reached command #2")
        ground.run(20.0)
        assert ground.last("MISSION_CURRENT").mission_state == 5
        assert ground.vehicle.armed
        assert ground.vehicle.body.up_m == pytest.approx(15.0, abs=0.2)


class TestCommands:
    def test_script_messages_and_unknown_commands_are_unsupported(self) -> None:
        ground = ready()
        script = mavlink.MAV_CMD_DO_SEND_SCRIPT_MESSAGE
        assert ground.command(script, 7, 1, 2, 3) == UNSUPPORTED
        assert ground.command(31999) == UNSUPPORTED

    def test_relay_numbers(self) -> None:
        ground = ready()
        relay = mavlink.MAV_CMD_DO_SET_RELAY
        assert ground.command(relay, 0, 1) == ACCEPTED
        assert ground.command(relay, 1, 1) == FAILED

    def test_message_intervals(self) -> None:
        ground = Ground(copter(ready_scale=0))
        ground.run(5.0)
        kinds = {m.get_type() for _, m in ground.heard}
        assert kinds <= {
            "HEARTBEAT",
            "STATUSTEXT",
            "TIMESYNC",
            "PARAM_VALUE",
            "HOME_POSITION",
            "GPS_GLOBAL_ORIGIN",
        }
        interval = mavlink.MAV_CMD_SET_MESSAGE_INTERVAL
        assert ground.command(interval, 33, 200_000) == ACCEPTED
        assert ground.command(interval, 27, 200_000) == ACCEPTED
        assert ground.command(interval, 60_000, 200_000) == DENIED
        ground.run(10.0)
        assert len(ground.all("GLOBAL_POSITION_INT")) == pytest.approx(50, abs=2)
        assert ground.command(interval, 33, -1) == ACCEPTED
        before = len(ground.all("GLOBAL_POSITION_INT"))
        ground.run(3.0)
        assert len(ground.all("GLOBAL_POSITION_INT")) == before

    def test_request_message(self) -> None:
        ground = Ground(copter(ready_scale=0, uid=77))
        request = mavlink.MAV_CMD_REQUEST_MESSAGE
        assert ground.command(request, 148) == ACCEPTED
        version = ground.last("AUTOPILOT_VERSION")
        assert version.uid == 77
        assert version.flight_sw_version >> 16 == 0x0407
        assert ground.command(request, 60_000) == FAILED

    def test_uids_differ_between_vehicles(self) -> None:
        uids = set()
        for sysid in (1, 2, 3):
            config = copter(sysid=sysid).config
            uids.add((config.uid64, config.uid2))
        assert len(uids) == 3

    def test_a_wrong_target_gets_silence(self) -> None:
        ground = ready()
        long = mavlink.MAVLink_command_long_message
        ground.listen()
        assert ground.send(long(9, 1, ARM, 0, 1, 0, 0, 0, 0, 0, 0)) == []
        assert not ground.vehicle.armed

    def test_guided_takeoff_and_reposition(self) -> None:
        ground = ready()
        takeoff = mavlink.MAV_CMD_NAV_TAKEOFF
        assert ground.command(takeoff, 0, 0, 0, 0, 0, 0, 10) == FAILED, "disarmed"
        ground.command(SET_MODE, 1, GUIDED)
        ground.command(ARM, 1)
        assert ground.command(takeoff, 0, 0, 0, 0, 0, 0, 10) == ACCEPTED
        ground.run(12.0)
        assert ground.vehicle.body.up_m == pytest.approx(10.0, abs=0.1)
        there = wp(30, 20)
        reposition = mavlink.MAV_CMD_DO_REPOSITION
        result = ground.command_int(
            reposition, -1, 1, 0, 0, x=there.x, y=there.y, z=12.0
        )
        assert result == ACCEPTED
        ground.run(15.0)
        body = ground.vehicle.body
        assert (body.north_m, body.east_m) == pytest.approx((30, 20), abs=0.1)
        target = mavlink.MAVLink_set_position_target_global_int_message(
            0, 1, 1, 6, 0x0DF8, LAT, LON, 10.0, 0, 0, 0, 0, 0, 0, 0, 0
        )
        ground.send(target)
        ground.run(15.0)
        assert body.north_m == pytest.approx(0.0, abs=0.1)

    def test_params(self) -> None:
        ground = ready()
        assert ground.set_param("RTL_ALT", 2500.4) == 2500.0, "an integer"
        assert ground.set_param("FENCE_ALT_MAX", 61.5) == 61.5
        ask = mavlink.MAVLink_param_request_read_message
        (value,) = ground.send(ask(1, 1, b"RTL_ALT", -1))
        assert value.param_value == 2500.0
        assert ground.send(ask(1, 1, b"NO_SUCH_PARAM", -1)) == []
        every = ground.send(mavlink.MAVLink_param_request_list_message(1, 1))
        values = [m for m in every if m.get_type() == "PARAM_VALUE"]
        assert len(values) == values[0].param_count == len(ground.vehicle.params)
        assert [v.param_index for v in values] == list(range(len(values)))

    def test_set_mode_message_has_no_answer(self) -> None:
        ground = ready()
        ground.listen()
        answer = ground.send(mavlink.MAVLink_set_mode_message(1, 1, GUIDED))
        assert [m.get_type() for m in answer] == ["HEARTBEAT"]
        assert ground.command(SET_MODE, 1, 99) == FAILED
        assert ground.command(SET_MODE, 0, GUIDED) == DENIED

    def test_reboot_ends_the_stream_and_starts_the_clock_again(self) -> None:
        ground = ready()
        ground.run(10.0)
        reboot = mavlink.MAV_CMD_PREFLIGHT_REBOOT_SHUTDOWN
        assert ground.command(reboot, 1) == ACCEPTED
        assert ground.vehicle.boots == 1
        assert ground.vehicle.links == {}
        assert ground.vehicle.boot_ms == 0
        again = Ground(ground.vehicle, "again")
        again.command(SET_MODE, 1, GUIDED)
        again.run(0.2)
        assert again.command(ARM, 1) == ACCEPTED
        assert again.command(reboot, 1) == FAILED, "armed"


class TestReturnHome:
    def test_rtl_climbs_comes_home_waits_lands_and_disarms(self) -> None:
        ground = ready()
        launch(ground, [TAKEOFF, wp(100)])
        run_until(ground, "Mission: 2 WP")
        ground.run(6.0)
        ground.set_param("RTL_ALT", 3000)
        assert ground.command(mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH) == ACCEPTED
        highest = 0.0
        for _ in range(300):
            ground.run(0.5)
            highest = max(highest, ground.vehicle.body.up_m)
        assert highest == pytest.approx(30.0, abs=0.1)
        assert not ground.vehicle.armed
        assert ground.vehicle.mode == RTL

    def test_an_altitude_fence_clips_the_return(self) -> None:
        ground = ready()
        ground.set_param("RTL_ALT", 3000)
        ground.set_param("FENCE_ALT_MAX", 20)
        ground.set_param("FENCE_ENABLE", 1)
        launch(ground, [TAKEOFF, wp(100)])
        run_until(ground, "Mission: 2 WP")
        ground.command(mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH)
        ground.run(5.0)
        assert ground.vehicle.body.up_m == pytest.approx(18.0, abs=0.1)
        assert ground.vehicle.fence.breaches == 0

    def test_land_descends_slowly_at_the_end(self) -> None:
        ground = ready()
        launch(ground, [TAKEOFF, wp(10)])
        ground.run(20.0)
        assert ground.command(mavlink.MAV_CMD_NAV_LAND) == ACCEPTED
        run_until(ground, "Disarming motors")
        assert ground.vehicle.mode == LAND


class TestFailsafes:
    def airborne(self, **more: object) -> Ground:
        ground = ready(**more)
        launch(ground, [TAKEOFF, wp(300)])
        run_until(ground, "Mission: 2 WP")
        return ground

    def test_gcs_failsafe_is_off_by_default(self) -> None:
        ground = self.airborne()
        ground.beats = False
        ground.run(20.0)
        assert ground.vehicle.mode == AUTO

    def test_gcs_failsafe_needs_a_station_that_was_heard(self) -> None:
        ground = ready(param_overrides={"FS_GCS_ENABLE": 1, "MAV_GCS_SYSID": 250})
        launch(ground, [TAKEOFF, wp(300)])
        ground.run(30.0)
        assert ground.vehicle.mode == AUTO

    def test_gcs_failsafe_returns_and_stays_when_it_clears(self) -> None:
        ground = self.airborne(param_overrides={"FS_GCS_ENABLE": 1})
        ground.beats = False
        ground.run(7.0)
        assert "GCS Failsafe" in ground.texts()
        assert ground.vehicle.mode == RTL
        assert ground.last("HEARTBEAT").system_status == mavlink.MAV_STATE_CRITICAL
        ground.beats = True
        ground.run(3.0)
        assert "GCS Failsafe Cleared" in ground.texts()
        assert ground.vehicle.mode == RTL

    def test_gcs_failsafe_blocks_arming(self) -> None:
        ground = ready(param_overrides={"FS_GCS_ENABLE": 1})
        ground.run(2.0)
        ground.beats = False
        ground.run(8.0)
        ground.command(SET_MODE, 1, GUIDED)
        assert ground.command(ARM, 1) == FAILED
        assert "Arm: GCS failsafe on" in ground.texts()

    def test_the_battery_brings_it_home(self) -> None:
        ground = self.airborne(battery_s=100.0)
        text_s = run_until(ground, "Battery 1 is low")
        assert 60 < text_s < 100
        ground.run(0.5)
        assert "Battery Failsafe" in ground.texts()
        assert ground.vehicle.mode == RTL
        ground.run(1.5)
        assert ground.last("HEARTBEAT").system_status == mavlink.MAV_STATE_CRITICAL
        assert ground.last("BATTERY_STATUS").charge_state == 2

    def test_an_empty_battery_falls_out_of_the_sky(self) -> None:
        off = {"BATT_FS_LOW_ACT": 0, "BATT_FS_CRT_ACT": 0}
        ground = self.airborne(battery_s=40.0, param_overrides=off)
        run_until(ground, "Crash")
        assert not ground.vehicle.armed

    def test_leaving_the_fence_brings_it_home(self) -> None:
        ground = ready(param_overrides={"FENCE_TYPE": 4})
        ground.upload(square(60), 1)
        enable = mavlink.MAV_CMD_DO_FENCE_ENABLE
        assert ground.command(enable, 1) == ACCEPTED
        launch(ground, [TAKEOFF, wp(120), RETURN])
        run_until(ground, "Polygon fence breached")
        ground.run(0.5)
        assert ground.vehicle.mode == RTL
        status = ground.last("FENCE_STATUS")
        assert (status.breach_status, status.breach_count) == (1, 1)
        assert status.breach_type == mavlink.FENCE_BREACH_BOUNDARY
        assert ground.command(SET_MODE, 1, AUTO) == ACCEPTED, "while breached"
        ground.run(3.0)
        assert ground.vehicle.mode == AUTO
        assert ground.vehicle.fence.breach_count == 1

    def test_a_polygon_fence_must_exist_to_be_enabled(self) -> None:
        ground = ready(param_overrides={"FENCE_TYPE": 4})
        enable = mavlink.MAV_CMD_DO_FENCE_ENABLE
        assert ground.command(enable, 1) == FAILED
        ground.set_param("FENCE_TYPE", 7)
        assert ground.command(enable, 1) == ACCEPTED, "altitude and circle exist"

    def test_no_arming_outside_the_fence(self) -> None:
        ground = ready(param_overrides={"FENCE_TYPE": 4})
        far = [Item(VERTEX, 0, i.params, i.x + 100_000, i.y) for i in square(60)]
        ground.upload(far, 1)
        ground.command(mavlink.MAV_CMD_DO_FENCE_ENABLE, 1)
        ground.command(SET_MODE, 1, GUIDED)
        ground.run(2.0)
        assert ground.command(ARM, 1) == FAILED
        assert "Arm: Vehicle breaching Polygon fence" in ground.texts()

    def test_losing_the_position_lands(self) -> None:
        ground = self.airborne()
        ground.vehicle.lose_gps()
        ground.run(0.5)
        assert ground.vehicle.mode == LAND
        assert ground.last("EKF_STATUS_REPORT").flags & 0x80
        assert ground.command(SET_MODE, 1, AUTO) == FAILED
        assert any("requires position" in t for t in ground.texts())


def test_the_same_seed_and_inputs_give_the_same_bytes() -> None:
    def fly() -> list[bytes]:
        ground = ready(seed=5, wind=(6.0, 90.0))
        launch(ground, [TAKEOFF, wp(50), RETURN])
        ground.run(60.0)
        return [bytes(m.get_msgbuf()) for _, m in ground.heard]

    first = fly()
    assert len(first) > 1000
    assert first == fly()
    different = ready(seed=6, wind=(6.0, 90.0))
    launch(different, [TAKEOFF, wp(50), RETURN])
    different.run(60.0)
    assert [bytes(m.get_msgbuf()) for _, m in different.heard] != first


def test_an_hour_of_flight_takes_a_moment() -> None:
    vehicle = copter(ready_scale=0, battery_s=5000.0)
    ground = Ground(vehicle)
    ground.run(0.2)
    jump = Item(mavlink.MAV_CMD_DO_JUMP, 2, (2, -1, 0, 0))
    launch(ground, [TAKEOFF, wp(100), loiter(0, 10), jump])
    vehicle.advance(3600.0)
    assert vehicle.armed
    assert vehicle.battery.remaining_ratio < 0.4
