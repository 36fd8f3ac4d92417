"""Fires each occurrence of each schedule once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from patrolctl.control.schedules.occurring import Desk, see_through
from patrolctl.domain.brief import Occurrence, OccurrenceState, Schedule
from patrolctl.domain.errors import PatrolError, StoreFailed
from patrolctl.domain.ids import ScheduleId
from patrolctl.durable.jumps import Jumps
from patrolctl.durable.leftovers import Found, settle
from patrolctl.durable.policy import Judgement, Verdict, judge
from patrolctl.durable.recurrence import next_occurrences, occurrences_between

log = logging.getLogger(__name__)

POLL_S = 1.0
REFRESH_S = 5.0
BEAT_S = 30.0
MISSED_KEPT = 100
FAR = timedelta(days=1)
LOOK_BACK = timedelta(days=31)

Fire = Callable[[Schedule, datetime], Awaitable[str]]
Trusted = Callable[[], Awaitable[None]]
Watched = Callable[[], Awaitable[tuple[Sequence[Schedule], frozenset[ScheduleId]]]]


async def _trusted() -> None:
    """A clock that nobody else's is held against."""


class Ticker:
    """Watches the clock for all schedules.

    What is due is claimed in the book before anything happens, so that
    several nodes on one database share the work and nothing happens twice.
    What is late is judged by the schedule's policy. What a node that died had
    claimed is taken over. The wall clock is looked at each second: it may
    jump either way.

    Args:
        watched: gives the schedules as they are now, and which are paused.
        desk: the book and this node's name.
        fire: does the work; returns the outcome in words.
        found: tells whether a launch that was begun came about.
        trusted: raises StoreFailed while this node's clock is not to be
            trusted: then it claims nothing, and does not say that it lives.
    """

    def __init__(
        self,
        watched: Watched,
        desk: Desk,
        fire: Fire,
        found: Found,
        *,
        trusted: Trusted = _trusted,
    ) -> None:
        self._trusted = trusted
        self._watched = watched
        self._desk = desk
        self._clock = desk.clock
        self._book = desk.book
        self._fire = fire
        self._found = found
        self._jumps = Jumps(desk.clock)
        self._schedules: dict[ScheduleId, Schedule] = {}
        self._paused: frozenset[ScheduleId] = frozenset()
        self._seen: dict[ScheduleId, datetime] = {}
        self._next: dict[ScheduleId, datetime] = {}
        self._faulty: dict[ScheduleId, Schedule] = {}
        self._refreshed_s: float | None = None
        self._beat_s: float | None = None

    @property
    def next_utc(self) -> datetime | None:
        """The next moment at which something is due, as far as it is known."""
        return min(self._next.values(), default=None)

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    await self.tick(group)
                except StoreFailed as e:
                    log.warning("schedules wait: %s", e)
                await self._clock.sleep(POLL_S)

    async def tick(self, group: asyncio.TaskGroup) -> None:
        """Look once; what is to be done is started in the group.

        Raises:
            StoreFailed: the book cannot be read or written; look again.
        """
        await self._trusted()
        went_back = self._jumps.look()
        await self._refresh()
        if went_back:
            await self._take_back()
        await self._beat(group)
        for schedule in tuple(self._schedules.values()):
            if self._faulty.get(schedule.id) is schedule:
                continue
            try:
                await self._due(schedule, group)
            except StoreFailed:
                raise
            except PatrolError as e:
                log.error("schedule %s is out of use: %s", schedule.id, e)  # noqa: TRY400 - expected
                self._faulty[schedule.id] = schedule
                self._next.pop(schedule.id, None)

    # -- what there is

    async def _refresh(self) -> None:
        """Schedules come, change and go, also by other nodes."""
        now_s = self._clock.monotonic_s()
        if self._refreshed_s is not None and now_s - self._refreshed_s < REFRESH_S:
            return
        schedules, self._paused = await self._watched()
        fresh = {s.id: s for s in schedules}
        for id_, old in self._schedules.items():
            if fresh.get(id_) != old:
                self._forget(id_)
            else:
                fresh[id_] = old  # the same object: what was found holds
        self._schedules = fresh
        self._refreshed_s = now_s

    def refresh(self) -> None:
        """Look at the schedules again at the next tick."""
        self._refreshed_s = None

    def _forget(self, schedule_id: ScheduleId) -> None:
        self._seen.pop(schedule_id, None)
        self._next.pop(schedule_id, None)
        self._faulty.pop(schedule_id, None)

    async def _begin(self, schedule: Schedule) -> datetime:
        """From when on occurrences count: what was settled last.

        A schedule that was never watched starts now: what was due before it
        existed was not missed. Settled later than now means that the clock
        was ahead; then now counts.
        """
        now = self._clock.utc()
        known = await self._book.watched_from(schedule.id)
        if known is None:
            await self._book.watch_from(schedule.id, now)
            return now
        if known > now:
            await self._release(schedule.id, now)
            return now
        return known

    # -- clocks and nodes

    async def _take_back(self) -> None:
        """The clock went back: what was let go of the future comes again."""
        now = self._clock.utc()
        for schedule_id in tuple(self._schedules):
            await self._release(schedule_id, now)
            self._forget(schedule_id)
            self._seen[schedule_id] = now

    async def _release(self, schedule_id: ScheduleId, now: datetime) -> None:
        count = await self._book.release_after(schedule_id, now)
        if count:
            log.warning(
                "schedule %s: %d occurrences after %s were let go by a clock that"
                " was ahead; they come again",
                schedule_id,
                count,
                now.isoformat(timespec="seconds"),
            )

    async def _beat(self, group: asyncio.TaskGroup) -> None:
        """Say that we live, and see to what the dead left."""
        now_s = self._clock.monotonic_s()
        if self._beat_s is not None and now_s - self._beat_s < BEAT_S:
            return
        await self._book.beat(self._desk.node, self._clock.utc())
        for left in await self._book.unfinished():
            schedule = self._schedules.get(left.schedule_id)
            paused = left.schedule_id in self._paused
            judgement = await settle(
                self._desk, left, schedule, self._found, paused=paused
            )
            if judgement is not None and schedule is not None:
                await self._carry_out(schedule, left.due_utc, judgement, group)
        self._beat_s = now_s

    # -- what is due

    async def _due(self, schedule: Schedule, group: asyncio.TaskGroup) -> None:
        now = self._clock.utc()
        upcoming = self._next.get(schedule.id)
        if upcoming is not None and now < upcoming:
            return
        since = self._seen.get(schedule.id)
        if since is None:
            since = await self._begin(schedule)
        since = max(since, now - LOOK_BACK)
        due = occurrences_between(schedule, since, now)[-MISSED_KEPT:]
        for moment in due:
            if await self._book.claim(schedule.id, moment, node=self._desk.node):
                judgement = judge(
                    schedule,
                    moment,
                    now,
                    paused=schedule.id in self._paused,
                    superseded=moment is not due[-1],
                )
                await self._carry_out(schedule, moment, judgement, group)
            self._seen[schedule.id] = moment
        self._seen[schedule.id] = max(since, due[-1]) if due else since
        following = next_occurrences(schedule, max(now, self._seen[schedule.id]), 1)
        self._next[schedule.id] = following[0] if following else now + FAR

    async def _carry_out(
        self,
        schedule: Schedule,
        due: datetime,
        judgement: Judgement,
        group: asyncio.TaskGroup,
    ) -> None:
        """Do with an occurrence that is claimed here what was judged."""
        if judgement.verdict is Verdict.RUN:
            name = f"occurrence-{schedule.id}-{due:%Y%m%dT%H%M%SZ}"
            group.create_task(
                see_through(
                    self._desk, schedule.id, due, lambda: self._fire(schedule, due)
                ),
                name=name,
            )
            return
        log.info("schedule %s at %s: %s", schedule.id, due, judgement.why)
        asks = judgement.verdict is Verdict.ASK
        state = OccurrenceState.ASKING if asks else OccurrenceState.SKIPPED
        known: Occurrence = self._desk.claimed(schedule.id, due)
        await self._book.change(known, state, outcome=judgement.why)
