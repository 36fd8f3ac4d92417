import asyncio
import importlib.util
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from patrolctl.clock import ManualClock
from patrolctl.control.schedules.occurring import Desk, LaunchToken
from patrolctl.domain.brief import (
    MissedPolicy,
    Occurrence,
    OccurrenceState,
    Schedule,
)
from patrolctl.domain.errors import Conflict
from patrolctl.domain.ids import AnnouncementId, ScheduleId
from patrolctl.domain.plan import PlanKind
from patrolctl.durable import Ticker

_SPEC = importlib.util.spec_from_file_location(
    "memory_book", Path(__file__).parents[2] / "memory_book.py"
)
memory_book = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(memory_book)

START = datetime(2026, 1, 5, 8, 59, 50, tzinfo=UTC)
NINE = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
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


async def nothing_found(occurrence: Occurrence) -> str | None:
    return None


@asynccontextmanager
async def ticking(
    book: object,
    clock: ManualClock,
    fire: object,
    *schedules: Schedule,
    node: str = "n1/a",
    paused: frozenset[str] = frozenset(),
    found: object = nothing_found,
) -> AsyncIterator[list[Schedule]]:
    watched = list(schedules or (DAILY,))

    async def watch() -> object:
        return tuple(watched), paused

    ticker = Ticker(watch, Desk(book, node, clock), fire, found)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(ticker.run(), name="ticker")
        yield watched
        task.cancel()


async def settle(clock: ManualClock, seconds: float) -> None:
    """Let time pass, and let everybody get as far as he can."""
    for _ in range(int(seconds)):
        await clock.advance(1.0, step_s=1.0)
        for _ in range(30):
            await asyncio.sleep(0)


@pytest.fixture
def clock() -> Shifted:
    return Shifted(START)


@pytest.fixture
def book(clock: Shifted) -> object:
    return memory_book.MemoryBook(clock)


async def outcomes(book: object, schedule: str = "daily") -> list[str | None]:
    found = await book.recent(ScheduleId(schedule))
    return [o.outcome for o in reversed(found)]


async def test_it_fires_once_at_its_time(book, clock) -> None:
    fired = Fired()
    async with ticking(book, clock, fired):
        await settle(clock, 8)
        assert fired.due == []
        await settle(clock, 20)
    assert fired.due == [NINE]
    assert await outcomes(book) == ["launched"]


async def test_a_schedule_does_not_fire_for_what_was_before_it(book, clock) -> None:
    clock.shift, fired = timedelta(seconds=60), Fired()
    async with ticking(book, clock, fired):
        await settle(clock, 5)
    assert fired.due == []


async def test_across_restarts_and_two_nodes_it_fires_once(book, clock) -> None:
    fired = Fired()
    async with (
        ticking(book, clock, fired),
        ticking(book, clock, fired, node="n2/a"),
    ):
        await settle(clock, 15)
    async with ticking(book, clock, fired, node="n1/b"):
        await settle(clock, 15)
    assert len(fired.due) == 1


@pytest.mark.parametrize(
    ("policy", "down_s", "count", "outcome"),
    [
        ("run_late", 200, 1, "launched"),
        ("run_late", 400, 0, "skipped: 39"),
        ("skip", 40, 1, "launched"),
        ("skip", 200, 0, "skipped: 19"),
        ("ask", 40, 1, "launched"),
        ("ask", 200, 0, "missed by 19"),
        ("ask", 4000, 0, "missed by 399"),
    ],
)
async def test_a_missed_one_follows_the_policy(
    book, clock, policy: str, down_s: int, count: int, outcome: str
) -> None:
    fired, schedule = Fired(), replace(DAILY, missed=MissedPolicy(policy))
    async with ticking(book, clock, fired, schedule):
        await settle(clock, 3)
    clock.shift = timedelta(seconds=down_s)
    async with ticking(book, clock, fired, schedule, node="n1/b"):
        await settle(clock, 3)
    assert len(fired.due) == count
    (text,) = await outcomes(book)
    assert text is not None
    assert text.startswith(outcome)
    asked = await book.questions()
    assert [o.due_utc for o in asked] == ([NINE] if "missed" in outcome else [])


