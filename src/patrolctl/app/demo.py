"""``patrolctl demo``: a whole mission in simulation, to look at or to check."""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from patrolctl.app.answering import Answering
from patrolctl.app.compose import Service, ServiceOptions, open_service
from patrolctl.app.headless import Say, all_linked, ended, flown, made_plan
from patrolctl.app.http import serving
from patrolctl.app.listening import address
from patrolctl.app.options import DemoOptions
from patrolctl.app.simulation import Simulation, SimulationOptions, simulated
from patrolctl.clock import Clock, ScaledClock
from patrolctl.control.live.jobs import PlanOrder
from patrolctl.control.planning.planner import KIND_OF
from patrolctl.control.running.runs import LaunchOrder
from patrolctl.control.vehicles.fleet import Fleet
from patrolctl.control.vehicles.member import Member
from patrolctl.domain.brief import Brief
from patrolctl.domain.errors import Conflict, GateRefused, NotFound
from patrolctl.domain.evidence import EvidenceSummary
from patrolctl.domain.ids import PlanId
from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.plan import PlanKind
from patrolctl.domain.run import Phase, RunState
from patrolctl.mqtt import run_broker
from patrolctl.web import create_app

T = TypeVar("T")

AUTHORITY = "simulation: no loudspeaker is heard by anybody"
PAUSE_S = 30.0
BATTERY_S = 20.0


@dataclass(frozen=True, slots=True)
class WorkReport:
    """One plan carried out."""

    kind: PlanKind
    plan_id: str
    run_id: str
    phase: Phase
    reason: str | None
    evidence: EvidenceSummary | None


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What ``demo --headless --once --json`` prints."""

    mission: str
    speedup: float
    receivers: int
    receivers_reachable: int
    receivers_reached: int
    households: int
    households_reached: int
    playbacks: int
    playbacks_complete: int
    loop_completed: bool
    loops_completed: int
    works: tuple[WorkReport, ...]
    exit_code: int

    def text(self) -> str:
        """For people."""
        loop = "completed" if self.loop_completed else "not completed"
        return (
            f"{self.receivers_reached} of {self.receivers_reachable} reachable"
            f" receivers reached ({self.receivers} in all),"
            f" {self.households_reached} of {self.households} households;"
            f" {self.playbacks_complete} of {self.playbacks} playbacks complete;"
            f" patrol loop {loop}"
        )


@contextmanager
def _scratch() -> Iterator[Path]:
    """A directory that is gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="patrolctl-demo-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


async def _change_batteries(
    fleet: Fleet, simulation: Simulation, clock: Clock, say: Say
) -> None:
    """The people on the ground: a fresh battery for whoever waits for one."""

    async def tend(member: Member) -> None:
        while True:
            await clock.sleep(BATTERY_S)
            if member.wants_battery and member.telemetry.armed is False:
                say(f"{member.entry.id}: battery changed")
                await simulation.change_battery(member.entry.id)

    async with asyncio.TaskGroup() as group:
        for member in fleet.members:
            group.create_task(tend(member), name=f"batteries-{member.entry.id}")


@asynccontextmanager
async def _stage(
    options: DemoOptions, say: Say, http_url: str | None
) -> AsyncIterator[Service]:
    """Broker, simulators and service, opened in this order."""
    async with AsyncExitStack() as stack:
        scratch = stack.enter_context(_scratch())
        broker = await stack.enter_async_context(
            run_broker(state_dir=scratch / "broker", mosquitto=options.mosquitto)
        )
        if broker.kind != "mosquitto":
            say("no mosquitto: the broker runs in this process, on loopback only")
        epoch_utc = datetime.now(UTC)
        clock = ScaledClock(options.speedup, epoch_utc=epoch_utc)
        shared = SimulationOptions(
            mqtt_url=broker.url,
            clip_dir=options.clip_dir,
            state_dir=scratch / "speakers",
            speedup=options.speedup,
            epoch_utc=epoch_utc,
            mqtt_5=broker.kind == "mosquitto",
        )
        simulation = await stack.enter_async_context(simulated(options.brief, shared))
        fleet = ", ".join(v.id for v in options.brief.fleet)
        say(f"simulating {fleet} at {options.speedup:g} times real time")
        parts = ServiceOptions(
            database=scratch / "patrolctl.db",
            clip_dir=options.clip_dir,
            state_dir=scratch,
            mqtt_url=broker.url,
            http_url=http_url,
            speedup=options.speedup,
            simulated=True,
        )
        service = await stack.enter_async_context(
            open_service({options.mission_id: simulation.brief}, parts, clock)
        )
        group = await stack.enter_async_context(asyncio.TaskGroup())
        tending = group.create_task(
            _change_batteries(service.fleet, simulation, clock, say), name="batteries"
        )
        stack.callback(tending.cancel)
        yield service


