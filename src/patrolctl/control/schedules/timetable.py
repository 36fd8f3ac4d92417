"""Schedules as the operator sees them, and what an occurrence does."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from patrolctl.control.announcing.library import Library
from patrolctl.control.live.hosting import TaskHost
from patrolctl.control.live.jobs import JobState, PlanOrder
from patrolctl.control.planning.planner import Planner
from patrolctl.control.running.runs import LaunchOrder, Runs
from patrolctl.control.schedules.occurring import Desk, LaunchToken, see_through
from patrolctl.control.schedules.rota import Almanac, Entry, Rota, Source
from patrolctl.domain.brief import MissedPolicy, Occurrence, OccurrenceState, Schedule
from patrolctl.domain.calendar import CalendarDefaults, CalendarEntry
from patrolctl.domain.errors import Conflict, Fault, InputError, NotFound, PatrolError
from patrolctl.domain.gaps import Rerun
from patrolctl.domain.ids import PlanId, ScheduleId
from patrolctl.domain.plan import PlanKind
from patrolctl.ports import Store

log = logging.getLogger(__name__)

RUNS_SEARCHED = 1000


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """A schedule as it is shown; ``time_zone`` is the rule's.

    ``next_utc`` is the preview, ``recent`` what became of the latest, and
    ``fault`` why nothing comes of it.
    """

    id: ScheduleId
    rrule: str
    time_zone: str
    enabled: bool
    announcement: str
    work: tuple[PlanKind, ...]
    mission_id: str
    next_utc: tuple[datetime, ...]
    recent: tuple[Occurrence, ...]
    site_id: str | None = None
    title: str | None = None
    start_local: datetime | None = None
    also_local: tuple[datetime, ...] = ()
    except_times: tuple[datetime, ...] = ()
    except_dates: tuple[date, ...] = ()
    holidays: tuple[str, ...] = ()
    missed: MissedPolicy = MissedPolicy.RUN_LATE
    rerun: Rerun = Rerun.OFFER
    late_s: float = 300.0
    authority: str | None = None
    source: Source = Source.MISSION
    paused: bool = False
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """An occurrence that waits for the operator's word."""

    schedule_id: ScheduleId
    due_utc: datetime
    text: str
    mission_id: str | None
    time_zone: str


