"""The vehicle core: bytes in and out of named links, moved by explicit time.

No sockets, no wall clock, no hidden randomness: the same seed, bytes and
times give the same answers. What a copter and a rover do differently is in
:mod:`simulators.copter` and :mod:`simulators.rover`.
"""

import heapq
import itertools
import math
import random
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from typing import ClassVar

from simulators.battery import Battery, Failsafe
from simulators.body import Body
from simulators.config import CAPACITY, VehicleConfig
from simulators.fence import FenceMonitor, FenceStore
from simulators.geometry import Frame
from simulators.items import GLOBAL, Stored
from simulators.links import Link
from simulators.mission import Mission
from simulators.params import Params
from simulators.rally import RallyStore
from simulators.talker import Talker
from simulators.transfer import Transfer
from simulators.wire import Message, mavlink

FENCE_PERIOD_S = 0.3
IDLE_TICK_S = 1.0
RELAYS = {"copter": 1, "rover": 2}  # as SITL's parameter files have them
PREARM_AGAIN_S, PREARM_NEWS_S = 30.0, 4.0
LOOP_S = 0.0025  # the main loop runs at 400 Hz
PREARM_S, POSITION_S = 23.6, 41.6
ORIGIN_S, GPS_S = 19.9, 9.9

Handler = Callable[["Vehicle", Link, Message], None]
Builder = Callable[["Vehicle"], Message | None]


