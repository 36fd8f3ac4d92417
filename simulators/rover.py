"""A simulated ArduRover: modes, arming rules, missions, failsafes."""

import math
from typing import ClassVar

from simulators.body import Goal, Wheels, coast, drive
from simulators.fence import GIVE_UP_M
from simulators.geometry import bearing_rad
from simulators.items import Stored, f32
from simulators.links import Link
from simulators.mission import State
from simulators.streams import group
from simulators.vehicle import Vehicle
from simulators.wire import mavlink

MANUAL, ACRO, STEERING, HOLD, LOITER = 0, 1, 3, 4, 5
AUTO, RTL, SMART_RTL, GUIDED, INITIALISING = 10, 11, 12, 15, 16
NAMES = {
    MANUAL: "MANUAL",
    ACRO: "ACRO",
    STEERING: "STEERING",
    HOLD: "HOLD",
    LOITER: "LOITER",
    AUTO: "AUTO",
    RTL: "RTL",
    SMART_RTL: "SMART_RTL",
    GUIDED: "GUIDED",
}
BY_HAND = frozenset({MANUAL, ACRO, STEERING})
AUTONOMOUS = frozenset({AUTO, RTL, SMART_RTL, GUIDED, LOITER})
NOT_ARMABLE = frozenset({RTL, SMART_RTL, INITIALISING})
CORNER_RATIO = 0.6  # of the speed through a right angle

NAV_STOPS = frozenset(
    {
        mavlink.MAV_CMD_NAV_WAYPOINT,
        mavlink.MAV_CMD_NAV_LOITER_UNLIM,
        mavlink.MAV_CMD_NAV_LOITER_TIME,
    }
)
DO_DONE = frozenset(
    {
        mavlink.MAV_CMD_DO_CHANGE_SPEED,
        mavlink.MAV_CMD_DO_SET_HOME,
        mavlink.MAV_CMD_DO_SET_ROI,
        mavlink.MAV_CMD_DO_SET_ROI_LOCATION,
        mavlink.MAV_CMD_DO_SET_ROI_NONE,
        mavlink.MAV_CMD_DO_SET_REVERSE,
        mavlink.MAV_CMD_DO_FENCE_ENABLE,
        mavlink.MAV_CMD_DO_GUIDED_LIMITS,
    }
)


