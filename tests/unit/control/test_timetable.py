from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

import pytest

from patrolctl.control.jobs import JobState, PlanJob
from patrolctl.control.library import Library
from patrolctl.control.runs import Runs
from patrolctl.control.timetable import Timetable
from patrolctl.domain.brief import Schedule
from patrolctl.domain.errors import Conflict, InputError, NotFound
from patrolctl.domain.ids import AnnouncementId, PlanId, ScheduleId
from patrolctl.domain.plan import PlanKind
from patrolctl.domain.violation import Violation

DAILY = Schedule(
    ScheduleId("daily"),
    AnnouncementId("a"),
    (PlanKind.DRONE, PlanKind.LOOP),
    "FREQ=DAILY",
    datetime.fromisoformat("2026-01-01T08:00"),
    "Asia/Shanghai",
    authority="order 7",
)


class FakePlanner:
    """Makes the plan that the test put under the kind."""

    def __init__(self, store, plans) -> None:
        self.store, self.plans = store, plans
        self.made: list[PlanKind] = []

    async def stored(self, order):
        known = f"plan-{order.kind}"
        return PlanId(known) if known in self.store.plans_by_id else None

    def submit(self, order):
        self.made.append(order.kind)
        return PlanJob(f"job-{order.kind}", order)

    async def wait(self, job_id):
        kind = PlanKind(job_id.removeprefix("job-"))
        job = PlanJob(job_id, None, state=JobState.DONE, plan_id=f"plan-{kind}")
        if kind not in self.plans:
            return replace(job, state=JobState.FAILED, text="tower too high")
        self.store.plans_by_id[f"plan-{kind}"] = self.plans[kind]
        return job


@asynccontextmanager
async def timetable(kit, make, plans, *schedules):
    kit.brief = replace(kit.brief, schedules=schedules or (DAILY,))
    library = Library({"yard": kit.brief}, make.synthesizer())
    await library.render_all()
    planner = FakePlanner(kit.store, plans)
    async with kit.open():
        runs = Runs(kit.fleet, library, kit.services)
        async with runs.open():
            table = Timetable(
                library,
                planner,
                runs,
                kit.store,
                kit.clock,
                preview=lambda s, after, count: (after,) * count,
            )
            async with table.open():
                yield table, planner, runs


def both(make):
    return {
        PlanKind.DRONE: make.plan(make.copter("s1", 1)),
        PlanKind.LOOP: make.plan(make.rover("loop", 1), kind=PlanKind.LOOP),
    }


async def test_an_occurrence_plans_checks_and_launches_both(kit, make) -> None:
    async with timetable(kit, make, both(make)) as (table, planner, runs):
        outcome = await table.fire(DAILY, kit.clock.utc())
        assert outcome.startswith("drone launched as run-")
        assert "; loop launched as run-" in outcome
        assert {s.schedule_id for s in runs.under_way} == {"daily"}
        assert {s.authority for s in runs.under_way} == {"order 7"}
        await kit.until(lambda: not runs.under_way)
        await table.fire(DAILY, kit.clock.utc())
        assert planner.made == [PlanKind.DRONE, PlanKind.LOOP]  # once, then reused
        await kit.until(lambda: not runs.under_way)
        assert len(kit.store.states) == 4


async def test_one_work_that_cannot_be_planned_leaves_the_other(kit, make) -> None:
    plans = both(make)
    del plans[PlanKind.DRONE]
    async with timetable(kit, make, plans) as (table, _, runs):
        outcome = await table.fire(DAILY, kit.clock.utc())
        assert "drone refused: no drone plan: tower too high" in outcome
        assert "loop launched" in outcome
        await kit.until(lambda: not runs.under_way)


async def test_the_gates_refusal_is_the_outcome(kit, make) -> None:
    kit.gate.plan_found = (Violation(None, None, "quiet-hours", "it is night"),)
    async with timetable(kit, make, both(make)) as (table, _, runs):
        with pytest.raises(Conflict, match="it is night"):
            await table.fire(DAILY, kit.clock.utc())
        assert not runs.under_way


async def test_run_now_is_recorded_with_its_outcome(kit, make) -> None:
    async with timetable(kit, make, both(make)) as (table, _, runs):
        await table.run_now("daily", "li")
        with pytest.raises(Conflict, match="already"):
            await table.run_now("daily", "li")
        await kit.until(lambda: bool(runs.under_way))
        await kit.until(lambda: not runs.under_way)
        (outcome,) = kit.store.claims.values()
        assert "launched as" in outcome
        assert ("li", "run schedule now", "daily") in kit.store.log
        with pytest.raises(NotFound):
            await table.run_now("hourly", "li")


async def test_pause_is_kept_and_shown(kit, make) -> None:
    async with timetable(kit, make, {}) as (table, _, _):
        await table.pause("daily", "li", paused=True)
        (view,) = await table.views(count=2)
        assert not view.enabled
        assert len(view.next_utc) == 2


async def test_two_schedules_of_one_name(kit, make) -> None:
    with pytest.raises(BaseExceptionGroup) as refused:
        async with timetable(kit, make, {}, DAILY, DAILY):
            pass
    assert refused.group_contains(InputError, match="an id of its own")
