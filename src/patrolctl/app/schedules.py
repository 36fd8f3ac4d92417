"""The timetable and its ticker, wired to each other."""

import asyncio
from contextlib import AsyncExitStack

from patrolctl.control.schedules.timekeeping import Timekeeper
from patrolctl.control.schedules.timetable import Timetable
from patrolctl.durable import Ticker


async def open_schedules(
    stack: AsyncExitStack, timetable: Timetable, keeper: Timekeeper | None = None
) -> None:
    """Open both; they end with the stack.

    Args:
        stack: ends them.
        timetable: the schedules.
        keeper: holds this node's clock against that which nodes share.
    """
    await stack.enter_async_context(timetable.open())
    trusted = {} if keeper is None else {"trusted": keeper.insist}
    ticker = Ticker(
        timetable.watched,
        timetable.desk,
        timetable.fire,
        timetable.found,
        **trusted,
    )
    timetable.changed = ticker.refresh
    group = await stack.enter_async_context(asyncio.TaskGroup())
    ticking = group.create_task(ticker.run(), name="ticker")
    stack.callback(ticking.cancel)
