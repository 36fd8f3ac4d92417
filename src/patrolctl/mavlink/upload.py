"""Transfer of missions, fences and rally points, both ways, sans-IO.

Uploads are not atomic: a refused or abandoned one has already destroyed what
was there (mavlink.md). Hence the rules of this module: an upload's ACCEPTED
means little, and a lost last ACK means nothing: the caller reads everything
back either way and compares. After an abandoned upload the vehicle keeps its
half-open transfer for 8 s, so ``quiet_until_s`` says when a new one may begin.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from patrolctl.mavlink.exchange import Target, Timing
from patrolctl.mavlink.messages import (
    Message,
    MissionAck,
    MissionClearAll,
    MissionCount,
    MissionItemInt,
    MissionRequest,
    MissionRequestInt,
    MissionRequestList,
)
from patrolctl.mavlink.wire import WireItem, item_message, item_of

RESULTS = {
    0: "ACCEPTED",
    1: "ERROR",
    2: "UNSUPPORTED_FRAME",
    3: "UNSUPPORTED",
    4: "NO_SPACE",
    5: "INVALID",
    6: "INVALID_PARAM1",
    7: "INVALID_PARAM2",
    8: "INVALID_PARAM3",
    9: "INVALID_PARAM4",
    10: "INVALID_PARAM5_X",
    11: "INVALID_PARAM6_Y",
    12: "INVALID_PARAM7",
    13: "INVALID_SEQUENCE",
    14: "DENIED",
    15: "OPERATION_CANCELLED",
}
ACCEPTED = 0
CANCELLED = 15
INVALID_SEQUENCE = 13


class SendStep(Enum):
    """Where an upload is."""

    ANNOUNCE = auto()
    ITEMS = auto()
    FINAL_ACK = auto()
    DONE = auto()


@dataclass(frozen=True, slots=True)
class SendResult:
    """How an upload ended.

    ``unknown``: the last ACK did not come; only a read-back can tell.
    """

    result: str
    seq: int | None = None
    unknown: bool = False

    @property
    def accepted(self) -> bool:
        """Whether the vehicle said that it took everything."""
        return self.result == "ACCEPTED"


class SendItems:
    """Uploads one list of items."""

    def __init__(
        self,
        items: Sequence[WireItem],
        mission_type: int,
        target: Target,
        timing: Timing | None = None,
    ) -> None:
        self._items = tuple(items)
        self._type = mission_type
        self._target = target
        self._timing = timing or Timing()
        self.step = SendStep.ANNOUNCE
        self.result: SendResult | None = None
        self.deadline_s = 0.0
        self.quiet_until_s = 0.0
        self._tries = 0
        self._last_asked = -1

    @property
    def done(self) -> bool:
        """Whether there is a result."""
        return self.result is not None

    def start(self, now_s: float) -> Sequence[Message]:
        """Announce the count; an empty list clears what is there."""
        self.deadline_s = now_s + self._timing.reply_s
        if not self._items:
            self.step = SendStep.FINAL_ACK
        return [self._announcement()]

    def on_message(self, message: Message, now_s: float) -> Sequence[Message]:
        """Answer requests, as often as they come, and read the ACK."""
        if self.done:
            return []
        if isinstance(message, MissionRequest | MissionRequestInt):
            return self._on_request(message, now_s)
        if isinstance(message, MissionAck):
            self._on_ack(message, now_s)
        return []

    def on_time(self, now_s: float) -> Sequence[Message]:
        """Repeat the count; wait for the vehicle's own repeats; give up."""
        if self.done or now_s < self.deadline_s:
            return []
        self._tries += 1
        if self._tries > self._timing.retries:
            self._give_up(now_s)
            return []
        self.deadline_s = now_s + self._timing.reply_s
        if self.step is SendStep.ANNOUNCE or not self._items:
            return [self._announcement()]
        # The vehicle asks again by itself at 1 s: an unasked item would only
        # be answered INVALID_SEQUENCE.
        return []

    def _announcement(self) -> Message:
        if not self._items:
            return MissionClearAll(*self._target.vehicle, self._type)
        return MissionCount(len(self._items), *self._target.vehicle, self._type)

    def _on_request(
        self, message: MissionRequest | MissionRequestInt, now_s: float
    ) -> Sequence[Message]:
        if message.mission_type != self._type or not self._target.for_us(
            message.target_system, message.target_component
        ):
            return []
        seq = message.seq
        if seq >= len(self._items):
            return []
        if seq != self._last_asked:
            self._tries = 0
        self._last_asked = seq
        self.step = SendStep.ITEMS
        if seq == len(self._items) - 1:
            self.step = SendStep.FINAL_ACK
        self.deadline_s = now_s + self._timing.reply_s
        item = self._items[seq]
        return [item_message(item, seq, self._type, self._target.vehicle)]

    def _on_ack(self, ack: MissionAck, now_s: float) -> None:
        if ack.mission_type != self._type or not self._target.for_us(
            ack.target_system, ack.target_component
        ):
            return
        if ack.type == ACCEPTED:
            if self.step is SendStep.FINAL_ACK:
                self._finish(SendResult("ACCEPTED"))
            return  # an ACCEPTED before the last item belongs to another time
        if self.step is SendStep.ANNOUNCE and ack.type == CANCELLED:
            return  # the end of an earlier transfer that timed out
        if ack.type == INVALID_SEQUENCE:
            return  # a duplicated item of ours; the vehicle asks on
        name = RESULTS.get(ack.type, f"result {ack.type}")
        seq = self._last_asked if self._last_asked >= 0 else None
        self.quiet_until_s = now_s
        self._finish(SendResult(name, seq))

    def _give_up(self, now_s: float) -> None:
        seq = self._last_asked if self._last_asked >= 0 else None
        unknown = self.step is SendStep.FINAL_ACK
        # After the last item there is nothing half-open, or an old one that
        # the vehicle still counts: waiting is right in both cases.
        self.quiet_until_s = now_s + self._timing.vehicle_gives_up_s
        self._finish(SendResult("TIMEOUT", seq, unknown=unknown))

    def _finish(self, result: SendResult) -> None:
        self.step = SendStep.DONE
        self.result = result