class Vehicle(Talker):
    """Everything that copter and rover share."""

    kind: ClassVar[str]
    mav_type: ClassVar[int]
    boot_mode: ClassVar[int]
    auto_mode: ClassVar[int]

    def __init__(self, config: VehicleConfig) -> None:
        super().__init__(config, Params(self.kind, config.sysid))
        self.params.overrule(config.param_overrides)
        self.random = random.Random(config.seed)
        self.boot_s = 0.0
        self.boots = 0
        self.frame = Frame(config.lat_deg, config.lon_deg)
        self.body = Body(yaw_rad=math.radians(config.heading_deg))
        self.battery = Battery(self.params, config.endurance_s)
        self.handlers: dict[int, Handler] = {}
        self.builders: dict[int, Builder] = {}
        self._make_stores()
        self._clear_state()

    def _make_stores(self) -> None:
        room = CAPACITY[self.kind]
        self.mission = Mission(self.params, self.text, room.mission_items)
        self.mission.bind(self)
        self.fence_store = FenceStore(
            self.params,
            self.text,
            max_items=room.fence_items,
            max_bytes=room.fence_bytes,
        )
        self.fence = FenceMonitor(self.fence_store, self.params, self.frame)
        self.rally = RallyStore(self.params, room.rally_points)
        stores = (self.mission, self.fence_store, self.rally)
        self.transfers = {s.mission_type: Transfer(s, self.text) for s in stores}
        self.relays = [False] * RELAYS[self.kind]
        self.wind = self.config.wind
        self._scheduled: list[tuple[float, int, Callable[[], None]]] = []
        self._schedule_order = itertools.count()
        self.executed: deque[tuple[float, int, int, int]] = deque(maxlen=4096)
        self.effects: deque[tuple[float, str]] = deque(maxlen=4096)

    def _clear_state(self) -> None:
        """What a boot begins with; storage is kept."""
        self.mode = self.boot_mode
        self.armed = False
        self.mission.armed = False
        self.home: Stored | None = None
        self.home_locked = False
        self.home_ne = (0.0, 0.0)
        self.gps_ok = self.position_ok = self.prearm_ok = False
        self.gps_lost = False
        self.gcs_heard_s: float | None = None
        self.gcs_failsafe = self.ekf_failsafe = False
        self.stalled = False
        self.armed_s = 0.0
        self._prearm_told_s = self.now_s
        self._prearm_passed = False
        self.reboot_asked = False
        self._tick_at_s = self.now_s
        self._tick_last_s = self.now_s
        self._fence_at_s = self.now_s
        self._second_at_s = self.now_s
        self._timeline = deque(self._boot_timeline())

    def handle(self, link: Link, message: Message) -> None:
        """Answer a message, and run the main loop soon."""
        handler = self.handlers.get(message.get_msgId())
        if handler is not None:
            handler(self, link, message)
            self._tick_at_s = min(self._tick_at_s, self.now_s + LOOP_S)

    # -- time ----------------------------------------------------------------

    @property
    def boot_ms(self) -> int:
        """Milliseconds since boot."""
        return round((self.now_s - self.boot_s) * 1000)

    @property
    def utc_s(self) -> float:
        """Simulated Unix time."""
        return self.config.start_utc_s + self.now_s

    def next_event_s(self) -> float:
        """When something next happens by itself."""
        due = min(self._tick_at_s, self._second_at_s)
        if self._timeline:
            due = min(due, self._timeline[0][0])
        if self._scheduled:
            due = min(due, self._scheduled[0][0])
        for transfer in self.transfers.values():
            deadline = transfer.deadline_s()
            if deadline is not None:
                due = min(due, deadline)
        for link in self.links.values():
            due = min(due, link.next_due_s)
        return due

    def advance(self, to_s: float) -> None:
        """Let simulated time pass up to ``to_s``."""
        while True:
            due = self.next_event_s()
            if due > to_s:
                break
            self.now_s = max(self.now_s, due)
            self._run_due()
        self.now_s = max(self.now_s, to_s)

    def schedule(self, at_s: float, act: Callable[[], None]) -> None:
        """Have something happen at a simulated time, reboots or not."""
        entry = (at_s, next(self._schedule_order), act)
        heapq.heappush(self._scheduled, entry)

    def _run_scheduled(self) -> None:
        now = self.now_s
        while self._timeline and self._timeline[0][0] <= now:
            self._timeline.popleft()[1]()
        while self._scheduled and self._scheduled[0][0] <= now:
            heapq.heappop(self._scheduled)[2]()

    def _run_due(self) -> None:
        now = self.now_s
        self._run_scheduled()
        for transfer in self.transfers.values():
            transfer.poll(now)
        if now >= self._tick_at_s:
            self._tick()
        if now >= self._second_at_s:
            self._second_at_s = now + 1.0
            self._each_second()
        self.flush()
        for link in self.links.values():
            for message_id in link.due(now):
                message = self.builders[message_id](self)
                if message is not None:
                    link.send(message)

    def _tick(self) -> None:
        now = self.now_s
        dt_s = now - self._tick_last_s
        self._tick_last_s = now
        if dt_s > 0:
            self.battery.drain(dt_s)
        self.step(dt_s)
        if now >= self._fence_at_s:
            self._fence_at_s = now + FENCE_PERIOD_S
            self._check_fence()
        lively = self.armed or not self.body.resting
        self._tick_at_s = now + (self.config.tick_s if lively else IDLE_TICK_S)

    def _each_second(self) -> None:
        if self.armed:
            begun = self.battery.check(self.now_s)
            if begun is not None:
                self._battery_failsafe(begun)
        else:
            self._tell_prearm()
        self._check_gcs()
        if self.gps_ok:
            self.signing.follow_clock(self.utc_s)

    # -- boot ----------------------------------------------------------------

    def reboot(self) -> None:
        """Start again: links close, storage stays, a flying copter falls."""
        self.boots += 1
        self.boot_s = self.now_s
        self.fall_silent()
        for transfer in self.transfers.values():
            transfer.forget()
        self.mission.stop()
        self.mission.reset()
        self.signing.reboot()
        self.battery.failsafe = Failsafe.NONE
        self.body.halt()
        self.body.up_m = 0.0
        self.fence.boot()
        self._clear_state()

    def _boot_timeline(self) -> list[tuple[float, Callable[[], None]]]:
        scale = self.config.ready_scale
        events = [
            (GPS_S * scale, self._find_gps),
            (ORIGIN_S * scale, self._find_origin),
            (PREARM_S * scale, self._pass_prearm),
            (POSITION_S * scale, self._find_position),
        ]
        return [(self.now_s + after, event) for after, event in events]

    def _find_gps(self) -> None:
        self.gps_ok = True
        self.text(6, "GPS 1: detected u-blox")

    def _find_origin(self) -> None:
        self.text(6, "EKF3 IMU0 origin set")
        self.text(6, f"Field Elevation Set: {self.config.amsl_m:.0f}m")
        self.set_home_here()

    def _pass_prearm(self) -> None:
        self.prearm_ok = True

    def _find_position(self) -> None:
        self.position_ok = not self.gps_lost
        self.text(6, "EKF3 IMU0 is using GPS")

    # -- home ----------------------------------------------------------------

    @property
    def amsl_m(self) -> float:
        """Altitude above mean sea level."""
        return self.config.amsl_m + self.body.up_m

    @property
    def home_up_m(self) -> float:
        """Height of home in the local frame."""
        return 0.0 if self.home is None else self.home.alt_cm / 100 - self.config.amsl_m

    @property
    def relative_m(self) -> float:
        """Height above home."""
        return self.body.up_m - self.home_up_m

    def set_home_here(self) -> None:
        """Home is where the vehicle is."""
        lat, lon = self.frame.to_e7(self.body.north_m, self.body.east_m)
        self.set_home(lat, lon, self.amsl_m)

    def set_home(self, lat_e7: int, lon_e7: int, amsl_m: float) -> None:
        """Home is where it is said to be."""
        zero = (0.0, 0.0, 0.0, 0.0)
        alt_cm = round(amsl_m * 100)
        self.home = Stored(
            mavlink.MAV_CMD_NAV_WAYPOINT, zero, lat_e7, lon_e7, alt_cm, GLOBAL
        )
        self.home_ne = self.frame.to_ne(lat_e7, lon_e7)
        self.mission.set_home(self.home)
        for message_id in (242, 49):  # HOME_POSITION, GPS_GLOBAL_ORIGIN
            builder = self.builders.get(message_id)
            message = None if builder is None else builder(self)
            if message is not None:
                self.report(message)

    # -- arming --------------------------------------------------------------

    def arm(self, *, forced: bool = False) -> bool:
        """Arm when nothing speaks against it; the reason goes out as text."""
        if self.armed:
            return True
        faults = [] if forced else self.arming_faults()
        if faults:
            for fault in faults:
                self.text(2, f"Arm: {fault}")
            return False
        self.armed = self.mission.armed = True
        self.armed_s = self.now_s
        self.effects.append((self.now_s, "armed"))
        self._tick_at_s = self.now_s
        if not self.home_locked and self.gps_ok:
            self.set_home_here()
        self.on_armed()
        return True

    def arming_faults(self) -> list[str]:
        """Why it may not arm now: every pre-arm check, then the arm checks."""
        faults = self._prearm_faults()
        mode = self.mode_fault()
        if not faults and mode is not None:
            faults.append(mode)
        return faults

    def prearm_passes(self) -> bool:
        """SYS_STATUS' pre-arm bit: the checks without arming."""
        return self.armed or not self._prearm_faults()

    def _prearm_faults(self) -> list[str]:
        if self.params["ARMING_CHECK"] == 0:
            return []
        flat = self.battery.failsafe is not Failsafe.NONE or self.battery.empty
        breached = self.fence.breaches if self.fence.enabled else 0
        lost = self.needs_position() and not self.position_ok
        mode = self.prearm_mode_fault()
        checks = (
            (not self.prearm_ok, "Accels inconsistent"),
            (lost and self.prearm_ok, "Need Position Estimate"),
            (flat, "Battery failsafe"),
            (self.gcs_failsafe, "GCS failsafe on"),
            (breached != 0, f"Vehicle breaching {self.fence.names(breached)}"),
            (mode is not None, mode or ""),
        )
        return [reason for failed, reason in checks if failed]

    def _tell_prearm(self) -> None:
        """AP_Arming::update: failures every 30 s, a new one after 4 s."""
        faults = self._prearm_faults()
        since_s = self.now_s - self._prearm_told_s
        news = bool(faults) and self._prearm_passed
        self._prearm_passed = not faults
        if since_s > PREARM_AGAIN_S or (news and since_s > PREARM_NEWS_S):
            self._prearm_told_s = self.now_s
            for fault in faults:
                self.text(2, f"PreArm: {fault}")

    def needs_position(self) -> bool:
        """Whether the mode or the fence needs a position."""
        return self.mode_needs_position(self.mode) or bool(self.fence.enabled & 6)

    def disarm(self) -> None:
        """Motors off."""
        if not self.armed:
            return
        self.armed = self.mission.armed = False
        self.battery.load = 0.0
        self.effects.append((self.now_s, "disarmed"))
        self.on_disarmed()

    # -- failsafes -----------------------------------------------------------

    def _check_fence(self) -> None:
        body, fence = self.body, self.fence
        if not fence.enabled or not self.position_ok:
            return
        n, e = self.home_ne
        new = fence.check(
            body.north_m,
            body.east_m,
            home_distance_m=math.hypot(body.north_m - n, body.east_m - e),
            up_m=self.relative_m,
            time_ms=self.boot_ms,
        )
        if new and self.armed:
            self.fence_breached(new)

    def _battery_failsafe(self, level: Failsafe) -> None:
        low = level is Failsafe.LOW
        battery = self.battery
        word = "low" if low else "critical"
        used = f"{battery.voltage_v:.2f}V used {battery.used_mah:.0f} mAh"
        self.text(4, f"Battery 1 is {word} {used}")
        name = "BATT_FS_LOW_ACT" if low else "BATT_FS_CRT_ACT"
        self.battery_failsafe(int(self.params[name]))

    def _check_gcs(self) -> None:
        if self.params["FS_GCS_ENABLE"] == 0 or self.gcs_heard_s is None:
            return
        late = self.now_s - self.gcs_heard_s > self.params["FS_GCS_TIMEOUT"]
        if late and not self.gcs_failsafe:
            self.gcs_failsafe = True
            self.gcs_lost()
        elif not late and self.gcs_failsafe:
            self.gcs_failsafe = False
            self.gcs_back()

    def lose_gps(self) -> None:
        """The receiver has no fix any more; the estimator gives up on it."""
        self.gps_lost = True
        self.gps_ok = self.position_ok = False
        if self.armed:
            self.ekf_failsafe = True
            self.text(2, "EKF variance")
            self.position_lost()

    def find_gps(self) -> None:
        """A fix again."""
        self.gps_lost = False
        self.gps_ok = self.position_ok = True
        self.ekf_failsafe = False

    # -- what copter and rover do differently --------------------------------

    @abstractmethod
    def step(self, dt_s: float) -> None:
        """Run the mode and move."""

    @abstractmethod
    def set_mode(self, mode: int) -> bool:
        """Change the flight mode."""

    @abstractmethod
    def mode_needs_position(self, mode: int) -> bool:
        """Whether a mode needs a position estimate."""

    @abstractmethod
    def mode_fault(self) -> str | None:
        """Why the present mode cannot be armed in."""

    @abstractmethod
    def prearm_mode_fault(self) -> str | None:
        """What the pre-arm check (not only arming) holds against the mode."""

    @abstractmethod
    def base_mode(self) -> int:
        """HEARTBEAT.base_mode."""

    @abstractmethod
    def system_status(self) -> int:
        """HEARTBEAT.system_status."""

    @abstractmethod
    def landed_state(self) -> int:
        """EXTENDED_SYS_STATE.landed_state."""

    @abstractmethod
    def on_armed(self) -> None:
        """It has just armed."""

    @abstractmethod
    def on_disarmed(self) -> None:
        """It has just disarmed."""

    @abstractmethod
    def start_item(self, index: int, item: Stored) -> bool:
        """Begin a mission item."""

    @abstractmethod
    def verify_item(self, index: int, item: Stored) -> bool:
        """Whether a mission item is done."""

    @abstractmethod
    def mission_complete(self) -> None:
        """The mission has no more items."""

    @abstractmethod
    def mission_paused(self) -> bool:
        """Whether DO_PAUSE_CONTINUE holds it."""

    @abstractmethod
    def fence_breached(self, types: int) -> None:
        """Act on a new breach."""

    @abstractmethod
    def battery_failsafe(self, action: int) -> None:
        """Act on BATT_FS_LOW_ACT or BATT_FS_CRT_ACT."""

    @abstractmethod
    def gcs_lost(self) -> None:
        """Act on the loss of the ground station."""

    @abstractmethod
    def gcs_back(self) -> None:
        """The ground station is heard again."""

    @abstractmethod
    def position_lost(self) -> None:
        """Act on the loss of the position estimate."""

    @abstractmethod
    def target(self) -> tuple[float, float, float] | None:
        """Where it is heading (north, east, up), if anywhere."""
