"""Playback reports of one loudspeaker, to everybody who listens."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from patrolctl.domain.sound import Playback


class Reports:
    """Gives each listener every report from the moment it began.

    Args:
        early: how many reports are kept while nobody listens yet; the first
            listener gets them.
    """

    def __init__(self, *, early: int = 0) -> None:
        self._listeners: list[asyncio.Queue[Playback]] = []
        self._early: deque[Playback] = deque(maxlen=early)

    def tell(self, report: Playback) -> None:
        """A report came."""
        if not self._listeners:
            self._early.append(report)
        for queue in self._listeners:
            queue.put_nowait(report)

    def listen(self) -> AsyncIterator[Playback]:
        """Reports from now on."""
        queue: asyncio.Queue[Playback] = asyncio.Queue()
        while self._early:
            queue.put_nowait(self._early.popleft())
        self._listeners.append(queue)

        async def reports() -> AsyncIterator[Playback]:
            try:
                while True:
                    yield await queue.get()
            finally:
                self._listeners.remove(queue)

        return reports()
