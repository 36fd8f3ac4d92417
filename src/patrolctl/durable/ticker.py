"""Fires each occurrence of each schedule once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

from patrolctl.clock import Clock
from patrolctl.domain.brief import Schedule
from patrolctl.domain.errors import PatrolError, StoreFailed
from patrolctl.domain.ids import ScheduleId
from patrolctl.durable.recurrence import next_occurrences, occurrences_between
from patrolctl.ports import Store

log = logging.getLogger(__name__)

POLL_S = 1.0
MISSED_KEPT = 100
FAR = timedelta(days=1)

Fire = Callable[[Schedule, datetime], Awaitable[str]]


class Ticker:
    """Watches the clock for all schedules.

    What is due is claimed in the store before anything happens, so a crash
    after the claim loses that occurrence rather than doubling it, and two
    services on one store share the work. What is later than the schedule's
    ``late_s`` is claimed and recorded as skipped. The wall clock is looked at
    each second: it may jump either way.

    Args:
        schedules: what to watch.
        store: where occurrences are claimed.
        clock: the time.
        fire: does the work; returns the outcome in words.
    """

    def __init__(
        self, schedules: Iterable[Schedule], store: Store, clock: Clock, fire: Fire
    ) -> None:
        self._schedules = tuple(schedules)
        self._store = store
        self._clock = clock
        self._fire = fire
        self._seen: dict[ScheduleId, datetime] = {}
        self._next: dict[ScheduleId, datetime | None] = {}

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            for schedule in self._schedules:
                name = f"schedule-{schedule.id}"
                group.create_task(self._watch(schedule, group), name=name)

    async def _watch(self, schedule: Schedule, group: asyncio.TaskGroup) -> None:
        """One schedule; what is wrong with it is nobody else's trouble."""
        while True:
            try:
                since = self._seen.get(schedule.id) or await self._begin(schedule)
                await self._due(schedule, since, group)
            except StoreFailed as e:
                log.warning("schedule %s waits: %s", schedule.id, e)
            except PatrolError:
                log.exception("schedule %s is out of use", schedule.id)
                return
            await self._clock.sleep(POLL_S)

    async def _begin(self, schedule: Schedule) -> datetime:
        """From when on occurrences count: the last one that was claimed.

        A schedule that was never watched starts now: what was due before it
        existed was not missed.
        """
        known = await self._store.occurrences(schedule.id, limit=1)
        if known:
            return known[0].due_utc
        now = self._clock.utc()
        await self._store.claim_occurrence(schedule.id, now)
        await self._store.note_occurrence(schedule.id, now, "watched from here on")
        return now

    async def _due(
        self, schedule: Schedule, since: datetime, group: asyncio.TaskGroup
    ) -> None:
        now = self._clock.utc()
        upcoming = self._next.get(schedule.id)
        if upcoming is not None and now < upcoming and schedule.id in self._seen:
            return
        due = occurrences_between(schedule, since, now)
        for moment in due[-MISSED_KEPT:]:
            if await self._store.claim_occurrence(schedule.id, moment):
                await self._claimed(schedule, moment, group)
        self._seen[schedule.id] = max(since, due[-1]) if due else since
        following = next_occurrences(schedule, max(now, self._seen[schedule.id]), 1)
        self._next[schedule.id] = following[0] if following else now + FAR

    async def _claimed(
        self, schedule: Schedule, due: datetime, group: asyncio.TaskGroup
    ) -> None:
        late_s = (self._clock.utc() - due).total_seconds()
        skip: str | None = None
        if late_s > schedule.late_s:
            skip = f"skipped: {late_s:.0f} s late, at most {schedule.late_s:.0f} s"
        elif not schedule.enabled:
            skip = "skipped: not enabled"
        elif schedule.id in await self._store.paused_schedules():
            skip = "skipped: paused"
        if skip is not None:
            log.info("schedule %s at %s: %s", schedule.id, due, skip)
            await self._store.note_occurrence(schedule.id, due, skip)
            return
        name = f"occurrence-{schedule.id}-{due:%Y%m%dT%H%M%SZ}"
        group.create_task(self._see_through(schedule, due), name=name)

    async def _see_through(self, schedule: Schedule, due: datetime) -> None:
        try:
            outcome = await self._fire(schedule, due)
        except PatrolError as e:
            outcome = f"refused: {e}"
        except Exception as e:
            # One occurrence's defect must not stop the schedules.
            log.exception("schedule %s", schedule.id)
            outcome = f"defect: {type(e).__name__}: {e}"
        log.info("schedule %s at %s: %s", schedule.id, due, outcome)
        try:
            await self._store.note_occurrence(schedule.id, due, outcome)
        except StoreFailed as e:
            log.warning("outcome not stored: %s: %s", outcome, e)
