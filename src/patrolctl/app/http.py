"""uvicorn inside our own event loop, on a socket that we bound ourselves."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from patrolctl.app.listening import address


class _Server(uvicorn.Server):
    """Leaves signals to :mod:`patrolctl.app.lifetime`."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_started = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, and tell."""
        await super().startup(sockets)
        self.is_started.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def serving(app: FastAPI, listener: socket.socket) -> AsyncIterator[str]:
    """Serve for as long as the context lasts; gives the URL."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=64 * 1024,
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    server = _Server(config)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(server.serve(sockets=[listener]), name="http")
        try:
            await server.is_started.wait()
            yield address(listener)
        finally:
            server.should_exit = True
            if not task.done():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(3.0):
                        await asyncio.shield(task)
            task.cancel()
