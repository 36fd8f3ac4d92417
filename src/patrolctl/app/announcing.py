"""What may be said: announcements that are written here, and alerts."""

from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass

from patrolctl.app.cap_source import CapPoll, CapSource
from patrolctl.audio import AudioDesk, ClipSynthesizer
from patrolctl.clock import Clock
from patrolctl.control.announcing.announcements import Announcements, Shelves
from patrolctl.control.announcing.cap import AlertRules, Alerts
from patrolctl.control.announcing.library import Library
from patrolctl.control.running.runs import Runs
from patrolctl.control.running.withdrawals import Withdrawals
from patrolctl.formats.cap import read_cap
from patrolctl.store import SqlStore


@dataclass(frozen=True, slots=True)
class CapOptions:
    """Which alerts are taken, and where they are asked for (None: nowhere)."""

    rules: AlertRules = AlertRules()
    source: CapSource | None = None


@dataclass(frozen=True, slots=True)
class Announcing:
    """The parts; ``poll`` is to be run beside the service where there is one."""

    announcements: Announcements
    alerts: Alerts
    poll: CapPoll | None

    def works(
        self, runs: Runs, store: SqlStore, clock: Clock
    ) -> tuple[tuple[str, Coroutine[object, object, None]], ...]:
        """What is to run beside the service, by name."""
        withdrawals = Withdrawals(self.announcements, runs, store, clock)
        found = [("withdrawals", withdrawals.run())]
        if self.poll is not None:
            found.append(("cap", self.poll.run()))
        return tuple(found)


async def open_announcing(
    stack: AsyncExitStack,
    library: Library,
    synthesizer: ClipSynthesizer,
    store: SqlStore,
    clock: Clock,
    options: CapOptions,
) -> Announcing:
    """Open both for as long as the stack lasts."""
    shelves = Shelves(store.announcements, store, AudioDesk(synthesizer))
    announcements = await stack.enter_async_context(
        Announcements(library, shelves, clock).open()
    )
    alerts = await stack.enter_async_context(
        Alerts(
            library,
            announcements,
            store.announcements,
            clock,
            read_cap,
            options.rules,
        ).open()
    )
    poll = CapPoll(options.source, alerts, clock) if options.source else None
    return Announcing(announcements, alerts, poll)
