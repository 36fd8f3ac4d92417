"""The book of schedules and occurrences, on both databases."""

import asyncio
import importlib.util
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from patrolctl.clock import ManualClock
from patrolctl.domain.brief import Occurrence, OccurrenceState, Schedule, StoredSchedule
from patrolctl.domain.ids import AnnouncementId, ScheduleId
from patrolctl.domain.plan import PlanKind
from patrolctl.store import open_store

_SPEC = importlib.util.spec_from_file_location(
    "memory_book", Path(__file__).parents[2] / "memory_book.py"
)
memory_book = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(memory_book)

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
DAILY = ScheduleId("daily")
SCHEDULE = Schedule(
    id=DAILY,
    announcement=AnnouncementId("a"),
    work=(PlanKind.DRONE,),
    rrule="FREQ=DAILY",
    start_local=datetime.fromisoformat("2026-01-01T09:00"),
    time_zone="Asia/Shanghai",
    except_dates=(date(2026, 2, 17),),
    also_local=(datetime.fromisoformat("2026-02-17T15:00"),),
    holidays=("cn",),
)


@pytest.fixture
def books(request: pytest.FixtureRequest):
    """Two nodes' views of one book; the tests' own fake keeps the contract too."""

    def opened(place: Path | str | None):
        if place is None:
            return memory_book.opened(ManualClock(NOW))
        return open_store(place, ManualClock(NOW))

    return opened


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str | None:
    if request.param == "memory":
        return None
    if request.param == "sqlite":
        return tmp_path / "p.db"
    return request.getfixturevalue("postgres").database()


async def test_an_occurrence_is_claimed_once_among_many(
    place: Path | str | None, books
) -> None:
    wins: list[bool] = []
    async with books(place) as one, asyncio.TaskGroup() as group:

        async def claim(number: int) -> None:
            wins.append(await one.schedules.claim(DAILY, NOW, node=f"n{number % 2}"))

        for number in range(20):
            group.create_task(claim(number), name=f"claim-{number}")
    assert wins.count(True) == 1


async def test_an_occurrence_moves_on_for_one_caller_only(
    place: Path | str | None, books
) -> None:
    async with books(place) as store:
        book = store.schedules
        assert await book.claim(DAILY, NOW, node="n1")
        (claimed,) = await book.unfinished()
        assert (claimed.state, claimed.node) == (OccurrenceState.CLAIMED, "n1")
        assert not await book.change(
            replace(claimed, node="n2"), OccurrenceState.LAUNCHING
        )
        taken = await book.change(claimed, OccurrenceState.CLAIMED, node="n2")
        assert taken
        assert not await book.change(claimed, OccurrenceState.LAUNCHING)
        claimed = replace(claimed, node="n2")
        assert await book.change(claimed, OccurrenceState.ASKING, outcome="late")
        assert await book.unfinished() == ()
        (question,) = await book.questions()
        assert (question.outcome, question.due_utc) == ("late", NOW)
        assert await book.change(question, OccurrenceState.SKIPPED, outcome="let go")
        assert not await book.change(question, OccurrenceState.CLAIMED)
        seen = await book.occurrence(DAILY, NOW)
        assert seen is not None
        assert (seen.state, seen.outcome) == (OccurrenceState.SKIPPED, "let go")
        assert await book.occurrence(DAILY, NOW + timedelta(1)) is None


async def test_what_is_settled_and_what_is_taken_back(
    place: Path | str | None, books
) -> None:
    hour = timedelta(hours=1)
    async with books(place) as store:
        book = store.schedules
        assert await book.watched_from(DAILY) is None
        await book.watch_from(DAILY, NOW - hour)
        assert await book.watched_from(DAILY) == NOW - hour
        for n, state in ((0, "done"), (1, "done"), (2, "skipped"), (3, "asking")):
            due = NOW + n * hour
            assert await book.claim(DAILY, due, node="n1")
            known = Occurrence(DAILY, due, state=OccurrenceState.CLAIMED, node="n1")
            assert await book.change(known, OccurrenceState(state))
        assert await book.claim(DAILY, NOW + 9 * hour, node="n1", manual=True)
        assert await book.watched_from(DAILY) == NOW + 3 * hour
        assert await book.release_after(DAILY, NOW + hour / 2) == 2
        left = [o.due_utc for o in await book.recent(DAILY)]
        assert left == [NOW + 9 * hour, NOW + hour, NOW]
        assert len(await book.recent(DAILY, limit=2)) == 2


async def test_a_node_that_lives_says_so(place: Path | str | None, books) -> None:
    async with books(place) as store:
        book = store.schedules
        for n, node in enumerate(("n1", "n2")):
            await book.claim(DAILY, NOW + timedelta(seconds=n), node=node)
        await book.beat("n1", NOW + timedelta(minutes=5))
        beats = {o.node: o.beat_utc for o in await book.unfinished()}
        assert beats == {"n1": NOW + timedelta(minutes=5), "n2": NOW}


async def test_schedules_and_holidays_are_kept(place: Path | str | None, books) -> None:
    stored = StoredSchedule("yard", SCHEDULE, NOW, "li")
    async with books(place) as store:
        book = store.schedules
        await book.save(stored)
        gone = replace(stored, deleted=True, changed_utc=NOW + timedelta(minutes=1))
        assert await book.stored() == (stored,)
        assert await book.watched_from(DAILY) == NOW
        await book.save(gone)
        assert await book.stored() == (gone,)
        assert await book.watched_from(DAILY) == NOW + timedelta(minutes=1)
        days = (date(2026, 10, 1), date(2026, 10, 2))
        await book.save_holidays("cn", (days[1], days[0], days[0]))
        await book.save_holidays("de", days)
        await book.save_holidays("de", ())
        assert await book.holidays() == {"cn": days}