class Rover(Vehicle):
    """Drives."""

    kind: ClassVar[str] = "rover"
    mav_type: ClassVar[int] = mavlink.MAV_TYPE_GROUND_ROVER
    boot_mode: ClassVar[int] = INITIALISING
    auto_mode: ClassVar[int] = AUTO

    def _clear_state(self) -> None:
        super()._clear_state()
        self.goal: Goal | None = None
        self.arrived = False
        self.speed_m_s = self.params["WP_SPEED"]
        self._leg_from = (self.body.north_m, self.body.east_m)
        self._waiting_to_start = False
        self._announced = False
        self._said_arrived = False
        self._dwell_from_s: float | None = None
        self._condition_s = 0.0
        self._timeline.appendleft(
            (self.now_s + 2.27 * self.config.ready_scale, self._initialised)
        )

    def _initialised(self) -> None:
        if self.mode == INITIALISING:
            self.mode = MANUAL
            self.report(self.builders[0](self))
        self.text(6, "ArduPilot Ready")

    # -- what the wire shows -------------------------------------------------

    def default_streams(self, link: Link) -> None:
        """A rover streams everything at 1 Hz unasked."""
        group(link, 0, 1.0, self.now_s)

    def base_mode(self) -> int:
        """HEARTBEAT.base_mode."""
        base = 1
        if self.mode in AUTONOMOUS:
            base |= mavlink.MAV_MODE_FLAG_GUIDED_ENABLED
        elif self.mode != HOLD:
            base |= mavlink.MAV_MODE_FLAG_MANUAL_INPUT_ENABLED
        return base | (mavlink.MAV_MODE_FLAG_SAFETY_ARMED if self.armed else 0)

    def system_status(self) -> int:
        """HEARTBEAT.system_status: a rover in HOLD stands by."""
        if self.battery.failsafe or self.gcs_failsafe or self.ekf_failsafe:
            return int(mavlink.MAV_STATE_CRITICAL)
        special = {
            INITIALISING: mavlink.MAV_STATE_CALIBRATING,
            HOLD: mavlink.MAV_STATE_STANDBY,
        }
        return int(special.get(self.mode, mavlink.MAV_STATE_ACTIVE))

    def landed_state(self) -> int:
        """EXTENDED_SYS_STATE.landed_state: a rover does not know it."""
        return int(mavlink.MAV_LANDED_STATE_UNDEFINED)

    def target(self) -> tuple[float, float, float] | None:
        """The present leg's end."""
        goal = self.goal
        return None if goal is None else (goal.north_m, goal.east_m, 0.0)

    def mission_paused(self) -> bool:
        """DO_PAUSE_CONTINUE is unsupported."""
        return False

    # -- modes and arming ----------------------------------------------------

    def mode_needs_position(self, mode: int) -> bool:
        """The modes that drive by themselves."""
        return mode in AUTONOMOUS

    def prearm_mode_fault(self) -> str | None:
        """Rover's pre-arm check looks at the mode too."""
        return self.mode_fault()

    def mode_fault(self) -> str | None:
        """RTL and LOITER cannot be armed in; AUTO needs a mission."""
        if self.mode in NOT_ARMABLE:
            return "Mode not armable"
        if self.mode == AUTO and self.mission.count() <= 1:
            return "Mode requires mission"
        return None

    def set_mode(self, mode: int) -> bool:
        """Change the mode as Rover::set_mode does."""
        if mode == self.mode:
            return True
        if mode not in NAMES:
            self.text(4, f"No such mode {mode}")
            return False
        if not self._may_enter(mode):
            self.text(4, "Flight mode change failed")
            return False
        if self.mode == AUTO and self.mission.state is State.RUNNING:
            self.mission.stop()
        self.mode = mode
        self.effects.append((self.now_s, f"mode {NAMES[mode]}"))
        self._enter()
        self.report(self.builders[0](self))
        return True

    def _may_enter(self, mode: int) -> bool:
        if self.armed and self.mode_needs_position(mode) and not self.position_ok:
            return False
        if mode == AUTO and self.mission.count() <= 1:
            self.text(5, "No Mission. Can't set AUTO.")
            return False
        return not (mode in (RTL, SMART_RTL) and self.home is None)

    def _enter(self) -> None:
        self.speed_m_s = self.params["WP_SPEED"]
        self._waiting_to_start = self.mode == AUTO
        self.goal = None
        if self.mode in (RTL, SMART_RTL):
            self._go_home()

    def _go_home(self) -> None:
        speed = self.params["RTL_SPEED"]
        if speed > 0:
            self.speed_m_s = speed
        here = (self.body.north_m, self.body.east_m)
        point = self.rally.nearest(self.frame, here)
        place = self.home_ne
        if point is not None:
            n, e = self.frame.to_ne(point.lat_e7, point.lon_e7)
            far = math.hypot(place[0] - here[0], place[1] - here[1])
            near = math.hypot(n - here[0], e - here[1])
            if near < far or not self.params["RALLY_INCL_HOME"]:
                place = (n, e)
        self._said_arrived = False
        self._set_goal(place, None)

    def on_armed(self) -> None:
        """A rover never disarms by itself."""
        self.text(6, "Throttle armed")

    def on_disarmed(self) -> None:
        """The mission resets unless it is in AUTO; it may still be rolling."""
        self.text(6, "Throttle disarmed")
        if self.mode != AUTO:
            self.mission.reset()

    # -- motion --------------------------------------------------------------

    def wheels(self) -> Wheels:
        """The parameters' limits."""
        p = self.params
        accel = max(0.1, p["ATC_ACCEL_MAX"])
        return Wheels(
            accel_m_s2=accel,
            decel_m_s2=p["ATC_DECEL_MAX"] or accel,
            turn_rate_rad_s=math.radians(p["ATC_STR_RAT_MAX"]),
            turn_radius_m=p["TURN_RADIUS"],
            pivot_rad=math.radians(p["WP_PIVOT_ANGLE"]),
        )

    def step(self, dt_s: float) -> None:
        """Run the mode and move."""
        if self.mode == AUTO:
            self._run_auto()
        moving = self.armed and not self.battery.empty and not self.stalled
        goal = self.goal if moving else None
        before = (self.body.north_m, self.body.east_m)
        if goal is None:
            if not self.body.resting:
                coast(self.body, self.wheels(), dt_s)
        else:
            self._drive(goal, dt_s)
        self._stop_at_fence(before)
        if self.mode in (RTL, SMART_RTL) and self.arrived and not self._said_arrived:
            self._said_arrived = True
            self.text(6, "Reached destination")
        if self.armed:
            self.battery.load = 1.0 if self.body.speed_m_s > 0.05 else 0.3

    def _drive(self, goal: Goal, dt_s: float) -> None:
        goal.speed_m_s = self.speed_m_s
        if self.arrived and goal.through_m_s == 0.0:
            near = self.body.distance_m(goal) < 0.3
            if near or self._past(goal):
                coast(self.body, self.wheels(), dt_s)
                return
        drive(self.body, goal, self.wheels(), dt_s)
        if not self.arrived:
            near = self.body.distance_m(goal) <= self.params["WP_RADIUS"]
            self.arrived = near or self._past(goal)

    def _past(self, goal: Goal) -> bool:
        """Whether it has crossed the finish line of the leg."""
        n0, e0 = self._leg_from
        dn, de = goal.north_m - n0, goal.east_m - e0
        ahead_n, ahead_e = (
            goal.north_m - self.body.north_m,
            goal.east_m - self.body.east_m,
        )
        return dn * ahead_n + de * ahead_e < 0

    def _stop_at_fence(self, before: tuple[float, float]) -> None:
        """AVOID_ENABLE: it stops short of the fence and says nothing."""
        body, fence = self.body, self.fence
        if not int(self.params["AVOID_ENABLE"]) & 1 or self.mode in BY_HAND:
            return
        if not fence.enabled or body.speed_m_s == 0.0:
            return
        margin = fence.margin_m(body.north_m, body.east_m)
        if margin < self.params["FENCE_MARGIN"] and margin < fence.margin_m(*before):
            body.north_m, body.east_m = before
            body.vel_n = body.vel_e = 0.0

    def _set_goal(
        self, place: tuple[float, float], onward: tuple[float, float] | None
    ) -> None:
        self._leg_from = (self.body.north_m, self.body.east_m)
        self.arrived = False
        self.goal = Goal(*place, 0.0, self.speed_m_s)
        if onward is not None:
            leg = bearing_rad(
                place[0] - self._leg_from[0], place[1] - self._leg_from[1]
            )
            out = bearing_rad(onward[0] - place[0], onward[1] - place[1])
            keep = max(0.0, math.cos(out - leg))
            self.goal.through_m_s = self.speed_m_s * max(CORNER_RATIO, keep)

    # -- AUTO ----------------------------------------------------------------

    def _run_auto(self) -> None:
        if not self.armed and self.mission.count() <= 1:
            self.goal = None
        if self._waiting_to_start:
            if self.home is not None:
                self._waiting_to_start = False
                self.mission.start_or_resume()
                self.mission.note_unchanged()
            return
        if self.mission.restart_if_changed() is not None:
            self.text(2, "Auto mission changed, restarted command")
        self.mission.update()

    def start_item(self, index: int, item: Stored) -> bool:
        """Begin a mission item: ModeAuto::start_command."""
        command = item.command
        if command in NAV_STOPS:
            self._drive_to(index, item)
        elif command == mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH:
            self._go_home()
        elif command == mavlink.MAV_CMD_NAV_DELAY:
            self._dwell_from_s = self.now_s
            self.goal = None
            self.text(6, f"Delaying {item.params[0]:.0f} sec")
        elif command == mavlink.MAV_CMD_DO_CHANGE_SPEED:
            if self.change_speed(item.params[1]):
                self.text(6, f"speed: {item.params[1]:.1f} m/s")
        else:
            return self._start_do(item)
        return True

    def _start_do(self, item: Stored) -> bool:
        command = item.command
        if command == mavlink.MAV_CMD_CONDITION_DELAY:
            self._condition_s = self.now_s + item.params[0]
        elif command == mavlink.MAV_CMD_DO_SET_RELAY:
            if 0 <= item.params[0] < len(self.relays):
                self.relays[int(item.params[0])] = item.params[1] == 1
        elif command == mavlink.MAV_CMD_DO_FENCE_ENABLE:
            self.fence.enable(15, on=item.params[0] == 1)
        elif command == mavlink.MAV_CMD_DO_SET_HOME:
            self.set_home_here()
        else:
            return command in DO_DONE or command == mavlink.MAV_CMD_CONDITION_DISTANCE
        return True

    def _drive_to(self, index: int, item: Stored) -> None:
        stops = item.params[0] > 0 or item.command != mavlink.MAV_CMD_NAV_WAYPOINT
        onward = None
        if not stops:
            found = self.mission.next_nav(index + 1)
            if found is not None and found[1].has_place:
                onward = self.frame.to_ne(found[1].lat_e7, found[1].lon_e7)
        here = (self.body.north_m, self.body.east_m)
        place = self.frame.to_ne(item.lat_e7, item.lon_e7) if item.has_place else here
        self._announced = False
        self._dwell_from_s = None
        self._set_goal(place, onward)

    def verify_item(self, index: int, item: Stored) -> bool:
        """Whether a mission item is done: ModeAuto::verify_command."""
        command = item.command
        if command in NAV_STOPS:
            return self._verify_stop(index, item)
        if command == mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH:
            return self.arrived
        if command == mavlink.MAV_CMD_NAV_DELAY:
            return self._dwelt(item.params[0])
        if command == mavlink.MAV_CMD_CONDITION_DELAY:
            return self.now_s >= self._condition_s
        if command == mavlink.MAV_CMD_CONDITION_DISTANCE:
            goal = self.goal
            return goal is None or self.body.distance_m(goal) < item.params[0]
        if command not in DO_DONE:
            self.text(4, f"Skipping invalid cmd #{command}")
        return True

    def _verify_stop(self, index: int, item: Stored) -> bool:
        if not self.arrived:
            return False
        wait_s = item.params[0]
        if not self._announced:
            self._announced = True
            self._dwell_from_s = self.now_s
            loiter = f". Loiter for {wait_s:.0f} seconds" if wait_s > 0 else ""
            self.text(6, f"Reached waypoint #{index}{loiter}")
        if item.command == mavlink.MAV_CMD_NAV_LOITER_UNLIM:
            return False
        done = self._dwelt(wait_s)
        if done and item.command == mavlink.MAV_CMD_NAV_LOITER_TIME:
            self.text(4, "Finished active loiter")
        return done

    def _dwelt(self, wanted_s: float) -> bool:
        start = self._dwell_from_s
        return start is not None and self.now_s - start >= wanted_s - 1e-6

    def mission_complete(self) -> None:
        """It says so and stops, still armed and in AUTO."""
        self.text(5, "Mission Complete")
        self.goal = None

    def change_speed(self, speed_m_s: float) -> bool:
        """DO_CHANGE_SPEED in a mode that drives by itself."""
        if speed_m_s < 0 or self.mode not in AUTONOMOUS:
            return False
        self.speed_m_s = f32(speed_m_s)
        return True

    def go_to(self, place: tuple[float, float, float]) -> bool:
        """A GUIDED destination, unless the fence forbids it."""
        n, e, _ = place
        if self.fence.enabled and self.fence.margin_m(n, e) < 0:
            return False
        self._set_goal((n, e), None)
        return True

    # -- failsafes -----------------------------------------------------------

    def fence_breached(self, types: int) -> None:
        """Act as FENCE_ACTION says; more than 100 m out it holds."""
        action = int(self.params["FENCE_ACTION"])
        if action == 0:
            return
        if self.fence.distance_m > GIVE_UP_M:
            self.set_mode(HOLD)
        else:
            self._act(action)

    def battery_failsafe(self, action: int) -> None:
        """Act as BATT_FS_LOW_ACT or BATT_FS_CRT_ACT says (Rover's numbers)."""
        self._act(action)

    def gcs_lost(self) -> None:
        """Rover calls the loss of the ground station a radio failsafe."""
        if self.mode in (RTL, HOLD):
            return
        self.text(4, "Radio Failsafe")
        if self.mode == AUTO and self.params["FS_GCS_ENABLE"] == 2:
            self.text(4, "Failsafe - Continuing Auto Mode")
            return
        self._act(int(self.params["FS_ACTION"]))

    def gcs_back(self) -> None:
        """It says so and stays in the mode of the failsafe."""
        self.text(6, "GCS Failsafe Cleared")

    def position_lost(self) -> None:
        """FS_EKF_ACTION: hold."""
        self.set_mode(HOLD)
        self.text(2, "EKF failsafe")

    def _act(self, action: int) -> None:
        """FailsafeAction of Rover: 1 RTL, 2 hold, 3 and 4 SmartRTL, 5 disarm."""
        modes = {
            1: (RTL, HOLD),
            2: (HOLD,),
            3: (SMART_RTL, RTL, HOLD),
            4: (SMART_RTL, HOLD),
        }
        if action == 5:
            self.disarm()
        for mode in modes.get(action, ()):
            if self.set_mode(mode):
                return
