"""MAVLink frames in a stream of bytes.

A scan of our own: it validates header, length and CRC of every known message
and leaves decoding to whoever wants one. Two properties matter more than
speed (mavlink.md, Link, fault 3): after a failed candidate the scan goes on
one byte further, so that a stray magic byte costs no genuine frame; and in
datagrams a partial frame never holds back a later whole one.
"""

import struct
from functools import cache
from typing import NamedTuple

from fastcrc.crc16 import mcrf4xx
from pymavlink.dialects.v20 import ardupilotmega

from patrolctl.mavlink.messages import SPEC_OF, Message, payload_of

MAGIC_V1 = 0xFE
MAGIC_V2 = 0xFD
HEADER_V1 = 6
HEADER_V2 = 10
SIGNATURE_LEN = 13
FLAG_SIGNED = 0x01
MAX_FRAME = HEADER_V2 + 255 + 2 + SIGNATURE_LEN

_HEAD_V2 = struct.Struct("<xBBxBBBHB")  # len incompat (compat) seq sys comp id
_HEAD_OUT = struct.Struct("<BBBBBBBHB")
_CRC = struct.Struct("<H")


class Frame(NamedTuple):
    """One frame with a correct CRC."""

    raw: bytes
    version: int
    seq: int
    sysid: int
    compid: int
    msg_id: int
    payload: bytes
    signature: bytes


@cache
def known_messages() -> dict[int, tuple[int, int]]:
    """CRC extra and longest payload by message id, of the whole dialect."""
    return {
        msg_id: (kind.crc_extra, kind.unpacker.size)
        for msg_id, kind in ardupilotmega.mavlink_map.items()
    }


def encode(message: Message, *, seq: int, sysid: int, compid: int) -> bytes:
    """An unsigned MAVLink 2 frame."""
    spec = SPEC_OF[type(message)]
    payload = payload_of(message)
    head = _HEAD_OUT.pack(
        MAGIC_V2,
        len(payload),
        0,
        0,
        seq & 0xFF,
        sysid,
        compid,
        spec.id & 0xFFFF,
        spec.id >> 16,
    )
    body = head + payload
    crc = mcrf4xx(bytes((spec.crc_extra,)), mcrf4xx(body[1:]))
    return body + _CRC.pack(crc)


def with_flags(frame: bytes, incompat: int, crc_extra: int) -> bytes:
    """A MAVLink 2 frame with other incompatibility flags and its CRC anew."""
    body = frame[:2] + bytes((incompat,)) + frame[3:-2]
    return body + _CRC.pack(mcrf4xx(bytes((crc_extra,)), mcrf4xx(body[1:])))


_INCOMPLETE = 0
_NO_FRAME = -1


class Scanner:
    """Finds frames; one for each peer and never shared.

    Args:
        datagrams: chunks are datagrams, which start with a whole frame
            unless a bridge cut one in two.
    """

    def __init__(self, *, datagrams: bool = False) -> None:
        self._buffer = b""
        self._datagrams = datagrams
        self._known = known_messages()
        self.junk_bytes = 0

    def feed(self, chunk: bytes) -> list[Frame]:
        """All frames completed by ``chunk``."""
        frames: list[Frame] = []
        if self._datagrams and self._buffer:
            rest = self._scan(chunk, frames)
            if frames:  # what was left over was never going to be completed
                self.junk_bytes += len(self._buffer)
                self._buffer = rest
                return frames
        self._buffer = self._scan(self._buffer + chunk, frames)
        return frames

    def _scan(self, data: bytes, frames: list[Frame]) -> bytes:
        at, end = 0, len(data)
        while at < end:
            start = _next_magic(data, at)
            self.junk_bytes += start - at
            at = start
            if at == end:
                break
            length = self._try(data, at, frames)
            if length > 0:
                at += length
            elif length == _NO_FRAME:
                self.junk_bytes += 1
                at += 1
            else:
                break
        return data[at:]

    def _try(self, data: bytes, at: int, frames: list[Frame]) -> int:
        """Length of the frame at ``at``, _INCOMPLETE or _NO_FRAME."""
        if data[at] == MAGIC_V2:
            return self._try_v2(data, at, frames)
        return self._try_v1(data, at, frames)

    def _try_v2(self, data: bytes, at: int, frames: list[Frame]) -> int:
        left = len(data) - at
        if left >= 3 and data[at + 2] & ~FLAG_SIGNED:
            return _NO_FRAME  # an incompatibility flag that nobody defined
        if left < HEADER_V2:
            return _INCOMPLETE
        length, incompat, seq, sysid, compid, id_low, id_high = _HEAD_V2.unpack_from(
            data, at
        )
        msg_id = id_low | id_high << 16
        known = self._known.get(msg_id)
        if known is None or length > known[1]:
            return _NO_FRAME
        signed = incompat & FLAG_SIGNED
        crc_at: int = at + HEADER_V2 + length
        end = crc_at + 2 + (SIGNATURE_LEN if signed else 0)
        if end > len(data):
            return _INCOMPLETE
        crc = mcrf4xx(bytes((known[0],)), mcrf4xx(data[at + 1 : crc_at]))
        if crc != data[crc_at] | data[crc_at + 1] << 8:
            return _NO_FRAME
        frames.append(
            Frame(
                data[at:end],
                2,
                seq,
                sysid,
                compid,
                msg_id,
                data[at + HEADER_V2 : crc_at],
                data[crc_at + 2 : end],
            )
        )
        return end - at

    def _try_v1(self, data: bytes, at: int, frames: list[Frame]) -> int:
        if len(data) - at < HEADER_V1:
            return _INCOMPLETE
        length, seq, sysid, compid, msg_id = data[at + 1 : at + 6]
        known = self._known.get(msg_id)
        if known is None or length > known[1]:
            return _NO_FRAME
        crc_at = at + HEADER_V1 + length
        if crc_at + 2 > len(data):
            return _INCOMPLETE
        crc = mcrf4xx(bytes((known[0],)), mcrf4xx(data[at + 1 : crc_at]))
        if crc != data[crc_at] | data[crc_at + 1] << 8:
            return _NO_FRAME
        payload = data[at + HEADER_V1 : crc_at]
        raw = data[at : crc_at + 2]
        frames.append(Frame(raw, 1, seq, sysid, compid, msg_id, payload, b""))
        return crc_at + 2 - at


def _next_magic(data: bytes, at: int) -> int:
    """Index of the next possible start, ``len(data)`` if there is none."""
    end = len(data)
    if at < end and data[at] in (MAGIC_V1, MAGIC_V2):
        return at
    v2 = data.find(MAGIC_V2, at)
    v1 = data.find(MAGIC_V1, at, v2 if v2 >= 0 else end)
    found = [i for i in (v1, v2) if i >= 0]
    return min(found, default=end)
