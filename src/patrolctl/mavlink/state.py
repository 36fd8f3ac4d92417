"""What is known of a vehicle, reduced from its messages. Pure.

``View.apply`` takes a message and the time and returns the facts that follow.
It knows no mission: progress is :mod:`patrolctl.mavlink.progress`'s.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import LinkState, VehicleKind
from patrolctl.domain.telemetry import EventKind, Telemetry
from patrolctl.geo import LatLon
from patrolctl.mavlink import messages as m
from patrolctl.mavlink.autopilots.base import Autopilot, Health, Purpose
from patrolctl.mavlink.facts import Fact
from patrolctl.mavlink.texts import (
    TextAssembler,
    failsafe_cleared,
    failsafe_in,
    refusal_in,
)
from patrolctl.mavlink.wire import climb_of, distance_m, heading_of, latlon

ARMED_FLAG = 0x80
PREARM_BIT = 0x10000000
STATE_CRITICAL, STATE_EMERGENCY = 5, 6
LANDED_ON_GROUND, LANDED_IN_AIR = 1, 2
HOME_MOVED_M = 5.0
HOME_RAISED_M = 3.0
BATTERY_LEVELS = (0.3, 0.2, 0.1)
# A mode that nobody commanded is put down to a failsafe unless a text or the
# operator explains it within this time: texts come after the change.
UNEXPLAINED_S = 1.5
COMMANDED_S = 5.0
KEEP_TEXTS = 40


@dataclass(slots=True)
class Position:
    """A position sample in SI units."""

    at_s: float
    latlon: LatLon
    amsl_m: float
    up_m: float
    north_m_s: float
    east_m_s: float
    climb_m_s: float
    heading_deg: float | None

    @property
    def ground_speed_m_s(self) -> float:
        """Speed over ground."""
        return float((self.north_m_s**2 + self.east_m_s**2) ** 0.5)


@dataclass(slots=True)
class View:
    """The latest of everything that one vehicle told."""

    vehicle_id: VehicleId
    pilot: Autopilot
    custom_mode: int | None = None
    armed: bool | None = None
    system_status: int = 0
    position: Position | None = None
    home: LatLon | None = None
    home_amsl_m: float | None = None
    wire_seq: int | None = None
    wire_total: int | None = None
    mission_state: int = 0
    reached_seq: int | None = None
    landed_state: int = 0
    prearm_ok: bool | None = None
    estimator_flags: int | None = None
    gps_fix: int | None = None
    satellites: int | None = None
    battery_ratio: float | None = None
    battery_v: float | None = None
    fence_breached: bool = False
    wind_m_s: float | None = None
    wind_from_deg: float | None = None
    distance_to_item_m: float | None = None
    failsafe: str | None = None
    failsafe_over: bool = False
    flown: bool = False
    texts: deque[tuple[float, str]] = field(
        default_factory=lambda: deque(maxlen=KEEP_TEXTS)
    )
    _assembler: TextAssembler = field(default_factory=TextAssembler)
    _commanded: tuple[int, float] | None = None
    _unexplained: tuple[int, float] | None = None
    _battery_told: float = 1.0

    # -- questions ---------------------------------------------------------

    @property
    def mode(self) -> str | None:
        """Name of the mode."""
        code = self.custom_mode
        return None if code is None else self.pilot.mode_name(code)

    @property
    def purpose(self) -> Purpose | None:
        """What the mode serves."""
        code = self.custom_mode
        return None if code is None else self.pilot.mode_purpose(code)

    @property
    def mission_active(self) -> bool | None:
        """Whether the autopilot executes its mission now."""
        if self.custom_mode is None:
            return None
        return (
            bool(self.armed)
            and self.pilot.mode_purpose(self.custom_mode) is Purpose.MISSION
            and self.mission_state in (0, 3)
        )

    @property
    def on_ground(self) -> bool | None:
        """Whether it stands; rovers always do."""
        if self.pilot.kind is VehicleKind.ROVER:
            return True
        if self.landed_state == 0:
            return None
        return self.landed_state == LANDED_ON_GROUND

    @property
    def health(self) -> Health:
        """What readiness is judged by."""
        return Health(
            self.prearm_ok,
            self.estimator_flags,
            self.gps_fix,
            self.position is not None,
        )

    def refusals_since(self, since_s: float) -> tuple[str, ...]:
        """Reasons for not arming that were told since a moment, once each."""
        found = (refusal_in(text) for at_s, text in self.texts if at_s >= since_s)
        return tuple(dict.fromkeys(text for text in found if text))

    def telemetry(
        self,
        utc: datetime,
        link: LinkState,
        quality: float | None,
        seq: int | None,
    ) -> Telemetry:
        """The domain's sample."""
        p = self.position
        return Telemetry(
            vehicle_id=self.vehicle_id,
            kind=self.pilot.kind,
            ts_utc=utc,
            link=link,
            link_quality_ratio=quality,
            mode=self.mode,
            armed=self.armed,
            on_ground=self.on_ground,
            lat_deg=p.latlon.lat_deg if p else None,
            lon_deg=p.latlon.lon_deg if p else None,
            amsl_m=p.amsl_m if p else None,
            up_m=p.up_m if p else None,
            heading_deg=p.heading_deg if p else None,
            ground_speed_m_s=p.ground_speed_m_s if p else None,
            climb_m_s=p.climb_m_s if p else None,
            battery_ratio=self.battery_ratio,
            battery_v=self.battery_v,
            satellites=self.satellites,
            position_ok=self._position_ok(),
            ready_to_arm=self._ready_to_arm(),
            wind_m_s=self.wind_m_s,
            wind_from_deg=self.wind_from_deg,
            seq=seq,
            mission_active=self.mission_active,
            failsafe=self.failsafe,
            purpose=self.purpose.name.lower() if self.purpose else None,
        )

    def _position_ok(self) -> bool | None:
        if self.estimator_flags is None:
            return None
        return not self.pilot.unready(
            Health(
                prearm_ok=True,
                estimator_flags=self.estimator_flags,
                gps_fix=self.gps_fix,
                position_heard=self.position is not None,
            )
        )

    def _ready_to_arm(self) -> bool | None:
        if self.prearm_ok is None or self.estimator_flags is None:
            return None
        return not self.pilot.unready(self.health)

    # -- changes -----------------------------------------------------------

    def commanded(self, purpose: Purpose, now_s: float) -> None:
        """We ask for a mode now, so that its coming needs no explanation."""
        code = self.pilot.mode_code(purpose)
        self._commanded = (code, now_s)
        self._unexplained = None
        self.failsafe = None if self.failsafe_over else self.failsafe

    def apply(self, message: m.Message, now_s: float) -> list[Fact]:
        """Take a message in."""
        reducer = self._reducers.get(type(message))
        return reducer(self, message, now_s) if reducer else []

    def tick(self, now_s: float) -> list[Fact]:
        """Time passes: an unexplained mode becomes a failsafe."""
        if self._unexplained is None or now_s - self._unexplained[1] < UNEXPLAINED_S:
            return []
        code, _ = self._unexplained
        self._unexplained = None
        if not self.armed or code != self.custom_mode or self.failsafe:
            return []
        name = self.pilot.mode_name(code)
        return self._fail("mode", f"changed to {name} by itself or by its pilot")

    def _fail(self, name: str, text: str) -> list[Fact]:
        if self.failsafe == name:
            return []
        self.failsafe, self.failsafe_over = name, False
        self._unexplained = None
        return [Fact(EventKind.FAILSAFE, f"{name}: {text}", severity=2)]

    def _heartbeat(self, h: m.Heartbeat, now_s: float) -> list[Fact]:
        facts: list[Fact] = []
        if h.custom_mode != self.custom_mode:
            facts += self._mode(h.custom_mode, now_s)
        armed = bool(h.base_mode & ARMED_FLAG)
        if armed != self.armed:
            known = self.armed is not None
            self.armed = armed
            if armed:
                facts.append(Fact(EventKind.ARMED))
                self.flown = False
            elif known:
                facts += self._disarmed()
        self.system_status = h.system_status
        if armed and h.system_status == STATE_EMERGENCY:
            facts += self._fail("emergency", "the vehicle reports an emergency")
        return facts

    def _mode(self, code: int, now_s: float) -> list[Fact]:
        before = self.custom_mode
        self.custom_mode = code
        facts = [Fact(EventKind.MODE, self.pilot.mode_name(code))]
        commanded = self._commanded
        ours = (
            commanded is not None
            and commanded[0] == code
            and now_s - commanded[1] <= COMMANDED_S
        )
        purpose = self.pilot.mode_purpose(code)
        if purpose is Purpose.MISSION and self.failsafe == "mode":
            self.failsafe = None  # whoever took it has given it back
        if purpose is Purpose.RETURN:
            why = "" if ours else (self.failsafe or "not commanded by us")
            facts.append(Fact(EventKind.RETURNING, why))
        going = purpose in (Purpose.RETURN, Purpose.LAND, Purpose.HOLD)
        if before is not None and self.armed and not ours and going:
            self._unexplained = (code, now_s)
        return facts

    def _disarmed(self) -> list[Fact]:
        self.failsafe, self.failsafe_over = None, False
        self._unexplained = None
        self._battery_told = 1.0
        return [Fact(EventKind.DISARMED)]

    def _sys_status(self, s: m.SysStatus, now_s: float) -> list[Fact]:
        del now_s
        if s.sensors_present & PREARM_BIT:
            enabled = s.sensors_enabled & PREARM_BIT
            self.prearm_ok = not enabled or bool(s.sensors_health & PREARM_BIT)
        elif s.sensors_health & PREARM_BIT:
            self.prearm_ok = True
        if s.voltage_battery_mv not in (0, 0xFFFF):
            self.battery_v = s.voltage_battery_mv / 1000.0
        return self._battery(s.battery_remaining_pct)

    def _battery_status(self, b: m.BatteryStatus, now_s: float) -> list[Fact]:
        del now_s
        return self._battery(b.battery_remaining_pct) if b.id == 0 else []

    def _battery(self, percent: int) -> list[Fact]:
        if not 0 <= percent <= 100:
            return []
        self.battery_ratio = percent / 100.0
        passed = [b for b in BATTERY_LEVELS if self.battery_ratio <= b]
        if not passed or passed[-1] >= self._battery_told:
            return []
        self._battery_told = passed[-1]
        return [Fact(EventKind.BATTERY, f"battery at {percent} %", severity=4)]

    def _position(self, g: m.GlobalPositionInt, now_s: float) -> list[Fact]:
        where = latlon(g.lat_e7, g.lon_e7)
        if where is None or (g.lat_e7 == 0 and g.lon_e7 == 0):
            return []
        self.position = Position(
            at_s=now_s,
            latlon=where,
            amsl_m=g.alt_mm / 1000.0,
            up_m=self._up_m(g),
            north_m_s=g.vx_cm_s / 100.0,
            east_m_s=g.vy_cm_s / 100.0,
            climb_m_s=climb_of(g.vz_cm_s),
            heading_deg=heading_of(g.hdg_cdeg),
        )
        return []

    def _up_m(self, g: m.GlobalPositionInt) -> float:
        """Height above home. A rover's relative_alt is its AMSL (4.7-dev)."""
        if self.pilot.kind is VehicleKind.COPTER:
            return g.relative_alt_mm / 1000.0
        return 0.0

    def _home(self, h: m.HomePosition, now_s: float) -> list[Fact]:
        del now_s
        where = latlon(h.lat_e7, h.lon_e7)
        if where is None:
            return []
        before, amsl_before = self.home, self.home_amsl_m
        self.home, self.home_amsl_m = where, h.alt_mm / 1000.0
        if before is None or amsl_before is None or not self.armed or not self.flown:
            return []
        moved_m = distance_m(before, where)
        raised_m = self.home_amsl_m - amsl_before
        if moved_m <= HOME_MOVED_M and abs(raised_m) <= HOME_RAISED_M:
            return []
        text = f"home moved by {moved_m:.0f} m and {raised_m:+.0f} m"
        return [Fact(EventKind.HOME_MOVED, text, severity=2)]

    def _mission_current(self, c: m.MissionCurrent, now_s: float) -> list[Fact]:
        del now_s
        self.wire_seq = c.seq
        # 0 is both "none" and "not sent" by old autopilots.
        self.wire_total = c.total if c.total not in (0, 0xFFFF) else self.wire_total
        self.mission_state = c.mission_state
        return []

    def _reached(self, r: m.MissionItemReached, now_s: float) -> list[Fact]:
        del now_s
        self.reached_seq = r.seq
        return []

    def _landed(self, e: m.ExtendedSysState, now_s: float) -> list[Fact]:
        del now_s
        before, self.landed_state = self.landed_state, e.landed_state
        if e.landed_state in (2, 3, 4) and self.armed:
            self.flown = True
        if e.landed_state == LANDED_ON_GROUND and before in (2, 3, 4):
            return [Fact(EventKind.LANDED)]
        return []

    def _ekf(self, e: m.EkfStatusReport, now_s: float) -> list[Fact]:
        del now_s
        self.estimator_flags = e.flags
        return []

    def _estimator(self, e: m.EstimatorStatus, now_s: float) -> list[Fact]:
        del now_s
        self.estimator_flags = e.flags
        return []

    def _gps(self, g: m.GpsRawInt, now_s: float) -> list[Fact]:
        del now_s
        self.gps_fix = g.fix_type
        self.satellites = None if g.satellites == 255 else g.satellites
        return []

    def _fence(self, f: m.FenceStatus, now_s: float) -> list[Fact]:
        del now_s
        breached = f.breach_status != 0
        news = breached and not self.fence_breached
        self.fence_breached = breached
        if not news:
            return []
        kind = {1: "lower limit", 2: "ceiling", 3: "boundary"}.get(f.breach_type, "")
        return [Fact(EventKind.FENCE, f"fence breached {kind}".strip(), severity=2)]

    def _wind(self, w: m.Wind, now_s: float) -> list[Fact]:
        del now_s
        self.wind_m_s = w.speed_m_s
        self.wind_from_deg = w.direction_deg % 360.0
        return []

    def _nav(self, n: m.NavControllerOutput, now_s: float) -> list[Fact]:
        del now_s
        self.distance_to_item_m = float(n.wp_dist_m)
        return []

    def _text(self, s: m.StatusText, now_s: float) -> list[Fact]:
        text = self._assembler.push(s)
        if not text:
            return []
        self.texts.append((now_s, text))
        facts = [Fact(EventKind.TEXT, text, severity=min(s.severity, 7))]
        name = failsafe_in(text)
        if name is not None and self.armed:
            facts += self._fail(name, text)
        elif failsafe_cleared(text):
            self.failsafe_over = True  # the mode stays; the operator decides
        return facts

    _reducers: ClassVar[dict[type[m.Message], Callable[..., list[Fact]]]] = {
        m.Heartbeat: _heartbeat,
        m.SysStatus: _sys_status,
        m.BatteryStatus: _battery_status,
        m.GlobalPositionInt: _position,
        m.HomePosition: _home,
        m.MissionCurrent: _mission_current,
        m.MissionItemReached: _reached,
        m.ExtendedSysState: _landed,
        m.EkfStatusReport: _ekf,
        m.EstimatorStatus: _estimator,
        m.GpsRawInt: _gps,
        m.FenceStatus: _fence,
        m.Wind: _wind,
        m.NavControllerOutput: _nav,
        m.StatusText: _text,
    }
