"""Clips fetched ahead, by a clock that the test moves."""

import asyncio
from pathlib import Path

from patrolctl.clock import ManualClock
from patrolctl.onboard.clips import ClipUnavailable
from patrolctl.onboard.fetching import MOST_TRIES, RETRY_FETCH_S, Fetcher


class Shelf:
    """Stands in for the cache."""

    def __init__(self) -> None:
        self.missing = True
        self.asked: list[str] = []

    def get(self, sha256: str, url: str | None, pinned: object = ()) -> Path:
        del url, pinned
        self.asked.append(sha256)
        if self.missing:
            raise ClipUnavailable("404")
        return Path(sha256)


async def settle(clock: ManualClock, seconds: float) -> None:
    await clock.advance(seconds, step_s=max(seconds / 4, 0.05))
    await asyncio.sleep(0.005)  # the cache answers from a thread


async def test_tried_again_until_it_is_here_and_not_for_ever() -> None:
    shelf, clock, told = Shelf(), ManualClock(), list[str | None]()
    fetcher = Fetcher(shelf, clock, set)  # type: ignore[arg-type]  # has what is called
    fetcher.on_change = told.append
    async with asyncio.TaskGroup() as group:
        task = group.create_task(fetcher.run(), name="fetch")
        fetcher.want("a", None)
        await settle(clock, 0.1)
        assert shelf.asked == ["a"]
        assert told[-1] == "404"
        await settle(clock, RETRY_FETCH_S)
        assert shelf.asked == ["a", "a"]
        shelf.missing = False
        await settle(clock, RETRY_FETCH_S)
        assert told[-1] is None
        await settle(clock, 10 * RETRY_FETCH_S)
        assert len(shelf.asked) == 3
        shelf.missing = True
        fetcher.want("b", None)
        for _ in range(MOST_TRIES + 5):
            await settle(clock, RETRY_FETCH_S)
        assert shelf.asked.count("b") == MOST_TRIES
        assert told[-1] is None
        task.cancel()


async def test_what_is_wanted_now_does_not_wait_for_the_next_try() -> None:
    shelf, clock = Shelf(), ManualClock()
    fetcher = Fetcher(shelf, clock, set)  # type: ignore[arg-type]  # has what is called
    async with asyncio.TaskGroup() as group:
        task = group.create_task(fetcher.run(), name="fetch")
        fetcher.want("a", None)
        await settle(clock, 0.1)
        fetcher.want("b", None)
        await settle(clock, 0.1)
        assert shelf.asked[-1] == "b"
        task.cancel()
