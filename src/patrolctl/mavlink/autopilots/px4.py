"""PX4, built to its documented behaviour; not flown against a PX4 here.

Sources: docs.px4.io, "Flight Modes", "Mission Mode", "Parameter Reference";
PX4-Autopilot src/modules/commander/px4_custom_mode.h.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.mission import Mission, MissionStep, StepType
from patrolctl.mavlink.autopilots.base import (
    Health,
    ParamRule,
    Purpose,
    Rule,
    WireMission,
)
from patrolctl.mavlink.autopilots.compiling import (
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
    Cmd,
    WireItem,
    place_difference,
    placed,
    same_number,
)

MAV_AUTOPILOT_PX4 = 12
MODE_FLAG_CUSTOM = 1.0
AUTO = 4
# (main, sub) of px4_custom_mode.h.
MODES = {
    (1, 0): "MANUAL",
    (2, 0): "ALTCTL",
    (3, 0): "POSCTL",
    (4, 1): "AUTO.READY",
    (4, 2): "AUTO.TAKEOFF",
    (4, 3): "AUTO.LOITER",
    (4, 4): "AUTO.MISSION",
    (4, 5): "AUTO.RTL",
    (4, 6): "AUTO.LAND",
    (4, 8): "AUTO.FOLLOW",
    (4, 9): "AUTO.PRECLAND",
    (5, 0): "ACRO",
    (6, 0): "OFFBOARD",
    (7, 0): "STABILIZED",
}
PURPOSES = {
    Purpose.ARM: (4, 3),
    Purpose.MISSION: (4, 4),
    Purpose.HOLD: (4, 3),
    Purpose.RETURN: (4, 5),
    Purpose.LAND: (4, 6),
}
MAV_TYPES = {
    VehicleKind.COPTER: {2, 3, 4, 13, 14, 15},
    VehicleKind.ROVER: {10, 11},
}
ESTIMATOR_POS_HORIZ_ABS = 0x10
ESTIMATOR_CONST_POS_MODE = 0x80
STREAMS = {
    1: 1.0,
    2: 2.0,
    24: 1.0,
    33: 5.0,
    42: 2.0,
    147: 0.5,
    162: 1.0,
    230: 1.0,
    231: 0.5,
    242: 0.5,
    245: 2.0,
}


def _code(mode: tuple[int, int]) -> int:
    """custom_mode: reserved 16 bits, then main mode, then sub mode."""
    return mode[0] << 16 | mode[1] << 24


@dataclass(frozen=True, slots=True)
class Px4:
    """PX4 on a multicopter or a rover."""

    kind: VehicleKind
    mav_autopilot: int = MAV_AUTOPILOT_PX4
    encoding: Encoding = Encoding.BYTEWISE

    @property
    def streams(self) -> Mapping[int, float]:
        """What to ask for, whatever the link's own profile is."""
        return STREAMS

    @property
    def disarms_itself(self) -> bool:
        """COM_DISARM_LAND disarms copters after landing."""
        return self.kind is VehicleKind.COPTER

    @property
    def fetch_window(self) -> int:
        """It counts along: a request that is not the next one is an error."""
        return 1

    @property
    def most_items(self) -> int:
        """NUM_MISSIONS_SUPPORTED of a board with dataman on SD: 2000, with RAM 500."""
        return 500

    def is_mav_type(self, mav_type: int) -> bool:
        """Whether a MAV_TYPE fits the kind."""
        return mav_type in MAV_TYPES[self.kind]

    def mode_name(self, custom_mode: int) -> str:
        """The mode's name."""
        mode = (custom_mode >> 16 & 0xFF, custom_mode >> 24 & 0xFF)
        return MODES.get(mode, f"MODE {mode[0]}.{mode[1]}")

    def mode_purpose(self, custom_mode: int) -> Purpose | None:
        """What a mode serves; HOLD and ARM are one mode here."""
        for purpose in (Purpose.MISSION, Purpose.HOLD, Purpose.RETURN, Purpose.LAND):
            if self.mode_code(purpose) == custom_mode:
                return purpose
        return None

    def mode_code(self, purpose: Purpose) -> int:
        """The custom_mode for a purpose."""
        return _code(PURPOSES[purpose])

    def set_mode(self, purpose: Purpose) -> Order:
        """DO_SET_MODE with main and sub mode in params 2 and 3."""
        main, sub = PURPOSES[purpose]
        return Order(
            Cmd.DO_SET_MODE,
            (MODE_FLAG_CUSTOM, float(main), float(sub)),
            repeatable=purpose is not Purpose.MISSION,
        )

    def start(self) -> Order:
        """Entering AUTO.MISSION starts the armed vehicle."""
        return self.set_mode(Purpose.MISSION)

    def change_speed(self, speed_m_s: float) -> Order:
        """DO_CHANGE_SPEED: 1 = ground speed, throttle −1 = unchanged."""
        return Order(Cmd.DO_CHANGE_SPEED, (1.0, speed_m_s, -1.0), repeatable=True)

    def compile(self, mission: Mission) -> WireMission:
        """Items; PX4 has no home item, item 0 is flown."""
        builder = Builder()
        for step in mission.steps:
            if step.type is StepType.PASS:
                msg = f"step {step.seq}: PX4 turns its nose into the way of a pass"
                raise ValueError(msg)
            first = len(builder.items)
            self._add(builder, step)
            if len(builder.items) == first:
                first -= 1
            builder.close(step, first)
        return finished(builder, mission, home_item=False)

    def _add(self, builder: Builder, step: MissionStep) -> None:
        items = builder.items
        yaw = math.nan if step.heading_deg is None else step.heading_deg
        match step.type:
            case StepType.TAKEOFF:
                # PX4 wants the takeoff's position; NaN is "here".
                item = placed(
                    Cmd.NAV_TAKEOFF, step.position, height(step), (0, 0, 0, math.nan)
                )
                items.append(item)
            case StepType.GO:
                builder.add_speed(step.speed_m_s)
                params = (0.0, 0.0, 0.0, yaw)
                items.append(placed(Cmd.NAV_WAYPOINT, *needs(step), params))
            case StepType.DWELL:
                # LOITER_TIME has no yaw in PX4: a waypoint with a hold has.
                params = (backstop_s(step), 0.0, 0.0, yaw)
                items.append(placed(Cmd.NAV_WAYPOINT, *needs(step), params))
            case StepType.JUMP:
                items.append(WireItem(Cmd.DO_JUMP))
            case StepType.RETURN_HOME:
                items.append(WireItem(Cmd.NAV_RETURN_TO_LAUNCH))
            case StepType.LAND:
                if items and items[-1].command != Cmd.NAV_RETURN_TO_LAUNCH:
                    items.append(placed(Cmd.NAV_LAND, *needs(step)))

    def difference(self, sent: WireItem, got: WireItem) -> str:
        """PX4 keeps what it was sent, as floats."""
        if sent.command != got.command:
            return f"command {got.command} instead of {sent.command}"
        if sent.place:
            found = place_difference(sent, got)
            if found:
                return found
        for number in range(4):
            if not same_number(sent.params[number], got.params[number], 1e-4):
                return (
                    f"param {number + 1} is {got.params[number]:g} "
                    f"instead of {sent.params[number]:g}"
                )
        return ""

    def parameters(self, mission: Mission, gcs_sysid: int) -> tuple[ParamRule, ...]:
        """Data link loss, geofence action, return altitude, ceiling."""
        del gcs_sysid  # PX4 counts any ground station's heartbeat
        rules = [
            ParamRule(
                (("NAV_DLL_ACT", 2.0),),
                "the vehicle must come home when the link is lost",
                Rule.NOT_ZERO,
            )
        ]
        if mission.return_altitude is not None:
            back_m = home_height_m(mission.return_altitude, mission)
            rules.append(
                ParamRule(
                    (("RTL_RETURN_ALT", back_m),),
                    "the return altitude is part of what was approved",
                )
            )
        if mission.fence is not None:
            rules.append(
                ParamRule(
                    (("GF_ACTION", 3.0),),
                    "a fence breach must have a consequence",
                    Rule.NOT_ZERO,
                )
            )
            if mission.fence.altitude_max is not None:
                top_m = home_height_m(mission.fence.altitude_max, mission)
                rules.append(
                    ParamRule(
                        (("GF_MAX_VER_DIST", top_m),),
                        "the fence's ceiling must be the approved one",
                    )
                )
        return tuple(rules)

    def unready(self, health: Health) -> tuple[str, ...]:
        """PREARM bit and a horizontal position that is absolute."""
        reasons = []
        if health.prearm_ok is None:
            reasons.append("the vehicle has not told its health yet")
        elif not health.prearm_ok:
            reasons.append("the vehicle's pre-arm checks do not pass")
        flags = health.estimator_flags
        if flags is None:
            reasons.append("the vehicle has not told its position estimate yet")
        elif not flags & ESTIMATOR_POS_HORIZ_ABS or flags & ESTIMATOR_CONST_POS_MODE:
            reasons.append("the position estimate does not use GPS yet")
        if not health.position_heard:
            reasons.append("the vehicle has not told its position yet")
        return tuple(reasons)
