"""What a run can be told, and what each word does to it. Pure but for the table."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from enum import StrEnum

from patrolctl.control.sorties.job import Told
from patrolctl.control.vehicles.fleet import stop_member
from patrolctl.control.vehicles.member import Member
from patrolctl.domain.run import Phase, RunEvent, RunState


class RunVerb(StrEnum):
    """What a run can be told."""

    HOLD = "hold"
    RESUME = "resume"
    RETURN_HOME = "return_home"
    CHANGE_BATTERY = "change_battery"
    LAND = "land"
    SILENCE = "silence"
    STOP = "stop"


AFTER: dict[RunVerb, Told] = {
    RunVerb.HOLD: Told(phase=Phase.HELD),
    RunVerb.STOP: Told(phase=Phase.HELD),
    RunVerb.RESUME: Told(phase=Phase.RUNNING),
    RunVerb.RETURN_HOME: Told(phase=Phase.RETURNING),
    RunVerb.CHANGE_BATTERY: Told(phase=Phase.RETURNING),
    RunVerb.LAND: Told(phase=Phase.RETURNING),
}

# Nothing that waits on the ground starts after these.
ENDING = frozenset({RunVerb.RETURN_HOME, RunVerb.LAND, RunVerb.STOP})
HALTING = frozenset({RunVerb.STOP, RunVerb.LAND})
# The cue sheet is taken back: the vehicle is not to speak by itself.
HUSHING = ENDING | {RunVerb.SILENCE, RunVerb.CHANGE_BATTERY}

COMMANDS: dict[RunVerb, Callable[[Member], Awaitable[None]]] = {
    RunVerb.HOLD: lambda m: m.vehicle.hold(),
    RunVerb.RESUME: lambda m: m.vehicle.resume(),
    RunVerb.RETURN_HOME: lambda m: m.vehicle.return_home(),
    RunVerb.CHANGE_BATTERY: lambda m: m.vehicle.return_home(),
    RunVerb.LAND: lambda m: m.vehicle.land(),
    RunVerb.SILENCE: lambda m: m.hush(),
    RunVerb.STOP: stop_member,
}


def marked(event: RunEvent, verb: RunVerb) -> RunEvent:
    """The event with the flags that the verb sets for good."""
    if verb in {RunVerb.SILENCE, RunVerb.STOP, RunVerb.RESUME}:
        event = replace(event, muted=verb is not RunVerb.RESUME)
    if verb in {RunVerb.HOLD, RunVerb.STOP, RunVerb.RESUME}:
        event = replace(event, held=verb is not RunVerb.RESUME)
    if verb is RunVerb.RESUME:
        event = replace(event, parked="")
    if verb in ENDING:
        event = replace(event, over=event.text)
    return event


def flagged(state: RunState, event: RunEvent) -> RunState:
    """The flags of an event at once, before it is stored."""
    return replace(
        state,
        held=state.held if event.held is None else event.held,
        muted=state.muted if event.muted is None else event.muted,
        over=state.over or event.over,
        parked=state.parked if event.parked is None else event.parked or None,
    )
