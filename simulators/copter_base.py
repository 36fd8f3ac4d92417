"""A simulated ArduCopter: modes, arming rules, motion, landing."""

import math
from abc import abstractmethod
from typing import ClassVar

from simulators.copter_tasks import (
    Climb,
    ComeHome,
    FlyTo,
    Hold,
    Land,
    Limits,
    Task,
)
from simulators.fence import ALT_MAX
from simulators.items import Stored
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


class CopterBase(Vehicle):
    """Flies; what it flies in AUTO is in :mod:`simulators.copter`."""

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
        self._controlled = self.mode not in (STABILIZE, ALT_HOLD)
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
        self.auto_armed = False
        # seen on 4.7-dev: the position controller goes on after LAND alone
        self._controlled = self.mode == LAND
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

    # -- in the layer above --------------------------------------------------

    @abstractmethod
    def _run_auto(self) -> None:
        """One turn of AUTO."""
