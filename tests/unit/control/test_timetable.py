import importlib.util
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from patrolctl import durable
from patrolctl.control.announcing.library import Library
from patrolctl.control.live.jobs import JobState, PlanJob
from patrolctl.control.running.runs import Runs
from patrolctl.control.schedules.occurring import Desk
from patrolctl.control.schedules.rota import Almanac
from patrolctl.control.schedules.timetable import Timetable
from patrolctl.domain.brief import OccurrenceState, Schedule
from patrolctl.domain.errors import Conflict, InputError, NotFound
from patrolctl.domain.ids import AnnouncementId, PlanId, ScheduleId
from patrolctl.domain.plan import PlanKind
from patrolctl.domain.violation import Violation
from patrolctl.formats.calendar import IcsFormat

_SPEC = importlib.util.spec_from_file_location(
    "memory_book", Path(__file__).parents[2] / "memory_book.py"
)
memory_book = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(memory_book)

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


async def fire(table, schedule):
    """As the ticker does it: claimed first."""
    now = table.desk.clock.utc()
    await table.desk.book.claim(schedule.id, now, node="n1/1")
    return await table.fire(schedule, now)


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
                Desk(memory_book.MemoryBook(kit.clock), "n1/1", kit.clock),
                store=kit.store,
                almanac=Almanac(durable, IcsFormat()),
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
        outcome = await fire(table, DAILY)
        assert outcome.startswith("drone launched as run-")
        assert "; loop launched as run-" in outcome
        assert {s.schedule_id for s in runs.under_way} == {"daily"}
        assert {s.authority for s in runs.under_way} == {"order 7"}
        await kit.until(lambda: not runs.under_way)
        await fire(table, DAILY)
        assert planner.made == [PlanKind.DRONE, PlanKind.LOOP]  # once, then reused
        await kit.until(lambda: not runs.under_way)
        assert len(kit.store.states) == 4


async def test_one_work_that_cannot_be_planned_leaves_the_other(kit, make) -> None:
    plans = both(make)
    del plans[PlanKind.DRONE]
    async with timetable(kit, make, plans) as (table, _, runs):
        outcome = await fire(table, DAILY)
        assert "drone refused: no drone plan: tower too high" in outcome
        assert "loop launched" in outcome
        await kit.until(lambda: not runs.under_way)


async def test_the_gates_refusal_is_the_outcome(kit, make) -> None:
    kit.gate.plan_found = (Violation(None, None, "quiet-hours", "it is night"),)
    async with timetable(kit, make, both(make)) as (table, _, runs):
        with pytest.raises(Conflict, match="it is night"):
            await fire(table, DAILY)
        assert not runs.under_way


async def test_run_now_is_recorded_with_its_outcome(kit, make) -> None:
    async with timetable(kit, make, both(make)) as (table, _, runs):
        await table.run_now("daily", "li")
        with pytest.raises(Conflict, match="already"):
            await table.run_now("daily", "li")
        await kit.until(lambda: bool(runs.under_way))
        await kit.until(lambda: not runs.under_way)
        (seen,) = await table.desk.book.recent(ScheduleId("daily"))
        assert "launched as" in seen.outcome
        assert (seen.state, seen.manual) == (OccurrenceState.DONE, True)
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


NEW = replace(DAILY, id=ScheduleId("evening"), rrule="FREQ=DAILY;BYHOUR=18")


