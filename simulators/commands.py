"""COMMAND_LONG and COMMAND_INT: one function a command, one ACK each.

Every copy that arrives is executed, as ArduPilot does. Source:
GCS_Common.cpp handle_command_int_packet and the vehicles' GCS_Mavlink.cpp.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from simulators import streams
from simulators.fence import ALT_MIN
from simulators.links import Link
from simulators.requests import ALL_FENCES
from simulators.vehicle import Vehicle
from simulators.wire import Message, mavlink

ACCEPTED: int = mavlink.MAV_RESULT_ACCEPTED
DENIED: int = mavlink.MAV_RESULT_DENIED
FAILED: int = mavlink.MAV_RESULT_FAILED
UNSUPPORTED: int = mavlink.MAV_RESULT_UNSUPPORTED
REJECTED: int = mavlink.MAV_RESULT_TEMPORARILY_REJECTED

FORCE_ARM = 2989.0
FORCE_ARM_DISARM = 21196.0
FORCE_REBOOT = 20190226

# command_long_stores_location: param5 and 6 are degrees there.
_PLACES = frozenset(
    {
        mavlink.MAV_CMD_DO_SET_HOME,
        mavlink.MAV_CMD_DO_SET_ROI,
        mavlink.MAV_CMD_DO_SET_ROI_LOCATION,
        mavlink.MAV_CMD_DO_REPOSITION,
    }
)


@dataclass(frozen=True, slots=True)
class Command:
    """One command, COMMAND_LONG turned into COMMAND_INT's form."""

    id: int
    p1: float
    p2: float
    p3: float
    p4: float
    x: int
    y: int
    z: float
    frame: int


Act = Callable[[Vehicle, Link, Command], int]


def _from_long(m: Message) -> Command:
    scale = 1e7 if m.command in _PLACES else 1.0
    x, y = (_whole(m.param5 * scale), _whole(m.param6 * scale))
    frame = mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT
    if m.command == mavlink.MAV_CMD_DO_SET_HOME:
        frame = mavlink.MAV_FRAME_GLOBAL
    params = (m.param1, m.param2, m.param3, m.param4)
    return Command(m.command, *params, x, y, m.param7, frame)


def _whole(value: float) -> int:
    if not math.isfinite(value):
        return 0
    return int(max(-2147483648.0, min(2147483647.0, value)))


def _from_int(m: Message) -> Command:
    params = (m.param1, m.param2, m.param3, m.param4)
    return Command(m.command, *params, m.x, m.y, m.z, m.frame)


def up_of(v: Vehicle, c: Command) -> float | None:
    """Height in the local frame that a command's frame and z mean."""
    if c.frame in (0, 5):
        return c.z - v.config.amsl_m
    if c.frame in (3, 6, 10, 11):
        return c.z + v.home_up_m
    return None


def place_of(v: Vehicle, c: Command) -> tuple[float, float, float] | None:
    """The position of a command, None when it is none."""
    up = up_of(v, c)
    if up is None or abs(c.x) > 900_000_000 or abs(c.y) > 1_800_000_000:
        return None
    return (*v.frame.to_ne(c.x, c.y), up)


def _arm_disarm(v: Vehicle, link: Link, c: Command) -> int:
    if c.p1 == 1.0:
        forced = c.p2 in (FORCE_ARM, FORCE_ARM_DISARM)
        return ACCEPTED if v.arm(forced=forced) else FAILED
    if c.p1 != 0.0:
        return UNSUPPORTED
    # 1 in the air: AP_Arming_Copter::disarm refuses unless it is forced.
    flying = v.landed_state() != mavlink.MAV_LANDED_STATE_ON_GROUND
    if v.kind == "copter" and v.armed and flying and c.p2 != FORCE_ARM_DISARM:
        return FAILED
    v.disarm()
    return ACCEPTED


def _do_set_mode(v: Vehicle, link: Link, c: Command) -> int:
    if not int(c.p1) & mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED:
        return DENIED
    return ACCEPTED if v.set_mode(int(c.p2)) else FAILED


def _mission_current(v: Vehicle, link: Link, c: Command) -> int:
    seq = int(c.p1) if c.p1 >= 0 else 1 << 16
    if seq >= v.mission.count():
        return DENIED
    if c.p2 == 1.0:
        v.mission.reset()
    if not v.mission.set_current(seq):
        return FAILED
    if c.p2 == 1.0:
        v.mission.resume()
    message = v.builders[42](v)
    if message is not None:
        link.send(message)
    return ACCEPTED


def _fence_enable(v: Vehicle, link: Link, c: Command) -> int:
    types = int(c.p2) & 0xFF or ALL_FENCES
    if c.p1 == 0:
        v.fence.enable(types, on=False)
    elif c.p1 == 1:
        if not v.fence.present & types:
            return FAILED
        v.fence.enable(types, on=True)
    elif c.p1 == 2:
        v.fence.enable(ALT_MIN, on=False)
    else:
        return FAILED
    return ACCEPTED


def _set_home(v: Vehicle, link: Link, c: Command) -> int:
    if not v.gps_ok:
        return FAILED
    if c.p1 == 1.0 or (c.x == 0 and c.y == 0):
        v.home_locked = True
        v.set_home_here()
        return ACCEPTED
    if c.p1 != 0.0:
        return FAILED
    up = up_of(v, c)
    if up is None or place_of(v, c) is None:
        return DENIED
    v.home_locked = True
    v.set_home(c.x, c.y, up + v.config.amsl_m)
    return ACCEPTED


