"""The timetable and its ticker, wired to each other."""

import asyncio
from contextlib import AsyncExitStack

from patrolctl.control.schedules.timetable import Timetable
from patrolctl.durable import Ticker


async def open_schedules(stack: AsyncExitStack, timetable: Timetable) -> None:
    """Open both; they end with the stack."""
    await stack.enter_async_context(timetable.open())
    ticker = Ticker(timetable.watched, timetable.desk, timetable.fire, timetable.found)
    timetable.changed = ticker.refresh
    group = await stack.enter_async_context(asyncio.TaskGroup())
    ticking = group.create_task(ticker.run(), name="ticker")
    stack.callback(ticking.cancel)
