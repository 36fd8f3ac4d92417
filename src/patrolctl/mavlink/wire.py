"""The only place that knows MAV_FRAME, 1e7 scaling and NED.

Everything beyond this module speaks LatLon, Altitude with its datum, metres
and degrees.
"""

import math
import struct
from dataclasses import dataclass
from enum import IntEnum

from patrolctl.geo import Altitude, Datum, LatLon
from patrolctl.mavlink.messages import MissionItemInt

SCALE_DEG = 10_000_000
EARTH_RADIUS_M = 6_371_008.8
HEADING_UNKNOWN_CDEG = 65535


class Frame(IntEnum):
    """MAV_FRAME values that we send or accept (common.xml)."""

    GLOBAL = 0
    MISSION = 2
    GLOBAL_RELATIVE_ALT = 3
    GLOBAL_INT = 5
    GLOBAL_RELATIVE_ALT_INT = 6
    GLOBAL_TERRAIN_ALT = 10
    GLOBAL_TERRAIN_ALT_INT = 11


class MissionType(IntEnum):
    """MAV_MISSION_TYPE."""

    MISSION = 0
    FENCE = 1
    RALLY = 2


class Cmd(IntEnum):
    """MAV_CMD values that we use."""

    NAV_WAYPOINT = 16
    NAV_LOITER_UNLIM = 17
    NAV_LOITER_TIME = 19
    NAV_RETURN_TO_LAUNCH = 20
    NAV_LAND = 21
    NAV_TAKEOFF = 22
    CONDITION_YAW = 115
    DO_SET_MODE = 176
    DO_JUMP = 177
    DO_CHANGE_SPEED = 178
    DO_FENCE_ENABLE = 207
    DO_SET_MISSION_CURRENT = 224
    DO_PAUSE_CONTINUE = 193
    MISSION_START = 300
    COMPONENT_ARM_DISARM = 400
    SET_MESSAGE_INTERVAL = 511
    REQUEST_MESSAGE = 512
    FENCE_RETURN_POINT = 5000
    FENCE_VERTEX_INCLUSION = 5001
    FENCE_VERTEX_EXCLUSION = 5002
    RALLY_POINT = 5100


# MAV_FRAMEs that mean the same on the wire of MISSION_ITEM_INT: the _INT
# twins were deprecated, and vehicles answer with either.
_DATUM_FRAME = {
    Datum.AMSL: Frame.GLOBAL,
    Datum.HOME: Frame.GLOBAL_RELATIVE_ALT,
    Datum.TERRAIN: Frame.GLOBAL_TERRAIN_ALT,
}
_SAME_FRAME = {
    Frame.GLOBAL_INT: Frame.GLOBAL,
    Frame.GLOBAL_RELATIVE_ALT_INT: Frame.GLOBAL_RELATIVE_ALT,
    Frame.GLOBAL_TERRAIN_ALT_INT: Frame.GLOBAL_TERRAIN_ALT,
}


def frame_of(datum: Datum) -> int:
    """The MAV_FRAME of a datum."""
    return int(_DATUM_FRAME[datum])


def plain_frame(frame: int) -> int:
    """The frame with its _INT twin folded in."""
    try:
        return int(_SAME_FRAME.get(Frame(frame), frame))
    except ValueError:
        return frame


def datum_of(frame: int) -> Datum:
    """The datum of a MAV_FRAME.

    Raises:
        ValueError: a frame in which we never fly.
    """
    plain = plain_frame(frame)
    for datum, code in _DATUM_FRAME.items():
        if code == plain:
            return datum
    msg = f"MAV_FRAME {frame} is none in which altitudes are understood"
    raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class WireItem:
    """One mission, fence or rally item as MISSION_ITEM_INT carries it.

    ``place`` tells whether x, y, z and the frame mean a position; vehicles
    return rubbish or zeros in them otherwise.
    """

    command: int
    frame: int = 0
    params: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    x: int = 0
    y: int = 0
    z: float = 0.0
    place: bool = False


