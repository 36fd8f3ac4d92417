"""Child processes that never outlive us.

Each child leads a process group of its own, so that Ctrl-C in the terminal
reaches only us and we end them in order. Should we be killed ourselves, the
kernel kills them (PR_SET_PDEATHSIG), so that nothing is left behind.
"""

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from patrolctl.domain.errors import LinkFailed

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1  # linux/prctl.h
READY_S = 60.0
GRACE_S = 2.0

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Child:
    """A running child; ``ready`` is the rest of its READY line."""

    name: str
    process: asyncio.subprocess.Process
    ready: str


def _leash(parent_pid: int) -> None:
    """Runs in the child between fork and exec.

    Only calls that were resolved before the fork: after it, other threads'
    locks may be held for ever.
    """
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # we died before the line above
        os._exit(1)


async def _read_ready(name: str, process: asyncio.subprocess.Process) -> str:
    if process.stdout is None:
        raise LinkFailed(name, "has no output")
    async for raw in process.stdout:
        line = raw.decode(errors="replace").strip()
        if line.startswith("READY"):
            return line.removeprefix("READY").strip()
        log.info("%s: %s", name, line)
    code = await process.wait()
    raise LinkFailed(name, f"ended with {code} before it was ready")


async def _drain(name: str, process: asyncio.subprocess.Process) -> None:
    """Read what it prints, so that it never blocks; tell when it ends."""
    if process.stdout is not None:
        async for raw in process.stdout:
            log.info("%s: %s", name, raw.decode(errors="replace").strip())
    log.warning("%s ended with %s", name, await process.wait())


async def _end(process: asyncio.subprocess.Process) -> None:
    """SIGTERM to the group, SIGKILL to what is left of it."""
    for number, grace_s in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, GRACE_S)):
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await process.wait()


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, under which name it is told."""

    name: str
    words: tuple[str, ...]


async def _start(command: Command) -> asyncio.subprocess.Process:
    parent_pid = os.getpid()
    try:
        return await asyncio.create_subprocess_exec(
            *command.words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            process_group=0,
            preexec_fn=lambda: _leash(parent_pid),
        )
    except OSError as e:
        raise LinkFailed(command.name, f"cannot be started: {e.strerror}") from None


async def _ready(command: Command, process: asyncio.subprocess.Process) -> Child:
    try:
        async with asyncio.timeout(READY_S):
            ready = await _read_ready(command.name, process)
    except TimeoutError:
        raise LinkFailed(command.name, f"not ready in {READY_S:.0f} s") from None
    return Child(command.name, process, ready)


class Children:
    """All children of one context."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._running: dict[str, Child] = {}
        self._started: list[asyncio.subprocess.Process] = []
        self._draining: dict[str, asyncio.Task[None]] = {}

    async def start(self, *commands: Command) -> tuple[Child, ...]:
        """Start children side by side; returns when all have said READY.

        Raises:
            LinkFailed: one cannot be started, ends early, or is not ready in
                time (in a group: several may).
        """
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._one(c), name=f"start-{c.name}")
                for c in commands
            ]
        return tuple(task.result() for task in tasks)

    def __getitem__(self, name: str) -> Child:
        return self._running[name]

    async def _one(self, command: Command) -> Child:
        process = await _start(command)
        self._started.append(process)  # at once: it is ended whatever happens
        child = await _ready(command, process)
        self._running[child.name] = child
        self._draining[child.name] = self._group.create_task(
            _drain(child.name, process), name=f"drain-{child.name}"
        )
        return child

    async def end(self, name: str) -> None:
        """End one child."""
        self._draining.pop(name).cancel()
        process = self._running.pop(name).process
        await _end(process)
        self._started.remove(process)

    async def end_all(self) -> None:
        """End all that were ever started."""
        for task in self._draining.values():
            task.cancel()
        async with asyncio.TaskGroup() as group:
            for process in self._started:
                group.create_task(_end(process), name=f"end-{process.pid}")


@asynccontextmanager
async def running_children(*commands: Command) -> AsyncIterator[Children]:
    """Children, started side by side, for as long as the context lasts."""
    async with asyncio.TaskGroup() as group:
        children = Children(group)
        try:
            await children.start(*commands)
            yield children
        finally:
            await asyncio.shield(children.end_all())
