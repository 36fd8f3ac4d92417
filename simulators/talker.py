"""What a vehicle says and hears, over named links; nothing of motion."""

import itertools
from abc import ABC, abstractmethod
from collections import deque

from simulators.config import VehicleConfig
from simulators.links import HEARTBEAT_ID, TIMESYNC_ID, Link, new_link
from simulators.params import Params
from simulators.transfer import Peer
from simulators.wire import Message, Signing, mavlink


class Talker(ABC):
    """The links of one vehicle and what waits to go out on them."""

    def __init__(self, config: VehicleConfig, params: Params) -> None:
        self.config = config
        self.params = params
        self.now_s = 0.0
        self.signing = Signing()
        if config.signing_key is not None:
            self.signing.set_key(config.signing_key, 1)
        self.links: dict[str, Link] = {}
        self.texts: deque[tuple[float, int, str]] = deque(maxlen=4096)
        self.reached: int | None = None
        self._link_numbers = itertools.count()
        self._last_words: dict[str, bytes] = {}
        self._pending_texts: list[tuple[int, str]] = []
        self._reports: list[Message] = []
        self._answers: list[tuple[Link, Message]] = []

    @abstractmethod
    def default_streams(self, link: Link) -> None:
        """What a new link gets unasked."""

    @abstractmethod
    def handle(self, link: Link, message: Message) -> None:
        """A message that is meant for this vehicle."""

    def open_link(self, name: str, *, trusted: bool = False) -> None:
        """A peer connects; it gets heartbeats, and more when it asks."""
        number = next(self._link_numbers)
        sysid = self.config.sysid
        link = new_link(name, number, sysid, self.signing, trusted=trusted)
        self.links[name] = link
        link.stream(HEARTBEAT_ID, 1.0, self.now_s)
        link.stream(TIMESYNC_ID, 10.0, self.now_s)
        link.reached_waits = self.reached is not None
        self.default_streams(link)

    def close_link(self, name: str) -> None:
        """The peer is gone."""
        self.links.pop(name, None)

    def receive(self, name: str, data: bytes) -> None:
        """Bytes from a peer; answers are ready for :meth:`transmit`."""
        link = self.links.get(name)
        if link is None:
            return
        for packet in link.framer.push(data):
            if not link.trusted and not self.signing.accepts(packet):
                continue
            self._dispatch(link, packet.message)
            if self.links.get(name) is not link:
                return  # it rebooted

    def transmit(self, name: str) -> bytes:
        """Bytes for a peer since the last call."""
        link = self.links.get(name)
        return self._last_words.pop(name, b"") if link is None else link.take()

    def _dispatch(self, link: Link, message: Message) -> None:
        sysid = self.config.sysid
        # Only the loop-back of its own is dropped: a companion computer has the
        # vehicle's system id (MAVLink_routing.cpp, check_and_forward).
        if (message.get_srcSystem(), message.get_srcComponent()) == (sysid, 1):
            return
        if getattr(message, "target_system", 0) not in (0, sysid):
            return
        if getattr(message, "target_component", 0) not in (0, 1):
            return
        self.handle(link, message)
        self.flush()

    def peer(self, link: Link, message: Message) -> Peer:
        """Who sent a message, with the way back."""
        return Peer(
            message.get_srcSystem(), message.get_srcComponent(), link.name, link.send
        )

    def broadcast(self, message: Message) -> None:
        """To every link."""
        for link in self.links.values():
            link.send(message)

    def report(self, message: Message) -> None:
        """To every link, after the answer that is being made."""
        self._reports.append(message)

    def after_ack(self, link: Link, message: Message) -> None:
        """To one link, after the ACK that is being made."""
        self._answers.append((link, message))

    def text(self, severity: int, text: str) -> None:
        """STATUSTEXT to every link; it goes out after the ACK it explains."""
        self.texts.append((self.now_s, severity, text))
        self._pending_texts.append((severity, text))

    def flush(self) -> None:
        """Send what waits for the end of an answer or a tick."""
        for name, value in self.params.saved():
            self._reports.append(self.param_value(name, value, 65535))
        for link, message in self._answers:
            link.send(message)
        self._answers.clear()
        for message in self._reports:
            self.broadcast(message)
        self._reports.clear()
        for link in self.links.values():
            if link.reached_waits:
                link.reached_waits = False
                link.send(mavlink.MAVLink_mission_item_reached_message(self.reached))
        for severity, text in self._pending_texts:
            self.broadcast(
                mavlink.MAVLink_statustext_message(severity, text[:50].encode())
            )
        self._pending_texts.clear()

    def param_value(self, name: str, value: float, index: int) -> Message:
        """PARAM_VALUE of one parameter."""
        return mavlink.MAVLink_param_value_message(
            name.encode(), value, self.params.type_of(name), len(self.params), index
        )

    def item_reached(self, index: int) -> None:
        """One slot for all: a second report in the same turn overwrites it."""
        self.reached = index
        for link in self.links.values():
            link.reached_waits = True

    def fall_silent(self) -> None:
        """Every link ends, after its last words."""
        self._last_words = {name: link.take() for name, link in self.links.items()}
        self.links.clear()
        self.reached = None
        self._pending_texts.clear()
        self._reports.clear()
        self._answers.clear()
