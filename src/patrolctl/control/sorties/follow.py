"""What a vehicle's facts mean for its sortie. Pure; tested over every fact."""

from dataclasses import dataclass, replace

from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.mission import Mission, StepType
from patrolctl.domain.run import Phase
from patrolctl.domain.telemetry import EventKind, VehicleEvent

CUT_BY = {
    EventKind.FAILSAFE: "failsafe",
    EventKind.FENCE: "fence breached",
    EventKind.REBOOTED: "the autopilot rebooted",
    EventKind.MISSION_CHANGED: "somebody changed the mission",
}
PLAIN: dict[EventKind, tuple[str, Phase | None]] = {
    EventKind.HELD: ("held", Phase.HELD),
    EventKind.RESUMED: ("resumed", Phase.RUNNING),
    EventKind.STALLED: ("no progress", None),
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sortie is: step in progress, whole laps, why it was cut.

    ``spent`` says that it was its battery that cut it: with a fresh one it
    can go on. ``homing``: it just came home, for its battery, for want of a
    link or because somebody called it; nothing is wrong with it.
    """

    step: int = 0
    laps: int = 0
    cut: str | None = None
    spent: bool = False
    homing: bool = False
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """What to tell of the sortie after one fact."""

    text: str
    phase: Phase | None = None
    cut: str | None = None


def _said(event: VehicleEvent, fallback: str) -> str:
    return f"{fallback}: {event.text}" if event.text else fallback


def _at_step(
    event: VehicleEvent, mission: Mission, before: Progress
) -> tuple[Progress, Note | None]:
    if event.seq is None or event.seq == before.step:
        return before, None
    lapped = event.seq < before.step and any(
        s.type is StepType.JUMP for s in mission.steps
    )
    after = replace(before, step=event.seq, laps=before.laps + lapped)
    step = next((s for s in mission.steps if s.seq == event.seq), None)
    going_home = step is not None and step.type is StepType.RETURN_HOME
    return after, Note(
        f"lap {after.laps} done" if lapped else f"step {event.seq}",
        phase=Phase.RETURNING if going_home else None,
    )


def _on_returning(event: VehicleEvent, mission: Mission, before: Progress) -> Note:
    last_way = {StepType.RETURN_HOME, StepType.LAND}
    rest = [s for s in mission.steps if s.seq > before.step and s.type not in last_way]
    current = next((s for s in mission.steps if s.seq == before.step), None)
    planned = not rest and (current is None or current.type in last_way)
    why = None if planned else _said(event, "left the mission to return")
    return Note(_said(event, "returning"), phase=Phase.RETURNING, cut=why)


def _of_battery(event: VehicleEvent) -> bool:
    return event.kind is EventKind.FAILSAFE and "battery" in event.text.lower()


def _harmless(event: VehicleEvent) -> bool:
    if event.kind is EventKind.RETURNING:
        return True
    no_link = "gcs" in event.text.lower()
    return _of_battery(event) or (event.kind is EventKind.FAILSAFE and no_link)


def _ends(event: VehicleEvent, mission: Mission) -> bool:
    if event.kind is EventKind.DISARMED:
        return True
    return (
        event.kind is EventKind.FINISHED and mission.vehicle_kind is VehicleKind.ROVER
    )


def follow(
    event: VehicleEvent, mission: Mission, before: Progress
) -> tuple[Progress, Note | None]:
    """Progress after one fact, and what to tell of it (None: nothing).

    A copter's sortie ends when it is disarmed, a rover's when its mission is
    complete or it is disarmed.
    """
    note: Note | None = None
    after = before
    if event.kind in {EventKind.STEP, EventKind.DWELL_STARTED}:
        after, note = _at_step(event, mission, before)
    elif event.kind is EventKind.RETURNING:
        note = _on_returning(event, mission, before)
    elif event.kind in CUT_BY:
        why = _said(event, CUT_BY[event.kind])
        note = Note(why, cut=why)
    elif event.kind in PLAIN:
        fallback, phase = PLAIN[event.kind]
        note = Note(_said(event, fallback), phase=phase)
    if note is not None and note.cut is not None:
        first = before.cut is None
        after = replace(
            after,
            cut=before.cut or note.cut,
            spent=before.spent or (first and _of_battery(event)),
            homing=before.homing or (first and _harmless(event)),
        )
    if _ends(event, mission):
        after = replace(after, ended=True)
    return after, note
