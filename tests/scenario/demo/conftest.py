"""Runs ``patrolctl`` as users do, and sees what it leaves behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

MARK = "PATROLCTL_TEST_MARK"


def _has_mark(environ: Path, mark: str) -> bool:
    with contextlib.suppress(OSError):
        return f"{MARK}={mark}".encode() in environ.read_bytes().split(b"\0")
    return False


class Command:
    """One run of the command line in a process group of its own."""

    def __init__(
        self, tmp_path: Path, *words: str, stdin: bool = False, **environ: str
    ) -> None:
        self.mark = uuid.uuid4().hex
        self.started_s = time.monotonic()  # noqa: TID251 - real processes
        self.process = subprocess.Popen(
            [sys.executable, "-m", "patrolctl", *words],
            stdin=subprocess.PIPE if stdin else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={
                **os.environ,
                "PATROLCTL_DATA_DIR": str(tmp_path / "data"),
                "TMPDIR": str(tmp_path),
                MARK: self.mark,
                **environ,
            },
        )

    def left(self) -> list[int]:
        """Processes with our mark: this command and whatever it started."""
        return [
            int(environ.parent.name)
            for environ in Path("/proc").glob("[0-9]*/environ")
            if _has_mark(environ, self.mark)
        ]

    def none_left(self, within_s: float = 5.0) -> bool:
        """Whether everything is gone soon."""
        end_s = time.monotonic() + within_s  # noqa: TID251
        while self.left():
            if time.monotonic() > end_s:  # noqa: TID251
                return False
            time.sleep(0.05)
        return True

    def until(self, said: str, within_s: float = 60.0) -> str:
        """Read its stderr up to a line that contains ``said``."""
        read = []
        assert self.process.stderr is not None
        for line in self.process.stderr:
            read.append(line)
            if said in line:
                return line
            late_s = time.monotonic() - self.started_s  # noqa: TID251
            assert late_s < within_s, "".join(read)
        raise AssertionError(f"never said {said!r}:\n{''.join(read)}")

    def finish(self, within_s: float) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        out, err = self.process.communicate(timeout=within_s)
        return self.process.returncode, out, err

    def type(self, line: str) -> None:
        """Type a line, as at a terminal."""
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def signal(self, number: signal.Signals) -> None:
        """Only to the command itself, as a supervisor does."""
        self.process.send_signal(number)

    def end(self) -> None:
        """Kill what a failing test left."""
        for pid in self.left():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def patrolctl(tmp_path: Path) -> Iterator[object]:
    """Starts commands; ends them with the test."""
    started: list[Command] = []

    def start(*words: str, stdin: bool = False, **environ: str) -> Command:
        started.append(Command(tmp_path, *words, stdin=stdin, **environ))
        return started[-1]

    yield start
    for command in started:
        command.end()
