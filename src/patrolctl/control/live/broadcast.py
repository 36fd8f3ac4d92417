"""One sender, many listeners, every item to each of them in order."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

from patrolctl.domain.errors import Conflict

T = TypeVar("T")


class Overrun(Conflict):
    """A listener fell so far behind that it would have missed facts."""


class Listener(Generic[T]):
    """Items from the moment it was made; ends after :meth:`close`.

    It holds at most ``depth`` items: one that stops reading is cut off with
    Overrun instead of missing facts silently or filling the memory.
    """

    def __init__(self, owner: "Broadcast[T]", depth: int) -> None:
        self._owner = owner
        self._depth = depth
        self._items: deque[T] = deque()
        self._wake = asyncio.Event()
        self._closed = False
        self._overrun = False

    def put(self, item: T) -> None:
        """Hand over one item (called by the broadcast)."""
        if self._closed:
            return
        if len(self._items) >= self._depth:
            self._overrun = True
            self.close()
            return
        self._items.append(item)
        self._wake.set()

    def close(self) -> None:
        """End the iteration after what is already here."""
        self._closed = True
        self._owner.drop(self)
        self._wake.set()

    def __enter__(self) -> "Listener[T]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> "Listener[T]":
        return self

    async def __anext__(self) -> T:
        while not self._items:
            if self._overrun:
                raise Overrun(f"fell {self._depth} items behind")
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._items.popleft()


class Broadcast(Generic[T]):
    """Hands each item to all listeners there are at that moment."""

    def __init__(self, *, depth: int = 10_000) -> None:
        self._depth = depth
        self._listeners: set[Listener[T]] = set()

    def listen(self) -> Listener[T]:
        """A listener that gets everything sent from now on."""
        listener = Listener(self, self._depth)
        self._listeners.add(listener)
        return listener

    def drop(self, listener: Listener[T]) -> None:
        """Forget a listener."""
        self._listeners.discard(listener)

    def send(self, item: T) -> None:
        """Hand ``item`` to every listener."""
        for listener in tuple(self._listeners):
            listener.put(item)
