"""A task beside a body of code, for as long as the body runs."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager


@asynccontextmanager
async def running_beside(
    work: Coroutine[object, object, None], name: str
) -> AsyncIterator[None]:
    """Run ``work`` until the body ends.

    A bare TaskGroup would wrap the body's own error in a group, which no
    caller's ``except`` expects; here it comes out as it was raised.
    """
    failure: Exception | None = None
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work, name=name)
        try:
            yield
        except Exception as e:  # noqa: BLE001 - raised again below, bare
            failure = e
        finally:
            task.cancel()
    if failure is not None:
        raise failure