def e7(deg: float) -> int:
    """Degrees to the wire's integers, rounded to nearest."""
    return round(deg * SCALE_DEG)


def placed(
    command: int,
    position: LatLon | None,
    altitude: Altitude,
    params: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0),
) -> WireItem:
    """An item with a position; None: where the vehicle is, horizontally."""
    return WireItem(
        command=command,
        frame=frame_of(altitude.datum),
        params=params,
        x=e7(position.lat_deg) if position else 0,
        y=e7(position.lon_deg) if position else 0,
        z=altitude.value_m,
        place=True,
    )


def item_message(
    item: WireItem, seq: int, mission_type: int, target: tuple[int, int]
) -> MissionItemInt:
    """The message that uploads ``item`` as number ``seq``."""
    return MissionItemInt(
        *item.params,
        item.x,
        item.y,
        item.z,
        seq,
        item.command,
        target[0],
        target[1],
        item.frame,
        0,
        1,
        mission_type,
    )


def item_of(message: MissionItemInt) -> WireItem:
    """The item of a downloaded message."""
    return WireItem(
        command=message.command,
        frame=message.frame,
        params=(message.param1, message.param2, message.param3, message.param4),
        x=message.x,
        y=message.y,
        z=message.z,
        place=True,
    )


def same_number(sent: float, got: float, tolerance: float = 0.0) -> bool:
    """Equal after the wire's float32, or within ``tolerance``."""
    if math.isnan(sent) and math.isnan(got):
        return True
    as_sent: float = struct.unpack("<f", struct.pack("<f", sent))[0]
    return math.isclose(as_sent, got, rel_tol=1e-6, abs_tol=tolerance)


# ArduPilot keeps altitudes as whole centimetres, truncated (AP_Mission
# stores 15 bytes an item), so up to one centimetre is lost and float32 adds
# a thousandth at 4,000 m.
ALTITUDE_TOLERANCE_M = 0.0125


def place_difference(
    sent: WireItem,
    got: WireItem,
    *,
    frame: bool = True,
    height_m: float = ALTITUDE_TOLERANCE_M,
) -> str:
    """What differs in position, altitude or frame; empty when nothing does."""
    if (sent.x, sent.y) != (got.x, got.y):
        return f"position {got.x}, {got.y} instead of {sent.x}, {sent.y} (1e-7 deg)"
    if not same_number(sent.z, got.z, height_m):
        return f"altitude {got.z:g} m instead of {sent.z:g} m"
    if frame and plain_frame(sent.frame) != plain_frame(got.frame):
        return f"altitude frame {got.frame} instead of {sent.frame}"
    return ""


def latlon(lat_e7: int, lon_e7: int) -> LatLon | None:
    """A position off the wire; None: not a position on the globe."""
    lat, lon = lat_e7 / SCALE_DEG, lon_e7 / SCALE_DEG
    if abs(lat) > 90.0 or abs(lon) > 180.0:
        return None
    return LatLon(lat_deg=lat, lon_deg=lon)


def distance_m(a: LatLon, b: LatLon) -> float:
    """Horizontal distance; spherical, for gates of metres, not for maps."""
    lat = math.radians((a.lat_deg + b.lat_deg) / 2.0)
    east = math.radians((b.lon_deg - a.lon_deg + 180.0) % 360.0 - 180.0)
    north = math.radians(b.lat_deg - a.lat_deg)
    return EARTH_RADIUS_M * math.hypot(north, east * math.cos(lat))


def heading_of(hdg_cdeg: int) -> float | None:
    """Degrees of a wire heading; None: unknown."""
    return None if hdg_cdeg >= 36000 else hdg_cdeg / 100.0


def climb_of(vz_ned_cm_s: int) -> float:
    """Climb rate from a NED velocity: down is positive on the wire."""
    return -vz_ned_cm_s / 100.0
