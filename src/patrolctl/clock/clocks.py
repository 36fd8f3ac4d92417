"""The Clock protocol and its three implementations.

Everything that waits or stamps asks a Clock, so that tests run hours in
milliseconds and a simulation at N times speed keeps every timeout in
simulated seconds.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

from patrolctl.clock.beside import running_beside


class Clock(Protocol):
    """Seconds for deadlines and aware UTC for records."""

    def monotonic_s(self) -> float:
        """Seconds from an arbitrary origin that never go back."""
        ...

    def utc(self) -> datetime:
        """The aware UTC time of now."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Wait for a number of this clock's seconds."""
        ...

    def timeout(self, delay_s: float) -> AbstractAsyncContextManager[object]:
        """Cancel the body and raise TimeoutError after ``delay_s``."""
        ...


@asynccontextmanager
async def _timeout_by(clock: Clock, delay_s: float, name: str) -> AsyncIterator[object]:
    """A timeout whose end is a sleep of ``clock``: its rate is not the loop's."""
    async with asyncio.timeout(None) as scope:

        async def watch() -> None:
            await clock.sleep(delay_s)
            scope.reschedule(asyncio.get_running_loop().time())

        async with running_beside(watch(), name):
            yield scope


class ScaledClock:
    """Real time that runs ``speedup`` times as fast.

    Args:
        speedup: simulated seconds per real second, > 0.
        epoch_utc: the real moment at which simulated and real UTC agree.
            Processes that were given the same one agree on the time; the
            default is now.
    """

    def __init__(
        self, speedup: float = 1.0, *, epoch_utc: datetime | None = None
    ) -> None:
        if speedup <= 0:
            msg = f"speedup {speedup} is not above 0"
            raise ValueError(msg)
        self.speedup = speedup
        self._start_s = time.monotonic()  # noqa: TID251 - this is the Clock
        now = datetime.now(UTC)
        ahead = timedelta(0) if epoch_utc is None else now - epoch_utc
        self._start_utc = now + ahead * (speedup - 1.0)

    def monotonic_s(self) -> float:
        """Seconds that never go back."""
        elapsed_s = time.monotonic() - self._start_s  # noqa: TID251
        return elapsed_s * self.speedup

    def utc(self) -> datetime:
        """Aware UTC of now."""
        if self.speedup == 1.0:
            return datetime.now(UTC)  # follows corrections of the host clock
        return self._start_utc + timedelta(seconds=self.monotonic_s())

    async def sleep(self, delay_s: float) -> None:
        """Wait for this clock's seconds."""
        await asyncio.sleep(delay_s / self.speedup)

    def timeout(self, delay_s: float) -> AbstractAsyncContextManager[object]:
        """Cancel the body after this clock's seconds."""
        return asyncio.timeout(delay_s / self.speedup)


class SystemClock(ScaledClock):
    """Real time."""

    def __init__(self) -> None:
        super().__init__(1.0)


class ManualClock:
    """A clock that a test moves by hand with :meth:`advance`."""

    def __init__(self, start_utc: datetime | None = None) -> None:
        self._now_s = 0.0
        self._start_utc = start_utc or datetime(2026, 1, 1, tzinfo=UTC)
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def monotonic_s(self) -> float:
        """Seconds that never go back."""
        return self._now_s

    def utc(self) -> datetime:
        """Aware UTC of now."""
        return self._start_utc + timedelta(seconds=self._now_s)

    async def sleep(self, delay_s: float) -> None:
        """Wait for this clock's seconds."""
        if delay_s <= 0:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self._now_s + delay_s, next(self._order), wake))
        await wake

    def timeout(self, delay_s: float) -> AbstractAsyncContextManager[object]:
        """Cancel the body after this clock's seconds."""
        return _timeout_by(self, delay_s, "manual-clock-timeout")

    async def advance(self, delay_s: float, *, step_s: float = 0.05) -> None:
        """Let ``delay_s`` seconds pass, waking every sleeper at its time."""
        end_s = self._now_s + delay_s
        while self._now_s < end_s:
            self._now_s = min(end_s, self._now_s + step_s)
            while self._waiting and self._waiting[0][0] <= self._now_s:
                _, _, wake = heapq.heappop(self._waiting)
                if not wake.done():
                    wake.set_result(None)
            for _ in range(4):  # let the woken run as far as they can
                await asyncio.sleep(0)


class PacedClock:
    """A clock whose speed is found out while it runs.

    A sped-up simulator does not tell its speed; whoever listens to it sets
    ``speedup`` as it is observed. Time never jumps: only its rate changes,
    and sleepers notice within ``slice_s`` real seconds.
    """

    def __init__(self, speedup: float = 1.0, *, slice_s: float = 0.1) -> None:
        self._speedup = speedup
        self._slice_s = slice_s
        self._real_s = time.monotonic()  # noqa: TID251 - this is the Clock
        self._now_s = 0.0

    @property
    def speedup(self) -> float:
        """Clock seconds per real second."""
        return self._speedup

    @speedup.setter
    def speedup(self, value: float) -> None:
        if value <= 0:
            msg = f"speedup {value} is not above 0"
            raise ValueError(msg)
        self._now_s = self.monotonic_s()
        self._real_s = time.monotonic()  # noqa: TID251 - this is the Clock
        self._speedup = value

    def monotonic_s(self) -> float:
        """Seconds that never go back."""
        elapsed_s = time.monotonic() - self._real_s  # noqa: TID251
        return self._now_s + elapsed_s * self._speedup

    def utc(self) -> datetime:
        """Aware UTC of now: real, because records outlive the simulation."""
        return datetime.now(UTC)

    async def sleep(self, delay_s: float) -> None:
        """Wait for this clock's seconds."""
        until_s = self.monotonic_s() + delay_s
        left_s = max(0.0, delay_s)
        await asyncio.sleep(min(left_s / self._speedup, self._slice_s))
        while (left_s := until_s - self.monotonic_s()) > 0:
            # In slices: the speed-up may change while we sleep.
            slice_s = min(left_s / self._speedup, self._slice_s)
            await asyncio.sleep(slice_s)

    def timeout(self, delay_s: float) -> AbstractAsyncContextManager[object]:
        """Cancel the body after this clock's seconds."""
        return _timeout_by(self, delay_s, "paced-clock-timeout")
