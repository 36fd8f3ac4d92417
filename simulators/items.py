"""Mission items as ArduPilot stores them: what it keeps and what it drops.

An item is packed into 15 bytes, so a download differs from the upload: whole
seconds, centimetres of altitude, DO_ items without frame and position.
Source: AP_Mission::mavlink_int_to_mission_cmd and mission_cmd_to_mavlink_int.
"""

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass

from simulators.wire import Message, mavlink

Params = tuple[float, float, float, float]

GLOBAL, MISSION_FRAME, RELATIVE = 0, 2, 3
GLOBAL_INT, RELATIVE_INT = 5, 6
TERRAIN, TERRAIN_INT = 10, 11
ALT_LIMIT_M = 83000.0  # LOCATION_ALT_MAX_M


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored item; ``params`` as they will be read back."""

    command: int
    params: Params = (0.0, 0.0, 0.0, 0.0)
    lat_e7: int = 0
    lon_e7: int = 0
    alt_cm: int = 0
    frame: int = GLOBAL

    @property
    def relative(self) -> bool:
        """Whether the altitude counts from home."""
        return self.frame != GLOBAL

    @property
    def has_place(self) -> bool:
        """Whether it names a position of its own."""
        return self.lat_e7 != 0 or self.lon_e7 != 0

    @property
    def alt_m(self) -> float:
        """Altitude as it is read back, float32."""
        return f32(self.alt_cm * f32(0.01))


class Refused(Exception):
    """The autopilot refuses an item with a MAV_MISSION_RESULT."""

    def __init__(self, result: int) -> None:
        super().__init__(f"mission result {result}")
        self.result = result


def f32(value: float) -> float:
    """The nearest float32."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def _u16(value: float) -> float:
    return float(int(value) & 0xFFFF)


def _u8(value: float) -> float:
    return float(int(value) & 0xFF)


def _i8(value: float) -> float:
    return float((int(value) + 128) % 256 - 128)


def _i16(value: float) -> float:
    return float((int(value) + 32768) % 65536 - 32768)


def _same(value: float) -> float:
    return value


def _zero(value: float) -> float:
    return 0.0 * value if math.isfinite(value) else 0.0


Cast = Callable[[float], float]


def _each(*casts: Cast) -> Callable[[Params], Params]:
    """Cast each parameter by its own rule; those without one become 0."""
    rules = (*casts, *([_zero] * (4 - len(casts))))

    def convert(params: Params) -> Params:
        a, b, c, d = (rule(p) for rule, p in zip(rules, params, strict=True))
        return a, b, c, d

    return convert


def _loiter_unlimited(params: Params) -> Params:
    radius = _u16(abs(params[2]))
    return 0.0, 0.0, -radius if params[2] < 0 else radius, 0.0


def _loiter_turns(params: Params) -> Params:
    turns = params[0]
    turns = min(255, int(turns * 256)) / 256 if 0 < turns < 1 else min(255, int(turns))
    radius = abs(params[2])
    kept = float(int(radius)) if radius <= 255 else min(255, int(radius * 0.1)) * 10.0
    return turns, 0.0, -kept if params[2] < 0 else kept, float(params[3] > 0)


def _loiter_time(params: Params) -> Params:
    return _u16(params[0]), 0.0, -1.0 if params[2] < 0 else 1.0, float(params[3] > 0)


def _loiter_to_alt(params: Params) -> Params:
    radius = _u16(abs(params[1]))
    return 0.0, -radius if params[1] < 0 else radius, 0.0, float(params[3] > 0)


def _land(params: Params) -> Params:
    return _u16(params[0]), 0.0, 0.0, -1.0 if params[3] < 0 else 1.0


