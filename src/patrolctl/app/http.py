"""uvicorn inside our own event loop, on a socket that we bound ourselves."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from patrolctl.domain.errors import InputError


class PortTaken(InputError):
    """The address cannot be listened on."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket, before anything else is started.

    Raises:
        PortTaken: with what may be done about it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as e:
        listener.close()
        why = e.strerror.lower() if isinstance(e, OSError) and e.strerror else str(e)
        raise PortTaken.one(
            f"port {port} on {host}", why, "another one with --port"
        ) from None
    listener.settimeout(0.0)
    return listener


def address(listener: socket.socket) -> str:
    """The URL of a bound socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


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
