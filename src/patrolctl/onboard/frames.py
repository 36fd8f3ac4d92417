"""The little MAVLink that the agent needs, without pymavlink.

pymavlink's dialect costs 100 MB of memory, more than the whole agent may. So
the four messages that tell where the vehicle is are decoded here, and the two
that ask for them are encoded. Layouts and CRC extras are those of
``common.xml``; a test compares them with pymavlink's.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from fastcrc.crc16 import mcrf4xx

HEARTBEAT, GLOBAL_POSITION_INT, COMMAND_LONG = 0, 33, 76
AUTOPILOT_INVALID = 8
ARMED = 0x80
_UNKNOWN = 0xFFFF
_ONBOARD_CONTROLLER, _ACTIVE = 18, 4
ONBOARD_COMPUTER = 191  # MAV_COMP_ID_ONBOARD_COMPUTER
_AUTOPILOT = 1
_SET_MESSAGE_INTERVAL = 511
_ON_THE_GROUND = {10, 11}  # MAV_TYPE_GROUND_ROVER, MAV_TYPE_SURFACE_BOAT

_EXTRA = {HEARTBEAT: 50, GLOBAL_POSITION_INT: 104, COMMAND_LONG: 152}
_LENGTH = {HEARTBEAT: 9, GLOBAL_POSITION_INT: 28, COMMAND_LONG: 33}
_HEARTBEAT = struct.Struct("<IBBBBB")
_POSITION = struct.Struct("<IiiiihhhH")
_COMMAND = struct.Struct("<7fHBBB")
_CRC = struct.Struct("<H")
_V1, _V2, _SIGNED = 0xFE, 0xFD, 0x01
_LONGEST = 10 + 255 + 2 + 13


@dataclass(frozen=True, slots=True)
class Beat:
    """An autopilot is alive; ``ground`` is a vehicle that cannot fly."""

    sysid: int
    armed: bool
    ground: bool = False
    compid: int = _AUTOPILOT


@dataclass(frozen=True, slots=True)
class Fix:
    """Where the vehicle is; ``up_m`` above home, ``heading_deg`` of its nose.

    ``up_m`` None: of no account (a vehicle on the ground). ``boot_s`` is the
    autopilot's own time.
    """

    sysid: int
    lat_deg: float
    lon_deg: float
    up_m: float | None
    speed_m_s: float
    heading_deg: float | None = None
    compid: int = _AUTOPILOT
    boot_s: float = field(default=0.0, compare=False)


class Scanner:
    """Finds frames with a correct CRC in a stream of bytes.

    After a failed candidate the search goes on one byte further, so a stray
    magic byte costs no genuine frame.
    """

    def __init__(self, *, datagrams: bool = False) -> None:
        self._datagrams = datagrams
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Beat | Fix]:
        """What the new bytes complete."""
        buffer = data if self._datagrams else self._rest + data
        at = 0
        while at < len(buffer):
            if buffer[at] not in (_V1, _V2):
                at += 1
                continue
            size = _frame_size(buffer, at)
            if size is None or at + size > len(buffer):
                if not self._datagrams and len(buffer) - at < _LONGEST:
                    break
                at += 1
                continue
            fact, whole = _read(buffer[at : at + size])
            if fact is not None:
                yield fact
            at += size if whole else 1
        self._rest = b"" if self._datagrams else buffer[at:]


def _frame_size(buffer: bytes, at: int) -> int | None:
    """Length of the frame that begins here; None: too little to tell."""
    if at + 3 > len(buffer):
        return None
    if buffer[at] == _V1:
        return buffer[at + 1] + 8
    signed = 13 if buffer[at + 2] & _SIGNED else 0
    return buffer[at + 1] + 12 + signed


def _read(frame: bytes) -> tuple[Beat | Fix | None, bool]:
    """The fact of one candidate, and whether it is a frame to step over.

    A frame of an unknown message cannot be checked: it is not stepped over,
    for it may be noise that hides a genuine one.
    """
    two = frame[0] == _V2
    head = 10 if two else 6
    msg_id = int.from_bytes(frame[7:10], "little") if two else frame[5]
    extra = _EXTRA.get(msg_id)
    if extra is None:
        return None, False
    end = head + frame[1]
    crc = mcrf4xx(bytes((extra,)), mcrf4xx(frame[1:end]))
    if crc != _CRC.unpack_from(frame, end)[0]:
        return None, False
    # MAVLink 2 cuts trailing zeros off, and extensions may follow the fields.
    size = _LENGTH[msg_id]
    payload = frame[head:end][:size].ljust(size, b"\0")
    sysid, compid = frame[5:7] if two else frame[3:5]
    return _fact(msg_id, sysid, compid, payload), True


def _fact(msg_id: int, sysid: int, compid: int, payload: bytes) -> Beat | Fix | None:
    if msg_id == HEARTBEAT:
        _, kind, autopilot, mode, _, _ = _HEARTBEAT.unpack(payload)
        if autopilot == AUTOPILOT_INVALID:  # a ground station or a companion
            return None
        return Beat(sysid, bool(mode & ARMED), kind in _ON_THE_GROUND, compid)
    if msg_id == GLOBAL_POSITION_INT:
        boot, lat, lon, _, up, vx, vy, vz, nose = _POSITION.unpack(payload)
        speed_m_s = (vx * vx + vy * vy + vz * vz) ** 0.5 / 100
        heading_deg = None if nose == _UNKNOWN else nose / 100
        place = (lat / 1e7, lon / 1e7, up / 1000)
        return Fix(sysid, *place, speed_m_s, heading_deg, compid, boot / 1000)
    return None


def _frame(msg_id: int, payload: bytes, *, seq: int, sysid: int) -> bytes:
    head = struct.pack(
        "<BBBBBBBHB", _V2, len(payload), 0, 0, seq & 0xFF, sysid, ONBOARD_COMPUTER,
        msg_id & 0xFFFF, msg_id >> 16,
    )  # fmt: skip
    body = head + payload
    crc = mcrf4xx(bytes((_EXTRA[msg_id],)), mcrf4xx(body[1:]))
    return body + _CRC.pack(crc)


def heartbeat(*, seq: int, sysid: int) -> bytes:
    """Ours, as a companion computer, which is no ground station."""
    payload = _HEARTBEAT.pack(0, _ONBOARD_CONTROLLER, AUTOPILOT_INVALID, 0, _ACTIVE, 3)
    return _frame(HEARTBEAT, payload, seq=seq, sysid=sysid)


def ask_for_position(*, seq: int, sysid: int, every_s: float) -> bytes:
    """SET_MESSAGE_INTERVAL: copters send no position until they are asked."""
    payload = _COMMAND.pack(
        GLOBAL_POSITION_INT, every_s * 1e6, 0, 0, 0, 0, 0,
        _SET_MESSAGE_INTERVAL, sysid, _AUTOPILOT, 0,
    )  # fmt: skip
    return _frame(COMMAND_LONG, payload, seq=seq, sysid=sysid)