CONVERT: dict[int, Callable[[Params], Params]] = {
    mavlink.MAV_CMD_NAV_WAYPOINT: _each(_u16),
    mavlink.MAV_CMD_NAV_LOITER_UNLIM: _loiter_unlimited,
    mavlink.MAV_CMD_NAV_LOITER_TURNS: _loiter_turns,
    mavlink.MAV_CMD_NAV_LOITER_TIME: _loiter_time,
    mavlink.MAV_CMD_NAV_LOITER_TO_ALT: _loiter_to_alt,
    mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH: _each(),
    mavlink.MAV_CMD_NAV_LAND: _land,
    mavlink.MAV_CMD_NAV_TAKEOFF: _each(_u16),
    mavlink.MAV_CMD_NAV_SPLINE_WAYPOINT: _each(_u16),
    mavlink.MAV_CMD_NAV_GUIDED_ENABLE: _each(_u16),
    mavlink.MAV_CMD_NAV_DELAY: _each(_same, _i8, _i8, _i8),
    mavlink.MAV_CMD_CONDITION_DELAY: _each(_same),
    mavlink.MAV_CMD_CONDITION_DISTANCE: _each(_same),
    mavlink.MAV_CMD_CONDITION_YAW: _each(_same, _same, _i8, _u8),
    mavlink.MAV_CMD_DO_JUMP: _each(_u16, _i16),
    mavlink.MAV_CMD_DO_JUMP_TAG: _each(_u16, _i16),
    mavlink.MAV_CMD_JUMP_TAG: _each(_u16),
    mavlink.MAV_CMD_DO_CHANGE_SPEED: _each(_u8, _same, _same),
    mavlink.MAV_CMD_DO_SET_HOME: _each(_u16),
    mavlink.MAV_CMD_DO_SET_RELAY: _each(_u8, _u8),
    mavlink.MAV_CMD_DO_REPEAT_RELAY: _each(_u8, _i16, _same),
    mavlink.MAV_CMD_DO_SET_SERVO: _each(_u8, _u16),
    mavlink.MAV_CMD_DO_REPEAT_SERVO: _each(_u8, _u16, _i16, _same),
    mavlink.MAV_CMD_DO_LAND_START: _each(),
    mavlink.MAV_CMD_DO_SET_ROI: _each(_u16),
    mavlink.MAV_CMD_DO_SET_ROI_LOCATION: _each(),
    mavlink.MAV_CMD_DO_SET_ROI_NONE: _each(),
    mavlink.MAV_CMD_DO_FENCE_ENABLE: _each(_u16),
    mavlink.MAV_CMD_DO_AUX_FUNCTION: _each(_u16, _u8),
    mavlink.MAV_CMD_DO_SEND_SCRIPT_MESSAGE: _each(_u16, _same, _same, _same),
    mavlink.MAV_CMD_DO_SET_REVERSE: _each(_u16),
    mavlink.MAV_CMD_DO_PAUSE_CONTINUE: _each(_u16),
    mavlink.MAV_CMD_DO_GUIDED_LIMITS: _each(_u16, _same, _same, _same),
    mavlink.MAV_CMD_NAV_SET_YAW_SPEED: _each(_same, _same, _u8),
    mavlink.MAV_CMD_DO_GRIPPER: _each(_u8, _u8),
    mavlink.MAV_CMD_DO_SPRAYER: _each(_u16),
    mavlink.MAV_CMD_DO_PARACHUTE: _each(_u16),
}

WITH_PLACE = frozenset(
    {
        mavlink.MAV_CMD_NAV_WAYPOINT,
        mavlink.MAV_CMD_NAV_LOITER_UNLIM,
        mavlink.MAV_CMD_NAV_LOITER_TURNS,
        mavlink.MAV_CMD_NAV_LOITER_TIME,
        mavlink.MAV_CMD_NAV_LAND,
        mavlink.MAV_CMD_NAV_TAKEOFF,
        mavlink.MAV_CMD_NAV_SPLINE_WAYPOINT,
        mavlink.MAV_CMD_NAV_GUIDED_ENABLE,
        mavlink.MAV_CMD_DO_SET_HOME,
        mavlink.MAV_CMD_DO_LAND_START,
        mavlink.MAV_CMD_DO_SET_ROI,
        mavlink.MAV_CMD_DO_SET_ROI_LOCATION,
        mavlink.MAV_CMD_NAV_LOITER_TO_ALT,
    }
)

_NAN_YAW = frozenset(
    {
        mavlink.MAV_CMD_NAV_WAYPOINT,
        mavlink.MAV_CMD_NAV_LOITER_UNLIM,
        mavlink.MAV_CMD_NAV_LAND,
        mavlink.MAV_CMD_NAV_TAKEOFF,
    }
)

_STORED_FRAME = {
    GLOBAL: GLOBAL,
    MISSION_FRAME: GLOBAL,
    GLOBAL_INT: GLOBAL,
    RELATIVE: RELATIVE,
    RELATIVE_INT: RELATIVE,
    TERRAIN: TERRAIN,
    TERRAIN_INT: TERRAIN,
}


