"""What runs missed, followed until it is reached: offered, flown, closed."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from patrolctl.clock import Clock
from patrolctl.control.aftermath.alerts import Bulletin
from patrolctl.control.announcing.library import Library
from patrolctl.control.conditions.exposure import Ledger
from patrolctl.control.live.broadcast import Listener
from patrolctl.control.live.hosting import TaskHost
from patrolctl.control.live.jobs import JobState, PlanJob, PlanOrder
from patrolctl.control.planning.planner import Planner
from patrolctl.control.running.runs import LaunchOrder, Runs
from patrolctl.domain.alerts import AlertKind
from patrolctl.domain.errors import Conflict, NotFound, PatrolError
from patrolctl.domain.evidence import Evidence
from patrolctl.domain.gaps import (
    FollowUp,
    Gap,
    GapDeed,
    GapState,
    GapStep,
    Missing,
    Rerun,
)
from patrolctl.domain.ids import PlanId, RunId
from patrolctl.domain.plan import Plan
from patrolctl.domain.run import ENDED, RunState
from patrolctl.evidence import RunRecord, missing_of, still_missing
from patrolctl.ports import AftermathStore, Store

log = logging.getLogger(__name__)

SERVICE = "service"
LATEST = 200  # runs looked through after a restart
PLAN_S = 20.0  # for the plan of a rest, as for any other
Policy = Callable[[str], Awaitable[Rerun]]


async def offer(schedule_id: str) -> Rerun:
    """The default policy: people decide."""
    del schedule_id
    return Rerun.OFFER


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a gap is known by: the books, the plans, the runs.

    ``ours`` tells whether a run was this node's, of several on one store.
    """

    library: Library
    planner: Planner
    runs: Runs
    store: Store
    aftermath: AftermathStore
    ours: Callable[[RunState], bool] = lambda _: True