def _kinds(brief: Brief) -> tuple[PlanKind, ...]:
    kinds = {v.kind for v in brief.fleet}
    drone = (PlanKind.DRONE,) if VehicleKind.COPTER in kinds else ()
    loop = (PlanKind.LOOP,) if VehicleKind.ROVER in kinds else ()
    return drone + loop


class _Show:
    """The works of a mission, planned and carried out side by side."""

    def __init__(self, service: Service, options: DemoOptions, say: Say) -> None:
        self._service = service
        self._options = options
        self._say = say

    async def plan(self, kind: PlanKind) -> PlanId:
        """Plan one work."""
        order = PlanOrder(
            mission_id=self._options.mission_id,
            kind=kind,
            time_limit_s=self._options.time_limit_s,
        )
        return await made_plan(self._service, order, self._say)

    async def linked(self, kind: PlanKind) -> None:
        """Wait for the vehicles that do this work."""
        ids = tuple(v.id for v in self._options.brief.fleet if v.kind is KIND_OF[kind])
        await all_linked(self._service, ids)

    async def carry_out(self, kind: PlanKind) -> WorkReport:
        """Plan, launch, wait for the end and the evidence."""
        plan_id = await self.plan(kind)
        await self.linked(kind)
        order = LaunchOrder(plan_id, actor="demo", authority=AUTHORITY)
        runs = self._service.runs
        state = await runs.launch(order)
        held = self._options.when_held
        async with Answering(runs, state.id, held, self._say).open():
            state = await ended(self._service, state.id, self._say)
        return await self._report(kind, state)

    async def _report(self, kind: PlanKind, state: RunState) -> WorkReport:
        try:
            summary = (await self._service.store.evidence(state.id)).summary
        except NotFound:
            summary = None
        return WorkReport(
            kind, state.plan_id, state.id, state.phase, state.reason, summary
        )

    async def keep_moving(self, kind: PlanKind) -> None:
        """Launch, and again when it has ended, until the operator ends it."""
        plan_id = await self.plan(kind)
        await self.linked(kind)
        order = LaunchOrder(plan_id, actor="demo", authority=AUTHORITY)
        pause_s = PAUSE_S / self._options.speedup
        while True:
            try:
                state = await flown(self._service, order, self._say)
            except (Conflict, GateRefused) as e:
                self._say(f"{kind}: not launched: {e}")
                state = None
            if state is not None and state.phase is not Phase.FINISHED:
                self._say(f"{kind}: {state.phase}; launch it again from the console")
                return
            await asyncio.sleep(pause_s)


async def _side_by_side(
    kinds: tuple[PlanKind, ...], doing: Callable[[PlanKind], Coroutine[Any, Any, T]]
) -> tuple[T, ...]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(doing(k), name=f"demo-{k}") for k in kinds]
    return tuple(t.result() for t in tasks)


def _summed(options: DemoOptions, works: tuple[WorkReport, ...]) -> DemoReport:
    """The works as one document; counts of nobody are zero."""
    proofs = {w.kind: w.evidence for w in works if w.evidence is not None}
    drone, loop = proofs.get(PlanKind.DRONE), proofs.get(PlanKind.LOOP)
    finished = {w.kind for w in works if w.phase is Phase.FINISHED}
    laps = loop.loops_completed if loop else 0
    return DemoReport(
        mission=options.mission_id,
        speedup=options.speedup,
        receivers=drone.receivers if drone else 0,
        receivers_reachable=drone.reachable if drone else 0,
        receivers_reached=drone.reached if drone else 0,
        households=drone.households if drone else 0,
        households_reached=drone.households_reached if drone else 0,
        playbacks=sum(p.playbacks for p in proofs.values()),
        playbacks_complete=sum(p.playbacks_complete for p in proofs.values()),
        loop_completed=PlanKind.LOOP in finished and laps > 0,
        loops_completed=laps,
        works=works,
        exit_code=0 if len(finished) == len(works) == len(proofs) else 5,
    )


async def run_demo_once(options: DemoOptions, say: Say) -> DemoReport:
    """Plan and carry out the mission's works to the end, without a console.

    Raises:
        InputError, NoFeasiblePlan, GateRefused, VehicleError: as they say.
    """
    async with _stage(options, say, None) as service:
        show = _Show(service, options, say)
        works = await _side_by_side(_kinds(options.brief), show.carry_out)
    return _summed(options, works)


async def run_demo(options: DemoOptions, listener: socket.socket, say: Say) -> None:
    """Serve the console with everything moving, until cancelled.

    Raises:
        InputError, NoFeasiblePlan: the mission cannot be planned.
        LinkFailed: a simulator does not start.
    """
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        service = await stack.enter_async_context(
            _stage(options, say, address(listener))
        )
        url = await stack.enter_async_context(
            serving(create_app(service.web), listener)
        )
        say(f"READY console at {url}")
        say("Ctrl-C ends everything")
        if options.launch:
            say("planning; drones and patrol vehicle start by themselves then")
            show = _Show(service, options, say)
            await _side_by_side(_kinds(options.brief), show.keep_moving)
        await asyncio.Event().wait()
