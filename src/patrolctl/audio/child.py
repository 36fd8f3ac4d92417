"""Ask a one-shot child process: JSON in, the last line of its output back."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import TypeVar

import msgspec

from patrolctl.domain.errors import SpeechFailed

Reply = TypeVar("Reply")


async def ask(
    script: Path, request: dict[str, object], kind: type[Reply], *, wall_s: float
) -> Reply:
    """Run ``script`` once, isolated, with the request on its standard input.

    Raises:
        SpeechFailed: it crashed, took longer than ``wall_s`` or said nothing.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(script),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        # Wall time of a real process: a simulated clock must not shorten it.
        async with asyncio.timeout(wall_s):
            out, err = await process.communicate(json.dumps(request).encode())
    except TimeoutError:
        raise SpeechFailed(f"the voice took more than {wall_s:g} s") from None
    finally:
        if process.returncode is None:
            await asyncio.shield(_kill(process))
    if process.returncode != 0:
        raise SpeechFailed(_death(process.returncode or 0, err))
    try:
        return msgspec.json.decode(out.rstrip().rpartition(b"\n")[2], type=kind)
    except msgspec.DecodeError:
        raise SpeechFailed("the voice gave no answer") from None


async def _kill(process: asyncio.subprocess.Process) -> None:
    """End the child's whole session and reap it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _death(code: int, err: bytes) -> str:
    last = err.decode(errors="replace").strip().rpartition("\n")[2][:200]
    if code < 0:
        name = signal.Signals(-code).name
        return f"the voice crashed on this text ({name}: {last or 'no message'})"
    return f"the voice failed ({code}): {last or 'no message'}"