class Timetable:
    """All schedules of all missions.

    Args:
        library: the missions.
        planner: makes the plans that are not there yet.
        runs: launches them.
        desk: the book of occurrences, this node's name, and the time.
        store: remembers what is paused, and runs.
        almanac: expands recurrence rules, and knows ``.ics`` files.

    ``changed`` is called when schedules were changed here.
    """

    def __init__(
        self,
        library: Library,
        planner: Planner,
        runs: Runs,
        desk: Desk,
        *,
        store: Store,
        almanac: Almanac,
    ) -> None:
        self.rota = Rota(library, desk.book, almanac.rules)
        self.rules = almanac.rules
        self.calendars = almanac.calendars
        self.changed: Callable[[], None] = lambda: None
        self._library = library
        self._planner = planner
        self._runs = runs
        self._store = store
        self.desk = desk
        self._host = TaskHost()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Timetable"]:
        """Host what was asked to run now, for as long as the context lasts."""
        async with self._host.open():
            yield self

    # -- looking

    async def watched(self) -> tuple[Sequence[Schedule], frozenset[ScheduleId]]:
        """What this node's ticker watches, and which of them are paused.

        A schedule whose mission this node does not have is not its business.
        """
        entries = await self.rota.entries()
        paused = await self._store.paused_schedules()
        return [e.resolved for e in entries if e.fault is None], paused

    async def views(self, *, count: int = 5) -> tuple[ScheduleView, ...]:
        """All schedules with their next and latest occurrences."""
        paused = await self._store.paused_schedules()
        entries = await self.rota.entries()
        return tuple([await self._view(e, paused, count) for e in entries])

    async def view(self, schedule_id: str, *, count: int = 20) -> ScheduleView:
        """One of them; raises NotFound."""
        entry = await self.rota.find(schedule_id)
        return await self._view(entry, await self._store.paused_schedules(), count)

    async def _view(
        self, entry: Entry, paused: frozenset[ScheduleId], count: int
    ) -> ScheduleView:
        s = entry.schedule
        now = self.desk.clock.utc()
        due: tuple[datetime, ...] = ()
        fault = entry.fault
        if fault is None:
            try:
                due = self.rules.next_occurrences(entry.resolved, now, count)
            except InputError as e:
                fault = str(e)
        return ScheduleView(
            id=s.id,
            rrule=s.rrule,
            time_zone=s.time_zone,
            enabled=s.enabled and s.id not in paused and fault is None,
            announcement=s.announcement,
            work=s.work,
            mission_id=entry.mission_id,
            next_utc=due,
            recent=await self.desk.book.recent(s.id, limit=count),
            site_id=None if entry.brief is None else entry.brief.site.id,
            title=s.title,
            start_local=s.start_local,
            also_local=s.also_local,
            except_times=s.except_times,
            except_dates=s.except_dates,
            holidays=s.holidays,
            missed=s.missed,
            rerun=s.rerun,
            late_s=s.late_s,
            authority=s.authority,
            source=entry.source,
            paused=s.id in paused,
            fault=fault,
        )

    async def preview(
        self, mission_id: str, schedule: Schedule, *, count: int = 10
    ) -> tuple[datetime, ...]:
        """The next occurrences of a schedule that is not kept yet.

        Raises:
            NotFound, InputError: as :meth:`create` would.
        """
        resolved = await self._checked(mission_id, self._normal(schedule))
        now = self.desk.clock.utc()
        return self.rules.next_occurrences(resolved, now, count)

    # -- changing

    async def _checked(self, mission_id: str, schedule: Schedule) -> Schedule:
        await self.rota.check(mission_id, schedule)
        resolved = await self.rota.resolved(mission_id, schedule)
        now = self.desk.clock.utc()
        if not await asyncio.to_thread(self.rules.next_occurrences, resolved, now, 1):
            what = f"{schedule.rrule} does not occur any more after {now:%Y-%m-%d}"
            raise InputError.one(f"schedule {schedule.id}", what, "a time to come")
        return resolved

    def _normal(self, schedule: Schedule) -> Schedule:
        return replace(schedule, rrule=self.rules.rule_text(schedule.rrule))

    async def create(self, mission_id: str, schedule: Schedule, actor: str) -> None:
        """Keep a new schedule; it is watched from now on.

        Raises:
            NotFound: no such mission or announcement.
            InputError: with every fault, one line each.
            Conflict: there is one of that id.
        """
        schedule = self._normal(schedule)
        await self._checked(mission_id, schedule)
        if any(e.schedule.id == schedule.id for e in await self.rota.entries()):
            raise Conflict(f"schedule {schedule.id} exists already")
        await self._save(mission_id, schedule, actor, "create schedule")

    async def change(self, schedule_id: str, schedule: Schedule, actor: str) -> None:
        """Replace a schedule; what was due before the change is settled.

        Raises:
            NotFound, InputError: as :meth:`create`.
        """
        entry = await self.rota.find(schedule_id)
        schedule = self._normal(replace(schedule, id=entry.schedule.id))
        await self._checked(entry.mission_id, schedule)
        await self._save(entry.mission_id, schedule, actor, "change schedule")

    async def delete(self, schedule_id: str, actor: str) -> None:
        """Take it off; its past stays on record.

        Raises:
            NotFound: no such schedule.
        """
        entry = await self.rota.find(schedule_id)
        for question in await self.desk.book.questions():
            if question.schedule_id == schedule_id:
                await self.desk.book.change(
                    question, OccurrenceState.SKIPPED, outcome="skipped: deleted"
                )
        await self._save(
            entry.mission_id, entry.schedule, actor, "delete schedule", deleted=True
        )

    async def _save(
        self,
        mission_id: str,
        schedule: Schedule,
        actor: str,
        action: str,
        *,
        deleted: bool = False,
    ) -> None:
        now = self.desk.clock.utc()
        await self._store.audit(actor, action, schedule.id)
        await self.rota.save(mission_id, schedule, actor, now, deleted=deleted)
        self.changed()

    async def pause(self, schedule_id: str, actor: str, *, paused: bool) -> None:
        """Pause a schedule, or let it go on; raises NotFound."""
        schedule = (await self.rota.find(schedule_id)).schedule
        await self._store.pause_schedule(schedule.id, paused=paused)
        verb = "pause" if paused else "resume"
        await self._store.audit(actor, f"{verb} schedule", schedule.id)
        self.changed()

    async def set_holidays(
        self, name: str, days: tuple[date, ...], actor: str
    ) -> tuple[date, ...]:
        """Keep a named list of days that schedules may leave out; none removes it.

        Raises:
            Conflict: a schedule names the list that is to be removed.
        """
        if not days:
            for entry in await self.rota.entries():
                if name in entry.schedule.holidays:
                    raise Conflict(f"schedule {entry.schedule.id} names {name}")
        await self.desk.book.save_holidays(name, days)
        await self._store.audit(actor, "holidays", f"{name}: {len(days)} days")
        self.changed()
        return tuple(sorted(set(days)))

    async def holidays(self) -> dict[str, tuple[date, ...]]:
        """The named lists: those kept here, and the missions' own."""
        own = {
            n: d for b in self._library.briefs.values() for n, d in b.holidays.items()
        }
        return {**await self.desk.book.holidays(), **own}

    # -- calendars of others

    async def export(self, schedule_id: str | None = None) -> bytes:
        """An ``.ics`` file of all schedules, or of one.

        Raises:
            NotFound: no such schedule.
        """
        entries = await self.rota.entries()
        if schedule_id is not None:
            entries = (await self.rota.find(schedule_id),)
        chosen = tuple(CalendarEntry(e.mission_id, e.schedule) for e in entries)
        return self.calendars.write(chosen, self.desk.clock.utc())

    async def take_in(
        self, raw: bytes, defaults: CalendarDefaults, actor: str
    ) -> tuple[str, ...]:
        """Make, or replace, the schedules of an ``.ics`` file: all or none.

        Raises:
            InputError: one line a fault, of the file or of what it asks for.
        """
        found = await asyncio.to_thread(self.calendars.read, raw, defaults)
        found = tuple(replace(f, schedule=self._normal(f.schedule)) for f in found)
        faults: list[Fault] = []
        for one in found:
            try:
                await self._checked(one.mission_id, one.schedule)
            except InputError as e:
                faults += e.faults
        if faults:
            raise InputError(faults)
        for one in found:
            await self._save(one.mission_id, one.schedule, actor, "import schedule")
        return tuple(one.schedule.id for one in found)

    async def take_in_holidays(
        self, name: str, raw: bytes, actor: str
    ) -> tuple[date, ...]:
        """Keep the whole days of an ``.ics`` file as a list.

        Raises:
            InputError: it is no calendar, or has none.
        """
        days = await asyncio.to_thread(self.calendars.read_days, raw)
        return await self.set_holidays(name, days, actor)

    # -- questions

    async def questions(self) -> tuple[Question, ...]:
        """What waits for the operator, oldest first."""
        known = {e.schedule.id: e for e in await self.rota.entries()}
        found = []
        for o in await self.desk.book.questions():
            entry = known.get(o.schedule_id)
            zone = entry.schedule.time_zone if entry else "UTC"
            mission = entry.mission_id if entry else None
            text = o.outcome or ""
            found.append(Question(o.schedule_id, o.due_utc, text, mission, zone))
        return tuple(found)

    async def answer(
        self, schedule_id: str, due_utc: datetime, actor: str, *, run: bool
    ) -> None:
        """Run a missed occurrence now, or let it go.

        Raises:
            NotFound: nothing is asked about it.
            Conflict: somebody else answered first, or its schedule is out of use.
        """
        asking = OccurrenceState.ASKING
        found = await self.desk.book.occurrence(ScheduleId(schedule_id), due_utc)
        if found is None or found.state is not asking:
            raise NotFound("open question of schedule", schedule_id)
        entry = (await self.rota.find(schedule_id)) if run else None
        self._host.check_open()
        verb = "run missed occurrence" if run else "let missed occurrence go"
        await self._store.audit(actor, verb, f"{schedule_id} of {due_utc.isoformat()}")
        if entry is None:
            gone = f"skipped: let go by {actor}"
            done = await self.desk.book.change(
                found, OccurrenceState.SKIPPED, outcome=gone
            )
        else:
            self._usable(entry)
            done = await self.desk.book.change(
                found, OccurrenceState.CLAIMED, node=self.desk.node
            )
        if not done:
            raise Conflict(f"schedule {schedule_id}: it was answered already")
        if entry is not None:
            self._start(entry.schedule, due_utc, actor)

    @staticmethod
    def _usable(entry: Entry) -> None:
        if entry.fault is not None:
            raise Conflict(f"schedule {entry.schedule.id}: {entry.fault}")

    # -- running

    async def run_now(self, schedule_id: str, actor: str) -> None:
        """Start what the next occurrence would do; its outcome is recorded.

        Raises:
            NotFound: no such schedule.
            Conflict: the service is closing, or the schedule is out of use.
        """
        entry = await self.rota.find(schedule_id)
        self._usable(entry)
        self._host.check_open()
        schedule, now = entry.schedule, self.desk.clock.utc()
        await self._store.audit(actor, "run schedule now", schedule.id)
        if not await self.desk.book.claim(
            schedule.id, now, node=self.desk.node, manual=True
        ):
            raise Conflict(f"schedule {schedule.id} is being run already")
        self._start(schedule, now, actor)

    def _start(self, schedule: Schedule, due_utc: datetime, actor: str) -> None:
        work = see_through(
            self.desk,
            schedule.id,
            due_utc,
            lambda: self.fire(schedule, due_utc, actor=actor),
        )
        self._host.start(work, f"run-now-{schedule.id}")

    async def fire(
        self, schedule: Schedule, due_utc: datetime, *, actor: str | None = None
    ) -> str:
        """Plan where needed, check, launch: one occurrence that is claimed here.

        The works of one occurrence do not wait for each other.

        Raises:
            NotFound: the schedule was deleted meanwhile.
            Conflict: none of its works could be launched, with the reasons.
        """
        entry = await self.rota.find(schedule.id)
        self._usable(entry)
        token = LaunchToken(self.desk, schedule, due_utc)
        outcomes: dict[PlanKind, str] = {}
        failed: set[PlanKind] = set()
        who = actor or f"schedule {schedule.id}"

        async def one(kind: PlanKind) -> None:
            try:
                outcomes[kind] = await self._launch(entry, kind, who, token)
            except PatrolError as e:
                failed.add(kind)
                outcomes[kind] = f"{kind} refused: {e}"

        log.info("schedule %s of %s fires", schedule.id, due_utc)
        async with asyncio.TaskGroup() as group:
            for kind in schedule.work:
                group.create_task(one(kind), name=f"fire-{schedule.id}-{kind}")
        text = "; ".join(outcomes[k] for k in schedule.work)
        if failed and len(failed) == len(schedule.work):
            raise Conflict(text)
        return text

    @staticmethod
    def order_of(entry: Entry, kind: PlanKind) -> PlanOrder:
        """What is planned for a schedule."""
        return PlanOrder(
            mission_id=entry.mission_id,
            kind=kind,
            announcement=entry.schedule.announcement,
        )

    async def plan_of(self, entry: Entry, kind: PlanKind) -> PlanId | None:
        """The plan that is there for a schedule's work, if any."""
        return await self._planner.stored(self.order_of(entry, kind))

    async def _launch(
        self, entry: Entry, kind: PlanKind, who: str, token: LaunchToken
    ) -> str:
        order = self.order_of(entry, kind)
        plan_id = await self._planner.stored(order) or await self._made(order)
        await token.take()
        state = await self._runs.launch(
            LaunchOrder(
                plan_id=plan_id,
                actor=who,
                authority=entry.schedule.authority,
                schedule_id=entry.schedule.id,
            )
        )
        return f"{kind} launched as {state.id}"

    async def _made(self, order: PlanOrder) -> PlanId:
        job = await self._planner.wait(self._planner.submit(order).job_id)
        if job.state is not JobState.DONE or job.plan_id is None:
            raise Conflict(f"no {order.kind} plan: {job.text}")
        return job.plan_id

    async def found(self, occurrence: Occurrence) -> str | None:
        """What a launch that was begun came to: the runs that are on record."""
        since = (occurrence.claimed_utc or occurrence.due_utc) - timedelta(seconds=1)
        runs = [
            f"launched as {r.id}"
            for r in await self._store.runs(limit=RUNS_SEARCHED)
            if r.schedule_id == occurrence.schedule_id and r.created_utc >= since
        ]
        return "; ".join(runs) or None
