"""The conditions of a launch, wired to who tells the weather."""

import asyncio
import shutil
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path

from patrolctl.clock import Clock
from patrolctl.control.conditions.conditions import Conditions
from patrolctl.control.conditions.notices import Notices
from patrolctl.control.conditions.skies import Skies
from patrolctl.domain.conditions import ConditionRules
from patrolctl.domain.errors import StoreFailed
from patrolctl.domain.telemetry import Telemetry
from patrolctl.store import SqlStore
from patrolctl.weather import HttpWeather

REFRESH_S = 5.0  # what other nodes close is known here by then


def free_on(folder: Path) -> Callable[[], int | None]:
    """Tells the free bytes of the disk that a folder is on."""

    def free() -> int | None:
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            return None

    return free


async def open_conditions(
    stack: AsyncExitStack,
    store: SqlStore,
    clock: Clock,
    *,
    rules: ConditionRules,
    felt: Callable[[], Iterable[Telemetry]],
    folder: Path,
) -> Conditions:
    """Put together; closed airspace is known from now on.

    Raises:
        StoreFailed: it cannot be read at the start.
    """
    url, book = rules.weather_url, store.conditions
    sources = () if url is None else (HttpWeather(url, clock),)
    skies = Skies(book, store, felt, clock, sources=sources, rules=rules)
    notices = Notices(book, store, clock)
    await keep_notices(stack, notices, clock)
    return Conditions(
        skies, notices, store, clock, rules=rules, free_bytes=free_on(folder)
    )


async def keep_notices(stack: AsyncExitStack, notices: Notices, clock: Clock) -> None:
    """Know closed airspace from now on, also what other nodes close.

    Raises:
        StoreFailed: it cannot be read at the start.
    """
    await notices.refresh()

    async def again() -> None:
        while True:
            await clock.sleep(REFRESH_S)
            try:
                await notices.refresh()
            except StoreFailed:
                continue  # what is known holds on

    group = await stack.enter_async_context(asyncio.TaskGroup())
    task = group.create_task(again(), name="notices")
    stack.callback(task.cancel)
