"""The commands that only a copter answers."""

from simulators.commands import (
    ACCEPTED,
    DENIED,
    FAILED,
    UNSUPPORTED,
    Act,
    Command,
    place_of,
    up_of,
)
from simulators.copter import GUIDED, LAND, LOITER, RTL, Copter
from simulators.links import Link
from simulators.vehicle import Vehicle
from simulators.wire import Message, mavlink

_CHANGE_MODE = 1  # MAV_DO_REPOSITION_FLAGS_CHANGE_MODE
_IGNORE_POSITION = 0x7


def _mode(mode: int) -> Act:
    def act(v: Vehicle, link: Link, c: Command) -> int:
        return ACCEPTED if v.set_mode(mode) else FAILED

    return act


def _mission_start(v: Vehicle, link: Link, c: Command) -> int:
    if not isinstance(v, Copter):
        return UNSUPPORTED
    if c.p1 != 0 or c.p2 != 0:
        return DENIED
    return ACCEPTED if v.start_mission() else FAILED


def _pause_continue(v: Vehicle, link: Link, c: Command) -> int:
    if not isinstance(v, Copter):
        return UNSUPPORTED
    wish = int(c.p1)
    if wish not in (0, 1):
        return DENIED
    if v.pause() if wish == 0 else v.go_on():
        return ACCEPTED
    v.text(6, "Failed to pause" if wish == 0 else "Failed to resume")
    return FAILED


def _take_off(v: Vehicle, link: Link, c: Command) -> int:
    if not isinstance(v, Copter):
        return UNSUPPORTED
    if c.frame != mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT:
        return DENIED
    up = up_of(v, c)
    return ACCEPTED if up is not None and v.take_off(up) else FAILED


def _change_speed(v: Vehicle, link: Link, c: Command) -> int:
    if not isinstance(v, Copter):
        return UNSUPPORTED
    return ACCEPTED if v.change_speed(int(c.p1), c.p2) else FAILED


def _condition_yaw(v: Vehicle, link: Link, c: Command) -> int:
    if not isinstance(v, Copter):
        return UNSUPPORTED
    if not 0.0 <= c.p1 <= 360.0 or c.p4 not in (0.0, 1.0):
        return FAILED
    v.fix_yaw(c.p1, c.p4 == 1.0, int(c.p3))
    return ACCEPTED


def _reposition(v: Vehicle, link: Link, c: Command) -> int:
    if not isinstance(v, Copter):
        return UNSUPPORTED
    if v.mode != GUIDED and not int(c.p2) & _CHANGE_MODE:
        return DENIED
    place = place_of(v, c)
    if place is None:
        return DENIED
    if v.mode != GUIDED and not v.set_mode(GUIDED):
        return FAILED
    return ACCEPTED if v.go_to(place) else FAILED


def on_position_target(v: Vehicle, link: Link, m: Message) -> None:
    """SET_POSITION_TARGET_GLOBAL_INT: a GUIDED destination, no answer."""
    if not isinstance(v, Copter) or v.mode != GUIDED or v.land_complete:
        return
    if m.type_mask & _IGNORE_POSITION:
        return
    command = Command(0, 0, 0, 0, 0, m.lat_int, m.lon_int, m.alt, m.coordinate_frame)
    place = place_of(v, command)
    if place is not None:
        v.go_to(place)


COMMANDS: dict[int, Act] = {
    mavlink.MAV_CMD_MISSION_START: _mission_start,
    mavlink.MAV_CMD_DO_PAUSE_CONTINUE: _pause_continue,
    mavlink.MAV_CMD_NAV_TAKEOFF: _take_off,
    mavlink.MAV_CMD_DO_CHANGE_SPEED: _change_speed,
    mavlink.MAV_CMD_CONDITION_YAW: _condition_yaw,
    mavlink.MAV_CMD_DO_REPOSITION: _reposition,
    mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH: _mode(RTL),
    mavlink.MAV_CMD_NAV_LAND: _mode(LAND),
    mavlink.MAV_CMD_NAV_LOITER_UNLIM: _mode(LOITER),
}