def store_item(item: Message) -> Stored:
    """What is kept of a MISSION_ITEM_INT.

    Raises:
        Refused: with the MAV_MISSION_RESULT that ArduPilot gives.
    """
    params: Params = (item.param1, item.param2, item.param3, item.param4)
    _check_params(item.command, params)
    convert = CONVERT.get(item.command)
    if convert is None:
        raise Refused(mavlink.MAV_MISSION_UNSUPPORTED)
    clean = tuple(0.0 if math.isnan(p) else p for p in params)
    kept = convert(clean)  # type: ignore[arg-type]  # four by construction
    if item.command not in WITH_PLACE:
        return Stored(item.command, kept)
    check_place(item.x, item.y)
    if math.isnan(item.z) or abs(item.z) >= ALT_LIMIT_M:
        raise Refused(mavlink.MAV_MISSION_INVALID_PARAM7)
    frame = _STORED_FRAME.get(item.frame)
    if frame is None:
        raise Refused(mavlink.MAV_MISSION_UNSUPPORTED_FRAME)
    alt_cm = int(f32(f32(item.z) * 100.0))
    return Stored(item.command, kept, item.x, item.y, alt_cm, frame)


def check_place(lat_e7: int, lon_e7: int) -> None:
    """Refuse a latitude or longitude that is none."""
    # check_lat compares as float32, which lets a few units more pass
    if f32(abs(lat_e7)) > 900_000_000:
        raise Refused(mavlink.MAV_MISSION_INVALID_PARAM5_X)
    if f32(abs(lon_e7)) > 1_800_000_000:
        raise Refused(mavlink.MAV_MISSION_INVALID_PARAM6_Y)


def _check_params(command: int, params: Params) -> None:
    for index, value in enumerate(params):
        may_be_nan = index == 3 and command in _NAN_YAW
        if math.isinf(value) or (math.isnan(value) and not may_be_nan):
            raise Refused(mavlink.MAV_MISSION_INVALID_PARAM1 + index)


def is_nav(command: int) -> bool:
    """Whether it moves the vehicle, so that only one is active at a time."""
    return command <= mavlink.MAV_CMD_NAV_LAST or command in (
        mavlink.MAV_CMD_NAV_SET_YAW_SPEED,
        mavlink.MAV_CMD_NAV_SCRIPT_TIME,
        mavlink.MAV_CMD_NAV_ATTITUDE_TIME,
    )


NAMES = {
    mavlink.MAV_CMD_NAV_WAYPOINT: "WP",
    mavlink.MAV_CMD_NAV_SPLINE_WAYPOINT: "SplineWP",
    mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH: "RTL",
    mavlink.MAV_CMD_NAV_LOITER_UNLIM: "LoitUnlim",
    mavlink.MAV_CMD_NAV_LOITER_TIME: "LoitTime",
    mavlink.MAV_CMD_NAV_LOITER_TURNS: "LoitTurns",
    mavlink.MAV_CMD_NAV_GUIDED_ENABLE: "GuidedEnable",
    mavlink.MAV_CMD_NAV_TAKEOFF: "Takeoff",
    mavlink.MAV_CMD_NAV_LAND: "Land",
    mavlink.MAV_CMD_NAV_DELAY: "Delay",
    mavlink.MAV_CMD_CONDITION_DELAY: "CondDelay",
    mavlink.MAV_CMD_CONDITION_DISTANCE: "CondDist",
    mavlink.MAV_CMD_CONDITION_YAW: "CondYaw",
    mavlink.MAV_CMD_DO_CHANGE_SPEED: "ChangeSpeed",
    mavlink.MAV_CMD_DO_SET_HOME: "SetHome",
    mavlink.MAV_CMD_DO_SET_SERVO: "SetServo",
    mavlink.MAV_CMD_DO_SET_RELAY: "SetRelay",
    mavlink.MAV_CMD_DO_REPEAT_SERVO: "RepeatServo",
    mavlink.MAV_CMD_DO_REPEAT_RELAY: "RepeatRelay",
    mavlink.MAV_CMD_DO_SET_ROI: "SetROI",
    mavlink.MAV_CMD_DO_FENCE_ENABLE: "FenceEnable",
    mavlink.MAV_CMD_DO_SEND_SCRIPT_MESSAGE: "Scripting",
    mavlink.MAV_CMD_DO_SET_REVERSE: "SetReverse",
}


def name_of(command: int) -> str:
    """The name that ArduPilot prints when the item starts."""
    return NAMES.get(command, "?")
