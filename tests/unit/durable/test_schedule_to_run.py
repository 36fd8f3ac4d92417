"""A mission's schedule fires a run at its time in its time zone."""

import asyncio
import importlib.util
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from patrolctl import durable
from patrolctl.clock import ManualClock
from patrolctl.control.announcing.library import Library
from patrolctl.control.planning.planner import Planner, content_key
from patrolctl.control.running.runs import Runs
from patrolctl.control.schedules.occurring import Desk
from patrolctl.control.schedules.rota import Almanac
from patrolctl.control.schedules.timetable import Timetable
from patrolctl.domain.brief import Schedule
from patrolctl.domain.ids import AnnouncementId, PlanId, ScheduleId
from patrolctl.domain.plan import PlanKind
from patrolctl.durable import Ticker
from patrolctl.formats.calendar import IcsFormat
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
    clock = ManualClock(datetime(2026, 1, 4, 15, 59, 58, tzinfo=UTC))
    kit = fakes.Kit(clock=clock)
    kit.brief = replace(kit.brief, schedules=(MIDNIGHT,))
    async with open_store(tmp_path / "p.db", clock) as store, kit.open():
        kit.services = replace(kit.services, store=store, feed=fakes.LiveFeed(store))
        library = Library({"yard": kit.brief}, fakes.FakeSynthesizer())
        planner = Planner(library, store, kit.services.feed, clock)
        runs = Runs(kit.fleet, library, kit.services)
        desk = Desk(store.schedules, "n1/1", clock)
        table = Timetable(
            library,
            planner,
            runs,
            desk,
            store=store,
            almanac=Almanac(durable, IcsFormat()),
        )
        plan = fakes.make_plan(fakes.copter_sortie("s1", 1))
        entry = await table.rota.find(MIDNIGHT.id)
        order = table.order_of(entry, PlanKind.DRONE)
        key = content_key(await planner.work_of(order))
        await store.save_plan(PlanId("p1"), plan, key=key)
        ticker = Ticker(table.watched, desk, table.fire, table.found)
        async with asyncio.TaskGroup() as group, runs.open():
            ticking = group.create_task(ticker.run(), name="ticker")
            await kit.until(lambda: bool(runs.under_way), limit_s=120, step_s=0.02)
            (run,) = runs.under_way
            due = datetime(2026, 1, 4, 16, 0, tzinfo=UTC)
            assert 0.0 <= (run.created_utc - due).total_seconds() < 20.0
            assert (run.schedule_id, run.authority) == ("midnight", "order 7")
            await kit.until(lambda: not runs.under_way)
            ticking.cancel()
        (seen, *_) = await store.schedules.recent(MIDNIGHT.id)
        assert (seen.due_utc, seen.outcome) == (due, f"drone launched as {run.id}")
        assert (await store.run(run.id)).phase == "FINISHED"
