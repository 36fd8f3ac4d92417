"""Planning jobs: queued, solved off the event loop, told as they go."""

import asyncio
import hashlib
import logging
import multiprocessing
import os
import signal
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from multiprocessing.connection import Connection

from patrolctl.clock import Clock
from patrolctl.control.announcing.library import Library
from patrolctl.control.live.feed import LiveFeed
from patrolctl.control.live.hosting import TaskHost
from patrolctl.control.live.jobs import JobState, PlanJob, PlanOrder, PlanProblem
from patrolctl.control.planning.planwork import PlanWork, child, problem_of
from patrolctl.control.planning.remaining import Remaining, unknown
from patrolctl.domain.brief import Brief
from patrolctl.domain.errors import Conflict, InputError, NotFound
from patrolctl.domain.ids import PlanId, RunId
from patrolctl.domain.jsondoc import encode
from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.plan import Plan, PlanAnnouncement, PlanKind, Requirement
from patrolctl.domain.site import Site
from patrolctl.domain.sound import Announcement
from patrolctl.planning.progress import PlanProgress
from patrolctl.ports import Store

log = logging.getLogger(__name__)

JOBS_KEPT = 200
# Faults of machine code, of which a second try knows nothing; not the kernel's
# SIGKILL, which a second process would get, too.
CRASHES = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT}
)
WORKERS = 2  # jobs that are solved at a time
Worker = Callable[[Connection, int, PlanWork], None]
KIND_OF = {PlanKind.DRONE: VehicleKind.COPTER, PlanKind.LOOP: VehicleKind.ROVER}


def _requirement(brief: Brief, order: PlanOrder) -> Requirement:
    requirement = brief.requirement
    if order.zone is not None:
        zones = brief.site.zones
        zone = next((z for z in zones if order.zone in {z.id, z.name}), None)
        if zone is None:
            raise NotFound("zone", order.zone)
        requirement = replace(requirement, zone=zone.id)
    if order.window is not None:
        requirement = replace(requirement, window=order.window)
    return requirement


def content_key(work: PlanWork) -> str:
    """Digest of everything that decides the plan (not the time of day)."""
    content = (
        work.kind,
        work.site.sha256,
        work.announcement,
        (work.spectrum_db, work.crest_db),
        tuple(replace(v, endpoint=None, signing_key_file=None) for v in work.fleet),
        work.requirement,
        (work.seed, work.time_limit_s, work.count, work.loops),
        # Airspace closed for a time: the site's digest does not tell it.
        *((n.id, n.area.wkt) for n in work.site.no_fly if n.id.startswith("notice:")),
    )
    if work.only is not None:
        rest = (work.parent_run, sorted(work.only))
        return hashlib.sha256(encode((content, rest))).hexdigest()
    return hashlib.sha256(encode(content)).hexdigest()


