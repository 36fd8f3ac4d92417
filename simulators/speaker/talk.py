"""Live talk: frames counted, not decoded; nothing heard for a second ends it.

A frame is 2 bytes ``PT``, 16 bytes talk id, a 32-bit sequence number and one
Opus packet.
"""

import math
import struct
import uuid
from collections import deque

from simulators.speaker.orders import Order

SILENT_S = 1.0
_HEADER = struct.Struct(">2s16sI")


def talk_order(talk_id: str) -> Order:
    """What a talk's reports are made of."""
    return Order(
        key=f"talk-{talk_id}", clip_sha256="", clip_url=None, repeats=1, expires_s=0.0
    )


class Talk:
    """The talk that is open, if one is."""

    def __init__(self) -> None:
        self.open = False
        self.frames = 0
        self.lost = 0
        self._id = ""
        self._start_s = 0.0
        self._heard_s = 0.0
        self._seq = 0
        self._known: deque[str] = deque(maxlen=256)

    def due_s(self) -> float:
        """When it ends unless a frame comes."""
        return self._heard_s + SILENT_S if self.open else math.inf

    def fresh(self, talk_id: str) -> bool:
        """Whether it never was here."""
        return talk_id not in self._known

    def begin(self, talk_id: str, now_s: float) -> None:
        """Somebody talks."""
        self._known.append(talk_id)
        self.open, self._id = True, talk_id
        self.frames = self.lost = self._seq = 0
        self._start_s = self._heard_s = now_s

    def over(self, talk_id: str) -> bool:
        """A talk is over: whether it is the one that is open."""
        self._known.append(talk_id)
        return self.open and talk_id == self._id

    def end(self) -> tuple[str, float]:
        """Close it: its id and when it began."""
        self.open = False
        return self._id, self._start_s

    def frame(self, payload: bytes, now_s: float) -> None:
        """A frame; one of another talk changes nothing."""
        if not self.open or len(payload) <= _HEADER.size:
            return
        magic, raw_id, seq = _HEADER.unpack_from(payload)
        if magic != b"PT" or str(uuid.UUID(bytes=raw_id)) != self._id:
            return
        if seq <= self._seq:
            return
        self.lost += seq - self._seq - 1
        self._seq, self._heard_s = seq, now_s
        self.frames += 1
