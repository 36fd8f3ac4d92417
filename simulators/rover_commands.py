"""The commands that only a rover answers."""

from simulators.commands import (
    ACCEPTED,
    DENIED,
    FAILED,
    UNSUPPORTED,
    Act,
    Command,
    place_of,
)
from simulators.links import Link
from simulators.rover import AUTO, GUIDED, RTL, Rover
from simulators.vehicle import Vehicle
from simulators.wire import Message, mavlink

_CHANGE_MODE = 1  # MAV_DO_REPOSITION_FLAGS_CHANGE_MODE
_IGNORE_POSITION = 0x3


def _mission_start(v: Vehicle, link: Link, c: Command) -> int:
    if c.p1 != 0 or c.p2 != 0:
        return DENIED
    return ACCEPTED if v.set_mode(AUTO) else FAILED


def _return_home(v: Vehicle, link: Link, c: Command) -> int:
    return ACCEPTED if v.set_mode(RTL) else FAILED


def _change_speed(v: Vehicle, link: Link, c: Command) -> int:
    if not isinstance(v, Rover):
        return UNSUPPORTED
    return ACCEPTED if v.change_speed(c.p2) else FAILED


def _reposition(v: Vehicle, link: Link, c: Command) -> int:
    if not isinstance(v, Rover):
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
    if not isinstance(v, Rover) or v.mode != GUIDED:
        return
    if m.type_mask & _IGNORE_POSITION:
        return
    v.go_to((*v.frame.to_ne(m.lat_int, m.lon_int), 0.0))


COMMANDS: dict[int, Act] = {
    mavlink.MAV_CMD_MISSION_START: _mission_start,
    mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH: _return_home,
    mavlink.MAV_CMD_DO_CHANGE_SPEED: _change_speed,
    mavlink.MAV_CMD_DO_REPOSITION: _reposition,
}
