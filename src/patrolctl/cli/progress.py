"""One line of progress on stderr, and Ctrl-C that asks before it kills."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Self

from patrolctl.cli.output import tell
from patrolctl.planning.progress import PlanProgress


class ProgressLine:
    """Rewrites one line of a terminal; elsewhere one line a stage."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._last = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live and self._last:
            sys.stderr.write("\n")

    def show(self, progress: PlanProgress) -> None:
        """Show one report."""
        text = _line(progress)
        if self._live:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
            self._last = text
        elif progress.text != self._last:
            self._last = progress.text
            tell(text)


def _line(progress: PlanProgress) -> str:
    parts = [f"{progress.ratio:4.0%} {progress.text}"]
    if progress.incumbent_s is not None:
        parts.append(f"best {progress.incumbent_s:.0f} s")
    if progress.bound_s is not None:
        parts.append(f"bound {progress.bound_s:.0f} s")
    if progress.gap is not None:
        parts.append(f"gap {progress.gap:.1%}")
    return ", ".join(parts)


@contextmanager
def stdout_kept() -> Iterator[None]:
    """Send what native code prints to stderr: stdout is for the document.

    HiGHS prints a banner whenever a solver is made, whatever its options.
    """
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


@contextmanager
def first_interrupt_stops() -> Iterator[Callable[[], bool]]:
    """Yield a question that becomes true at the first Ctrl-C.

    The second Ctrl-C interrupts as usual.
    """
    asked = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        tell("\nstopping with the best plan so far; Ctrl-C again to give up")

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)