@dataclass(frozen=True, slots=True)
class FetchResult:
    """How a download ended; ``items`` only when all came."""

    result: str
    items: tuple[WireItem, ...] = ()
    seq: int | None = None

    @property
    def complete(self) -> bool:
        """Whether everything was read."""
        return self.result == "ACCEPTED"


class FetchItems:
    """Downloads one list of items.

    Args:
        mission_type: mission, fence or rally points.
        target: whom to ask.
        timing: timeouts.
        window: how many items may be asked for ahead of their coming. The
            devguide's exchange has one; ArduPilot answers each request by
            itself, so that a read-back need not cost a round trip an item.
    """

    def __init__(
        self,
        mission_type: int,
        target: Target,
        timing: Timing | None = None,
        *,
        window: int = 1,
    ) -> None:
        self._type = mission_type
        self._target = target
        self._timing = timing or Timing()
        self._window = window
        self.result: FetchResult | None = None
        self.deadline_s = 0.0
        self._count: int | None = None
        self._items: dict[int, WireItem] = {}
        self._asked = 0
        self._tries = 0

    @property
    def done(self) -> bool:
        """Whether there is a result."""
        return self.result is not None

    def start(self, now_s: float) -> Sequence[Message]:
        """Ask for the count."""
        self.deadline_s = now_s + self._timing.reply_s
        return [MissionRequestList(*self._target.vehicle, self._type)]

    def on_message(self, message: Message, now_s: float) -> Sequence[Message]:
        """Take the count, then item after item."""
        if self.done:
            return []
        if isinstance(message, MissionCount):
            return self._on_count(message, now_s)
        if isinstance(message, MissionItemInt):
            return self._on_item(message, now_s)
        if isinstance(message, MissionAck):
            self._on_ack(message)
        return []

    def on_time(self, now_s: float) -> Sequence[Message]:
        """Ask again for what is missing."""
        if self.done or now_s < self.deadline_s:
            return []
        self._tries += 1
        if self._tries > self._timing.retries:
            self.result = FetchResult("TIMEOUT", seq=self._missing())
            return []
        if self._count is None:
            return self.start(now_s)
        # Asking anew costs little: the vehicle answers requests idempotently.
        self.deadline_s = now_s + self._timing.reply_s
        asked = (seq for seq in range(self._asked) if seq not in self._items)
        return [self._request(seq) for seq in asked]

    def _missing(self) -> int:
        return next(n for n in range(len(self._items) + 1) if n not in self._items)

    def _request(self, seq: int) -> Message:
        return MissionRequestInt(seq, *self._target.vehicle, self._type)

    def _ask_on(self, now_s: float) -> Sequence[Message]:
        self.deadline_s = now_s + self._timing.item_s
        first = self._asked
        ahead = len(self._items) + self._window
        self._asked = max(first, min(self._count or 0, ahead))
        return [self._request(seq) for seq in range(first, self._asked)]

    def _on_count(self, message: MissionCount, now_s: float) -> Sequence[Message]:
        if (
            self._count is not None
            or message.mission_type != self._type
            or not self._target.for_us(message.target_system, message.target_component)
        ):
            return []
        self._count = message.total
        self._tries = 0
        return self._ask_on(now_s) if self._count else self._complete()

    def _on_item(self, message: MissionItemInt, now_s: float) -> Sequence[Message]:
        if (
            self._count is None
            or message.mission_type != self._type
            or message.seq >= self._asked
            or message.seq in self._items
            or not self._target.for_us(message.target_system, message.target_component)
        ):
            return []
        self._items[message.seq] = item_of(message)
        self._tries = 0
        if len(self._items) < self._count:
            return self._ask_on(now_s)
        return self._complete()

    def _on_ack(self, ack: MissionAck) -> None:
        refused = ack.type not in (ACCEPTED, CANCELLED, INVALID_SEQUENCE)
        if (
            refused
            and ack.mission_type == self._type
            and self._target.for_us(ack.target_system, ack.target_component)
        ):
            name = RESULTS.get(ack.type, f"result {ack.type}")
            self.result = FetchResult(name, seq=self._missing())

    def _complete(self) -> Sequence[Message]:
        items = tuple(self._items[seq] for seq in sorted(self._items))
        self.result = FetchResult("ACCEPTED", items)
        return [MissionAck(*self._target.vehicle, ACCEPTED, self._type)]
