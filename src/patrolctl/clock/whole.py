"""Writes are carried to their end, also when their caller is cancelled.

A cancelled statement goes on in the driver's thread, while SQLAlchemy drops
its connection in the middle of a transaction: the write lock then stays taken
for as long as the process lives ("database is locked"), or the pool waits for
ever. So the caller's cancellation waits for the commit instead, which is
milliseconds away.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def whole(
    write: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """Have a method that writes finish what it began."""

    @wraps(write)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        doing = write(*args, **kwargs)
        task = asyncio.create_task(doing)  # noqa: TID251 - a group would cancel it
        cancelled = False
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                cancelled = True
        if cancelled:
            task.exception()  # seen, so that nobody warns of it
            raise asyncio.CancelledError
        return task.result()

    return run
