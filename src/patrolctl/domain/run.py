"""Runs: a plan being executed, and the pure state machine that follows it.

``DRAFT → CHECKED → UPLOADED → RUNNING ⇄ HELD → RETURNING → FINISHED |
ABORTED | FAILED``; a sortie that came home early, or of which a restarted
service cannot know what it did, waits ``HELD`` on the ground.

The state is also the run's checkpoint: it is stored in one transaction with
the event that led to it, and what is about to be done is such an event
(``launching``, ``key``, ``held``, ``muted``, ``over``), stored before it is done.
"""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from patrolctl.domain.ids import PlanId, RunId, SortieId, VehicleId

T = TypeVar("T")


class Phase(StrEnum):
    """Of a run and of each sortie in it."""

    DRAFT = "DRAFT"
    CHECKED = "CHECKED"
    UPLOADED = "UPLOADED"
    RUNNING = "RUNNING"
    HELD = "HELD"
    RETURNING = "RETURNING"
    FINISHED = "FINISHED"
    ABORTED = "ABORTED"
    FAILED = "FAILED"


ENDED = frozenset({Phase.FINISHED, Phase.ABORTED, Phase.FAILED})

ALLOWED: dict[Phase, frozenset[Phase]] = {
    Phase.DRAFT: frozenset({Phase.CHECKED, Phase.HELD, Phase.ABORTED, Phase.FAILED}),
    Phase.CHECKED: frozenset({Phase.UPLOADED, Phase.HELD, Phase.ABORTED, Phase.FAILED}),
    Phase.UPLOADED: frozenset({Phase.RUNNING, Phase.HELD, Phase.ABORTED, Phase.FAILED}),
    Phase.RUNNING: frozenset(
        {Phase.HELD, Phase.RETURNING, Phase.FINISHED, Phase.ABORTED, Phase.FAILED}
    ),
    Phase.HELD: frozenset(
        {Phase.RUNNING, Phase.RETURNING, Phase.FINISHED, Phase.ABORTED, Phase.FAILED}
    ),
    Phase.RETURNING: frozenset(
        {Phase.HELD, Phase.FINISHED, Phase.ABORTED, Phase.FAILED}
    ),
    Phase.FINISHED: frozenset(),
    Phase.ABORTED: frozenset(),
    Phase.FAILED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Part:
    """What is flown of a sortie after it broke off.

    ``number`` counts the departures from 1; ``step`` is the plan item at which
    it broke off, ``laps`` the whole loops done by then, ``cues_done`` the
    messages that need not be said again. The rest of the sortie follows from
    these alone, so that a restarted service compiles the same mission.
    """

    number: int = 1
    step: int = 0
    laps: int = 0
    cues_done: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SortieRun:
    """One vehicle's share of a run.

    ``step`` is the mission step in progress, of ``steps``; ``loops_done``
    counts whole patrol loops; ``cues_done`` are the ids of cues whose
    playback completed. ``cut`` says why the sortie will not do the rest of
    its mission although the vehicle itself is coming home safely.

    ``launching`` says that a launch was decided and its outcome not recorded
    yet, ``departures`` counts those that are; ``plays`` are the keys that a
    speaker was asked to play. ``waits`` is why the vehicle waits on the ground
    for the operator (None: it does not); ``part`` what is flown (None: all of
    it).
    """

    sortie_id: SortieId
    vehicle_id: VehicleId
    phase: Phase = Phase.DRAFT
    step: int = 0
    steps: int = 0
    loops_done: int = 0
    loops: int = 1
    cues: int = 0
    cues_done: tuple[str, ...] = ()
    digest: str | None = None
    reason: str | None = None
    cut: str | None = None
    launching: bool = False
    departures: int = 0
    plays: tuple[str, ...] = ()
    waits: str | None = None
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class RunState:
    """The run as a whole; its phase follows from its sorties.

    ``held``, ``muted`` and ``over`` are what the operator said last: nothing
    moves on, nothing is said, and (why) nothing more is begun. ``parked`` is
    why what has not started waits for the operator, whatever flies.
    """

    id: RunId
    plan_id: PlanId
    created_utc: datetime
    phase: Phase = Phase.DRAFT
    sorties: tuple[SortieRun, ...] = ()
    started_utc: datetime | None = None
    ended_utc: datetime | None = None
    authority: str | None = None
    schedule_id: str | None = None
    reason: str | None = None
    held: bool = False
    muted: bool = False
    over: str | None = None
    parked: str | None = None

    @property
    def progress_ratio(self) -> float:
        """Share of all mission steps done, 0 to 1."""
        total = sum(max(s.steps, 1) * s.loops for s in self.sorties)
        if not total:
            return 0.0
        done = sum(
            max(s.steps, 1) * s.loops
            if s.phase is Phase.FINISHED
            else min(s.step, s.steps) + s.loops_done * s.steps
            for s in self.sorties
        )
        return min(1.0, done / total)


@dataclass(frozen=True, slots=True)
class RunEvent:
    """A fact about a run; ``sortie_id`` None: about the run as a whole.

    ``phase`` moves the sortie; the other fields, where given, replace the
    sortie's. ``key`` is added to its plays; an empty ``waits`` ends the waiting.
    ``held``, ``muted``, ``over`` and ``parked`` (empty: not any more) are the
    run's. ``id`` is unique, so a
    repeated event changes nothing twice.
    """

    id: str
    ts_utc: datetime
    run_id: RunId
    text: str
    sortie_id: SortieId | None = None
    phase: Phase | None = None
    step: int | None = None
    steps: int | None = None
    loops_done: int | None = None
    cue_done: str | None = None
    digest: str | None = None
    cut: str | None = None
    launching: bool | None = None
    departures: int | None = None
    key: str | None = None
    waits: str | None = None
    part: Part | None = None
    held: bool | None = None
    muted: bool | None = None
    over: str | None = None
    parked: str | None = None


def fact_of(
    run_id: RunId, ts_utc: datetime, text: str, sortie_id: SortieId | None = None
) -> RunEvent:
    """A new fact that changes nothing yet but is told."""
    return RunEvent(uuid.uuid4().hex, ts_utc, run_id, text, sortie_id)


_BEFORE_START = (Phase.DRAFT, Phase.CHECKED, Phase.UPLOADED)


def _overall(sorties: tuple[SortieRun, ...], before: Phase) -> Phase:
    """A run is as far as its least advanced living sortie."""
    phases = {s.phase for s in sorties}
    living = phases - ENDED
    if not living:
        order = (Phase.FAILED, Phase.ABORTED, Phase.FINISHED)
        return next(p for p in order if p in phases)
    moving = living - set(_BEFORE_START)
    started = before not in _BEFORE_START
    if moving and Phase.RUNNING not in moving:
        return Phase.HELD if Phase.HELD in moving else Phase.RETURNING
    if started or moving:
        return Phase.RUNNING  # also between sorties: some ended, others to come
    return min(living, key=_BEFORE_START.index)


def _apply(sortie: SortieRun, event: RunEvent) -> SortieRun:
    phase = sortie.phase
    if event.phase is not None and event.phase in ALLOWED[sortie.phase]:
        phase = event.phase
    ended_badly = phase in {Phase.ABORTED, Phase.FAILED} and phase is not sortie.phase
    return replace(
        sortie,
        phase=phase,
        step=sortie.step if event.step is None else event.step,
        steps=sortie.steps if event.steps is None else event.steps,
        loops_done=(
            sortie.loops_done if event.loops_done is None else event.loops_done
        ),
        cues_done=_with(sortie.cues_done, event.cue_done),
        digest=event.digest or sortie.digest,
        reason=event.text if ended_badly else sortie.reason,
        cut=event.cut or sortie.cut,
        launching=_or(event.launching, sortie.launching),
        departures=_or(event.departures, sortie.departures),
        plays=_with(sortie.plays, event.key),
        waits=(_or(event.waits, sortie.waits) or None),
        part=event.part or sortie.part,
    )


def _or(new: T | None, old: T) -> T:
    return old if new is None else new


def _with(known: tuple[str, ...], one: str | None) -> tuple[str, ...]:
    return known if one is None or one in known else (*known, one)


def _told_late(state: RunState, event: RunEvent) -> RunState:
    """After the end only a message that was heard all the same counts."""
    if event.sortie_id is None or event.cue_done is None:
        return state
    return replace(
        state,
        sorties=tuple(
            replace(s, cues_done=_with(s.cues_done, event.cue_done))
            if s.sortie_id == event.sortie_id
            else s
            for s in state.sorties
        ),
    )


def _of_the_run(state: RunState, event: RunEvent) -> RunState:
    """After an event about the run as a whole."""
    state = replace(
        state,
        held=_or(event.held, state.held),
        muted=_or(event.muted, state.muted),
        over=state.over or event.over,
        parked=_or(event.parked, state.parked) or None,
    )
    if event.phase is None or event.phase not in ALLOWED[state.phase]:
        return state
    ended = event.phase in ENDED
    return replace(
        state,
        phase=event.phase,
        ended_utc=event.ts_utc if ended else None,
        reason=event.text if ended else state.reason,
    )


def advance(state: RunState, event: RunEvent) -> RunState:
    """The state after one event. Pure; an illegal move changes no phase.

    An event of another run, or one that comes after the end of its sortie,
    leaves the phases as they are: late and repeated events are normal.
    """
    if event.run_id != state.id:
        return state
    if state.phase in ENDED:
        return _told_late(state, event)
    if event.sortie_id is None:
        return _of_the_run(state, event)
    sorties = tuple(
        _apply(s, event) if s.sortie_id == event.sortie_id else s for s in state.sorties
    )
    phase = _overall(sorties, state.phase)
    begun = phase not in {Phase.DRAFT, Phase.CHECKED, Phase.UPLOADED}
    reasons = "; ".join(s.reason for s in sorties if s.reason)
    return replace(
        state,
        sorties=sorties,
        phase=phase,
        started_utc=state.started_utc or (event.ts_utc if begun else None),
        ended_utc=event.ts_utc if phase in ENDED else None,
        reason=reasons or state.reason,
    )
