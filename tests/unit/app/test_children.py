import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from patrolctl.app import children
from patrolctl.app.children import Command, running_children
from patrolctl.domain.errors import LinkFailed

SLEEPER = "import time; print('noise'); print('READY tcp:1:2', flush=True); {}"


def sleeper(name: str, rest: str = "time.sleep(60)") -> Command:
    return Command(name, (sys.executable, "-c", SLEEPER.format(rest)))


def alive(pid: int) -> bool:
    """Running, and no zombie that its new parent has yet to collect."""
    with contextlib.suppress(OSError, IndexError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"
    return False


def members(group_id: int) -> list[int]:
    """The processes of a group (field 5 of /proc/PID/stat)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group_id:
                found.append(int(stat.parent.name))
    return found


def gone(pid: int, within_s: float = 5.0) -> bool:
    end = time.monotonic() + within_s  # noqa: TID251 - real processes
    while alive(pid):
        if time.monotonic() > end:  # noqa: TID251
            return False
        time.sleep(0.02)
    return True


async def test_children_run_side_by_side_and_end_with_the_context() -> None:
    async with running_children(sleeper("a"), sleeper("b")) as children:
        a, b = children["a"], children["b"]
        assert a.ready == b.ready == "tcp:1:2"
        pids = [a.process.pid, b.process.pid]
        assert all(os.getpgid(p) == p for p in pids)
    assert all(gone(p) for p in pids)


async def test_one_is_ended_and_started_again() -> None:
    async with running_children(sleeper("a"), sleeper("b")) as children:
        first = children["a"].process.pid
        await children.end("a")
        assert gone(first)
        await children.start(sleeper("a"))
        second = children["a"].process.pid
        assert second != first
        assert alive(children["b"].process.pid)
    assert gone(second)


async def test_one_that_ignores_sigterm_is_killed_with_its_own_children(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(children, "GRACE_S", 0.3)
    stubborn = (
        "import signal, subprocess, sys; signal.signal(15, signal.SIG_IGN);"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "print(p.pid, flush=True); time.sleep(60)"
    )
    text = "import time; {}; ".format("print('READY', flush=True)") + stubborn
    command = Command("a", (sys.executable, "-c", text))
    async with running_children(command) as started:
        pid = started["a"].process.pid
        await asyncio.sleep(0.3)
        group = members(pid)
        assert len(group) == 2
    assert all(gone(p) for p in group)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ((sys.executable, "-c", "raise SystemExit(3)"), "ended with 3"),
        (("/nowhere/at/all",), "cannot be started: No such file"),
    ],
)
async def test_what_does_not_start_is_said_and_the_others_end(command, said) -> None:
    with pytest.raises(BaseExceptionGroup) as failed:
        async with (
            asyncio.TaskGroup(),
            running_children(sleeper("good"), Command("bad", command)),
        ):
            pass
    assert failed.group_contains(LinkFailed, match=f"bad: .*{said}")


async def test_one_that_is_never_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "READY_S", 0.5)
    mute = Command("mute", (sys.executable, "-c", "import time; time.sleep(60)"))
    with pytest.raises(BaseExceptionGroup) as failed:
        async with asyncio.TaskGroup(), running_children(mute):
            pass
    assert failed.group_contains(LinkFailed, match="not ready")


PARENT = """
import asyncio, sys
from patrolctl.app.children import Command, running_children
code = "import time; print('READY', flush=True); time.sleep(60)"
async def main():
    command = Command("c", (sys.executable, "-c", code))
    async with running_children(command) as children:
        print(children["c"].process.pid, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_children_die_with_us_however_we_die(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as parent:
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.send_signal(number)
        parent.wait(10)
    assert gone(pid)
