"""Schedules as the operator sees them, and what an occurrence does."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from patrolctl.clock import Clock
from patrolctl.control.hosting import TaskHost
from patrolctl.control.jobs import JobState, PlanOrder
from patrolctl.control.library import Library
from patrolctl.control.planner import Planner
from patrolctl.control.runs import LaunchOrder, Runs
from patrolctl.domain.brief import Occurrence, Schedule
from patrolctl.domain.errors import Conflict, InputError, NotFound, PatrolError
from patrolctl.domain.ids import PlanId, ScheduleId
from patrolctl.domain.plan import PlanKind
from patrolctl.ports import Store

log = logging.getLogger(__name__)

Preview = Callable[[Schedule, datetime, int], tuple[datetime, ...]]


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """A schedule as it is shown; ``time_zone`` is the rule's."""

    id: ScheduleId
    rrule: str
    time_zone: str
    enabled: bool
    announcement: str
    work: tuple[PlanKind, ...]
    mission_id: str
    next_utc: tuple[datetime, ...]
    recent: tuple[Occurrence, ...]


class Timetable:
    """All schedules of all missions.

    Args:
        library: the missions.
        planner: makes the plans that are not there yet.
        runs: launches them.
        store: remembers what is paused.
        clock: the time.
        preview: tells the next occurrences of a schedule.
    """

    def __init__(
        self,
        library: Library,
        planner: Planner,
        runs: Runs,
        store: Store,
        clock: Clock,
        *,
        preview: Preview,
    ) -> None:
        self._planner = planner
        self._runs = runs
        self._store = store
        self._clock = clock
        self._preview = preview
        self._host = TaskHost()
        self._schedules: dict[str, tuple[str, Schedule]] = {}
        for mission_id, brief in library.briefs.items():
            for schedule in brief.schedules:
                if schedule.id in self._schedules:
                    other = self._schedules[schedule.id][0]
                    raise InputError.one(
                        f"mission {mission_id}",
                        f"schedule {schedule.id} exists in mission {other} too",
                        "an id of its own",
                    )
                self._schedules[schedule.id] = (mission_id, schedule)

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """All of them."""
        return tuple(s for _, s in self._schedules.values())

    def _find(self, schedule_id: str) -> tuple[str, Schedule]:
        try:
            return self._schedules[schedule_id]
        except KeyError:
            raise NotFound("schedule", schedule_id) from None

    async def views(self, *, count: int = 5) -> tuple[ScheduleView, ...]:
        """All schedules with their next and latest occurrences."""
        paused = await self._store.paused_schedules()
        now = self._clock.utc()
        return tuple(
            [
                ScheduleView(
                    id=s.id,
                    rrule=s.rrule,
                    time_zone=s.time_zone,
                    enabled=s.enabled and s.id not in paused,
                    announcement=s.announcement,
                    work=s.work,
                    mission_id=mission_id,
                    next_utc=self._preview(s, now, count),
                    recent=await self._store.occurrences(s.id, limit=count),
                )
                for mission_id, s in self._schedules.values()
            ]
        )

    async def pause(self, schedule_id: str, actor: str, *, paused: bool) -> None:
        """Pause a schedule, or let it go on; raises NotFound."""
        _, schedule = self._find(schedule_id)
        await self._store.pause_schedule(schedule.id, paused=paused)
        verb = "pause" if paused else "resume"
        await self._store.audit(actor, f"{verb} schedule", schedule.id)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Timetable"]:
        """Host what was asked to run now, for as long as the context lasts."""
        async with self._host.open():
            yield self

    async def run_now(self, schedule_id: str, actor: str) -> None:
        """Start what the next occurrence would do; its outcome is recorded.

        Raises:
            NotFound: no such schedule.
            Conflict: the service is closing.
        """
        _, schedule = self._find(schedule_id)
        self._host.check_open()
        now = self._clock.utc()
        await self._store.audit(actor, "run schedule now", schedule.id)
        if not await self._store.claim_occurrence(schedule.id, now):
            raise Conflict(f"schedule {schedule.id} is being run already")
        self._host.start(self._run_now(schedule, now, actor), f"run-now-{schedule.id}")

    async def _run_now(self, schedule: Schedule, now: datetime, actor: str) -> None:
        try:
            outcome = await self.fire(schedule, now, actor=actor)
        except PatrolError as e:
            outcome = f"refused: {e}"
        except Exception as e:
            # The service goes on; the defect is told where the outcome is.
            log.exception("schedule %s", schedule.id)
            outcome = f"defect: {type(e).__name__}: {e}"
        await self._store.note_occurrence(schedule.id, now, outcome)

    async def fire(
        self, schedule: Schedule, due_utc: datetime, *, actor: str | None = None
    ) -> str:
        """Plan where needed, check, launch: one occurrence.

        The works of one occurrence do not wait for each other.

        Raises:
            Conflict: none of its works could be launched, with the reasons.
        """
        outcomes: dict[PlanKind, str] = {}
        failed: set[PlanKind] = set()
        who = actor or f"schedule {schedule.id}"

        async def one(kind: PlanKind) -> None:
            try:
                outcomes[kind] = await self._launch(schedule, kind, who)
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

    def order_of(self, schedule: Schedule, kind: PlanKind) -> PlanOrder:
        """What is planned for a schedule."""
        mission_id, _ = self._find(schedule.id)
        return PlanOrder(
            mission_id=mission_id, kind=kind, announcement=schedule.announcement
        )

    async def _launch(self, schedule: Schedule, kind: PlanKind, who: str) -> str:
        order = self.order_of(schedule, kind)
        plan_id = await self._planner.stored(order) or await self._made(order)
        state = await self._runs.launch(
            LaunchOrder(
                plan_id=plan_id,
                actor=who,
                authority=schedule.authority,
                schedule_id=schedule.id,
            )
        )
        return f"{kind} launched as {state.id}"

    async def _made(self, order: PlanOrder) -> PlanId:
        job = await self._planner.wait(self._planner.submit(order).job_id)
        if job.state is not JobState.DONE or job.plan_id is None:
            raise Conflict(f"no {order.kind} plan: {job.text}")
        return job.plan_id
