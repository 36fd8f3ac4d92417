"""ArduPilot, as observed on 4.7-dev (copter and rover; mavlink.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.mission import Mission, MissionStep, StepType
from patrolctl.geo import Altitude, Datum, LatLon
from patrolctl.mavlink.autopilots.base import (
    Health,
    ParamRule,
    Purpose,
    Rule,
    WireMission,
)
from patrolctl.mavlink.autopilots.compiling import (
    GROUND,
    Builder,
    backstop_s,
    finished,
    height,
    home_height_m,
    needs,
)
from patrolctl.mavlink.command import Order
from patrolctl.mavlink.params import Encoding
from patrolctl.mavlink.wire import (
    ALTITUDE_TOLERANCE_M,
    Cmd,
    WireItem,
    place_difference,
    placed,
    same_number,
)

MAV_AUTOPILOT_ARDUPILOTMEGA = 3
MODE_FLAG_CUSTOM = 1.0

# ArduCopter/mode.h, Rover/mode.h.
COPTER_MODES = {
    0: "STABILIZE",
    1: "ACRO",
    2: "ALT_HOLD",
    3: "AUTO",
    4: "GUIDED",
    5: "LOITER",
    6: "RTL",
    7: "CIRCLE",
    9: "LAND",
    11: "DRIFT",
    13: "SPORT",
    14: "FLIP",
    15: "AUTOTUNE",
    16: "POSHOLD",
    17: "BRAKE",
    18: "THROW",
    19: "AVOID_ADSB",
    20: "GUIDED_NOGPS",
    21: "SMART_RTL",
    22: "FLOWHOLD",
    23: "FOLLOW",
    24: "ZIGZAG",
    27: "AUTO_RTL",
}
ROVER_MODES = {
    0: "MANUAL",
    1: "ACRO",
    3: "STEERING",
    4: "HOLD",
    5: "LOITER",
    6: "FOLLOW",
    7: "SIMPLE",
    8: "DOCK",
    9: "CIRCLE",
    10: "AUTO",
    11: "RTL",
    12: "SMART_RTL",
    15: "GUIDED",
    16: "INITIALISING",
}
# BRAKE, not LOITER: in LOITER a copter without an RC transmitter reads the
# throttle as low and sinks. DO_PAUSE_CONTINUE fails outside waypoint legs.
COPTER_PURPOSE = {
    Purpose.ARM: 4,
    Purpose.MISSION: 3,
    Purpose.HOLD: 17,
    Purpose.RETURN: 6,
    Purpose.LAND: 9,
}
# MANUAL is what was seen to arm besides AUTO, which would drive off at once.
ROVER_PURPOSE = {
    Purpose.ARM: 0,
    Purpose.MISSION: 10,
    Purpose.HOLD: 4,
    Purpose.RETURN: 11,
    Purpose.LAND: 4,
}
ALSO_RETURN = {VehicleKind.COPTER: {21, 27}, VehicleKind.ROVER: {12}}
MAV_TYPES = {
    # quad, coaxial, helicopter, hexa, octo, tri, dodeca, deca
    VehicleKind.COPTER: {2, 3, 4, 13, 14, 15, 29, 35},
    VehicleKind.ROVER: {10, 11},  # ground rover, surface boat
}

EKF_POS_HORIZ_ABS = 0x10
EKF_CONST_POS_MODE = 0x80
EKF_UNINITIALISED = 0x400
GPS_FIX_3D = 3

FENCE_ALT_MAX, FENCE_POLYGON = 1, 4
CONTINUE_AUTO_ON_GCS_FAILSAFE = 2

# LOITER_TIME comes back with its direction, 1, in param 3, and LAND with its
# own, ±1, in param 4 (mission_cmd_to_mavlink_int).
COMPARED_PARAMS: dict[int, int] = {Cmd.NAV_LOITER_TIME: 2, Cmd.NAV_LAND: 3}

STREAMS = {
    1: 1.0,  # SYS_STATUS
    2: 2.0,  # SYSTEM_TIME
    24: 1.0,  # GPS_RAW_INT
    33: 5.0,  # GLOBAL_POSITION_INT
    42: 2.0,  # MISSION_CURRENT
    62: 2.0,  # NAV_CONTROLLER_OUTPUT
    147: 0.5,  # BATTERY_STATUS
    162: 1.0,  # FENCE_STATUS
    168: 0.5,  # WIND
    193: 1.0,  # EKF_STATUS_REPORT
    242: 0.5,  # HOME_POSITION
    245: 2.0,  # EXTENDED_SYS_STATE
}


@dataclass(frozen=True, slots=True)
class ArduPilot:
    """ArduCopter or Rover."""

    kind: VehicleKind
    mav_autopilot: int = MAV_AUTOPILOT_ARDUPILOTMEGA
    encoding: Encoding = Encoding.C_CAST

    @property
    def streams(self) -> Mapping[int, float]:
        """What to ask for: ArduPilot sends next to nothing by itself."""
        return STREAMS

    @property
    def disarms_itself(self) -> bool:
        """Copters do after landing, rovers never."""
        return self.kind is VehicleKind.COPTER

    def is_mav_type(self, mav_type: int) -> bool:
        """Whether a MAV_TYPE fits the kind."""
        return mav_type in MAV_TYPES[self.kind]

    @property
    def _purposes(self) -> dict[Purpose, int]:
        copter = self.kind is VehicleKind.COPTER
        return COPTER_PURPOSE if copter else ROVER_PURPOSE

    def mode_name(self, custom_mode: int) -> str:
        """The mode's name."""
        modes = COPTER_MODES if self.kind is VehicleKind.COPTER else ROVER_MODES
        return modes.get(custom_mode, f"MODE {custom_mode}")

    def mode_purpose(self, custom_mode: int) -> Purpose | None:
        """What a mode serves."""
        if custom_mode in ALSO_RETURN[self.kind]:
            return Purpose.RETURN
        codes = self._purposes.items()
        return next((p for p, code in codes if code == custom_mode), None)

    @property
    def fetch_window(self) -> int:
        """It answers each request by itself (handle_mission_request, 4.7-dev)."""
        return 4

    @property
    def most_items(self) -> int:
        """NO_SPACE was seen above 650 (mavlink.md)."""
        return 650

    def mode_code(self, purpose: Purpose) -> int:
        """The custom_mode for a purpose."""
        return self._purposes[purpose]

    def set_mode(self, purpose: Purpose) -> Order:
        """DO_SET_MODE; the SET_MODE message would get no reply."""
        code = float(self.mode_code(purpose))
        # Entering the mission is a start: late or twice would undo a hold.
        repeatable = purpose is not Purpose.MISSION
        return Order(Cmd.DO_SET_MODE, (MODE_FLAG_CUSTOM, code), repeatable=repeatable)

    def start(self) -> Order:
        """MISSION_START on copters; rovers start by entering AUTO."""
        if self.kind is VehicleKind.COPTER:
            return Order(Cmd.MISSION_START, (0.0, 0.0))
        return self.set_mode(Purpose.MISSION)

    def change_speed(self, speed_m_s: float) -> Order:
        """DO_CHANGE_SPEED: 1 = ground speed, throttle −1 = unchanged."""
        return Order(Cmd.DO_CHANGE_SPEED, (1.0, speed_m_s, -1.0), repeatable=True)

    def compile(self, mission: Mission) -> WireMission:
        """Items with home as item 0, which ArduPilot overwrites."""
        home = Altitude(mission.home_amsl_m, Datum.AMSL)
        builder = Builder(items=[placed(Cmd.NAV_WAYPOINT, mission.home, home)])
        for step in mission.steps:
            first = len(builder.items)
            self._add(builder, step, mission.home)
            if len(builder.items) == first:  # RTL has landed already
                first -= 1
            builder.close(step, first)
        return finished(builder, mission, home_item=True)

    def _add(self, builder: Builder, step: MissionStep, home: LatLon) -> None:
        items = builder.items
        match step.type:
            case StepType.TAKEOFF:
                items.append(placed(Cmd.NAV_TAKEOFF, None, height(step)))
            case StepType.GO:
                builder.add_speed(step.speed_m_s)
                self._add_heading(items, step)
                items.append(placed(Cmd.NAV_WAYPOINT, *self._needs(step)))
            case StepType.PASS:
                self._add_pass(builder, step)
            case StepType.DWELL:
                self._add_heading(items, step)
                wait = (backstop_s(step), 0.0, 0.0, 0.0)
                items.append(placed(Cmd.NAV_LOITER_TIME, *self._needs(step), wait))
            case StepType.JUMP:
                items.append(WireItem(Cmd.DO_JUMP))
            case StepType.RETURN_HOME:
                items.append(self._return_item(home))
            case StepType.LAND:
                self._add_land(items, step)

    def _return_item(self, home: LatLon) -> WireItem:
        # A rover's RTL drives at WP_SPEED whatever the mission's speed is
        # (seen on 4.7-dev: 4.9 m/s after a leg at 2 m/s).
        if self.kind is VehicleKind.ROVER:
            return placed(Cmd.NAV_WAYPOINT, home, GROUND)
        return WireItem(Cmd.NAV_RETURN_TO_LAUNCH)

    def _needs(self, step: MissionStep) -> tuple[LatLon, Altitude]:
        if self.kind is VehicleKind.ROVER and step.altitude is None:
            step = replace(step, altitude=GROUND)
        return needs(step)

    def _add_heading(self, items: list[WireItem], step: MissionStep) -> None:
        if step.heading_deg is None or self.kind is VehicleKind.ROVER:
            return
        # Before the nav item: DO_ and CONDITION_ items run while the nav item
        # that FOLLOWS them is being executed (seen on 4.7-dev; one behind a
        # LOITER_TIME ran only when the loiter was over). The nav item's start
        # resets the yaw, and ModeAuto::verify_yaw takes it back at once.
        heading = float(round(step.heading_deg % 360.0, 2))
        items.append(WireItem(Cmd.CONDITION_YAW, params=(heading, 0.0, 0.0, 0.0)))

    def _add_pass(self, builder: Builder, step: MissionStep) -> None:
        if self.kind is VehicleKind.ROVER or step.heading_deg is None:
            msg = f"step {step.seq}: a pass is flown by a copter, with a heading"
            raise ValueError(msg)
        builder.add_speed(step.speed_m_s)
        # A copter keeps the heading of a CONDITION_YAW to the end of the leg.
        self._add_heading(builder.items, step)
        builder.items.append(placed(Cmd.NAV_WAYPOINT, *self._needs(step)))

    def _add_land(self, items: list[WireItem], step: MissionStep) -> None:
        if self.kind is VehicleKind.ROVER:
            msg = f"step {step.seq}: a rover does not land"
            raise ValueError(msg)
        if items[-1].command == Cmd.NAV_RETURN_TO_LAUNCH:
            return  # ArduPilot's RTL ends on the ground
        items.append(placed(Cmd.NAV_LAND, step.position, GROUND))

    def difference(self, sent: WireItem, got: WireItem) -> str:
        """What differs, but for what ArduPilot is known to change."""
        if sent.command != got.command:
            return f"command {got.command} instead of {sent.command}"
        fence = Cmd.FENCE_RETURN_POINT <= sent.command < Cmd.RALLY_POINT
        if sent.place:
            # Fence items come back in frame 0 whatever was sent, and rally
            # points in whole metres (AP_Rally keeps an int16).
            rally = sent.command == Cmd.RALLY_POINT
            found = place_difference(
                sent,
                got,
                frame=not fence,
                height_m=1.0 if rally else ALTITUDE_TOLERANCE_M,
            )
            if found:
                return found
        compared = COMPARED_PARAMS.get(sent.command, 4)
        for number in range(compared):
            if not same_number(sent.params[number], got.params[number], 1e-4):
                return (
                    f"param {number + 1} is {got.params[number]:g} "
                    f"instead of {sent.params[number]:g}"
                )
        return ""

    def parameters(self, mission: Mission, gcs_sysid: int) -> tuple[ParamRule, ...]:
        """Fence, return altitude and GCS failsafe."""
        rules = [
            ParamRule(
                (("MAV_GCS_SYSID", gcs_sysid), ("SYSID_MYGCS", gcs_sysid)),
                "the vehicle must listen for our heartbeat",
            ),
            ParamRule(
                (("FS_GCS_ENABLE", 1.0),),
                "the vehicle must come home when the link is lost",
                Rule.NOT_ZERO,
            ),
        ]
        if self.kind is VehicleKind.COPTER:
            rules += self._copter_rules(mission)
        else:
            # 2 = hold: RTL would drive straight across whatever lies between.
            rules.append(
                ParamRule(
                    (("FS_ACTION", 2.0),),
                    "the vehicle must halt or return when the link is lost",
                    Rule.NOT_ZERO,
                )
            )
        return (*rules, *self._fence_rules(mission))

    def _copter_rules(self, mission: Mission) -> list[ParamRule]:
        rules = [
            ParamRule(
                (("FS_OPTIONS", CONTINUE_AUTO_ON_GCS_FAILSAFE),),
                "a mission must not go on without a link",
                Rule.BITS_CLEAR,
                optional=True,
            )
        ]
        back = mission.return_altitude
        if back is not None:
            height_m = home_height_m(back, mission)
            rules.append(
                ParamRule(
                    (("RTL_ALT_M", height_m), ("RTL_ALT", round(height_m * 100.0))),
                    "the return altitude is part of what was approved",
                )
            )
        return rules

    def _fence_rules(self, mission: Mission) -> list[ParamRule]:
        if mission.fence is None:
            return []
        ceiling = mission.fence.altitude_max
        kinds = FENCE_POLYGON | (FENCE_ALT_MAX if ceiling is not None else 0)
        rules = [
            ParamRule(
                (("FENCE_TYPE", float(kinds)),), "the fence must be the approved one"
            ),
            ParamRule(
                (("FENCE_ACTION", 1.0 if ceiling is not None else 2.0),),
                "a breach must have a consequence",
                Rule.NOT_ZERO,
            ),
        ]
        if ceiling is not None:
            height_m = home_height_m(ceiling, mission)
            rules.append(
                ParamRule(
                    (("FENCE_ALT_MAX", height_m),),
                    "the fence's ceiling must be the approved one",
                )
            )
        rules.append(ParamRule((("FENCE_ENABLE", 1.0),), "the fence must be enabled"))
        return rules

    def unready(self, health: Health) -> tuple[str, ...]:
        """PREARM alone comes about 20 s too early: the EKF must use GPS too."""
        reasons = []
        if health.prearm_ok is None:
            reasons.append("the vehicle has not told its health yet")
        elif not health.prearm_ok:
            reasons.append("the vehicle's pre-arm checks do not pass")
        flags = health.estimator_flags
        if flags is None:
            reasons.append("the vehicle has not told its position estimate yet")
        elif not flags & EKF_POS_HORIZ_ABS or flags & (
            EKF_CONST_POS_MODE | EKF_UNINITIALISED
        ):
            reasons.append("the position estimate does not use GPS yet")
        if health.gps_fix is not None and health.gps_fix < GPS_FIX_3D:
            reasons.append("no 3D GPS fix")
        if not health.position_heard:
            reasons.append("the vehicle has not told its position yet")
        return tuple(reasons)
