"""Plan, launch and wait: what ``demo --headless`` and ``run`` have in common."""

import asyncio
from collections.abc import Callable

from patrolctl.app.compose import Service
from patrolctl.control.live.jobs import JobState, PlanJob, PlanOrder
from patrolctl.control.running.runs import LaunchOrder
from patrolctl.domain.errors import (
    GateRefused,
    InputError,
    LinkFailed,
    NoFeasiblePlan,
    PatrolError,
)
from patrolctl.domain.ids import PlanId, RunId, VehicleId
from patrolctl.domain.machines import LinkState
from patrolctl.domain.run import Phase, RunState

Say = Callable[[str], None]


def _failure(job: PlanJob) -> PatrolError:
    lines = job.problem.lines if job.problem else (job.text,)
    slug = job.problem.slug if job.problem else "defect"
    if slug == "no-feasible-plan":
        return NoFeasiblePlan(lines)
    if slug == "bad-input":
        return InputError.one(f"{job.order.kind} plan", "; ".join(lines))
    if slug == "gate-refused":
        return GateRefused(lines)
    return PatrolError("\n".join(lines))


async def made_plan(service: Service, order: PlanOrder, say: Say) -> PlanId:
    """Plan and wait.

    Raises:
        NoFeasiblePlan, InputError, GateRefused: as the planner told.
    """
    job = service.planner.submit(order)
    said = ""
    while job.state in {JobState.QUEUED, JobState.SOLVING}:
        if job.text != said:
            said = job.text
            say(f"{order.kind} plan: {job.progress_ratio:4.0%} {job.text}")
        await asyncio.sleep(0.1)  # real time: solvers know no other
        job = service.planner.job(job.job_id)
    if job.state is not JobState.DONE or job.plan_id is None:
        raise _failure(job)
    say(f"{order.kind} plan: {job.plan_id}")
    return job.plan_id


async def all_linked(
    service: Service, vehicle_ids: tuple[VehicleId, ...], *, real_s: float = 20.0
) -> None:
    """Wait until the links are live.

    Raises:
        LinkFailed: with the vehicles that were not heard.
    """

    def missing() -> list[str]:
        return [
            v
            for v in vehicle_ids
            if service.fleet.member(v).telemetry.link is not LinkState.LIVE
        ]

    try:
        async with asyncio.timeout(real_s):
            while missing():  # noqa: ASYNC110 - links tell no event before they live
                await asyncio.sleep(0.1)
    except TimeoutError:
        for vehicle_id in missing():
            member = service.fleet.member(VehicleId(vehicle_id))
            where = f"not heard at {member.entry.endpoint} in {real_s:.0f} s"
            why = "; ".join(await member.vehicle.ready())
            raise LinkFailed(vehicle_id, f"{where}: {why}") from None


async def flown(service: Service, order: LaunchOrder, say: Say) -> RunState:
    """Launch and wait until the run has ended and was proved.

    Raises:
        GateRefused, Conflict, VehicleError: it was not launched.
    """
    state = await service.runs.launch(order)
    return await ended(service, state.id, say)


async def ended(service: Service, run_id: RunId, say: Say) -> RunState:
    """Tell the run's facts until it has ended and its evidence is there."""
    told = 0
    while True:
        under_way = any(s.id == run_id for s in service.runs.under_way)
        events = await service.store.run_events(run_id)
        for event in events[told:]:
            who = f" {event.sortie_id}" if event.sortie_id else ""
            say(f"{run_id}{who}: {event.text}")
        told = len(events)
        if not under_way:
            return await service.store.run(run_id)
        await asyncio.sleep(0.2)


def exit_code(*states: RunState) -> int:
    """0 when every run finished, 5 when a vehicle did not do its part."""
    return 0 if all(s.phase is Phase.FINISHED for s in states) else 5
