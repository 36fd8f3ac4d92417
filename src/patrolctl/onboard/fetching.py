"""Clips that will be needed, fetched ahead until they are here."""

import asyncio
from collections.abc import Callable

from patrolctl.clock import Clock
from patrolctl.onboard.clips import ClipCache, ClipUnavailable

RETRY_FETCH_S = 10.0
# After ten minutes nobody waits for it any more; who does asks again.
MOST_TRIES = 60


class Fetcher:
    """Fetches what is wanted, one after another, again and again.

    Args:
        cache: where clips are kept.
        clock: waits between two tries.
        pinned: the clips that must not make room for others now.
    """

    def __init__(
        self, cache: ClipCache, clock: Clock, pinned: Callable[[], set[str]]
    ) -> None:
        self._cache = cache
        self._clock = clock
        self._pinned = pinned
        self._wanted: dict[str, str | None] = {}
        self._tries: dict[str, int] = {}
        self._ask = asyncio.Event()
        self.busy = False
        self.on_clip: Callable[[], None] = lambda: None
        self.on_change: Callable[[str | None], None] = lambda _: None

    def want(self, sha256: str, url: str | None) -> None:
        """Have this one here as soon as possible."""
        self._wanted[sha256] = url
        self._tries[sha256] = 0
        self._ask.set()

    async def run(self) -> None:
        """Fetch for ever."""
        fault: str | None = None
        while True:
            await self._ask.wait()
            self._ask.clear()
            self.busy = True
            self.on_change(fault)
            fault = await self._fetch()
            self.busy = False
            self.on_change(fault)
            if fault:
                await self._wait()
                self._ask.set()

    async def _wait(self) -> None:
        """Until it is time to try again, or something else is wanted."""
        try:
            async with self._clock.timeout(RETRY_FETCH_S):
                await self._ask.wait()
        except TimeoutError:
            pass

    async def _fetch(self) -> str | None:
        fault = None
        for sha256, url in list(self._wanted.items()):
            try:
                await asyncio.to_thread(self._cache.get, sha256, url, self._pinned())
                self._forget(sha256)
                self.on_clip()
            except ClipUnavailable as e:
                self._tries[sha256] += 1
                if self._tries[sha256] >= MOST_TRIES:
                    self._forget(sha256)
                else:
                    fault = str(e)
        return fault

    def _forget(self, sha256: str) -> None:
        self._wanted.pop(sha256, None)
        self._tries.pop(sha256, None)
