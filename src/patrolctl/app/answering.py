"""Who answers when a run without a console is held and asks its operator."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from patrolctl.app.options import WhenHeld
from patrolctl.clock import running_beside
from patrolctl.control.running.active import RunVerb
from patrolctl.domain.errors import InputError, PatrolError
from patrolctl.domain.ids import RunId
from patrolctl.domain.run import ENDED, Phase, RunState

LOOK_S = 0.2  # real seconds, for people
AGAIN_S = 5.0
LONGEST_LINE = 4096
WORDS = {
    "resume": RunVerb.RESUME,
    "home": RunVerb.RETURN_HOME,
    "land": RunVerb.LAND,
    "hold": RunVerb.HOLD,
}
HELP = "type resume, home or land (hold at any time), then Enter"


class Commanded(Protocol):
    """The part of the runs that is needed here."""

    async def state(self, run_id: RunId) -> RunState:
        """A run's latest state."""
        ...

    async def command(self, run_id: RunId, verb: RunVerb, actor: str) -> RunState:
        """Tell a run; raises Conflict."""
        ...


Say = Callable[[str], None]


def question_of(state: RunState) -> str | None:
    """What a run waits for its operator for; None: it goes on by itself."""
    if state.phase in ENDED:
        return None
    waiting = [
        f"{s.sortie_id}: {s.waits or s.reason or 'held'}"
        for s in state.sorties
        if s.phase not in ENDED and (s.waits or s.phase is Phase.HELD)
    ]
    if state.parked:
        waiting.insert(0, state.parked)
    return "; ".join(waiting) or None


class Answering:
    """Answers a run's questions by a policy, or by what is typed.

    Args:
        runs: whose questions.
        run_id: which.
        policy: what is done with them.
        say: where questions are asked.
    """

    def __init__(
        self, runs: Commanded, run_id: RunId, policy: WhenHeld, say: Say
    ) -> None:
        self._runs = runs
        self._run_id = run_id
        self._policy = policy
        self._say = say

    @asynccontextmanager
    async def open(self, fd: int | None = None) -> AsyncIterator[None]:
        """Answer for as long as the context lasts.

        Args:
            fd: where answers are typed; None: standard input.

        Raises:
            InputError: nothing can be typed there.
        """
        lines: asyncio.Queue[str] = asyncio.Queue()
        with_lines = self._policy is WhenHeld.ASK
        source = sys.stdin.fileno() if fd is None and with_lines else fd
        if with_lines and source is not None:
            _listen(source, lines)
        try:
            async with running_beside(self.answer(lines), "answering"):
                yield
        finally:
            if with_lines and source is not None:
                asyncio.get_running_loop().remove_reader(source)

    async def answer(self, lines: "asyncio.Queue[str]") -> None:
        """For ever (until cancelled)."""
        asked: str | None = None
        while True:
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._obey(await lines.get())
            except TimeoutError:
                pass
            question = question_of(await self._runs.state(self._run_id))
            if question != asked and question is not None:
                await self._ask(question)
            asked = question

    async def _ask(self, question: str) -> None:
        self._say(f"{self._run_id} waits: {question}")
        if self._policy is WhenHeld.ASK:
            self._say(HELP)
        elif self._policy is WhenHeld.HOME:
            self._say("nobody is asked (--when-held home): it is called home")
            await self._call_home()

    async def _call_home(self) -> None:
        """Until it obeys, or there is nothing to obey any more."""
        while True:
            if await self._tell(RunVerb.RETURN_HOME, "--when-held home"):
                return
            await asyncio.sleep(AGAIN_S)

    async def _obey(self, line: str) -> None:
        word = line.strip().lower()
        verb = WORDS.get(word)
        if verb is not None:
            await self._tell(verb, "the terminal")
        elif word:
            self._say(f"{word[:40]!r} is no answer; {HELP}")

    async def _tell(self, verb: RunVerb, actor: str) -> bool:
        """Whether it was obeyed, or there is nothing left to obey."""
        try:
            await self._runs.command(self._run_id, verb, actor)
        except PatrolError as e:
            self._say(str(e))
            state = await self._runs.state(self._run_id)
            return state.phase in ENDED or question_of(state) is None
        return True


def _listen(fd: int, lines: "asyncio.Queue[str]") -> None:
    """Put each line that is typed into a queue; its end is the end of it."""
    loop = asyncio.get_running_loop()
    typed = bytearray()

    def readable() -> None:
        chunk = os.read(fd, LONGEST_LINE)
        if not chunk:
            loop.remove_reader(fd)
            return
        typed.extend(chunk[: LONGEST_LINE - len(typed)])
        while b"\n" in typed:
            line, _, rest = bytes(typed).partition(b"\n")
            typed[:] = rest
            lines.put_nowait(line.decode(errors="replace"))

    try:
        loop.add_reader(fd, readable)
    except (PermissionError, OSError, ValueError):
        raise InputError.one(
            "--when-held ask", "nothing can be typed here", "home or wait"
        ) from None
