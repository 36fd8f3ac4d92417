"""What all sans-IO protocol machines have in common.

A machine is fed messages and the time, and answers with messages to send. It
neither sleeps nor sends, so a test can run it against any fault without a
socket. ``deadline_s`` is when it wants :meth:`Exchange.on_time` next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from patrolctl.mavlink.messages import Message


@dataclass(frozen=True, slots=True)
class Timing:
    """Timeouts of the protocols, in seconds of the vehicle's time.

    Source: mavlink-devguide, mission protocol, "Timeouts and retries":
    1500 ms, 250 ms an item, 5 retries. ArduPilot asks again at 1 s and gives
    up by itself at 8 s, without telling (mavlink.md).
    """

    reply_s: float = 1.5
    item_s: float = 0.25
    retries: int = 5
    vehicle_gives_up_s: float = 8.0
    command_s: float = 1.5
    progress_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Target:
    """Whom we talk to and who we are, as (system, component)."""

    vehicle: tuple[int, int]
    us: tuple[int, int]

    def for_us(self, system: int, component: int) -> bool:
        """Whether an answer is addressed to us; 0 means everybody."""
        return system in (0, self.us[0]) and component in (0, self.us[1])


class Exchange(Protocol):
    """One exchange with one vehicle."""

    @property
    def done(self) -> bool:
        """Whether there is a result."""
        ...

    @property
    def deadline_s(self) -> float:
        """When :meth:`on_time` is due."""
        ...

    def start(self, now_s: float) -> Sequence[Message]:
        """Begin."""
        ...

    def on_message(self, message: Message, now_s: float) -> Sequence[Message]:
        """A message came from the vehicle."""
        ...

    def on_time(self, now_s: float) -> Sequence[Message]:
        """Time has passed."""
        ...


E = TypeVar("E", bound=Exchange)


class Together(Generic[E]):
    """Several exchanges at once, for as long as the slowest takes."""

    def __init__(self, parts: Sequence[E]) -> None:
        self.parts = tuple(parts)

    @property
    def done(self) -> bool:
        """Whether all have a result."""
        return all(part.done for part in self.parts)

    @property
    def deadline_s(self) -> float:
        """When the first of them has something to do."""
        open_ones = [part.deadline_s for part in self.parts if not part.done]
        return min(open_ones, default=float("inf"))

    def start(self, now_s: float) -> Sequence[Message]:
        """Begin all."""
        return [m for part in self.parts for m in part.start(now_s)]

    def on_message(self, message: Message, now_s: float) -> Sequence[Message]:
        """A message for whom it concerns."""
        return [m for part in self.parts for m in part.on_message(message, now_s)]

    def on_time(self, now_s: float) -> Sequence[Message]:
        """Time has passed for all."""
        return [m for part in self.parts for m in part.on_time(now_s)]
