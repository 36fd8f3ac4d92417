"""A mission's schedule fires a run at its time in its time zone."""

import asyncio
import importlib.util
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from patrolctl.clock import ManualClock
from patrolctl.control.library import Library
from patrolctl.control.planner import Planner, content_key
from patrolctl.control.runs import Runs
from patrolctl.control.timetable import Timetable
from patrolctl.domain.brief import Schedule
from patrolctl.domain.ids import AnnouncementId, PlanId, ScheduleId
from patrolctl.domain.plan import PlanKind
from patrolctl.durable import Ticker, next_occurrences
from patrolctl.store import open_store

_SPEC = importlib.util.spec_from_file_location(
    "control_fakes", Path(__file__).parents[1] / "control" / "conftest.py"
)
fakes = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(fakes)

MIDNIGHT = Schedule(
    ScheduleId("midnight"),
    AnnouncementId("a"),
    (PlanKind.DRONE,),
    "FREQ=DAILY",
    datetime.fromisoformat("2026-01-01T00:00"),
    "Asia/Shanghai",
    authority="order 7",
)


async def test_midnight_in_shanghai(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2026, 1, 4, 15, 59, 30, tzinfo=UTC))
    kit = fakes.Kit(clock=clock)
    kit.brief = replace(kit.brief, schedules=(MIDNIGHT,))
    async with open_store(tmp_path / "p.db", clock) as store, kit.open():
        kit.services = replace(kit.services, store=store, feed=fakes.LiveFeed(store))
        library = Library({"yard": kit.brief}, fakes.FakeSynthesizer())
        planner = Planner(library, store, kit.services.feed, clock)
        runs = Runs(kit.fleet, library, kit.services)
        table = Timetable(
            library, planner, runs, store, clock, preview=next_occurrences
        )
        plan = fakes.make_plan(fakes.copter_sortie("s1", 1))
        order = table.order_of(MIDNIGHT, PlanKind.DRONE)
        key = content_key(await planner.work_of(order))
        await store.save_plan(PlanId("p1"), plan, key=key)
        ticker = Ticker(table.schedules, store, clock, table.fire)
        async with asyncio.TaskGroup() as group, runs.open():
            ticking = group.create_task(ticker.run(), name="ticker")
            await kit.until(lambda: bool(runs.under_way), limit_s=120)
            (run,) = runs.under_way
            due = datetime(2026, 1, 4, 16, 0, tzinfo=UTC)
            assert 0.0 <= (run.created_utc - due).total_seconds() < 20.0
            assert (run.schedule_id, run.authority) == ("midnight", "order 7")
            await kit.until(lambda: not runs.under_way)
            ticking.cancel()
        (seen, *_) = await store.occurrences(MIDNIGHT.id)
        assert (seen.due_utc, seen.outcome) == (due, f"drone launched as {run.id}")
        assert (await store.run(run.id)).phase == "FINISHED"
