"""A simulated ArduCopter: missions, commands, failsafes."""

import math

from simulators.body import Goal
from simulators.copter_base import (
    AUTO,
    BRAKE,
    BY_HAND,
    GUIDED,
    LAND,
    LOITER,
    POSHOLD,
    RTL,
    SMART_RTL,
    STABILIZE,
    YAW_DONE_RAD,
    CopterBase,
)
from simulators.copter_tasks import Climb, ComeHome, FlyTo, Hold, Land
from simulators.fence import GIVE_UP_M
from simulators.geometry import wrap_pi
from simulators.items import Stored, f32
from simulators.mission import State
from simulators.wire import mavlink

__all__ = ["AUTO", "BRAKE", "GUIDED", "LAND", "LOITER", "RTL", "STABILIZE", "Copter"]

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


class Copter(CopterBase):
    """Flies missions and obeys."""

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
        self._controlled = True
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
        """On a leg of AUTO that is not at its end; in GUIDED always."""
        task, guided = self.task, self.mode == GUIDED
        leg = isinstance(task, FlyTo) and (guided or self.mode == AUTO)
        if leg and isinstance(task, FlyTo) and (guided or not task.reached):
            task.paused = True
            return True
        return guided

    def go_on(self) -> bool:
        """Continue after :meth:`pause`; harmless when nothing is paused."""
        if self.mode not in (AUTO, GUIDED):
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