class Gaps:
    """Follows each run's evidence up.

    Args:
        shelf: the service's parts.
        ledger: is told what each run sounded.
        bulletin: is told of what opened and closed.
        clock: the time.
        policy: what a schedule allows to be done with its gaps by itself.
        habits: how long late reports are waited for.
    """

    def __init__(
        self,
        shelf: Shelf,
        ledger: Ledger,
        bulletin: Bulletin,
        clock: Clock,
        *,
        policy: Policy = offer,
        habits: FollowUp | None = None,
    ) -> None:
        self._habits = habits or FollowUp()
        self._by = shelf
        self._ledger = ledger
        self._bulletin = bulletin
        self._clock = clock
        self._policy = policy
        self._host = TaskHost()
        self._order = asyncio.Lock()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Gaps"]:
        """Follow up what was proved before and what will be."""
        async with self._host.open():
            with self._by.runs.proved.listen() as proved:
                self._host.start(self._follow(proved), "gaps")
                yield self

    async def _follow(self, proved: Listener[Evidence]) -> None:
        await self._catch_up()
        async for evidence in proved:
            await self._guarded(evidence)

    async def _catch_up(self) -> None:
        """Runs that were proved and not followed up before a restart."""
        done = await self._by.aftermath.followed()
        for state in reversed(await self._by.store.runs(limit=LATEST)):
            if state.phase not in ENDED or state.id in done:
                continue
            try:
                evidence = await self._by.store.evidence(state.id)
            except NotFound:
                continue
            await self._guarded(evidence)
        await self._wait_on()

    async def _wait_on(self) -> None:
        """Re-runs that waited for late reports when an earlier process ended."""
        for gap in await self._by.aftermath.gaps(limit=1000):
            if gap.state is GapState.CLOSED or gap.schedule_id is None:
                continue
            state = await self._by.runs.state(gap.id)
            if self._by.ours(state):
                await self._as_allowed(gap, state)

    async def _guarded(self, evidence: Evidence) -> None:
        try:
            await self.follow_up(evidence)
        except PatrolError as e:
            log.warning("not followed up: %s", e, extra={"run": evidence.run_id})

    # -- after each run

    async def follow_up(self, evidence: Evidence) -> None:
        """Ledger, gaps and what a schedule allows; again is harmless.

        Raises:
            NotFound, StoreFailed: plan or site are gone; the books failed.
        """
        plan = await self._by.store.plan(PlanId(evidence.plan_id))
        state = await self._by.runs.state(evidence.run_id)
        await self._note_exposure(evidence, plan)
        async with self._order:
            await self._shrink(evidence, plan)
            opened = await self._open_gap(evidence, plan, state)
        await self._by.aftermath.mark_followed(evidence.run_id)
        if opened is not None and opened.schedule_id is not None:
            await self._as_allowed(opened, state)

    async def _note_exposure(self, evidence: Evidence, plan: Plan) -> None:
        store = self._by.store
        record = RunRecord(
            run_id=evidence.run_id,
            plan_id=PlanId(evidence.plan_id),
            plan=plan,
            tracks=await store.track(evidence.run_id),
            playbacks=await store.playbacks(evidence.run_id),
            loops_completed=evidence.summary.loops_completed,
            created_utc=evidence.created_utc,
        )
        await self._ledger.note(record, self._by.library.site_of(plan))

    async def _shrink(self, evidence: Evidence, plan: Plan) -> None:
        """Take from every gap of the site and message what was reached now."""
        for gap in await self._by.aftermath.gaps(limit=1000):
            same = (gap.site_id, gap.announcement) == _about(plan)
            if gap.state is GapState.CLOSED or not same:
                continue
            first = await self._by.store.plan(gap.plan_id)
            homes = {str(r.id): r.household for r in first.receivers if r.household}
            left = still_missing(gap.missing, evidence, homes)
            got = len(gap.missing.receivers) - len(left.receivers)
            if not got:
                continue
            step = self._step(
                SERVICE,
                GapDeed.REACHED,
                f"{got} more receivers reached, {len(left.receivers)} missing still",
                run_id=evidence.run_id,
            )
            gap = gap.after(step, missing=left)  # noqa: PLW2901 - the gap after it
            if left.receivers:
                await self._keep(gap)
            else:
                await self._closed(gap, SERVICE, f"all reached by {evidence.run_id}")

    async def _open_gap(
        self, evidence: Evidence, plan: Plan, state: RunState
    ) -> Gap | None:
        missed = missing_of(evidence)
        if not missed.receivers or await self._of(evidence.run_id, plan) is not None:
            return None
        site_id, announcement = _about(plan)
        text = _missed_text(missed)
        gap = Gap(
            id=evidence.run_id,
            site_id=site_id,
            plan_id=PlanId(evidence.plan_id),
            kind=plan.kind,
            announcement=announcement,
            opened_utc=self._clock.utc(),
            missed=missed,
            missing=missed,
            steps=(self._step(SERVICE, GapDeed.OPENED, text),),
            schedule_id=state.schedule_id,
        )
        await self._keep(gap)
        about = f"{evidence.run_id} missed {text}"
        await self._bulletin.of_gap(gap, AlertKind.GAP_OPENED, about)
        return gap

    async def _of(self, run_id: RunId, plan: Plan) -> Gap | None:
        """The gap that a run opened, or that it was flown for."""
        for root in (run_id, plan.parent_run):
            if root is not None:
                try:
                    return await self._by.aftermath.gap(root)
                except NotFound:
                    continue
        return None

    async def _as_allowed(self, gap: Gap, state: RunState) -> None:
        """What the schedule allows without a person, later."""
        if await self._policy(gap.schedule_id or "") is not Rerun.LAUNCH:
            return
        if any(s.actor == _schedule(gap) for s in gap.steps):
            return  # once, also across restarts
        waiting = self._rerun_later(gap, state)
        self._host.start(waiting, f"rerun-later-{gap.id}")

    async def _rerun_later(self, gap: Gap, state: RunState) -> None:
        """Wait for late reports, look again, and fly what is missing still."""
        ended = state.ended_utc or state.created_utc
        since_s = (self._clock.utc() - ended).total_seconds()
        grace_s = self._habits.grace_s
        await self._clock.sleep(min(grace_s, max(0.0, grace_s - since_s)))
        try:
            if await self._begin_by_itself(gap.id):
                who = _schedule(gap)
                await self.rerun(gap.id, who, launch=True, authority=state.authority)
        except PatrolError as e:
            log.warning("not flown again: %s", e, extra={"run": gap.id})

    async def _begin_by_itself(self, gap_id: RunId) -> bool:
        """Write down that it is done, before it is: it is not done twice."""
        async with self._order:
            gap = await self._by.aftermath.gap(gap_id)
            allowed = await self._policy(gap.schedule_id or "") is Rerun.LAUNCH
            if gap.state is GapState.CLOSED or not allowed:
                return False
            text = (
                f"late reports have had {self._habits.grace_s:.0f} s;"
                f" {_missed_text(gap.missing)} are missing still"
            )
            await self._keep(gap.after(self._step(_schedule(gap), GapDeed.NOTED, text)))
            return True

    # -- what people do

    async def gap(self, run_id: RunId) -> Gap:
        """The gap of a run, or of the run whose rest it flew; raises NotFound."""
        state = await self._by.runs.state(run_id)
        found = await self._of(run_id, await self._by.store.plan(state.plan_id))
        if found is None:
            raise NotFound("gap of run", run_id)
        return found

    async def acknowledge(self, run_id: RunId, actor: str, text: str) -> Gap:
        """Somebody has seen it; said again, it is a note.

        Raises:
            NotFound: there is no such gap.
            Conflict: it is closed.
        """
        async with self._order:
            gap = self._insist_open(await self.gap(run_id))
            first = gap.state is GapState.OPEN
            deed = GapDeed.ACKNOWLEDGED if first else GapDeed.NOTED
            gap = gap.after(self._step(actor, deed, text), state=GapState.ACKNOWLEDGED)
            await self._by.store.audit(actor, f"gap {deed}", f"{gap.id}: {text}")
            await self._keep(gap)
            return gap

    async def close(self, run_id: RunId, actor: str, reason: str) -> Gap:
        """Somebody saw to it otherwise, and says how.

        Raises:
            NotFound: there is no such gap.
            Conflict: it is closed already.
        """
        async with self._order:
            gap = self._insist_open(await self.gap(run_id))
            await self._by.store.audit(actor, "gap closed", f"{gap.id}: {reason}")
            return await self._closed(gap, actor, reason)

    async def rerun(
        self,
        run_id: RunId,
        actor: str,
        *,
        launch: bool = False,
        authority: str | None = None,
    ) -> PlanJob:
        """Have what is missing planned, and launched if that is asked for.

        Returns:
            The planning job; its plan is the offer.

        Raises:
            NotFound: the run missed nothing that could be reached.
            Conflict: somebody has reached it meanwhile, or its schedule has
                re-runs off.
        """
        gap = self._insist_open(await self.gap(run_id))
        if gap.schedule_id and await self._policy(gap.schedule_id) is Rerun.OFF:
            raise Conflict(f"schedule {gap.schedule_id} has its runs not flown again")
        plan = await self._by.store.plan(gap.plan_id)
        order = PlanOrder(
            mission_id=self._mission_of(plan),
            kind=plan.kind,
            announcement=plan.announcement.id,
            rerun_of=gap.id,
            time_limit_s=PLAN_S,
        )
        verb = "rerun and launch" if launch else "rerun"
        await self._by.store.audit(actor, verb, f"what {gap.id} missed")
        job = self._by.planner.submit(order)
        todo = self._see_through(gap.id, job, actor, (launch, authority))
        self._host.start(todo, f"rerun-{gap.id}")
        return job

    def _mission_of(self, plan: Plan) -> str:
        fitting = [
            (name, brief)
            for name, brief in self._by.library.briefs.items()
            if brief.site.sha256 == plan.site_sha256
        ]
        for name, brief in fitting:
            if any(a.id == plan.announcement.id for a in brief.announcements):
                return name
        if not fitting:
            raise NotFound("mission with site", plan.site_sha256[:12])
        return fitting[0][0]

    async def _see_through(
        self, gap_id: RunId, job: PlanJob, actor: str, do: tuple[bool, str | None]
    ) -> None:
        done = await self._by.planner.wait(job.job_id)
        if done.state is not JobState.DONE or done.plan_id is None:
            text = f"no plan for the rest: {done.text}"
            await self._noted(gap_id, self._step(actor, GapDeed.NOTED, text))
            return
        text = f"{done.plan_id} is for the rest"
        step = self._step(actor, GapDeed.PLANNED, text, plan_id=done.plan_id)
        await self._noted(gap_id, step)
        launch, authority = do
        if launch:
            await self._launch(gap_id, done.plan_id, actor, authority)

    async def _launch(
        self, gap_id: RunId, plan_id: PlanId, actor: str, authority: str | None
    ) -> None:
        try:
            state = await self._by.runs.launch(
                LaunchOrder(plan_id=plan_id, actor=actor, authority=authority)
            )
        except PatrolError as e:
            text = f"not launched: {e}".replace("\n", "; ")
            step = self._step(actor, GapDeed.NOTED, text, plan_id=plan_id)
        else:
            text = f"{state.id} flies the rest"
            step = self._step(actor, GapDeed.LAUNCHED, text, run_id=state.id)
        await self._noted(gap_id, step)

    # -- the books

    def _step(
        self,
        actor: str,
        deed: GapDeed,
        text: str,
        *,
        run_id: RunId | None = None,
        plan_id: PlanId | None = None,
    ) -> GapStep:
        return GapStep(self._clock.utc(), actor, deed, text, run_id, plan_id)

    async def _noted(self, gap_id: RunId, step: GapStep) -> None:
        async with self._order:
            gap = await self._by.aftermath.gap(gap_id)
            await self._keep(gap.after(step))

    async def _closed(self, gap: Gap, actor: str, reason: str) -> Gap:
        step = self._step(actor, GapDeed.CLOSED, reason)
        gap = gap.after(step, state=GapState.CLOSED)
        await self._keep(gap)
        text = f"what {gap.id} missed: {reason}"
        await self._bulletin.of_gap(gap, AlertKind.GAP_CLOSED, text)
        return gap

    async def _keep(self, gap: Gap) -> None:
        await self._by.aftermath.save_gap(gap)
        await self._bulletin.gap(gap)

    @staticmethod
    def _insist_open(gap: Gap) -> Gap:
        if gap.state is GapState.CLOSED:
            raise Conflict(f"the gap of {gap.id} is closed: nothing is missing")
        return gap


def _schedule(gap: Gap) -> str:
    """Who does what nobody does."""
    return f"schedule {gap.schedule_id}"


def _about(plan: Plan) -> tuple[str, str]:
    """Site and announcement."""
    return plan.site_id or plan.site_sha256, plan.announcement.id


def _missed_text(missed: Missing) -> str:
    homes = len(missed.households)
    people = f" of {homes} households" if homes else ""
    return f"{len(missed.receivers)} receivers{people}"