async def test_schedules_are_made_changed_and_deleted_here(kit, make) -> None:
    async with timetable(kit, make, {}) as (table, _, _):
        told = []
        table.changed = lambda: told.append(1)
        await table.create("yard", NEW, "li")
        with pytest.raises(Conflict, match="exists already"):
            await table.create("yard", NEW, "li")
        assert {s.id for s in (await table.watched())[0]} == {"daily", "evening"}
        await table.change("daily", replace(DAILY, rrule="FREQ=WEEKLY"), "li")
        views = {v.id: v for v in await table.views()}
        assert (views["daily"].rrule, views["daily"].source) == (
            "FREQ=WEEKLY",
            "service",
        )
        await table.delete("daily", "li")
        await table.delete("evening", "li")
        assert await table.views() == ()
        with pytest.raises(NotFound):
            await table.delete("daily", "li")
        with pytest.raises(NotFound):
            await fire(table, DAILY)
        assert len(told) == 4
        actions = [action for _, action, _ in kit.store.log]
        assert actions == ["create schedule", "change schedule"] + 2 * [
            "delete schedule"
        ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"},
            "schedule evening: FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30 from"
            " 2026-01-01 08:00 never occurs; a rule with at least one occurrence",
        ),
        (
            {"rrule": "FREQ=DAILY;UNTIL=20251231T000000Z"},
            "never occurs",
        ),
        (
            {
                "start_local": datetime.fromisoformat("2020-01-01"),
                "rrule": "FREQ=DAILY;COUNT=2",
            },
            "does not occur any more after 2026-01-01; a time to come",
        ),
        ({"announcement": "b"}, "announcement b: does not exist"),
        ({"time_zone": "Mars/Olympus"}, "time_zone is 'Mars/Olympus'"),
        ({"holidays": ("cn",)}, "there is no holiday list cn"),
        ({"late_s": -1.0}, "late_s is -1; 0 to 86400 s"),
        ({"work": ()}, "has no work; drone, loop or both"),
    ],
)
async def test_what_could_never_run_is_refused_in_one_line(
    kit, make, changes, line
) -> None:
    async with timetable(kit, make, {}) as (table, _, _):
        with pytest.raises(InputError) as refused:
            await table.create("yard", replace(NEW, **changes), "li")
        assert line in str(refused.value)
        assert len(str(refused.value).splitlines()) == 1
        assert [v.id for v in await table.views()] == ["daily"]


async def test_a_schedule_of_a_site_that_is_gone_says_so(kit, make) -> None:
    async with timetable(kit, make, {}) as (table, _, runs):
        await table.create("yard", NEW, "li")
        del table._library.briefs["yard"]
        (view,) = await table.views()
        gone = "its mission yard (and site) does not exist any more"
        assert (view.fault, view.enabled, view.next_utc) == (gone, False, ())
        assert (await table.watched())[0] == []
        with pytest.raises(Conflict, match=r"schedule evening: its mission yard"):
            await table.run_now("evening", "li")
        with pytest.raises(NotFound, match="mission yard"):
            await table.change("evening", NEW, "li")
        await table.delete("evening", "li")
        assert not runs.under_way


async def test_holidays_are_left_out(kit, make) -> None:
    async with timetable(kit, make, {}) as (table, _, _):
        days = (date(2026, 1, 2), date(2026, 1, 3))
        await table.set_holidays("cn", days, "li")
        await table.create("yard", replace(NEW, holidays=("cn",)), "li")
        view = await table.view("evening", count=2)
        shanghai = [d + timedelta(hours=8) for d in view.next_utc]
        assert [d.day for d in shanghai] == [1, 4]
        assert view.except_dates == ()
        with pytest.raises(Conflict, match="evening names cn"):
            await table.set_holidays("cn", (), "li")


@pytest.mark.parametrize("run", [True, False])
async def test_the_operator_answers_a_question_once(kit, make, run: bool) -> None:
    async with timetable(kit, make, both(make)) as (table, _, runs):
        book, due = table.desk.book, kit.clock.utc() - timedelta(hours=2)
        await book.claim("daily", due, node="n1/0")
        (known,) = await book.unfinished()
        await book.change(known, OccurrenceState.ASKING, outcome="missed by 7200 s")
        (question,) = await table.questions()
        assert (question.text, question.mission_id) == ("missed by 7200 s", "yard")
        await table.answer("daily", due, "li", run=run)
        with pytest.raises(NotFound):
            await table.answer("daily", due, "wu", run=run)
        if run:
            await kit.until(lambda: bool(runs.under_way))
            await kit.until(lambda: not runs.under_way)
            await kit.clock.advance(1.0)
        seen = await book.occurrence("daily", due)
        expected = "drone launched as" if run else "skipped: let go by li"
        assert seen.outcome.startswith(expected)
        assert not await table.questions()
