"""This node's clock against that of the database which nodes share.

Nodes agree on what is due, and on who has died, by their own clocks. One that
is off would launch early or late, and take over from those that live. While it
is off it launches nothing by schedule: the others do.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from patrolctl.clock import Clock
from patrolctl.domain.errors import StoreFailed

log = logging.getLogger(__name__)

# Time servers keep milliseconds; nodes are taken for dead after 120 s.
LIMIT_S = 5.0
EVERY_S = 30.0


class Timekeeper:
    """Compares, now and then.

    Args:
        clock: this node's.
        server_utc: the database's; raises StoreFailed.
        limit_s: how far they may be apart.
    """

    def __init__(
        self,
        clock: Clock,
        server_utc: Callable[[], Awaitable[datetime]],
        *,
        limit_s: float = LIMIT_S,
    ) -> None:
        self._clock = clock
        self._server_utc = server_utc
        self._limit_s = limit_s
        self._asked_s: float | None = None
        self._asked_utc: datetime | None = None
        self._fault: str | None = None

    async def fault(self) -> str | None:
        """What is wrong with this node's clock; None: nothing.

        Raises:
            StoreFailed: the database does not tell its time.
        """
        if self._is_stale():
            was, self._fault = self._fault, await self._compare()
            if self._fault is not None and was is None:
                log.error("%s", self._fault)
            elif self._fault is None and was is not None:
                log.info("this node's clock is right again")
        return self._fault

    async def insist(self) -> None:
        """Pass, or refuse.

        Raises:
            StoreFailed: the clock is off, or nobody can tell.
        """
        if (fault := await self.fault()) is not None:
            raise StoreFailed(fault)

    def _is_stale(self) -> bool:
        """Long ago, or this clock was set meanwhile; a fault is looked at again."""
        if self._asked_s is None or self._asked_utc is None or self._fault:
            return True
        passed_s = self._clock.monotonic_s() - self._asked_s
        told_s = (self._clock.utc() - self._asked_utc).total_seconds()
        return passed_s >= EVERY_S or abs(told_s - passed_s) > 1.0

    async def _compare(self) -> str | None:
        before = self._clock.utc()
        server = await self._server_utc()
        after = self._clock.utc()
        self._asked_s, self._asked_utc = self._clock.monotonic_s(), after
        # The database told its time between the two: only what lies outside
        # of them is certain, a slow answer accuses nobody.
        ahead_s = (before - server).total_seconds()
        behind_s = (server - after).total_seconds()
        off_s = max(ahead_s, behind_s)
        if off_s <= self._limit_s:
            return None
        side = "ahead of" if ahead_s > behind_s else "behind"
        return (
            f"this node's clock is {off_s:.1f} s {side} the database's, at most"
            f" {self._limit_s:g} s: no schedule is run here until it is set"
        )
