"""Commands, sans-IO: at most one outstanding per (vehicle, id).

An ACK names its command by id alone, so two of one id in flight could not be
told apart. What has an effect that must not happen twice or late (ARM,
TAKEOFF, START) is sent exactly once and expires; what may repeat is repeated
(QGC #9104 and #8334 are accidents of late blind retries).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from patrolctl.mavlink.exchange import Target, Timing
from patrolctl.mavlink.messages import CommandAck, CommandInt, CommandLong, Message

IN_PROGRESS = 5
RESULTS = {
    0: "ACCEPTED",
    1: "TEMPORARILY_REJECTED",
    2: "DENIED",
    3: "UNSUPPORTED",
    4: "FAILED",
    5: "IN_PROGRESS",
    6: "CANCELLED",
    7: "COMMAND_LONG_ONLY",
    8: "COMMAND_INT_ONLY",
    9: "COMMAND_UNSUPPORTED_MAV_FRAME",
}


@dataclass(frozen=True, slots=True)
class Order:
    """One command as it is to be sent.

    ``repeatable``: a second execution, even a late one, does no harm.
    ``place`` is (x, y, z, frame) of a COMMAND_INT: positions are sent only
    with an explicit frame.
    """

    command: int
    params: tuple[float, ...] = ()
    repeatable: bool = False
    expiry_s: float = 5.0
    place: tuple[int, int, float, int] | None = None

    def message(self, target: Target, confirmation: int) -> Message:
        """The message to send."""
        p = (*self.params, *([0.0] * (7 - len(self.params))))
        system, component = target.vehicle
        if self.place is not None:
            x, y, z, frame = self.place
            return CommandInt(
                p[0],
                p[1],
                p[2],
                p[3],
                x,
                y,
                z,
                self.command,
                system,
                component,
                frame,
                0,
                0,
            )
        return CommandLong(
            p[0],
            p[1],
            p[2],
            p[3],
            p[4],
            p[5],
            p[6],
            self.command,
            system,
            component,
            confirmation,
        )


class CommandExchange:
    """One order on its way; ``result`` is a MAV_RESULT name or EXPIRED."""

    def __init__(
        self, order: Order, target: Target, timing: Timing | None = None
    ) -> None:
        self.order = order
        self._target = target
        self._timing = timing or Timing()
        self.result: str | None = None
        self.deadline_s = 0.0
        self._expires_s = 0.0
        self.sent = 0

    @property
    def done(self) -> bool:
        """Whether there is a result."""
        return self.result is not None

    def start(self, now_s: float) -> Sequence[Message]:
        """Send it, once."""
        self._expires_s = now_s + self.order.expiry_s
        return self._send(now_s)

    def on_message(self, message: Message, now_s: float) -> Sequence[Message]:
        """Read the ACK; IN_PROGRESS lengthens the wait."""
        if self.done or not isinstance(message, CommandAck):
            return []
        if message.command != self.order.command or not self._target.for_us(
            message.target_system, message.target_component
        ):
            return []
        if message.result == IN_PROGRESS:
            longer_s = now_s + self._timing.progress_s
            self._expires_s = max(self._expires_s, longer_s)
            self.deadline_s = longer_s
            return []
        self.result = RESULTS.get(message.result, f"result {message.result}")
        return []

    def on_time(self, now_s: float) -> Sequence[Message]:
        """Repeat what may be repeated until it expires."""
        if self.done or now_s < self.deadline_s:
            return []
        if now_s >= self._expires_s:
            self.result = "EXPIRED"
            return []
        if self.order.repeatable:
            return self._send(now_s)
        self.deadline_s = self._expires_s
        return []

    def _send(self, now_s: float) -> Sequence[Message]:
        wait_s = self._timing.command_s if self.order.repeatable else 1e9
        self.deadline_s = min(now_s + wait_s, self._expires_s)
        message = self.order.message(self._target, min(self.sent, 255))
        self.sent += 1
        return [message]


class CommandBook:
    """Refuses a second outstanding command of one id."""

    def __init__(self) -> None:
        self._open: dict[tuple[int, int], CommandExchange] = {}

    def is_open(self, system: int, command: int) -> bool:
        """Whether one of that id is outstanding."""
        exchange = self._open.get((system, command))
        return exchange is not None and not exchange.done

    def open(
        self, order: Order, target: Target, timing: Timing | None = None
    ) -> CommandExchange:
        """A new exchange.

        Raises:
            ValueError: one of that id is outstanding.
        """
        key = (target.vehicle[0], order.command)
        if self.is_open(*key):
            msg = f"command {order.command} is already outstanding"
            raise ValueError(msg)
        exchange = CommandExchange(order, target, timing)
        self._open[key] = exchange
        return exchange

    def close(self, exchange: CommandExchange, system: int) -> None:
        """Forget an exchange, done or abandoned."""
        key = (system, exchange.order.command)
        if self._open.get(key) is exchange:
            del self._open[key]
