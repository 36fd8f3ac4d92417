"""A run under way: its sorties in lanes, one lane a vehicle, and commands."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from patrolctl.clock import Clock
from patrolctl.control.conditions.conditions import Conditions
from patrolctl.control.conditions.exposure import Admit, as_it_is
from patrolctl.control.execute import Execution
from patrolctl.control.gate import Gate
from patrolctl.control.live.feed import LiveFeed
from patrolctl.control.running.unwritten import call_home, until_unwritten
from patrolctl.control.running.verbs import (
    AFTER,
    COMMANDS,
    HALTING,
    HUSHING,
    RunVerb,
    flagged,
    marked,
)
from patrolctl.control.sorties.job import Crew, Limits, SortieJob, Told, tell
from patrolctl.control.sorties.waiting import Recalled
from patrolctl.control.vehicles.fleet import tell_each
from patrolctl.control.vehicles.member import Member
from patrolctl.domain.errors import Conflict
from patrolctl.domain.ids import SortieId, VehicleId
from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.run import (
    ENDED,
    Phase,
    RunEvent,
    RunState,
    SortieRun,
    advance,
    fact_of,
)
from patrolctl.ports import Store

__all__ = ["ActiveRun", "Lane", "RunVerb", "Services"]

log = logging.getLogger(__name__)

NOT_STARTED = frozenset({Phase.DRAFT, Phase.CHECKED, Phase.UPLOADED})


@dataclass(frozen=True, slots=True)
class Lane:
    """The sorties of one vehicle, in their order."""

    member: Member
    jobs: tuple[SortieJob, ...]


@dataclass(frozen=True, slots=True)
class Services:
    """What runs are made of.

    ``admit`` looks at what people may hear today, ``conditions`` at weather,
    light, airspace and disk (None: nobody does). ``shared`` says that other
    nodes, with other vehicles, keep their runs in the same store.
    """

    feed: LiveFeed
    gate: Gate
    store: Store
    clock: Clock
    limits: Limits
    admit: Admit = as_it_is
    conditions: Conditions | None = None
    shared: bool = False


class ActiveRun:
    """The only writer of one run's state.

    A sortie ends when its vehicle is safely on the ground: STOP ends that of
    a patrol vehicle, while a copter hovers, HELD, until the operator decides.

    Commands set their flags at once, before the first await and before
    anything is stored: a sortie that waits on the ground never starts
    against an operator who held, stopped or recalled the run. Then they are
    recorded, then done; STOP is done while it is recorded.

    Args:
        state: the run.
        lanes: who flies what.
        services: what it is made of.
        left: an earlier process left it unfinished.
    """

    def __init__(
        self,
        state: RunState,
        lanes: tuple[Lane, ...],
        services: Services,
        *,
        left: bool = False,
    ) -> None:
        self.state = state
        self.lanes = lanes
        self._by = services
        self._left = left
        self._group: asyncio.TaskGroup | None = None
        self._preparing = len(lanes)
        self._start_s: float | None = None
        if left and state.started_utc is not None:
            ago = services.clock.utc() - state.started_utc
            self._start_s = services.clock.monotonic_s() - ago.total_seconds()
        self._current: dict[str, tuple[Execution, asyncio.Task[None]]] = {}

    # -- facts

    async def record(self, event: RunEvent) -> None:
        """Apply one event, keep it, show it."""
        self.state = advance(self.state, event)
        log.info(event.text, extra={"run": self.state.id, "sortie": event.sortie_id})
        await self._by.feed.run_event(event, self.state)

    def _event(self, text: str, phase: Phase | None = None) -> RunEvent:
        return replace(fact_of(self.state.id, self._by.clock.utc(), text), phase=phase)

    async def tell(self, text: str, phase: Phase | None = None) -> None:
        """A fact about the run as a whole."""
        await self.record(self._event(text, phase))

    async def park(self, why: str) -> None:
        """What has not started waits until the operator resumes."""
        text = f"{why}; resume launches the rest"
        await self.record(replace(self._event(text), parked=why))
        for sortie in self.state.sorties:
            if sortie.phase in NOT_STARTED:
                event = self._event(why, Phase.HELD)
                await self.record(replace(event, sortie_id=sortie.sortie_id))

    # -- doing

    async def fly(self) -> None:
        """All lanes side by side; one lane's failure leaves the others be."""
        try:
            async with asyncio.TaskGroup() as self._group:
                guard = self._group.create_task(self._guard_books(), name="books")
                async with asyncio.TaskGroup() as flying:
                    for lane in self.lanes:
                        name = f"lane-{lane.member.entry.id}"
                        flying.create_task(self._lane(lane), name=name)
                guard.cancel()
        finally:
            self._group = None

    async def _guard_books(self) -> None:
        """Call everybody home once nothing can be written down any more."""
        by = self._by
        fault = await until_unwritten(by.feed, by.clock, by.limits.unwritten_s)

        async def home(actor: str) -> None:
            await self.command(RunVerb.RETURN_HOME, actor)

        await call_home(fault, home, by.clock)

    def sortie(self, sortie_id: SortieId) -> SortieRun:
        """What is recorded of a sortie."""
        return next(s for s in self.state.sorties if s.sortie_id == sortie_id)

    async def _lane(self, lane: Lane) -> None:
        crew = Crew(
            member=lane.member,
            gate=self._by.gate,
            store=self._by.store,
            feed=self._by.feed,
            clock=self._by.clock,
            limits=self._by.limits,
            record=self.record,
            run=lambda: self.state,
        )
        broken_off, left = False, self._left
        for number, job in enumerate(lane.jobs):
            phase = self.sortie(job.sortie.id).phase
            if phase not in ENDED and broken_off:
                # Whatever cut it short, somebody should look at it first.
                why = f"not started: {lane.member.entry.id} broke off before"
                await tell(job, crew, why, Told(phase=Phase.ABORTED))
            elif phase not in ENDED:
                await self._one(Execution(job, crew, left=left), first=number == 0)
                left = False
            ended = self.sortie(job.sortie.id).phase
            broken_off = broken_off or ended is not Phase.FINISHED

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
                if self.state.over is None or execution.launched:
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
        if self.sortie(execution.job.sortie.id).phase not in ENDED:
            await execution.cueing.take_back()
            why = self.state.over or "not started"
            told = Told(phase=Phase.ABORTED, waits="")
            await tell(execution.job, execution.crew, why, told)

    def _prepared(self) -> None:
        self._preparing -= 1
        if self._preparing == 0 and self._start_s is None:
            self._start_s = self._by.clock.monotonic_s()

    async def _clear_to_start(self, job: SortieJob) -> None:
        """Wait for the run's start, the sortie's own offset and the operator."""
        clock = self._by.clock
        while True:
            if self.state.over is not None:
                raise Recalled(self.state.over)
            waits = self.state.held or self.state.parked is not None
            if self._start_s is not None and not waits:
                wait_s = self._start_s + job.sortie.start_s - clock.monotonic_s()
                if wait_s <= 0:
                    return
            await clock.sleep(0.25)

    # -- commands

    def heed(
        self, verb: RunVerb, why: str, vehicle_id: VehicleId | None = None
    ) -> RunEvent:
        """Set the flags of a command; no await, so nothing comes between.

        Returns:
            The event that records it.
        """
        event = marked(self._event(why), verb)
        self.state = flagged(self.state, event)
        for execution, task in self._current.values():
            if vehicle_id not in {None, execution.crew.member.entry.id}:
                continue
            if verb in {RunVerb.RETURN_HOME, RunVerb.LAND}:
                execution.recalled = why
            if verb is RunVerb.CHANGE_BATTERY and execution.launched:
                execution.changing = why
            if verb is RunVerb.RESUME:
                execution.resumed.set()
            if self.state.over is not None and not execution.launched:
                task.cancel()
        return event

    async def command(
        self, verb: RunVerb, actor: str, vehicle_id: VehicleId | None = None
    ) -> None:
        """Tell every vehicle of the run that is under way, all at once.

        Args:
            verb: what.
            actor: who says so.
            vehicle_id: only this one; for ``change_battery``.

        Raises:
            Conflict: the run has ended, or a vehicle did not obey (told as a
                fact too; the others did).
        """
        if self.state.phase in ENDED:
            raise Conflict(f"run {self.state.id} is {self.state.phase}")
        if vehicle_id is not None and verb is not RunVerb.CHANGE_BATTERY:
            raise Conflict(f"{verb} is said to the whole run")
        await self._check(verb)
        said = f"{verb} by {actor}"
        event = self.heed(verb, said, vehicle_id)
        chosen = self._under_way(vehicle_id)
        if verb is RunVerb.RESUME:
            # One that comes home is not turned round because another waits.
            chosen = [e for e in chosen if self._is_held(e)]
        if verb is RunVerb.CHANGE_BATTERY and not chosen:
            raise Conflict("no vehicle is under way that could come home for one")
        problems = await self._record_and_do(event, verb, chosen)
        await self._outcome(verb, said, problems, chosen)
        if problems:
            raise Conflict("\n".join(problems.values()))

    async def direct(
        self, execution: Execution, verb: RunVerb | None, why: str
    ) -> str | None:
        """Tell one sortie's vehicle, for a reason of the service's own.

        Args:
            execution: whose.
            verb: what; None: nothing, the reason is only recorded.
            why: the reason, recorded first.

        Returns:
            Why it did not obey, if so.
        """
        sortie_id = execution.job.sortie.id
        event = fact_of(self.state.id, self._by.clock.utc(), why, sortie_id)
        if verb is None:
            await self.note(event)
            return None
        if verb is RunVerb.RETURN_HOME:
            execution.recalled = execution.recalled or why
        problems = await self._record_and_do(event, verb, [execution])
        await self._outcome(verb, f"{verb} by service", problems, [execution])
        return problems.get(execution.crew.member.entry.id)

    async def _check(self, verb: RunVerb) -> None:
        if verb is RunVerb.RESUME:
            for execution, _ in tuple(self._current.values()):
                await execution.insist()

    async def _record_and_do(
        self, event: RunEvent, verb: RunVerb, chosen: list[Execution]
    ) -> dict[VehicleId, str]:
        """The books first, but not for long; STOP waits for no book."""
        members = [e.crew.member for e in chosen]
        if verb is not RunVerb.STOP:
            await self.note(event)
        if verb is RunVerb.RESUME:
            await self._sheets(verb, chosen)
        async with asyncio.TaskGroup() as group:
            if verb is RunVerb.STOP:
                group.create_task(self.note(event), name=f"note-{verb}")
            if verb in HUSHING:
                group.create_task(self._sheets(verb, chosen), name=f"hush-{verb}")
            doing = tell_each(members, COMMANDS[verb], verb, self._by.clock)
            task = group.create_task(doing, name=f"tell-{verb}")
        return task.result()

    async def _sheets(self, verb: RunVerb, chosen: list[Execution]) -> None:
        for execution in chosen:
            if verb is RunVerb.RESUME:
                await execution.cueing.reload()
            elif verb in HUSHING:
                await execution.cueing.take_back()

    async def note(self, event: RunEvent) -> None:
        """Record a command; a database that hangs delays it, no more.

        The recording itself goes on: no watcher misses the event.
        """
        if self._group is None or self.state.phase in ENDED:
            return await self.record(event)
        writing = self._group.create_task(self.record(event), name="note")
        try:
            async with self._by.clock.timeout(self._by.limits.record_s):
                await asyncio.shield(writing)
        except TimeoutError:
            log.warning("not recorded in time: %s", event.text)

    @property
    def flying(self) -> tuple[Execution, ...]:
        """Its sorties that are under way."""
        return tuple(self._under_way())

    def _is_held(self, execution: Execution) -> bool:
        held = self.sortie(execution.job.sortie.id).phase is Phase.HELD
        return held or execution.crew.member.telemetry.purpose == "hold"

    def _under_way(self, vehicle_id: VehicleId | None = None) -> list[Execution]:
        return [
            e
            for e, _ in self._current.values()
            if e.launched and vehicle_id in {None, e.crew.member.entry.id}
        ]

    async def obeyed(
        self, verb: RunVerb, said: str, problems: Mapping[VehicleId, str]
    ) -> None:
        """After a command to the whole fleet: the sheets, and what became of it."""
        if verb in HUSHING:
            await self._sheets(verb, self._under_way())
        await self._outcome(verb, said, problems, self._under_way())

    async def _outcome(
        self,
        verb: RunVerb,
        said: str,
        problems: Mapping[VehicleId, str],
        chosen: list[Execution],
    ) -> None:
        for execution in chosen:
            entry = execution.crew.member.entry
            problem = problems.get(entry.id)
            if problem is not None:
                await tell(execution.job, execution.crew, problem)
            elif verb in HALTING and entry.kind is VehicleKind.ROVER:
                execution.finish(said)  # it stands on the ground: nothing to await
            elif verb in AFTER:
                await tell(execution.job, execution.crew, said, AFTER[verb])
