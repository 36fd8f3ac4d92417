import asyncio
import importlib.util
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from patrolctl.clock import ManualClock
from patrolctl.domain.brief import Schedule
from patrolctl.domain.errors import Conflict
from patrolctl.domain.ids import AnnouncementId, ScheduleId
from patrolctl.domain.plan import PlanKind
from patrolctl.durable import Ticker
from patrolctl.ports import Store

_SPEC = importlib.util.spec_from_file_location(
    "control_fakes", Path(__file__).parents[1] / "control" / "conftest.py"
)
fakes = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(fakes)

START = datetime(2026, 1, 5, 8, 59, 50, tzinfo=UTC)
DAILY = Schedule(
    id=ScheduleId("daily"),
    announcement=AnnouncementId("a"),
    work=(PlanKind.DRONE,),
    rrule="FREQ=DAILY",
    start_local=datetime.fromisoformat("2026-01-01T09:00"),
    time_zone="UTC",
    late_s=300.0,
)


class Shifted(ManualClock):
    """A wall clock that can be set, as an operator or NTP would."""

    shift = timedelta(0)

    def utc(self) -> datetime:
        return super().utc() + self.shift


class Fired:
    def __init__(self) -> None:
        self.due: list[datetime] = []

    async def __call__(self, schedule: Schedule, due: datetime) -> str:
        self.due.append(due)
        return "launched"


@asynccontextmanager
async def ticking(
    store: Store, clock: ManualClock, fire: object, *schedules: Schedule
) -> AsyncIterator[None]:
    ticker = Ticker(schedules or (DAILY,), store, clock, fire)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(ticker.run(), name="ticker")
        yield
        task.cancel()


async def settle(clock: ManualClock, seconds: float) -> None:
    """Let time pass, and let everybody get as far as he can."""
    for _ in range(int(seconds)):
        await clock.advance(1.0, step_s=1.0)
        for _ in range(30):
            await asyncio.sleep(0)


@pytest.fixture
def store() -> object:
    return fakes.MemoryStore()


async def outcomes(store: Store, schedule: str = "daily") -> list[str | None]:
    found = await store.occurrences(ScheduleId(schedule))
    return [o.outcome for o in reversed(found)][1:]


async def test_it_fires_once_at_its_time(store: Store) -> None:
    clock, fired = ManualClock(START), Fired()
    async with ticking(store, clock, fired):
        await settle(clock, 8)
        assert fired.due == []
        await settle(clock, 20)
    assert fired.due == [datetime(2026, 1, 5, 9, 0, tzinfo=UTC)]
    assert await outcomes(store) == ["launched"]


async def test_a_schedule_does_not_fire_for_what_was_before_it(
    store: Store,
) -> None:
    clock, fired = ManualClock(START + timedelta(seconds=60)), Fired()
    async with ticking(store, clock, fired):
        await settle(clock, 5)
    assert fired.due == []


async def test_across_restarts_and_two_nodes_it_fires_once(store: Store) -> None:
    clock, fired = ManualClock(START), Fired()
    async with ticking(store, clock, fired), ticking(store, clock, fired):
        await settle(clock, 15)
    async with ticking(store, clock, fired):
        await settle(clock, 15)
    assert len(fired.due) == 1


@pytest.mark.parametrize(("down_s", "count"), [(200, 1), (400, 0)])
async def test_a_missed_one_is_late_or_skipped_and_recorded(
    store: Store, down_s: int, count: int
) -> None:
    clock, fired = Shifted(START), Fired()
    async with ticking(store, clock, fired):
        await settle(clock, 3)
    clock.shift = timedelta(seconds=down_s)
    async with ticking(store, clock, fired):
        await settle(clock, 3)
    assert len(fired.due) == count
    (outcome,) = await outcomes(store)
    assert outcome is not None
    assert outcome.startswith("launched" if count else "skipped: 39")


async def test_a_clock_that_jumps_back_doubles_nothing(store: Store) -> None:
    clock, fired = Shifted(START), Fired()
    async with ticking(store, clock, fired):
        await settle(clock, 15)
        clock.shift = timedelta(seconds=-30)
        await settle(clock, 40)
    assert len(fired.due) == 1


async def test_paused_and_disabled_are_recorded_as_skipped(store: Store) -> None:
    clock, fired = ManualClock(START), Fired()
    off = replace(DAILY, id=ScheduleId("off"), enabled=False)
    await store.pause_schedule(DAILY.id, paused=True)
    async with ticking(store, clock, fired, DAILY, off):
        await settle(clock, 15)
    assert fired.due == []
    assert await outcomes(store) == ["skipped: paused"]
    assert await outcomes(store, "off") == ["skipped: not enabled"]


async def test_one_schedules_trouble_is_not_anothers(store: Store) -> None:
    clock = ManualClock(START)
    good = Fired()

    async def fire(schedule: Schedule, due: datetime) -> str:
        if schedule.id == "refused":
            raise Conflict("quiet hours")
        if schedule.id == "defect":
            raise ZeroDivisionError
        return await good(schedule, due)

    many = [replace(DAILY, id=ScheduleId(i)) for i in ("refused", "defect", "daily")]
    unreadable = replace(DAILY, id=ScheduleId("bad"), rrule="FREQ=NEVER")
    async with ticking(store, clock, fire, unreadable, *many):
        await settle(clock, 15)
    assert len(good.due) == 1
    assert await outcomes(store, "refused") == ["refused: quiet hours"]
    assert (await outcomes(store, "defect"))[0] == "defect: ZeroDivisionError: "
