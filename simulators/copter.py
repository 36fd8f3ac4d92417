"""A simulated ArduCopter: modes, arming rules, missions, failsafes."""

import math
from typing import ClassVar

from simulators.body import Goal
from simulators.copter_tasks import (
    Climb,
    ComeHome,
    FlyTo,
    Hold,
    Land,
    Limits,
    Task,
)
from simulators.fence import ALT_MAX, GIVE_UP_M
from simulators.geometry import wrap_pi
from simulators.items import Stored, f32
from simulators.links import Link
from simulators.mission import State
from simulators.vehicle import Vehicle
from simulators.wire import mavlink

STABILIZE, ALT_HOLD, AUTO, GUIDED, LOITER, RTL = 0, 2, 3, 4, 5, 6
LAND, POSHOLD, BRAKE, SMART_RTL = 9, 16, 17, 21
NAMES = {
    STABILIZE: "STABILIZE",
    ALT_HOLD: "ALT_HOLD",
    AUTO: "AUTO",
    GUIDED: "GUIDED",
    LOITER: "LOITER",
    RTL: "RTL",
    LAND: "LAND",
    POSHOLD: "POSHOLD",
    BRAKE: "BRAKE",
    SMART_RTL: "SMART_RTL",
}
BY_HAND = frozenset({STABILIZE, ALT_HOLD, LOITER, POSHOLD})
NOT_ARMABLE = frozenset({AUTO, RTL, LAND, BRAKE, SMART_RTL})
NO_POSITION = frozenset({STABILIZE, ALT_HOLD, LAND})
YAW_RATE_RAD_S = math.radians(45.0)
YAW_DONE_RAD = math.radians(2.0)

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
        mavlink.MAV_CMD_DO_FENCE_ENABLE,
        mavlink.MAV_CMD_DO_LAND_START,
        mavlink.MAV_CMD_DO_GUIDED_LIMITS,
    }
)


