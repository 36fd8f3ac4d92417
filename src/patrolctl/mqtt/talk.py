"""Frames of live talk on ``speakers/{id}/talk``: a small header and Opus.

Binary, QoS 0, never retained: a frame is worth nothing a second later. The
header names the talk, so that frames of one that was ended, silenced or
refused are told from those of the next.

Layout, big-endian: ``P`` ``T``, 16 bytes talk id (UUID), uint32 sequence
number from 1, then one Opus packet (RFC 6716).
"""

import struct
from dataclasses import dataclass
from uuid import UUID

_HEADER = struct.Struct(">2s16sI")
_MAGIC = b"PT"
HEADER_BYTES = _HEADER.size
# The largest packet of one frame (RFC 6716, 3.4).
LONGEST_PACKET = 1275


@dataclass(frozen=True, slots=True)
class TalkFrame:
    """One packet of a talk."""

    talk_id: str
    seq: int
    packet: bytes


def pack(frame: TalkFrame) -> bytes:
    """The message of a frame."""
    head = _HEADER.pack(_MAGIC, UUID(frame.talk_id).bytes, frame.seq)
    return head + frame.packet


def unpack(payload: bytes) -> TalkFrame | None:
    """The frame in a message; None: it is none."""
    if not HEADER_BYTES < len(payload) <= HEADER_BYTES + LONGEST_PACKET:
        return None
    magic, raw_id, seq = _HEADER.unpack_from(payload)
    if magic != _MAGIC:
        return None
    return TalkFrame(str(UUID(bytes=raw_id)), seq, payload[HEADER_BYTES:])


def talk_key(talk_id: str) -> str:
    """The key of a talk's playback reports."""
    return f"talk-{talk_id}"
