"""Faults of the link and of the vehicle, seeded and scheduled."""

import heapq
import itertools
import math
import random
from dataclasses import dataclass, fields

from simulators.wire import MAGIC_V1, MAGIC_V2, SIGNATURE_LENGTH


@dataclass(frozen=True, slots=True)
class LinkFaults:
    """What a link does to each packet, either way.

    Ratios are probabilities, 0 to 1. A delayed packet takes ``delay_s`` plus
    up to ``jitter_s``; a reordered one ``reorder_s`` more. Nothing passes
    during the ``cuts`` (from, to), in simulated seconds.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    corrupt: float = 0.0
    delay_s: float = 0.0
    jitter_s: float = 0.0
    reorder_s: float = 0.3
    cuts: tuple[tuple[float, float], ...] = ()

    @property
    def none(self) -> bool:
        """Whether it is a perfect link."""
        return self == LinkFaults()

    def cut(self, now_s: float) -> bool:
        """Whether the link is cut now."""
        return any(start <= now_s < end for start, end in self.cuts)


RATIOS = frozenset({"loss", "duplicate", "reorder", "corrupt"})
LINK_FIELDS = frozenset(f.name for f in fields(LinkFaults)) - {"cuts"}


def cut_packets(data: bytes) -> list[bytes]:
    """Split whole frames apart, so that faults hit packets and not streams."""
    packets: list[bytes] = []
    at = 0
    while at < len(data):
        length = _length_at(data, at)
        packets.append(data[at : at + length])
        at += length
    return packets


def _length_at(data: bytes, at: int) -> int:
    rest = len(data) - at
    if rest >= 3 and data[at] == MAGIC_V2:
        signature = SIGNATURE_LENGTH if data[at + 2] & 1 else 0
        return min(rest, 12 + data[at + 1] + signature)
    if rest >= 2 and data[at] == MAGIC_V1:
        return min(rest, 8 + data[at + 1])
    return rest


class _Way:
    """One direction of a faulty link."""

    def __init__(self, faults: LinkFaults, seed: int) -> None:
        self.faults = faults
        self._random = random.Random(seed)
        self._queue: list[tuple[float, int, bytes]] = []
        self._order = itertools.count()
        self.dropped = 0

    def push(self, data: bytes, now_s: float) -> None:
        """Packets enter."""
        if self.faults.none:
            if data:
                heapq.heappush(self._queue, (now_s, next(self._order), data))
            return
        for packet in cut_packets(data):
            self._pass(packet, now_s)

    def _pass(self, packet: bytes, now_s: float) -> None:
        f, dice = self.faults, self._random
        if f.cut(now_s) or dice.random() < f.loss:
            self.dropped += 1
            return
        copies = 2 if dice.random() < f.duplicate else 1
        for _ in range(copies):
            data = packet
            if dice.random() < f.corrupt:
                data = self._spoil(packet)
            due_s = now_s + f.delay_s + f.jitter_s * dice.random()
            if dice.random() < f.reorder:
                due_s += f.reorder_s * dice.random()
            heapq.heappush(self._queue, (due_s, next(self._order), data))

    def _spoil(self, packet: bytes) -> bytes:
        at = self._random.randrange(len(packet))
        spoiled = bytearray(packet)
        spoiled[at] ^= 1 << self._random.randrange(8)
        return bytes(spoiled)

    def ready(self, now_s: float) -> list[bytes]:
        """Packets that arrive by now, in their order of arrival."""
        out = []
        while self._queue and self._queue[0][0] <= now_s:
            out.append(heapq.heappop(self._queue)[2])
        return out

    def next_s(self) -> float:
        """When the next one arrives."""
        return self._queue[0][0] if self._queue else math.inf

    def clear(self) -> None:
        """Whatever was on its way is lost."""
        self._queue.clear()


class FaultyLink:
    """Both directions of a link between a vehicle and a ground station."""

    def __init__(self, faults: LinkFaults | None = None, *, seed: int = 0) -> None:
        faults = faults or LinkFaults()
        self._in = _Way(faults, seed * 2 + 1)
        self._out = _Way(faults, seed * 2 + 2)

    @property
    def dropped(self) -> int:
        """Packets lost so far, both ways."""
        return self._in.dropped + self._out.dropped

    def push_in(self, data: bytes, now_s: float) -> None:
        """Towards the vehicle."""
        self._in.push(data, now_s)

    def push_out(self, data: bytes, now_s: float) -> None:
        """Towards the ground station."""
        self._out.push(data, now_s)

    def ready_in(self, now_s: float) -> list[bytes]:
        """What reaches the vehicle by now."""
        return self._in.ready(now_s)

    def ready_out(self, now_s: float) -> list[bytes]:
        """What reaches the ground station by now."""
        return self._out.ready(now_s)

    def next_due_s(self) -> float:
        """When something next arrives at either end."""
        return min(self._in.next_s(), self._out.next_s())

    def clear(self) -> None:
        """A connection ended: what was on its way is lost."""
        self._in.clear()
        self._out.clear()