async def test_of_several_missed_together_only_the_last_counts(book, clock) -> None:
    fired = Fired()
    often = replace(DAILY, rrule="FREQ=MINUTELY;INTERVAL=2")
    async with ticking(book, clock, fired, often):
        await settle(clock, 3)
    clock.shift = timedelta(seconds=480)
    async with ticking(book, clock, fired, often, node="n1/b"):
        await settle(clock, 3)
    assert fired.due == [NINE + timedelta(minutes=6)]
    seen = await outcomes(book)
    assert len(seen) == 4
    assert all("a later one is due" in text for text in seen[:3])


async def test_a_clock_that_jumps_back_doubles_nothing(book, clock, caplog) -> None:
    fired = Fired()
    async with ticking(book, clock, fired):
        await settle(clock, 15)
        clock.shift = timedelta(seconds=-30)
        await settle(clock, 40)
    assert len(fired.due) == 1
    lines = [r.message for r in caplog.records if "the clock" in r.message]
    assert lines == [
        "the clock went back by 30 s: what was launched is not launched again"
    ]


async def test_a_clock_that_was_far_ahead_costs_no_occurrence(
    book, clock, caplog
) -> None:
    fired = Fired()
    clock.shift = -timedelta(hours=1)
    async with ticking(book, clock, fired):
        await settle(clock, 3)
        clock.shift = timedelta(days=300)  # a flat clock battery, or a typing error
        await settle(clock, 5)
        assert fired.due == []
        assert len(await outcomes(book)) == 31
        clock.shift = -timedelta(minutes=5)
        await settle(clock, 400)
    assert fired.due == [NINE]
    assert await outcomes(book) == ["launched"]
    lines = [r.message for r in caplog.records if "the clock" in r.message]
    assert [line[:21] for line in lines] == [
        "the clock jumped 2592",
        "the clock went back b",
    ]


async def test_a_clock_set_right_while_the_service_was_down(book, clock) -> None:
    fired = Fired()
    clock.shift = timedelta(days=40)
    async with ticking(book, clock, fired):
        await settle(clock, 3)
        clock.shift = timedelta(days=42)
        await settle(clock, 3)
    clock.shift = timedelta(0)
    fired.due.clear()
    async with ticking(book, clock, fired, node="n1/b"):
        await settle(clock, 20)
    assert fired.due == [NINE]


async def test_paused_and_disabled_are_recorded_as_skipped(book, clock) -> None:
    fired = Fired()
    off = replace(DAILY, id=ScheduleId("off"), enabled=False)
    paused = frozenset({DAILY.id})
    async with ticking(book, clock, fired, DAILY, off, paused=paused):
        await settle(clock, 15)
    assert fired.due == []
    assert await outcomes(book) == ["skipped: paused"]
    assert await outcomes(book, "off") == ["skipped: not enabled"]


async def test_one_schedules_trouble_is_not_anothers(book, clock) -> None:
    good = Fired()

    async def fire(schedule: Schedule, due: datetime) -> str:
        if schedule.id == "refused":
            raise Conflict("quiet hours")
        if schedule.id == "defect":
            raise ZeroDivisionError
        return await good(schedule, due)

    many = [replace(DAILY, id=ScheduleId(i)) for i in ("refused", "defect", "daily")]
    unreadable = replace(DAILY, id=ScheduleId("bad"), rrule="FREQ=NEVER")
    async with ticking(book, clock, fire, unreadable, *many):
        await settle(clock, 15)
    assert len(good.due) == 1
    assert await outcomes(book, "refused") == ["refused: quiet hours"]
    assert (await outcomes(book, "defect"))[0] == "defect: ZeroDivisionError: "
    states = [
        (await book.recent(ScheduleId(i)))[0].state for i in ("refused", "defect")
    ]
    assert states == [OccurrenceState.REFUSED] * 2


