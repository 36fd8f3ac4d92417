"""A run under way: its sorties in lanes, one lane a vehicle, and commands."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from patrolctl.clock import Clock
from patrolctl.control.execute import Execution, Recalled
from patrolctl.control.feed import LiveFeed
from patrolctl.control.fleet import stop_member, tell_each
from patrolctl.control.gate import Gate
from patrolctl.control.job import Crew, Limits, SortieJob, Told, tell
from patrolctl.control.member import Member
from patrolctl.domain.errors import Conflict
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.run import ENDED, Phase, RunEvent, RunState, advance
from patrolctl.ports import Store

log = logging.getLogger(__name__)


class RunVerb(StrEnum):
    """What a run can be told."""

    HOLD = "hold"
    RESUME = "resume"
    RETURN_HOME = "return_home"
    LAND = "land"
    SILENCE = "silence"
    STOP = "stop"


AFTER: dict[RunVerb, Told] = {
    RunVerb.HOLD: Told(phase=Phase.HELD),
    RunVerb.STOP: Told(phase=Phase.HELD),
    RunVerb.RESUME: Told(phase=Phase.RUNNING),
    RunVerb.RETURN_HOME: Told(phase=Phase.RETURNING),
    RunVerb.LAND: Told(phase=Phase.RETURNING),
}


# Nothing that waits on the ground starts after these.
ENDING = frozenset({RunVerb.RETURN_HOME, RunVerb.LAND, RunVerb.STOP})
HALTING = frozenset({RunVerb.STOP, RunVerb.LAND})


@dataclass(frozen=True, slots=True)
class Lane:
    """The sorties of one vehicle, in their order."""

    member: Member
    jobs: tuple[SortieJob, ...]


@dataclass(frozen=True, slots=True)
class Services:
    """What runs are made of."""

    feed: LiveFeed
    gate: Gate
    store: Store
    clock: Clock
    limits: Limits


class ActiveRun:
    """The only writer of one run's state.

    A sortie ends when its vehicle is safely on the ground: STOP ends that of
    a patrol vehicle, while a copter hovers, HELD, until the operator decides.

    Commands set their flags at once, before the first await and before
    anything is stored: a sortie that waits on the ground never starts
    against an operator who held, stopped or recalled the run.
    """

    def __init__(
        self, state: RunState, lanes: tuple[Lane, ...], services: Services
    ) -> None:
        self.state = state
        self.lanes = lanes
        self._by = services
        self._muted = False
        self._held = False
        self._over: str | None = None
        self._preparing = len(lanes)
        self._start_s: float | None = None
        self._current: dict[str, tuple[Execution, asyncio.Task[None]]] = {}

    # -- facts

    async def record(self, event: RunEvent) -> None:
        """Apply one event, keep it, show it."""
        self.state = advance(self.state, event)
        log.info(event.text, extra={"run": self.state.id, "sortie": event.sortie_id})
        await self._by.feed.run_event(event, self.state)

    async def tell(self, text: str, phase: Phase | None = None) -> None:
        """A fact about the run as a whole."""
        await self.record(
            RunEvent(
                id=uuid.uuid4().hex,
                ts_utc=self._by.clock.utc(),
                run_id=self.state.id,
                text=text,
                phase=phase,
            )
        )

    # -- doing

    async def fly(self) -> None:
        """All lanes side by side; one lane's failure leaves the others be."""
        async with asyncio.TaskGroup() as group:
            for lane in self.lanes:
                name = f"lane-{lane.member.entry.id}"
                group.create_task(self._lane(lane), name=name)

    async def _lane(self, lane: Lane) -> None:
        crew = Crew(
            member=lane.member,
            gate=self._by.gate,
            store=self._by.store,
            clock=self._by.clock,
            limits=self._by.limits,
            record=self.record,
            muted=lambda: self._muted,
        )
        broken_off = False
        for number, job in enumerate(lane.jobs):
            if broken_off:
                # Whatever cut it short, somebody should look at it first.
                why = f"not started: {lane.member.entry.id} broke off before"
                await tell(job, crew, why, Told(phase=Phase.ABORTED))
                continue
            await self._one(Execution(job, crew), first=number == 0)
            broken_off = self._phase_of(job) is not Phase.FINISHED

    def _phase_of(self, job: SortieJob) -> Phase:
        return next(s.phase for s in self.state.sorties if s.sortie_id == job.sortie.id)

    async def _one(self, execution: Execution, *, first: bool) -> None:
        member = execution.crew.member
        waiting = first  # this lane still counts among those that prepare

        async def clear_to_start() -> None:
            nonlocal waiting
            if waiting:
                waiting = False
                self._prepared()
            await self._clear_to_start(execution.job)

        member.sortie = execution.job.sortie.id
        try:
            async with asyncio.TaskGroup() as group:
                if self._over is None:
                    doing = group.create_task(
                        execution.run(clear_to_start),
                        name=f"sortie-{execution.job.sortie.id}",
                    )
                    self._current[member.entry.id] = (execution, doing)
        finally:
            self._current.pop(member.entry.id, None)
            member.sortie = None
            if waiting:
                self._prepared()
        if self._phase_of(execution.job) not in ENDED:
            why = self._over or "not started"
            await tell(execution.job, execution.crew, why, Told(phase=Phase.ABORTED))

    def _prepared(self) -> None:
        self._preparing -= 1
        if self._preparing == 0:
            self._start_s = self._by.clock.monotonic_s()

    async def _clear_to_start(self, job: SortieJob) -> None:
        """Wait for the run's start, the sortie's own offset and the operator."""
        clock = self._by.clock
        while True:
            if self._over is not None:
                raise Recalled(self._over)
            if self._start_s is not None and not self._held:
                wait_s = self._start_s + job.sortie.start_s - clock.monotonic_s()
                if wait_s <= 0:
                    return
            await clock.sleep(0.25)

    # -- commands

    def heed(self, verb: RunVerb, why: str) -> None:
        """Set the flags of a command; no await, so nothing comes between."""
        if verb in {RunVerb.SILENCE, RunVerb.STOP, RunVerb.RESUME}:
            self._muted = verb is not RunVerb.RESUME
        if verb in {RunVerb.HOLD, RunVerb.STOP, RunVerb.RESUME}:
            self._held = verb is not RunVerb.RESUME
        if verb in ENDING:
            self._over = self._over or why
        for execution, task in self._current.values():
            execution.held = self._held
            if verb in {RunVerb.RETURN_HOME, RunVerb.LAND}:
                execution.recalled = why
            if self._over is not None and not execution.launched:
                task.cancel()

    async def command(self, verb: RunVerb, actor: str) -> None:
        """Tell every vehicle of the run that is under way, all at once.

        Raises:
            Conflict: the run has ended, or a vehicle did not obey (told as a
                fact too; the others did).
        """
        if self.state.phase in ENDED:
            raise Conflict(f"run {self.state.id} is {self.state.phase}")
        if verb is RunVerb.RESUME:
            for execution, _ in tuple(self._current.values()):
                await execution.insist()
        said = f"{verb} by {actor}"
        self.heed(verb, said)
        members = [e.crew.member for e in self._under_way()]
        problems = await tell_each(members, COMMANDS[verb], verb, self._by.clock)
        await self.obeyed(verb, said, problems)
        if problems:
            raise Conflict("\n".join(problems.values()))

    def _under_way(self) -> list[Execution]:
        return [e for e, _ in self._current.values() if e.launched]

    async def obeyed(
        self, verb: RunVerb, said: str, problems: Mapping[VehicleId, str]
    ) -> None:
        """Tell what became of a command that the vehicles were given."""
        await self.tell(said)
        for execution in self._under_way():
            entry = execution.crew.member.entry
            problem = problems.get(entry.id)
            if problem is not None:
                await tell(execution.job, execution.crew, problem)
            elif verb in HALTING and entry.kind is VehicleKind.ROVER:
                execution.finish(said)  # it stands on the ground: nothing to await
            elif verb in AFTER:
                await tell(execution.job, execution.crew, said, AFTER[verb])


COMMANDS: dict[RunVerb, Callable[[Member], Awaitable[None]]] = {
    RunVerb.HOLD: lambda m: m.vehicle.hold(),
    RunVerb.RESUME: lambda m: m.vehicle.resume(),
    RunVerb.RETURN_HOME: lambda m: m.vehicle.return_home(),
    RunVerb.LAND: lambda m: m.vehicle.land(),
    RunVerb.SILENCE: lambda m: m.hush(),
    RunVerb.STOP: stop_member,
}
