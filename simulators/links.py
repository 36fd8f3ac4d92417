"""One connection of the vehicle: what it streams and what waits to go out."""

import math

from simulators.wire import Encoder, Framer, Message, Signing

HEARTBEAT_ID, TIMESYNC_ID = 0, 111


class Link:
    """A named channel, as ArduPilot's GCS_MAVLINK is one.

    ``trusted``: like serial0, signatures are not asked for (channel 0 of
    GCS_Signing.cpp).
    """

    def __init__(self, name: str, encoder: Encoder, *, trusted: bool) -> None:
        self.name = name
        self.trusted = trusted
        self.framer = Framer()
        self.next_due_s = math.inf
        self.reached_waits = False
        self._encoder = encoder
        self._out = bytearray()
        self._streams: dict[int, tuple[float, float]] = {}

    def send(self, message: Message) -> None:
        """Queue a message."""
        self._out += self._encoder.pack(message)

    def take(self) -> bytes:
        """Everything queued so far."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def stream(self, message_id: int, interval_s: float, now_s: float) -> None:
        """Send a message every ``interval_s``; 0 stops it."""
        if interval_s <= 0:
            self._streams.pop(message_id, None)
        else:
            self._streams[message_id] = (interval_s, now_s + min(interval_s, 0.05))
        self._find_next()

    def interval_of(self, message_id: int) -> float:
        """The interval in force, 0 when it is not sent."""
        return self._streams.get(message_id, (0.0, 0.0))[0]

    def due(self, now_s: float) -> list[int]:
        """Messages to send now; each is due again an interval later."""
        if now_s < self.next_due_s:
            return []
        found = [i for i, (_, at_s) in self._streams.items() if at_s <= now_s]
        for message_id in found:
            interval_s, at_s = self._streams[message_id]
            following = max(at_s + interval_s, now_s + 1e-6)
            self._streams[message_id] = (interval_s, following)
        self._find_next()
        return found

    def _find_next(self) -> None:
        times = [at_s for _, at_s in self._streams.values()]
        self.next_due_s = min(times, default=math.inf)


def new_link(
    name: str, number: int, sysid: int, signing: Signing, *, trusted: bool
) -> Link:
    """A link of the autopilot component."""
    return Link(name, Encoder(sysid, 1, number, signing), trusted=trusted)