async def test_a_schedule_that_is_changed_is_watched_from_the_change(
    book, clock
) -> None:
    fired = Fired()
    async with ticking(book, clock, fired) as watched:
        await settle(clock, 3)
        # 08:59 lies before the change: it is none of its occurrences.
        new = replace(DAILY, rrule="FREQ=DAILY;BYHOUR=8,9;BYMINUTE=1,59")
        watched[0] = new
        await book.watch_from(DAILY.id, clock.utc())
        await settle(clock, 120)
        watched.clear()
        await settle(clock, 10)
    assert fired.due == [NINE + timedelta(minutes=1)]


async def test_a_database_that_is_away_for_a_while_costs_nothing(book, clock) -> None:
    fired = Fired()
    async with ticking(book, clock, fired):
        await settle(clock, 3)
        book.broken = "no connection"
        await settle(clock, 30)
        assert fired.due == []
        book.broken = None
        await settle(clock, 5)
    assert fired.due == [NINE]


async def test_an_outcome_is_kept_until_the_database_takes_it(book, clock) -> None:
    async def fire(schedule: Schedule, due: datetime) -> str:
        book.broken = "disk full"
        return "launched"

    async with ticking(book, clock, fire):
        await settle(clock, 20)
        book.broken = None
        await settle(clock, 10)
    assert await outcomes(book) == ["launched"]


class Dies(BaseException):
    """As good as kill -9: nothing after it runs."""


@pytest.mark.parametrize("where", ["claimed", "launching", "launched"])
@pytest.mark.parametrize("node", ["n1/b", "n2/a"])
async def test_what_a_dead_process_left_is_seen_to(
    book, clock, where: str, node: str
) -> None:
    await book.watch_from(DAILY.id, START)
    await book.claim(DAILY.id, NINE, node="n1/a")
    if where != "claimed":
        await LaunchToken(Desk(book, "n1/a", clock), DAILY, NINE).take()

    async def found(occurrence: Occurrence) -> str | None:
        return "drone launched as run-7" if where == "launched" else None

    fired = Fired()
    clock.shift = timedelta(seconds=20)
    async with ticking(book, clock, fired, node=node, found=found):
        await settle(clock, 5)
        if node.startswith("n2"):
            assert fired.due == []  # it may be alive: its lease runs
            assert (await book.unfinished())[0].node == "n1/a"
            await settle(clock, 150)
    (left,) = await book.recent(DAILY.id)
    if where == "claimed":
        assert fired.due == [NINE]
        assert (left.state, left.outcome) == (OccurrenceState.DONE, "launched")
    elif where == "launched":
        assert fired.due == []
        assert left.state is OccurrenceState.DONE
        assert left.outcome == "drone launched as run-7, found after a restart"
    else:
        assert fired.due == []
        assert left.state is OccurrenceState.ASKING


async def test_a_node_that_was_only_slow_cannot_launch_any_more(book, clock) -> None:
    await book.watch_from(DAILY.id, START)
    await book.claim(DAILY.id, NINE, node="n1/a")
    slow = LaunchToken(Desk(book, "n1/a", clock), DAILY, NINE)
    fired = Fired()
    clock.shift = timedelta(seconds=200)
    async with ticking(book, clock, fired, node="n2/a"):
        await settle(clock, 5)
    assert fired.due == [NINE]
    with pytest.raises(Conflict, match="another node"):
        await slow.take()


async def test_what_was_asked_for_by_hand_is_not_repeated(book, clock) -> None:
    await book.claim(DAILY.id, START, node="n1/a", manual=True)
    fired = Fired()
    async with ticking(book, clock, fired, node="n1/b"):
        await settle(clock, 5)
    assert fired.due == []
    (text,) = await outcomes(book)
    assert text == "skipped: the service ended before it was carried out"
