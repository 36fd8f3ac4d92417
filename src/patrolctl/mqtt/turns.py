"""Whose turn it is at one loudspeaker: urgent first, else in order of coming.

Every driver keeps its commands here while something plays. A command that
comes again under a key that still waits replaces it (its expiry is later);
keys that were played are the drivers' to know.
"""

import asyncio
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from patrolctl.domain.errors import Conflict
from patrolctl.domain.sound import Priority


class Turn(Protocol):
    """Something that waits."""

    @property
    def key(self) -> str:
        """Its idempotency key."""
        ...

    @property
    def priority(self) -> Priority:
        """Urgent ones overtake."""
        ...


J = TypeVar("J", bound=Turn)


class TooMany(Conflict):
    """As many wait as may."""


class Turns(Generic[J]):
    """What waits, at most ``depth`` of it."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._waiting: list[J] = []
        self._some = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[J]:
        return iter(tuple(self._waiting))

    def put(self, job: J) -> None:
        """Have it wait.

        Raises:
            TooMany: the depth is reached.
        """
        for at, waiting in enumerate(self._waiting):
            if waiting.key == job.key and waiting.priority is job.priority:
                self._waiting[at] = job
                return
        if len(self._waiting) >= self._depth:
            raise TooMany("too many commands are waiting")
        self._waiting.append(job)
        # Stable: those of one priority keep their order.
        self._waiting.sort(key=lambda j: j.priority is not Priority.URGENT)
        self._some.set()

    async def get(self) -> J:
        """The next one; waits for it."""
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        return self._waiting.pop(0)

    def drain(self) -> tuple[J, ...]:
        """All of them; none waits afterwards."""
        drained = tuple(self._waiting)
        self._waiting.clear()
        return drained
