"""A node whose clock is off runs no schedule, and says so, until it is set."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from patrolctl.clock import ManualClock
from patrolctl.control.schedules.occurring import Desk
from patrolctl.control.schedules.timekeeping import Timekeeper
from patrolctl.domain.errors import StoreFailed
from patrolctl.durable import Ticker

START = datetime(2026, 1, 5, 8, 59, 50, tzinfo=UTC)


class Shifted(ManualClock):
    """A wall clock that is off by ``shift``."""

    shift = timedelta(0)

    def utc(self) -> datetime:
        return super().utc() + self.shift


class Server:
    """The database's clock: always right; ``slow_s`` is how long it takes."""

    def __init__(self, clock: Shifted) -> None:
        self.clock, self.asked, self.slow_s = clock, 0, 0.0
        self.broken = False

    async def utc(self) -> datetime:
        self.asked += 1
        if self.broken:
            raise StoreFailed("database away")
        self.clock._now_s += self.slow_s
        return ManualClock.utc(self.clock)


@pytest.fixture
def clock() -> Shifted:
    return Shifted(START)


@pytest.mark.parametrize(
    ("shift_s", "said"),
    [
        (0.0, None),
        (4.9, None),
        (-4.9, None),
        (7.0, "7.0 s ahead of the database's, at most 5 s"),
        (-3600.0, "3600.0 s behind the database's"),
    ],
)
async def test_it_says_how_far_off_it_is(clock, shift_s, said):
    clock.shift = timedelta(seconds=shift_s)
    keeper = Timekeeper(clock, Server(clock).utc)
    fault = await keeper.fault()
    assert (fault is None) if said is None else (said in fault)
    if said is None:
        await keeper.insist()
    else:
        with pytest.raises(StoreFailed, match="no schedule is run here"):
            await keeper.insist()


async def test_a_slow_answer_accuses_nobody(clock):
    server = Server(clock)
    server.slow_s = 12.0
    assert await Timekeeper(clock, server.utc).fault() is None


async def test_it_asks_now_and_then_at_a_jump_and_while_it_is_off(clock):
    server = Server(clock)
    keeper = Timekeeper(clock, server.utc)
    for _ in range(3):
        await keeper.insist()
    assert server.asked == 1
    await clock.advance(31.0, step_s=1.0)
    await keeper.insist()
    assert server.asked == 2
    clock.shift = timedelta(seconds=60)  # somebody sets it: at once
    assert await keeper.fault() is not None
    clock.shift = timedelta(0)
    assert await keeper.fault() is None
    assert server.asked == 4


async def test_while_nobody_can_tell_nothing_is_run(clock):
    server = Server(clock)
    server.broken = True
    with pytest.raises(StoreFailed, match="database away"):
        await Timekeeper(clock, server.utc).insist()


async def test_a_ticker_that_is_not_trusted_touches_nothing(clock):
    """No claim, no sign of life: the others take its work over."""
    touched: list[str] = []

    class Book:
        def __getattr__(self, name: str) -> object:
            touched.append(name)
            raise AssertionError(name)

    async def watched() -> tuple[tuple[()], frozenset[str]]:
        touched.append("watched")
        return (), frozenset()

    clock.shift = timedelta(seconds=9)
    keeper = Timekeeper(clock, Server(clock).utc)
    nothing = Book.__getattr__
    ticker = Ticker(
        watched, Desk(Book(), "n1/1", clock), nothing, nothing, trusted=keeper.insist
    )
    async with asyncio.TaskGroup() as group:
        with pytest.raises(StoreFailed, match="ahead"):
            await ticker.tick(group)
    assert touched == []
