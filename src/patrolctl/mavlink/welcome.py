"""Learn who it is and ask for its streams, at each (re)connection."""

import asyncio
import contextlib

from patrolctl.domain.errors import PatrolError
from patrolctl.domain.machines import LinkState
from patrolctl.mavlink.link import Link
from patrolctl.mavlink.orders import Desk

AUTOPILOT_VERSION, HOME_POSITION = 148, 242
UNNAMED_AFTER = 5


class Welcome:
    """Greets a vehicle whenever :attr:`wanted` is set."""

    def __init__(self, link: Link, desk: Desk) -> None:
        self.wanted = asyncio.Event()
        self._link = link
        self._desk = desk

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.wanted.wait()
            self.wanted.clear()
            with contextlib.suppress(PatrolError):
                await self._identify()
                await self._ask_for_streams()

    async def _identify(self) -> None:
        link, asked = self._link, 0
        identity, clock = link.identity, link.clock
        while not identity.verified and identity.conflict is None:
            await self._desk.ask_for(AUTOPILOT_VERSION)
            asked += 1
            if asked >= UNNAMED_AFTER and not identity.verified:
                identity.accept_unnamed(clock.monotonic_s())
            if not identity.verified:
                await clock.sleep(1.0)
        while not link.observed or link.impostor:
            if link.state is not LinkState.LIVE:
                return
            await clock.sleep(0.2)

    async def _ask_for_streams(self) -> None:
        for msg_id, rate_hz in self._desk.pilot.streams.items():
            await self._desk.stream(msg_id, rate_hz)
        await self._desk.ask_for(HOME_POSITION)