class Planner:
    """Runs planning jobs, a few at a time, each in a process of its own.

    Args:
        library: the missions.
        store: where plans go.
        feed: is told of every change of a job.
        clock: stamps the plans.
        worker: the entry of the child process.
        closed: lays airspace that is closed for a time over a site.
    """

    def __init__(
        self,
        library: Library,
        store: Store,
        feed: LiveFeed,
        clock: Clock,
        *,
        worker: Worker = child,
        closed: Callable[[Site], Site] = lambda site: site,
    ) -> None:
        self._closed = closed
        self._library = library
        self._store = store
        self._feed = feed
        self._clock = clock
        self._worker = worker
        self._slots = asyncio.Semaphore(WORKERS)
        self._jobs: dict[str, PlanJob] = {}
        self._doing: dict[str, asyncio.Task[None]] = {}
        self._host = TaskHost()
        # Whom a run for the rest of another is to reach; the composer knows.
        self.remaining: Remaining = unknown

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Planner"]:
        """Host the jobs for as long as the context lasts."""
        async with self._host.open():
            yield self

    # -- jobs

    def job(self, job_id: str) -> PlanJob:
        """One job; raises NotFound."""
        try:
            return self._jobs[job_id]
        except KeyError:
            raise NotFound("job", job_id) from None

    @property
    def jobs(self) -> tuple[PlanJob, ...]:
        """The latest jobs, newest first."""
        return tuple(reversed(self._jobs.values()))

    def submit(self, order: PlanOrder) -> PlanJob:
        """Queue a job.

        Raises:
            NotFound: no such mission, zone or announcement.
            InputError: the mission has no vehicle of the kind, or a field of
                the announcement has no value.
            Conflict: the announcement may not be said now; or the service is
                closing.
        """
        brief = self._library.brief(order.mission_id)
        self._check(brief, order)
        self._host.check_open()
        job = PlanJob(job_id=f"job-{uuid.uuid4().hex[:12]}", order=order)
        self._jobs[job.job_id] = job
        for old in list(self._jobs)[:-JOBS_KEPT]:
            if old not in self._doing:
                del self._jobs[old]
        self._feed.job(job)
        self._doing[job.job_id] = self._host.start(
            self._see_through(job.job_id), job.job_id
        )
        return job

    def stop(self, job_id: str) -> PlanJob:
        """End a job; its process is killed."""
        job = self.job(job_id)
        if job_id not in self._doing:
            raise Conflict(f"job {job_id} is {job.state}")
        self._doing[job_id].cancel()
        return job

    async def wait(self, job_id: str) -> PlanJob:
        """The job once it is done or failed."""
        job = self.job(job_id)
        while job.state in {JobState.QUEUED, JobState.SOLVING}:
            await asyncio.sleep(0.05)  # real time: solvers know no other
            job = self.job(job_id)
        return job

    def _message(self, brief: Brief, order: PlanOrder) -> Announcement:
        return self._library.message(brief, order.announcement, order.fields)

    def _check(self, brief: Brief, order: PlanOrder) -> None:
        if order.rerun_of is None:
            self._message(brief, order)
            _requirement(brief, order)
        kind = KIND_OF[order.kind]
        if not any(v.kind is kind for v in brief.fleet):
            raise InputError.one(
                f"mission {brief.name}",
                f"has no {kind}",
                f"a {order.kind} plan needs one",
            )

    def _update(self, job_id: str, **changes: object) -> None:
        job = replace(self._jobs[job_id], **changes)  # type: ignore[arg-type] # replace() checks the names
        self._jobs[job_id] = job
        self._feed.job(job)

    # -- one job

    async def _see_through(self, job_id: str) -> None:
        try:
            async with self._slots:
                self._update(job_id, state=JobState.SOLVING, text="starting")
                plan_id = await self._plan(job_id, self._jobs[job_id].order)
            self._update(
                job_id,
                state=JobState.DONE,
                plan_id=plan_id,
                progress_ratio=1.0,
                text="done",
            )
        except asyncio.CancelledError:
            self._fail(job_id, PlanProblem("stopped", ("stopped by the operator",)))
            raise
        except JobFailed as e:
            self._fail(job_id, e.problem)
        except Exception as e:
            if problem_of(e).slug == "defect":
                log.exception("planning job %s", job_id)
            self._fail(job_id, problem_of(e))
        finally:
            self._doing.pop(job_id, None)

    def _fail(self, job_id: str, problem: PlanProblem) -> None:
        text = problem.lines[0] if problem.lines else problem.slug
        self._update(job_id, state=JobState.FAILED, text=text, problem=problem)

    async def work_of(self, order: PlanOrder) -> PlanWork:
        """The order with the mission's own values, its clip rendered.

        Raises:
            NotFound, SpeechFailed: as they say.
        """
        brief = self._library.brief(order.mission_id)
        if order.rerun_of is not None:
            return await self._work_of_rest(brief, order, order.rerun_of)
        announcement = self._message(brief, order)
        clip = await self._library.clip_of(announcement)
        return PlanWork(
            kind=order.kind,
            site=self._closed(brief.site),
            announcement=PlanAnnouncement(
                id=announcement.id,
                duration_s=clip.duration_s,
                repeats=announcement.repeats,
                clip_sha256=clip.sha256,
            ),
            spectrum_db=clip.spectrum_db,
            crest_db=clip.crest_db,
            fleet=tuple(v for v in brief.fleet if v.kind is KIND_OF[order.kind]),
            requirement=_requirement(brief, order),
            seed=order.seed,
            time_limit_s=order.time_limit_s,
            created_utc=self._clock.utc(),
            count=order.drones if order.kind is PlanKind.DRONE else order.vehicles,
            loops=order.loops,
        )

    async def _work_of_rest(
        self, brief: Brief, order: PlanOrder, run_id: RunId
    ) -> PlanWork:
        """What a run missed, said as it was said: the same clip and requirement."""
        run = await self._store.run(run_id)
        before = await self._store.plan(run.plan_id)
        return PlanWork(
            kind=before.kind,
            site=self._closed(brief.site),
            announcement=before.announcement,
            spectrum_db=before.announcement.spectrum_db,
            crest_db=before.speaker.crest_db,
            fleet=tuple(v for v in brief.fleet if v.kind is KIND_OF[before.kind]),
            requirement=before.requirement,
            seed=order.seed,
            time_limit_s=order.time_limit_s,
            created_utc=self._clock.utc(),
            count=order.drones if order.kind is PlanKind.DRONE else order.vehicles,
            loops=order.loops,
            only=await self.remaining(run_id),
            parent_run=run_id,
        )

    async def stored(self, order: PlanOrder) -> PlanId | None:
        """The plan that was already made of the same content, if any."""
        return await self._store.plan_of(content_key(await self.work_of(order)))

    async def _plan(self, job_id: str, order: PlanOrder) -> PlanId:
        self._update(job_id, text="rendering the announcement")
        work = await self.work_of(order)
        plan = await self._solved(job_id, work)
        if work.parent_run is not None:
            plan = replace(plan, parent_run=work.parent_run)
        plan_id = PlanId(f"{plan.kind}-{hashlib.sha256(encode(plan)).hexdigest()[:12]}")
        await self._store.save_plan(plan_id, plan, key=content_key(work))
        return plan_id

    async def _solved(self, job_id: str, work: PlanWork) -> Plan:
        """The plan; a solver that crashed gets one more chance, in a new process.

        Raises:
            JobFailed, JobDied: as ``_solve`` does.
        """
        try:
            return await self._solve(job_id, work)
        except JobDied as e:
            if not e.crashed:
                raise
            log.warning("planning job %s: %s; it is begun anew", job_id, e)
            self._update(job_id, text="the solver crashed; once more from the start")
            return await self._solve(job_id, work)

    async def _solve(self, job_id: str, work: PlanWork) -> Plan:
        """Run the child; it is killed when this is cancelled.

        Raises:
            JobFailed: with the planner's problem, or how the child died.
        """
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(
            target=self._worker,
            args=(theirs, os.getpid(), work),
            name=job_id,
            daemon=True,
        )
        process.start()
        theirs.close()
        try:
            while True:
                try:
                    message = await asyncio.to_thread(ours.recv)
                except EOFError:
                    await asyncio.to_thread(process.join, 5.0)
                    raise JobDied(process.exitcode) from None
                if isinstance(message, PlanProgress):
                    self._update(
                        job_id,
                        text=message.text,
                        progress_ratio=message.ratio,
                        incumbent_s=message.incumbent_s,
                        bound_s=message.bound_s,
                    )
                    continue
                if isinstance(message, Plan):
                    return message
                raise JobFailed(message)
        finally:
            process.kill()
            process.join()
            ours.close()


class JobFailed(Exception):
    """The planner told a problem."""

    def __init__(self, problem: PlanProblem) -> None:
        self.problem = problem
        super().__init__("; ".join(problem.lines))


class JobDied(RuntimeError):
    """The planning process ended without an answer."""

    def __init__(self, exit_code: int | None) -> None:
        super().__init__(f"the planning process {_ended(exit_code)}")
        self.crashed = exit_code is not None and -exit_code in CRASHES


def _ended(exit_code: int | None) -> str:
    """How a process ended, in words."""
    if exit_code is not None and exit_code < 0:
        return f"was ended by {signal.Signals(-exit_code).name}"
    return f"ended with {exit_code}"
