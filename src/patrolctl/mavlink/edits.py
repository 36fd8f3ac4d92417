"""Somebody else changes the mission: what was verified is void at once.

Three signs: the text that an upload prints, the number of items that every
MISSION_CURRENT tells, and the mission itself, read back now and then, because
an edit that keeps the number is told to nobody.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from patrolctl.domain.errors import PatrolError
from patrolctl.domain.telemetry import EventKind
from patrolctl.mavlink.cockpit import Cockpit
from patrolctl.mavlink.facts import Fact
from patrolctl.mavlink.messages import StatusText
from patrolctl.mavlink.storing import mission_edit

# For so long after our own upload what we hear may be the echo of it.
ECHO_S = 3.0
# What ArduPilot prints when something was uploaded. The first goes only to the
# link that did it (seen on 4.7-dev), so it is seldom ours to hear.
UPLOAD_TEXTS = {b"flight plan received": "mission", b"fence indexed ok": "fence"}
# No more than two items a second.
REREAD_S, REREAD_ITEM_S = 30.0, 0.5


class EditWatch:
    """Watches over the approved mission of one vehicle."""

    def __init__(self, cockpit: Cockpit) -> None:
        self._cockpit = cockpit
        self._busy = asyncio.Lock()
        self._storing = False
        self._stored_s = float("-inf")

    @contextlib.asynccontextmanager
    async def transfer(self) -> AsyncIterator[None]:
        """One transfer at a time."""
        async with self._busy:
            yield

    @contextlib.asynccontextmanager
    async def upload(self) -> AsyncIterator[None]:
        """A transfer of our own that changes what the vehicle holds."""
        self._storing = True
        try:
            async with self._busy:
                yield
        finally:
            self._storing = False
            self._stored_s = self._cockpit.clock.monotonic_s()

    def _ours(self, now_s: float) -> bool:
        return self._storing or now_s - self._stored_s < ECHO_S

    def hear(self, message: StatusText, now_s: float) -> None:
        """What the vehicle prints."""
        if self._cockpit.approved is None or self._ours(now_s):
            return
        for text, what in UPLOAD_TEXTS.items():
            if text in message.text.lower():
                self._changed(f"another ground station uploaded a {what}")
                return

    def count(self, now_s: float) -> None:
        """How many items it says that it holds."""
        cockpit = self._cockpit
        approved, total = cockpit.approved, cockpit.view.wire_total
        if approved is None or total is None or self._ours(now_s):
            return
        expected = len(approved.wire.items) - int(approved.wire.home_item)
        if total != expected:
            self._changed(
                f"the vehicle's mission has {total} items now, not {expected}"
            )

    async def reread(self) -> None:
        """Read the mission back now and then, while it matters."""
        cockpit = self._cockpit
        while True:
            approved = cockpit.approved
            items = len(approved.wire.items) if approved else 0
            await cockpit.clock.sleep(max(REREAD_S, items * REREAD_ITEM_S))
            progress = cockpit.progress
            finished = progress is not None and progress.finished
            if approved is None or cockpit.approved is not approved or finished:
                continue
            with contextlib.suppress(PatrolError):
                async with self._busy:
                    found = await mission_edit(cockpit.desk, approved.wire)
                if found and cockpit.approved is approved:
                    self._changed(f"somebody changed it: {found}")

    def _changed(self, text: str) -> None:
        self._cockpit.approved = None
        self._cockpit.voided = text
        self._cockpit.tell(Fact(EventKind.MISSION_CHANGED, text, severity=2))
