"""ArduPilot's side of mission, fence and rally transfer.

Not atomic: items replace the old ones as they come, so an upload that is
refused half way leaves the new prefix in front of whatever the old list had.
Source: GCS_MAVLink/MissionItemProtocol*.cpp.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from simulators.items import Refused, Stored
from simulators.wire import Message, mavlink

REQUEST_TIMEOUT_S = 1.0
UPLOAD_TIMEOUT_S = 8.0

Send = Callable[[Message], None]


@dataclass(frozen=True, slots=True)
class Peer:
    """Who asked, and the way back to exactly that link."""

    sysid: int
    compid: int
    link: str
    send: Send


class ItemStore(Protocol):
    """Where the items of one mission_type live."""

    mission_type: int
    max_items: int
    label: str

    def count(self) -> int:
        """Items that a download will offer."""
        ...

    def begin(self, count: int) -> None:
        """An upload of ``count`` items starts."""
        ...

    def put(self, seq: int, item: Message, last_seq: int) -> None:
        """Take one item.

        Raises:
            Refused: with the MAV_MISSION_RESULT.
        """
        ...

    def complete(self) -> int:
        """All items are here; the MAV_MISSION_RESULT of the whole."""
        ...

    def clear(self) -> bool:
        """Forget everything; False when that is refused now."""
        ...

    def read(self, seq: int) -> Stored:
        """One item.

        Raises:
            Refused: with the MAV_MISSION_RESULT.
        """
        ...


class Transfer:
    """One mission_type's upload in progress, and its downloads."""

    def __init__(self, store: ItemStore, text: Callable[[int, str], None]) -> None:
        self.store = store
        self._text = text
        self._peer: Peer | None = None
        self._next = 0
        self._last = 0
        self._received_s = 0.0
        self._requested_s = 0.0

    def deadline_s(self) -> float | None:
        """When :meth:`poll` next has something to do."""
        if self._peer is None:
            return None
        return min(
            self._requested_s + REQUEST_TIMEOUT_S, self._received_s + UPLOAD_TIMEOUT_S
        )

    def forget(self) -> None:
        """A reboot: whatever was under way is over."""
        self._peer = None

    def on_count(self, peer: Peer, count: int, now_s: float) -> None:
        """MISSION_COUNT: an upload starts, or starts over."""
        if not self._may_start(peer):
            return
        store = self.store
        if count > store.max_items:
            self._ack(peer, mavlink.MAV_MISSION_NO_SPACE)
            self._text(4, f"Only {store.max_items} items are supported")
            return
        store.begin(count)
        if count == 0:
            self._finish(peer)
            return
        self._peer, self._next, self._last = peer, 0, count - 1
        self._received_s = now_s
        self._request(now_s)

    def on_partial(self, peer: Peer, first: int, last: int, now_s: float) -> None:
        """MISSION_WRITE_PARTIAL_LIST: some items are replaced."""
        if self._peer is not None:
            self._ack(peer, mavlink.MAV_MISSION_DENIED)
            return
        if max(first, last) > self.store.count() or last < first:
            self._text(4, "Flight plan update rejected")
            self._ack(peer, mavlink.MAV_MISSION_ERROR)
            return
        self._peer, self._next, self._last = peer, first, last
        self._received_s = now_s
        self._request(now_s)

    def on_item(self, peer: Peer, item: Message, now_s: float) -> None:
        """MISSION_ITEM_INT: the wanted one, or a refusal."""
        mine = self._peer
        if mine is None:
            self._ack(peer, mavlink.MAV_MISSION_ERROR)  # nobody asked for it
            return
        if item.seq != self._next:
            self._ack(peer, mavlink.MAV_MISSION_INVALID_SEQUENCE)
            return
        if (peer.sysid, peer.compid) != (mine.sysid, mine.compid):
            self._ack(peer, mavlink.MAV_MISSION_DENIED)
            return
        try:
            self.store.put(item.seq, item, self._last)
        except Refused as refused:
            self._ack(mine, refused.result)
            self._peer = None
            return
        self._received_s = now_s
        self._next += 1
        if self._next > self._last:
            self._finish(mine)
        else:
            self._request(now_s)

    def on_request_list(self, peer: Peer) -> None:
        """MISSION_REQUEST_LIST: how many there are."""
        if self._peer is not None:
            self._ack(peer, mavlink.MAV_MISSION_DENIED)
            return
        peer.send(self._count(peer))

    def on_request(self, peer: Peer, seq: int, *, as_int: bool = True) -> None:
        """MISSION_REQUEST_INT (or MISSION_REQUEST): one item."""
        if self._peer is not None:
            self._ack(peer, mavlink.MAV_MISSION_DENIED)
            return
        try:
            stored = self.store.read(seq)
        except Refused as refused:
            if refused.result == mavlink.MAV_MISSION_INVALID_SEQUENCE:
                peer.send(self._count(peer))  # "educate the GCS" (4.7-dev)
            self._ack(peer, refused.result)
            return
        peer.send(self._item(peer, seq, stored, as_int=as_int))

    def on_clear(self, peer: Peer) -> None:
        """MISSION_CLEAR_ALL."""
        if not self._may_start(peer):
            return
        cleared = self.store.clear()
        self._ack(
            peer,
            mavlink.MAV_MISSION_ACCEPTED if cleared else mavlink.MAV_MISSION_ERROR,
        )

    def poll(self, now_s: float) -> None:
        """Ask again after 1 s, give up after 8 s without an item."""
        peer = self._peer
        if peer is None:
            return
        if now_s >= self._received_s + UPLOAD_TIMEOUT_S:
            self._peer = None
            self._text(4, f"{self.store.label} upload timeout")
            self._ack(peer, mavlink.MAV_MISSION_OPERATION_CANCELLED)
        elif now_s >= self._requested_s + REQUEST_TIMEOUT_S:
            self._request(now_s)

    def _may_start(self, peer: Peer) -> bool:
        mine = self._peer
        if mine is None:
            return True
        if (peer.sysid, peer.compid) != (mine.sysid, mine.compid):
            self._ack(peer, mavlink.MAV_MISSION_DENIED)
            return False
        self._peer = None
        return True

    def _finish(self, peer: Peer) -> None:
        result = self.store.complete()
        self._peer = None
        self._ack(peer, result)
        taken = result == mavlink.MAV_MISSION_ACCEPTED
        if taken and self.store.mission_type == mavlink.MAV_MISSION_TYPE_MISSION:
            # To the link that uploaded, and to no other (seen on 4.7-dev).
            text = b"Flight plan received"
            peer.send(mavlink.MAVLink_statustext_message(6, text))

    def _request(self, now_s: float) -> None:
        peer = self._peer
        if peer is None:
            return
        self._requested_s = now_s
        peer.send(
            mavlink.MAVLink_mission_request_message(
                peer.sysid, peer.compid, self._next, self.store.mission_type
            )
        )

    def _count(self, peer: Peer) -> Message:
        store = self.store
        return mavlink.MAVLink_mission_count_message(
            peer.sysid, peer.compid, store.count(), store.mission_type
        )

    def _ack(self, peer: Peer, result: int) -> None:
        peer.send(
            mavlink.MAVLink_mission_ack_message(
                peer.sysid, peer.compid, result, self.store.mission_type
            )
        )

    def _item(self, peer: Peer, seq: int, item: Stored, *, as_int: bool) -> Message:
        mission_type = self.store.mission_type
        again = int(mission_type == mavlink.MAV_MISSION_TYPE_MISSION)
        head = (peer.sysid, peer.compid, seq, item.frame, item.command, 0, again)
        if as_int:
            return mavlink.MAVLink_mission_item_int_message(
                *head,
                *item.params,
                item.lat_e7,
                item.lon_e7,
                item.alt_m,
                mission_type,
            )
        return mavlink.MAVLink_mission_item_message(
            *head,
            *item.params,
            item.lat_e7 * 1e-7,
            item.lon_e7 * 1e-7,
            item.alt_m,
            mission_type,
        )
