"""Runs: a plan being executed, and the pure state machine that follows it.

``DRAFT → CHECKED → UPLOADED → RUNNING ⇄ HELD → RETURNING → FINISHED |
ABORTED | FAILED``
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from patrolctl.domain.ids import PlanId, RunId, SortieId, VehicleId


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
    Phase.DRAFT: frozenset({Phase.CHECKED, Phase.ABORTED, Phase.FAILED}),
    Phase.CHECKED: frozenset({Phase.UPLOADED, Phase.ABORTED, Phase.FAILED}),
    Phase.UPLOADED: frozenset({Phase.RUNNING, Phase.ABORTED, Phase.FAILED}),
    Phase.RUNNING: frozenset(
        {Phase.HELD, Phase.RETURNING, Phase.FINISHED, Phase.ABORTED, Phase.FAILED}
    ),
    Phase.HELD: frozenset(
        {Phase.RUNNING, Phase.RETURNING, Phase.FINISHED, Phase.ABORTED, Phase.FAILED}
    ),
    Phase.RETURNING: frozenset({Phase.FINISHED, Phase.ABORTED, Phase.FAILED}),
    Phase.FINISHED: frozenset(),
    Phase.ABORTED: frozenset(),
    Phase.FAILED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class SortieRun:
    """One vehicle's share of a run.

    ``step`` is the mission step in progress, of ``steps``; ``loops_done``
    counts whole patrol loops; ``cues_done`` are the ids of cues whose
    playback completed. ``cut`` says why the sortie will not do the rest of
    its mission although the vehicle itself is coming home safely.
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


@dataclass(frozen=True, slots=True)
class RunState:
    """The run as a whole; its phase follows from its sorties."""

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
    sortie's. ``id`` is unique, so a repeated event changes nothing twice.
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
    if started and moving and Phase.RUNNING not in moving:
        return Phase.HELD if Phase.HELD in moving else Phase.RETURNING
    if started or moving:
        return Phase.RUNNING  # also between sorties: some ended, others to come
    return min(living, key=_BEFORE_START.index)


def _apply(sortie: SortieRun, event: RunEvent) -> SortieRun:
    phase = sortie.phase
    if event.phase is not None and event.phase in ALLOWED[sortie.phase]:
        phase = event.phase
    done = sortie.cues_done
    if event.cue_done is not None and event.cue_done not in done:
        done = (*done, event.cue_done)
    ended_badly = phase in {Phase.ABORTED, Phase.FAILED} and phase is not sortie.phase
    return replace(
        sortie,
        phase=phase,
        step=sortie.step if event.step is None else event.step,
        steps=sortie.steps if event.steps is None else event.steps,
        loops_done=(
            sortie.loops_done if event.loops_done is None else event.loops_done
        ),
        cues_done=done,
        digest=event.digest or sortie.digest,
        reason=event.text if ended_badly else sortie.reason,
        cut=event.cut or sortie.cut,
    )


def advance(state: RunState, event: RunEvent) -> RunState:
    """The state after one event. Pure; an illegal move changes no phase.

    An event of another run, or one that comes after the end of its sortie,
    leaves the phases as they are: late and repeated events are normal.
    """
    if event.run_id != state.id or state.phase in ENDED:
        return state
    if event.sortie_id is None:
        if event.phase is None or event.phase not in ALLOWED[state.phase]:
            return state
        ended = event.phase in ENDED
        return replace(
            state,
            phase=event.phase,
            ended_utc=event.ts_utc if ended else None,
            reason=event.text if ended else state.reason,
        )
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
