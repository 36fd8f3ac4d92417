"""Puts together what looks after runs that have ended."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from patrolctl.app.keys import report_key
from patrolctl.clock import Clock
from patrolctl.control.aftermath.aftermath import Aftermath, Reports
from patrolctl.control.aftermath.alerts import Bulletin, Watch
from patrolctl.control.aftermath.gaps import Gaps, Policy, Shelf, offer
from patrolctl.control.aftermath.overview import Overviews
from patrolctl.control.aftermath.reminders import Reminders
from patrolctl.control.announcing.library import Library
from patrolctl.control.conditions.exposure import Ledger
from patrolctl.control.live.feed import LiveFeed
from patrolctl.control.live.hosting import TaskHost
from patrolctl.control.planning.planner import Planner
from patrolctl.control.planning.remaining import remaining_of
from patrolctl.control.running.runs import Runs
from patrolctl.control.schedules.timetable import Timetable
from patrolctl.control.vehicles.fleet import Fleet
from patrolctl.domain.gaps import FollowUp, Rerun
from patrolctl.ports import AlertPublisher
from patrolctl.store import SqlStore


@dataclass(frozen=True, slots=True)
class Parts:
    """The service's parts that it works with."""

    library: Library
    planner: Planner
    fleet: Fleet
    runs: Runs
    store: SqlStore
    feed: LiveFeed
    clock: Clock


@dataclass(frozen=True, slots=True)
class Followed:
    """What was made before.

    ``watch`` is a publisher of the feed, ``ledger`` admits plans,
    ``state_dir`` holds the key of the reports, and ``habits`` says how
    patiently gaps are followed.
    """

    parts: Parts
    ledger: Ledger
    watch: Watch
    state_dir: Path
    habits: FollowUp = FollowUp()


def policy_of(timetable: Timetable) -> Policy:
    """What the schedules themselves say."""

    async def policy(schedule_id: str) -> Rerun:
        schedules, _ = await timetable.watched()
        found = (s.rerun for s in schedules if s.id == schedule_id)
        return next(found, Rerun.OFFER)

    return policy


async def open_aftermath(
    stack: AsyncExitStack,
    followed: Followed,
    publisher: AlertPublisher | None,
    *,
    policy: Policy = offer,
) -> Aftermath:
    """Open it; it closes with the stack.

    Args:
        stack: closes it.
        followed: the service's parts.
        publisher: where alerts go besides the live socket.
        policy: what schedules allow to be done with their gaps.

    Raises:
        StoreFailed: the key of the reports cannot be used.
    """
    parts, ledger = followed.parts, followed.ledger
    key = report_key(followed.state_dir)
    store, books = parts.store, parts.store.aftermath
    parts.planner.remaining = remaining_of(store, books)
    bulletin = Bulletin(books, parts.feed, parts.clock, publisher)
    host = TaskHost()
    await stack.enter_async_context(host.open())
    host.start(followed.watch.push(bulletin), "alerts")
    runs = parts.runs
    shelf = Shelf(parts.library, parts.planner, runs, store, books, ours=runs.flies)
    gaps = await stack.enter_async_context(
        Gaps(
            shelf,
            ledger,
            bulletin,
            parts.clock,
            policy=policy,
            habits=followed.habits,
        ).open()
    )
    reminders = Reminders(
        books, bulletin, parts.clock, policy=policy, habits=followed.habits
    )
    host.start(reminders.run(), "reminders")
    overviews = Overviews(
        parts.library, parts.fleet, parts.runs, store, books, parts.clock
    )
    reports = Reports(parts.library, store, key, key.public_key)
    return Aftermath(books, gaps, ledger, overviews, reports, bulletin)