class Copter(Vehicle):
    """Flies."""

    kind: ClassVar[str] = "copter"
    mav_type: ClassVar[int] = mavlink.MAV_TYPE_QUADROTOR
    boot_mode: ClassVar[int] = STABILIZE
    auto_mode: ClassVar[int] = AUTO

    def _clear_state(self) -> None:
        super()._clear_state()
        self.land_complete = True
        self.auto_armed = False
        self.task: Task = Hold()
        self.limits = self.fresh_limits()
        self.yaw_fixed_rad: float | None = None
        self._yaw_command_rad = 0.0
        self._waiting_to_start = False
        self._controlled = False
        self._dwell_from_s: float | None = None
        self._ground_from_s = 0.0
        self._condition_s = 0.0

    def fresh_limits(self) -> Limits:
        """The parameters' speeds."""
        p = self.params
        high = p["LAND_SPEED_HIGH"]
        return Limits(
            speed_m_s=p["WPNAV_SPEED"] / 100,
            up_m_s=p["WPNAV_SPEED_UP"] / 100,
            down_m_s=(high or p["WPNAV_SPEED_DN"]) / 100,
            land_m_s=p["LAND_SPEED"] / 100,
            land_low_m=p["LAND_ALT_LOW"] / 100,
            radius_m=p["WPNAV_RADIUS"] / 100,
        )

    # -- what the wire shows -------------------------------------------------

    def default_streams(self, link: Link) -> None:
        """Nothing beyond heartbeats until it is asked."""

    def base_mode(self) -> int:
        """HEARTBEAT.base_mode."""
        base = 65  # custom mode enabled, manual input
        base |= 24 if self._controlled else 16  # the position controller runs
        return base | (mavlink.MAV_MODE_FLAG_SAFETY_ARMED if self.armed else 0)

    def system_status(self) -> int:
        """HEARTBEAT.system_status."""
        if self.boot_ms < 2500 * self.config.ready_scale:
            return int(mavlink.MAV_STATE_BOOT)
        if self.battery.failsafe or self.gcs_failsafe or self.ekf_failsafe:
            return int(mavlink.MAV_STATE_CRITICAL)
        if self.land_complete:
            return int(mavlink.MAV_STATE_STANDBY)
        return int(mavlink.MAV_STATE_ACTIVE)

    def landed_state(self) -> int:
        """EXTENDED_SYS_STATE.landed_state."""
        if self.land_complete:
            return int(mavlink.MAV_LANDED_STATE_ON_GROUND)
        if self.task.landing:
            return int(mavlink.MAV_LANDED_STATE_LANDING)
        if isinstance(self.task, Climb) and not self.task.done:
            return int(mavlink.MAV_LANDED_STATE_TAKEOFF)
        return int(mavlink.MAV_LANDED_STATE_IN_AIR)

    def target(self) -> tuple[float, float, float] | None:
        """The present leg's end."""
        goal = self.task.target()
        return None if goal is None else (goal.north_m, goal.east_m, goal.up_m)

    def mission_paused(self) -> bool:
        """Whether DO_PAUSE_CONTINUE holds the leg."""
        return isinstance(self.task, FlyTo) and self.task.paused

    # -- modes ---------------------------------------------------------------

    def mode_needs_position(self, mode: int) -> bool:
        """All but the modes flown by hand, and LAND."""
        return mode not in NO_POSITION

    def mode_fault(self) -> str | None:
        """AUTO, RTL, LAND and BRAKE cannot be armed in."""
        if self.mode in NOT_ARMABLE:
            return f"{NAMES[self.mode]} mode not armable"
        return None

    def prearm_mode_fault(self) -> str | None:
        """AUTO needs a mission."""
        if self.mode == AUTO and self.mission.count() <= 1:
            return "Mode requires mission"
        return None

    def set_mode(self, mode: int) -> bool:
        """Change the flight mode as Copter::set_mode does."""
        if mode == self.mode:
            return True
        if mode not in NAMES:
            self.text(4, f"No such mode {mode}")
            return False
        fault = self._mode_change_fault(mode)
        if fault is not None:
            self.text(4, f"Mode change to {NAMES[mode]} failed: {fault}")
            return False
        if self.mode == AUTO and self.mission.state is State.RUNNING:
            self.mission.stop()
        self.mode = mode
        self.effects.append((self.now_s, f"mode {NAMES[mode]}"))
        self._enter()
        self.report(self.builders[0](self))
        return True

    def _mode_change_fault(self, mode: int) -> str | None:
        if not self.armed:
            return None
        if self.mode_needs_position(mode) and not self.position_ok:
            return "requires position"
        if mode == AUTO:
            if self.mission.count() <= 1:
                return "init failed"
            if self.land_complete and not self._starts_with_takeoff():
                self.text(2, "Auto: Missing Takeoff Cmd")
                return "init failed"
        return None

    def _starts_with_takeoff(self) -> bool:
        current = self.mission.current or 1
        found = self.mission.next_nav(current)
        return found is not None and found[1].command == mavlink.MAV_CMD_NAV_TAKEOFF

    def _enter(self) -> None:
        self.limits = self.fresh_limits()
        self.yaw_fixed_rad = None
        self._controlled = self.mode not in BY_HAND
        self._waiting_to_start = self.mode == AUTO
        if self.mode in (RTL, SMART_RTL):
            self.task = self._come_home()
        elif self.mode == LAND:
            self.task = Land()
        else:
            self.task = Hold()

    def _come_home(self) -> ComeHome:
        """RTL's target and altitude: ModeRTL::compute_return_target."""
        p, body = self.params, self.body
        speed = p["RTL_SPEED"] / 100
        if speed > 0:
            self.limits.speed_m_s = speed
        place, base_m = self.home_ne, 0.0
        point = self.rally.nearest(self.frame, (body.north_m, body.east_m))
        if point is not None and not self._home_is_closer(point):
            place = self.frame.to_ne(point.lat_e7, point.lon_e7)
            base_m = point.alt_m
            if not point.relative:
                base_m -= self.config.amsl_m + self.home_up_m
        current = self.relative_m
        climb = max(0.0, p["RTL_CLIMB_MIN"] / 100)
        wanted = max(base_m, p["RTL_ALT"] / 100, 0.3, current + climb)
        if self.fence.enabled & ALT_MAX:
            wanted = min(wanted, p["FENCE_ALT_MAX"] - p["FENCE_MARGIN"])
        wanted = max(wanted, current)
        wait_s, final_m = p["RTL_LOIT_TIME"] / 1000, p["RTL_ALT_FINAL"] / 100
        final_up = final_m + self.home_up_m if final_m > 0 else 0.0
        return ComeHome(place, wanted + self.home_up_m, wait_s, final_up)

    def _home_is_closer(self, point: Stored) -> bool:
        if not self.params["RALLY_INCL_HOME"]:
            return False
        n, e = self.frame.to_ne(point.lat_e7, point.lon_e7)
        body = self.body
        to_point = math.hypot(n - body.north_m, e - body.east_m)
        to_home = math.hypot(
            self.home_ne[0] - body.north_m, self.home_ne[1] - body.east_m
        )
        return to_home < to_point

    # -- arming --------------------------------------------------------------

    def on_armed(self) -> None:
        """The ground timer starts."""
        self.text(6, "Arming motors")
        self._ground_from_s = self.now_s

    def on_disarmed(self) -> None:
        """The mission goes back to its start, whatever the mode."""
        self.text(6, "Disarming motors")
        self.mission.reset()
        self.land_complete = True
        self.auto_armed = self._controlled = False
        self.body.halt()
        self.body.up_m = 0.0
        if self.mode not in (RTL, LAND):
            self.task = Hold()

    # -- motion --------------------------------------------------------------

    def step(self, dt_s: float) -> None:
        """Run the mode, move, and look whether it landed."""
        if self.mode == AUTO:
            self._run_auto()
        if not self.armed:
            self.auto_armed = False
            return
        if self.battery.empty and not self.land_complete:
            self._fall(dt_s)
            return
        self._move(dt_s)
        self._check_landed()
        self.battery.load = self._load()

    def _move(self, dt_s: float) -> None:
        task, body = self.task, self.body
        if self.land_complete:
            if not isinstance(task, Climb) or not self.auto_armed:
                self._wait_on_ground()
                return
            self._ground_from_s = self.now_s
        if self.stalled:
            return
        if self.mode == STABILIZE and not self.land_complete:
            self._fall(dt_s)  # nobody holds the throttle
            return
        task.step(body, self.limits, dt_s)
        if isinstance(task, Climb) and task.airborne:
            self.land_complete = False
        self._turn(dt_s)
        self._drift(dt_s)

    def _wait_on_ground(self) -> None:
        """Ten seconds on the ground with motors running, then off."""
        delay_s = self.params["DISARM_DELAY"]
        if isinstance(self.task, Land | ComeHome):
            delay_s = 0.5 if self.task.landing or self.mode in (RTL, LAND) else delay_s
        if 0 < delay_s <= self.now_s - self._ground_from_s:
            self.disarm()

    def _turn(self, dt_s: float) -> None:
        wanted = self.yaw_fixed_rad
        looks = self.params["WP_YAW_BEHAVIOR"] != 0
        if wanted is None and looks and isinstance(self.task, FlyTo):
            wanted = self.task.yaw_rad
        if wanted is not None:
            self.body.turn_to(wanted, YAW_RATE_RAD_S, dt_s)

    def _drift(self, dt_s: float) -> None:
        """Gusts push it about, in proportion to the wind."""
        speed, towards = self.wind
        if speed > 0 and not self.land_complete:
            gust = speed * 0.05 * self.random.gauss(0.0, 1.0) * dt_s
            angle = math.radians(towards)
            self.body.north_m += gust * math.cos(angle)
            self.body.east_m += gust * math.sin(angle)

    def _fall(self, dt_s: float) -> None:
        body = self.body
        body.vel_u = max(-12.0, body.vel_u - 9.81 * dt_s)
        body.up_m = max(0.0, body.up_m + body.vel_u * dt_s)
        if body.up_m <= 0.0:
            self.text(2, "Crash: Disarming: AngErr=70>30, Accel=1.0<3.0")
            self.disarm()

    def _check_landed(self) -> None:
        task = self.task
        if not isinstance(task, Land | ComeHome) or not task.landed:
            return
        if not self.land_complete:
            self.land_complete = True
            self._ground_from_s = self.now_s
        elif self.mode != AUTO and self.now_s - self._ground_from_s >= 0.5:
            self.disarm()

    def _load(self) -> float:
        if self.land_complete:
            return 0.1
        wind = min(0.5, self.wind[0] * 0.02)
        return (1.15 if self.body.vel_u > 0.2 else 1.0) + wind

    # -- AUTO ----------------------------------------------------------------

    def _run_auto(self) -> None:
        if self._waiting_to_start:
            if self.home is not None:
                self._waiting_to_start = False
                self.mission.start_or_resume()
                self.mission.note_unchanged()
            return
        restarted = self.mission.restart_if_changed()
        if restarted is not None and isinstance(self.task, FlyTo):
            self.text(2, "Auto mission changed, restarted command")
        self.mission.update()

    def start_mission(self) -> bool:
        """MISSION_START: also while disarmed, when nothing moves."""
        if not self.set_mode(AUTO):
            return False
        self.auto_armed = True
        if self.mission.state is not State.RUNNING:
            self.mission.start_or_resume()
        return True

    def start_item(self, index: int, item: Stored) -> bool:
        """Begin a mission item: ModeAuto::start_command."""
        command = item.command
        self._dwell_from_s = None
        if command == mavlink.MAV_CMD_NAV_TAKEOFF:
            up = max(
                self._up_of(item), self.body.up_m + (1.0 if self.land_complete else 0)
            )
            self.task = Climb(up)
            if not self.land_complete:
                self.task.airborne = True
        elif command in NAV_STOPS or command == mavlink.MAV_CMD_NAV_SPLINE_WAYPOINT:
            self._fly_to(index, item)
        elif command == mavlink.MAV_CMD_NAV_LAND:
            self._start_land(index, item)
        elif command == mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH:
            self.task = self._come_home()
        elif command == mavlink.MAV_CMD_NAV_DELAY:
            self._dwell_from_s = self.now_s
            self.text(6, f"Delaying {item.params[0]:.0f} sec")
        else:
            return self._start_do(item)
        return True

    def _start_do(self, item: Stored) -> bool:
        command = item.command
        if command == mavlink.MAV_CMD_DO_CHANGE_SPEED:
            self.change_speed(int(item.params[0]), item.params[1])
        elif command == mavlink.MAV_CMD_CONDITION_YAW:
            self.fix_yaw(item.params[0], item.params[3] > 0, int(item.params[2]))
        elif command == mavlink.MAV_CMD_CONDITION_DELAY:
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

    def _up_of(self, item: Stored) -> float:
        if item.relative:
            return item.alt_m + self.home_up_m
        return item.alt_m - self.config.amsl_m

    def _goal_of(self, item: Stored, default: Goal) -> Goal:
        """loc_from_cmd: zero latitude, longitude or altitude mean 'as now'."""
        n, e, up = default.north_m, default.east_m, default.up_m
        if item.has_place:
            n, e = self.frame.to_ne(item.lat_e7, item.lon_e7)
        if item.alt_cm != 0:
            up = self._up_of(item)
        return Goal(n, e, up, self.limits.speed_m_s)

    def _here(self) -> Goal:
        task = self.task
        if isinstance(task, FlyTo) and task.reached:
            return task.goal
        body = self.body
        return Goal(body.north_m, body.east_m, body.up_m, self.limits.speed_m_s)

    def _fly_to(self, index: int, item: Stored) -> None:
        goal = self._goal_of(item, self._here())
        onward = None
        stops = item.params[0] > 0 or item.command not in (
            mavlink.MAV_CMD_NAV_WAYPOINT,
            mavlink.MAV_CMD_NAV_SPLINE_WAYPOINT,
        )
        if not stops:
            found = self.mission.next_nav(index + 1)
            if found is not None and found[1].command in NAV_STOPS:
                after = self._goal_of(found[1], goal)
                onward = (after.north_m, after.east_m)
        self._leave_fixed_yaw()
        self.task = FlyTo(goal, self.body, onward)

    def _leave_fixed_yaw(self) -> None:
        if self.params["WP_YAW_BEHAVIOR"] != 0:
            self.yaw_fixed_rad = None

    def _start_land(self, index: int, item: Stored) -> None:
        if not item.has_place:
            self.task = Land()
            return
        goal = self._goal_of(item, self._here())
        goal.up_m = self.body.up_m
        self.task = FlyTo(goal, self.body, None)

    def verify_item(self, index: int, item: Stored) -> bool:
        """Whether a mission item is done: ModeAuto::verify_command."""
        verify = {
            mavlink.MAV_CMD_NAV_TAKEOFF: self._verify_takeoff,
            mavlink.MAV_CMD_NAV_WAYPOINT: self._verify_stop,
            mavlink.MAV_CMD_NAV_SPLINE_WAYPOINT: self._verify_stop,
            mavlink.MAV_CMD_NAV_LOITER_UNLIM: self._verify_stop,
            mavlink.MAV_CMD_NAV_LOITER_TIME: self._verify_stop,
            mavlink.MAV_CMD_NAV_LAND: self._verify_land,
            mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH: self._verify_home,
            mavlink.MAV_CMD_NAV_DELAY: self._verify_delay,
            mavlink.MAV_CMD_CONDITION_YAW: self._verify_yaw,
        }.get(item.command, self._verify_do)
        return verify(index, item)

    def _verify_takeoff(self, index: int, item: Stored) -> bool:
        return isinstance(self.task, Climb) and self.task.done

    def _verify_home(self, index: int, item: Stored) -> bool:
        return isinstance(self.task, ComeHome) and self._home_and_down(self.task)

    def _verify_delay(self, index: int, item: Stored) -> bool:
        return self._dwelt(item.params[0])

    def _verify_yaw(self, index: int, item: Stored) -> bool:
        return self._yaw_reached()

    def _verify_do(self, index: int, item: Stored) -> bool:
        command = item.command
        if command == mavlink.MAV_CMD_CONDITION_DELAY:
            return self.now_s >= self._condition_s
        if command == mavlink.MAV_CMD_CONDITION_DISTANCE:
            goal = self.task.target()
            return goal is None or self.body.distance_m(goal) < item.params[0]
        if command not in DO_DONE:
            self.text(4, f"Skipping invalid cmd #{command}")
        return True

    def _verify_stop(self, index: int, item: Stored) -> bool:
        if not isinstance(self.task, FlyTo) or not self.task.reached:
            return False
        if item.command == mavlink.MAV_CMD_NAV_LOITER_UNLIM:
            return False
        if self._dwell_from_s is None:
            self._dwell_from_s = self.now_s
        if not self._dwelt(item.params[0]):
            return False
        self.text(6, f"Reached command #{index}")
        return True

    def _dwelt(self, wanted_s: float) -> bool:
        start = self._dwell_from_s
        return start is not None and self.now_s - start >= wanted_s - 1e-6

    def _verify_land(self, index: int, item: Stored) -> bool:
        task = self.task
        if isinstance(task, FlyTo):
            if task.reached:
                self.task = Land()
            return False
        done = isinstance(task, Land) and task.landed and self.land_complete
        if done and self.armed and self.now_s - self._ground_from_s >= 0.5:
            follows = self.mission.next_nav(index + 1)
            if follows and follows[1].command == mavlink.MAV_CMD_NAV_TAKEOFF:
                return True
            self.disarm()  # the mission stays at its LAND, then resets
        return False

    def _home_and_down(self, task: ComeHome) -> bool:
        if task.complete:
            return task.target() is not None
        return task.landed and self.now_s - self._ground_from_s >= 0.5

    def mission_complete(self) -> None:
        """Disarm on the ground, stay in the air."""
        if self.land_complete:
            self.disarm()
        else:
            self.task = Hold()

    # -- commands that only a copter has -------------------------------------

    def pause(self) -> bool:
        """Only on a leg of AUTO that is not at its end, or in GUIDED."""
        if self.mode == AUTO and not self._waiting_to_start:
            task = self.task
            if isinstance(task, FlyTo) and not task.reached:
                task.paused = True
                return True
        return False

    def go_on(self) -> bool:
        """Continue after :meth:`pause`; harmless when nothing is paused."""
        if self.mode != AUTO:
            return False
        if isinstance(self.task, FlyTo):
            self.task.paused = False
        return True

    def change_speed(self, kind: int, speed_m_s: float) -> bool:
        """DO_CHANGE_SPEED; refused in modes flown by hand."""
        if speed_m_s <= 0 or self.mode in BY_HAND:
            return False
        if kind == 2:
            self.limits.up_m_s = f32(speed_m_s)
        elif kind >= 3:
            self.limits.down_m_s = f32(speed_m_s)
        else:
            self.limits.speed_m_s = f32(speed_m_s)
        return True

    def fix_yaw(self, angle_deg: float, relative: bool, direction: int) -> None:  # noqa: FBT001 - MAVLink's own flag
        """CONDITION_YAW."""
        angle = math.radians(angle_deg)
        if relative:
            angle = self.body.yaw_rad + (-angle if direction < 0 else angle)
        self.yaw_fixed_rad = self._yaw_command_rad = wrap_pi(angle)

    def _yaw_reached(self) -> bool:
        # ModeAuto::verify_yaw sets the fixed heading again each time, because
        # the leg that started after the item has taken it away
        wanted = self.yaw_fixed_rad = self._yaw_command_rad
        return abs(wrap_pi(wanted - self.body.yaw_rad)) <= YAW_DONE_RAD

    def take_off(self, up_m: float) -> bool:
        """NAV_TAKEOFF as a command: armed, landed, GUIDED (or LOITER)."""
        if not self.armed or not self.land_complete:
            return False
        if self.mode not in (GUIDED, LOITER, POSHOLD) or up_m <= self.body.up_m:
            return False
        self.auto_armed = True
        self.task = Climb(up_m)
        return True

    def go_to(self, place: tuple[float, float, float]) -> bool:
        """A GUIDED destination, unless the fence forbids it."""
        n, e, up = place
        if self.fence.enabled and self.fence.margin_m(n, e) < 0:
            return False
        self._leave_fixed_yaw()
        self.task = FlyTo(Goal(n, e, up, self.limits.speed_m_s), self.body, None)
        return True

    # -- failsafes -----------------------------------------------------------

    def fence_breached(self, types: int) -> None:
        """Report, then RTL or land as FENCE_ACTION says."""
        if self.land_complete:
            return
        self.text(5, f"{self.fence.names(types)} breached")
        action = int(self.params["FENCE_ACTION"])
        if action == 0:
            return
        if self.fence.distance_m > GIVE_UP_M or action == 2:
            self.set_mode(LAND)
        elif action == 4:
            self._first_of(BRAKE, LAND)
        elif action in (3, 5):
            self._first_of(SMART_RTL, RTL if action == 3 else LAND, LAND)
        else:
            self._first_of(RTL, LAND)

    def battery_failsafe(self, action: int) -> None:
        """Act as BATT_FS_LOW_ACT or BATT_FS_CRT_ACT says."""
        if self.land_complete:
            self.text(4, "Battery Failsafe - Disarming")
            self.disarm()
            return
        self.text(4, "Battery Failsafe")
        self._act(action)

    def gcs_lost(self) -> None:
        """Act as FS_GCS_ENABLE and FS_OPTIONS say."""
        options = int(self.params["FS_OPTIONS"])
        if not self.armed:
            self.text(4, "GCS Failsafe")
        elif self.land_complete:
            self.text(4, "GCS Failsafe - Disarming")
            self.disarm()
        elif self.mode == AUTO and options & 2:
            self.text(4, "GCS Failsafe - Continuing Auto Mode")
        elif self.mode in BY_HAND and options & 16:
            self.text(4, "GCS Failsafe - Continuing Pilot Control")
        elif self.task.landing and options & 8:
            self.text(4, "GCS Failsafe - Continuing Landing")
        else:
            self.text(4, "GCS Failsafe")
            enable = int(self.params["FS_GCS_ENABLE"])
            self._act({1: 2, 2: 2, 3: 3, 4: 4, 5: 1, 6: 6, 7: 7}.get(enable, 2))

    def gcs_back(self) -> None:
        """It says so and stays in the mode of the failsafe."""
        self.text(4, "GCS Failsafe Cleared")

    def position_lost(self) -> None:
        """FS_EKF_ACTION: land where it is."""
        if self.land_complete:
            self.disarm()
            return
        self.text(2, "EKF Failsafe: changed to LAND Mode")
        self.set_mode(LAND)

    def _act(self, action: int) -> None:
        modes = {
            1: (LAND,),
            2: (RTL, LAND),
            3: (SMART_RTL, RTL, LAND),
            4: (SMART_RTL, LAND),
            6: (RTL, LAND),
            7: (BRAKE, LAND),
        }
        if action == 5:
            self.disarm()
        elif action in modes:
            self._first_of(*modes[action])

    def _first_of(self, *modes: int) -> None:
        for mode in modes:
            if self.set_mode(mode):
                return
