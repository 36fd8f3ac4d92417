"""A run without a console that is held: asked about, called home, or left."""

import asyncio
import os
from dataclasses import replace

import pytest

from patrolctl.app import answering
from patrolctl.app.answering import Answering, question_of
from patrolctl.app.options import WhenHeld
from patrolctl.clock import ManualClock
from patrolctl.control.running.active import RunVerb
from patrolctl.domain.errors import Conflict, InputError
from patrolctl.domain.ids import PlanId, RunId, SortieId, VehicleId
from patrolctl.domain.run import Phase, RunState, SortieRun

SORTIE = SortieRun(SortieId("F1"), VehicleId("d1"), phase=Phase.RUNNING)
RUNNING = RunState(
    RunId("r1"), PlanId("p1"), ManualClock().utc(), Phase.RUNNING, sorties=(SORTIE,)
)
HELD = replace(
    RUNNING,
    phase=Phase.HELD,
    sorties=(replace(SORTIE, phase=Phase.HELD, reason="closed airspace: Fair"),),
)
WAITS = replace(
    RUNNING, sorties=(replace(SORTIE, waits="change the battery and resume"),)
)


class Runs:
    """Goes home or on as it is told, unless it refuses."""

    def __init__(self, state: RunState) -> None:
        self.now = state
        self.told: list[tuple[RunVerb, str]] = []
        self.refuse = 0

    async def state(self, run_id: RunId) -> RunState:
        return self.now

    async def command(self, run_id: RunId, verb: RunVerb, actor: str) -> RunState:
        self.told.append((verb, actor))
        if self.refuse > 0:
            self.refuse -= 1
            raise Conflict("d1: no answer")
        self.now = HELD if verb is RunVerb.HOLD else RUNNING
        return self.now


class Terminal:
    """``async with terminal(policy) as t``: lines go in, what is said comes out."""

    def __init__(self, state: RunState, policy: WhenHeld) -> None:
        self.runs, self.said = Runs(state), []
        self.out, self.keys = os.pipe()
        self._answering = Answering(self.runs, RunId("r1"), policy, self.said.append)
        self._context = self._answering.open(self.out)

    async def __aenter__(self) -> "Terminal":
        await self._context.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._context.__aexit__(*error)
        os.close(self.out)
        os.close(self.keys)

    def type(self, text: str) -> None:
        os.write(self.keys, text.encode())

    async def until(self, done) -> None:
        async with asyncio.timeout(5):
            while not done():  # noqa: ASYNC110 - what is said tells no event
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("state", "question"),
    [
        (RUNNING, None),
        (HELD, "F1: closed airspace: Fair"),
        (WAITS, "F1: change the battery and resume"),
        (replace(RUNNING, parked="was away"), "was away"),
        (replace(HELD, phase=Phase.ABORTED), None),
    ],
)
def test_what_it_asks(state, question):
    assert question_of(state) == question


@pytest.mark.parametrize(
    ("word", "verb"),
    [
        ("resume", RunVerb.RESUME),
        (" HOME ", RunVerb.RETURN_HOME),
        ("land", RunVerb.LAND),
    ],
)
async def test_it_asks_once_and_does_what_is_typed(word, verb):
    async with Terminal(HELD, WhenHeld.ASK) as t:
        await t.until(lambda: len(t.said) == 2)
        assert t.said[0] == "r1 waits: F1: closed airspace: Fair"
        assert "resume, home or land" in t.said[1]
        await asyncio.sleep(3 * answering.LOOK_S)
        assert len(t.said) == 2
        t.type(word[:2])
        await asyncio.sleep(0.05)  # typed slowly: half a word is none
        assert t.runs.told == []
        t.type(word[2:] + "\n")
        await t.until(lambda: t.runs.told == [(verb, "the terminal")])


async def test_a_word_that_is_none_is_told_and_a_refusal_too():
    async with Terminal(HELD, WhenHeld.ASK) as t:
        t.runs.refuse = 1
        t.type("maybe\n\nresume\n")
        await t.until(lambda: len(t.runs.told) == 1)
        await t.until(lambda: "d1: no answer" in t.said)
        assert any("'maybe' is no answer" in line for line in t.said)
        t.type("resume\n")
        await t.until(lambda: len(t.runs.told) == 2)


async def test_it_asks_again_when_it_is_held_again():
    async with Terminal(RUNNING, WhenHeld.ASK) as t:
        t.type("hold\n")
        await t.until(lambda: len(t.said) == 2)
        t.type("resume\n")
        await t.until(lambda: len(t.runs.told) == 2)
        await asyncio.sleep(2 * answering.LOOK_S)
        t.runs.now = WAITS
        await t.until(lambda: len(t.said) == 4)


async def test_home_calls_it_home_until_it_obeys(monkeypatch):
    monkeypatch.setattr(answering, "AGAIN_S", 0.01)
    async with Terminal(HELD, WhenHeld.HOME) as t:
        t.runs.refuse = 2
        await t.until(lambda: len(t.runs.told) == 3)
        assert {v for v, _ in t.runs.told} == {RunVerb.RETURN_HOME}


async def test_wait_tells_and_does_nothing():
    async with Terminal(WAITS, WhenHeld.WAIT) as t:
        await t.until(lambda: bool(t.said))
        await asyncio.sleep(2 * answering.LOOK_S)
        assert t.said == ["r1 waits: F1: change the battery and resume"]
        assert t.runs.told == []


async def test_the_end_of_the_input_ends_no_run():
    async with Terminal(HELD, WhenHeld.ASK) as t:
        os.close(t.keys)
        await asyncio.sleep(2 * answering.LOOK_S)
        t.keys = os.dup(t.out)
        assert t.runs.told == []


async def test_where_nothing_can_be_typed_it_says_so(tmp_path):
    file = tmp_path / "answers"
    file.write_text("home\n")
    asking = Answering(Runs(HELD), RunId("r1"), WhenHeld.ASK, print)
    with file.open() as lines, pytest.raises(InputError, match="home or wait"):
        async with asking.open(lines.fileno()):
            pass
