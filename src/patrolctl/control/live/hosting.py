"""Tasks that outlive the call that started them, but not the service."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

from patrolctl.domain.errors import Conflict


class TaskHost:
    """Hosts named tasks; those still running when it closes are cancelled."""

    def __init__(self) -> None:
        self._group: asyncio.TaskGroup | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Host tasks for as long as the context lasts."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                yield
            finally:
                self._group = None
                for task in tuple(self._tasks):
                    task.cancel()

    def check_open(self) -> None:
        """Before anything is recorded of what would then not run.

        Raises:
            Conflict: the service is closing.
        """
        self._opened()

    def start(
        self, work: Coroutine[object, object, None], name: str
    ) -> asyncio.Task[None]:
        """Start a task.

        Raises:
            Conflict: the service is closing.
        """
        try:
            group = self._opened()
        except Conflict:
            work.close()  # it was never begun
            raise
        task = group.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _opened(self) -> asyncio.TaskGroup:
        if self._group is None:
            raise Conflict("the service is closing")
        return self._group
