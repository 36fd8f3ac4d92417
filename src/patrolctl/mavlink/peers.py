"""Who is on the other end: one parser each, one peer pinned.

A stranger receives nothing (we send to the pinned peer alone) and injects
nothing (only the pinned peer's frames are read on). What strangers send is
scanned for one thing only: a second vehicle with our vehicle's system id.
"""

from collections import OrderedDict
from dataclasses import dataclass

from patrolctl.mavlink.framing import Frame, Scanner
from patrolctl.mavlink.messages import Heartbeat, decode
from patrolctl.mavlink.transport import Peer

MAX_PEERS = 16
MAV_AUTOPILOT_INVALID = 8
# A stranger's heartbeats count while the pinned peer is heard between them:
# a vehicle that merely came back from another port is no second one.
STRANGE_HEARTBEATS = 2


@dataclass(slots=True)
class _Known:
    scanner: Scanner
    heartbeats: int = 0


def is_autopilot(frame: Frame) -> bool:
    """Whether a frame is a heartbeat of an autopilot, whoever's."""
    if frame.msg_id != 0 or frame.compid != 1:
        return False
    beat = decode(frame.msg_id, frame.payload)
    return isinstance(beat, Heartbeat) and beat.autopilot != MAV_AUTOPILOT_INVALID


class Peers:
    """The peers of one channel."""

    def __init__(self, sysid: int, *, datagrams: bool) -> None:
        self._sysid = sysid
        self._datagrams = datagrams
        self._known: OrderedDict[Peer, _Known] = OrderedDict()
        self.pinned: Peer | None = None
        self._heard_pinned = False

    def feed(self, chunk: bytes, peer: Peer) -> list[Frame]:
        """Frames of one chunk, from whomever."""
        known = self._known.get(peer)
        if known is None:
            known = self._known[peer] = _Known(Scanner(datagrams=self._datagrams))
            self._forget_some()
        self._known.move_to_end(peer)
        return known.scanner.feed(chunk)

    def is_vehicle(self, frame: Frame) -> bool:
        """Whether a frame is a heartbeat of an autopilot with our sysid."""
        return frame.sysid == self._sysid and is_autopilot(frame)

    def pin(self, peer: Peer) -> None:
        """From now on only this one."""
        self.pinned = peer
        self._heard_pinned = True

    def unpin(self) -> None:
        """It has been lost: another address may be it."""
        self.pinned = None

    def heard(self) -> None:
        """The pinned peer was heard."""
        self._heard_pinned = True

    def is_second(self, peer: Peer) -> bool:
        """A stranger's genuine-looking heartbeat came; is it a second one?"""
        known = self._known[peer]
        if self._heard_pinned:
            known.heartbeats += 1
            self._heard_pinned = False
        return known.heartbeats >= STRANGE_HEARTBEATS

    @property
    def junk_bytes(self) -> int:
        """Bytes that belonged to no frame, of the peers in memory."""
        return sum(k.scanner.junk_bytes for k in self._known.values())

    def _forget_some(self) -> None:
        while len(self._known) > MAX_PEERS:
            oldest = next(p for p in self._known if p != self.pinned)
            del self._known[oldest]