def _get_home(v: Vehicle, link: Link, c: Command) -> int:
    message = v.builders[242](v)
    if message is None:
        return FAILED
    link.send(message)
    return ACCEPTED


def _set_interval(v: Vehicle, link: Link, c: Command) -> int:
    message_id, interval_us = int(c.p1), c.p2
    if message_id not in v.builders:
        if message_id in streams.SILENT:
            return ACCEPTED
        v.text(6, f"No ap_message for mavlink id ({message_id})")
        return DENIED
    if interval_us == -1:
        interval_s = 0.0
    elif interval_us == 0:
        interval_s = 1.0 if message_id == 0 else 0.0
    else:
        interval_s = min(60.0, max(0.001, int(interval_us) // 1000 / 1000))
    if 0 < interval_s < 0.0025:
        return DENIED  # faster than the main loop
    link.stream(message_id, interval_s, v.now_s)
    return ACCEPTED


def _get_interval(v: Vehicle, link: Link, c: Command) -> int:
    interval_us = round(link.interval_of(int(c.p1)) * 1e6) or -1
    link.send(mavlink.MAVLink_message_interval_message(int(c.p1), interval_us))
    return ACCEPTED


def _request_message(v: Vehicle, link: Link, c: Command) -> int:
    builder = v.builders.get(int(c.p1))
    if builder is None:
        return ACCEPTED if int(c.p1) in streams.SILENT else FAILED
    message = builder(v)
    if message is not None:
        v.after_ack(link, message)
    return ACCEPTED


def _capabilities(v: Vehicle, link: Link, c: Command) -> int:
    if c.p1 != 1:
        return DENIED
    message = v.builders[148](v)
    if message is not None:
        v.after_ack(link, message)
    return ACCEPTED


def _run_prearm(v: Vehicle, link: Link, c: Command) -> int:
    if v.armed:
        return REJECTED
    for fault in v.arming_faults():
        v.text(2, f"PreArm: {fault}")
    return ACCEPTED


def _reboot(v: Vehicle, link: Link, c: Command) -> int:
    if v.armed and c.y != FORCE_REBOOT:
        return FAILED
    if c.p1 not in (1.0, 3.0):
        return UNSUPPORTED
    v.reboot_asked = True
    return ACCEPTED


def _relay(v: Vehicle, link: Link, c: Command) -> int:
    if not 0 <= c.p1 < len(v.relays) or c.p2 not in (0, 1):
        return FAILED
    v.relays[int(c.p1)] = c.p2 == 1
    return ACCEPTED


def _look_at(v: Vehicle, link: Link, c: Command) -> int:
    """ROI: for a camera mount, which turns nothing that is simulated."""
    return ACCEPTED if place_of(v, c) is not None else DENIED


def _servo(v: Vehicle, link: Link, c: Command) -> int:
    return ACCEPTED if 1 <= c.p1 <= 16 else FAILED


COMMON: dict[int, Act] = {
    mavlink.MAV_CMD_COMPONENT_ARM_DISARM: _arm_disarm,
    mavlink.MAV_CMD_DO_SET_MODE: _do_set_mode,
    mavlink.MAV_CMD_DO_SET_MISSION_CURRENT: _mission_current,
    mavlink.MAV_CMD_DO_FENCE_ENABLE: _fence_enable,
    mavlink.MAV_CMD_DO_SET_HOME: _set_home,
    mavlink.MAV_CMD_GET_HOME_POSITION: _get_home,
    mavlink.MAV_CMD_SET_MESSAGE_INTERVAL: _set_interval,
    mavlink.MAV_CMD_GET_MESSAGE_INTERVAL: _get_interval,
    mavlink.MAV_CMD_REQUEST_MESSAGE: _request_message,
    mavlink.MAV_CMD_REQUEST_AUTOPILOT_CAPABILITIES: _capabilities,
    mavlink.MAV_CMD_RUN_PREARM_CHECKS: _run_prearm,
    mavlink.MAV_CMD_PREFLIGHT_REBOOT_SHUTDOWN: _reboot,
    mavlink.MAV_CMD_DO_SET_RELAY: _relay,
    mavlink.MAV_CMD_DO_SET_SERVO: _servo,
    mavlink.MAV_CMD_DO_SET_ROI: _look_at,
    mavlink.MAV_CMD_DO_SET_ROI_LOCATION: _look_at,
}


def install(vehicle: Vehicle, own: dict[int, Act]) -> None:
    """Teach a vehicle the common commands and its own."""
    acts = {**COMMON, **own}

    def answer(v: Vehicle, link: Link, m: Message, command: Command) -> None:
        act = acts.get(command.id)
        result = UNSUPPORTED if act is None else act(v, link, command)
        v.executed.append((v.now_s, command.id, result, m.get_srcSystem()))
        link.send(
            mavlink.MAVLink_command_ack_message(
                command.id, result, 0, 0, m.get_srcSystem(), m.get_srcComponent()
            )
        )
        if v.reboot_asked:
            v.reboot()

    def on_long(v: Vehicle, link: Link, m: Message) -> None:
        answer(v, link, m, _from_long(m))

    def on_int(v: Vehicle, link: Link, m: Message) -> None:
        answer(v, link, m, _from_int(m))

    vehicle.handlers[mavlink.MAVLINK_MSG_ID_COMMAND_LONG] = on_long
    vehicle.handlers[mavlink.MAVLINK_MSG_ID_COMMAND_INT] = on_int
