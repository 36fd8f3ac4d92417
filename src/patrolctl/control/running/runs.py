"""Runs: launched, commanded, proved."""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from patrolctl.control.announcing.library import Library
from patrolctl.control.conditions.conditions import Launch
from patrolctl.control.execute import Execution
from patrolctl.control.live.broadcast import Broadcast
from patrolctl.control.live.hosting import TaskHost
from patrolctl.control.running.active import (
    NOT_STARTED,
    ActiveRun,
    Lane,
    RunVerb,
    Services,
)
from patrolctl.control.running.assign import assign
from patrolctl.control.running.proving import Proofs, plan_as_launched
from patrolctl.control.sorties.job import SortieJob
from patrolctl.control.sorties.late import LateReports
from patrolctl.control.sorties.prepare import compiled
from patrolctl.control.vehicles.fleet import Fleet, FleetVerb
from patrolctl.domain.errors import Conflict, GateRefused, PatrolError, StoreFailed
from patrolctl.domain.evidence import Evidence
from patrolctl.domain.ids import PlanId, RunId, SortieId, VehicleId
from patrolctl.domain.machines import LinkState
from patrolctl.domain.plan import Plan, Sortie
from patrolctl.domain.run import (
    ENDED,
    Phase,
    RunState,
    SortieRun,
    advance,
    fact_of,
)
from patrolctl.domain.site import Site
from patrolctl.domain.violation import Violation

log = logging.getLogger(__name__)

FLEET_TO_RUN = {
    FleetVerb.SILENCE: RunVerb.SILENCE,
    FleetVerb.HOLD: RunVerb.HOLD,
    FleetVerb.RETURN_HOME: RunVerb.RETURN_HOME,
    FleetVerb.STOP: RunVerb.STOP,
}


@dataclass(frozen=True, slots=True)
class LaunchOrder:
    """What to launch, who says so, and on which vehicles.

    ``vehicles`` maps sorties to vehicles; those not named go to the plan's
    own vehicle or to a free one of the kind. ``loops`` replaces how often
    patrols go round. ``override`` names conditions to be set aside, with the
    reason.
    """

    plan_id: PlanId
    actor: str = "operator"
    authority: str | None = None
    schedule_id: str | None = None
    vehicles: Mapping[str, str] | None = None
    loops: int | None = None
    override: frozenset[str] = frozenset()
    override_reason: str | None = None


class Runs:
    """All runs; those under way live here, the others in the store."""

    def __init__(self, fleet: Fleet, library: Library, services: Services) -> None:
        self._fleet = fleet
        self._library = library
        self._by = services
        self._active: dict[RunId, ActiveRun] = {}
        self._host = TaskHost()
        self._launching = asyncio.Lock()
        self._proofs = Proofs(library, services, self._active)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Runs"]:
        """Host the runs' tasks for as long as the context lasts.

        The runs that an earlier process left unfinished go on first.
        """
        late = LateReports(
            self._by.clock,
            state=self.state,
            record=self._proofs.record_late,
            prove=self._proofs.prove_again,
        )
        async with self._host.open():
            for member in self._fleet.members:
                listening = late.listen(member.playbacks.listen())
                self._host.start(listening, f"late-{member.entry.id}")
            self._host.start(late.prove(), "late-evidence")
            await self._take_up()
            self._host.start(self._proofs.prove_left(self._is_mine), "evidence-left")
            yield self

    # -- what an earlier process left

    async def _take_up(self) -> None:
        for state in await self._by.store.unfinished_runs():
            if not self._is_mine(state):
                continue
            try:
                active = await self._left_run(state)
            except PatrolError as e:
                await self._give_up(state, str(e))
                continue
            self._active[state.id] = active
            self._host.start(self._go_on(active), f"run-{state.id}")

    def flies(self, state: RunState) -> bool:
        """Whether vehicles of this node have a part in it."""
        mine = {m.entry.id for m in self._fleet.members}
        return any(s.vehicle_id in mine for s in state.sorties)

    def _is_mine(self, state: RunState) -> bool:
        """Whether this node flies it, or none of those that share the store."""
        return not self._by.shared or self.flies(state)

    async def _left_run(self, state: RunState) -> ActiveRun:
        plan = await plan_as_launched(self._by.store, state)
        site = self._library.site_of(plan)
        chosen = {s.sortie_id: s.vehicle_id for s in state.sorties}
        lanes = self._lanes(state.id, plan, site, chosen)
        return ActiveRun(state, lanes, self._by, left=True)

    async def _go_on(self, active: ActiveRun) -> None:
        """Say that the service is back; nothing starts that is stale by now."""
        state = active.state
        events = await self._by.store.run_events(state.id)
        last_utc = events[-1].ts_utc if events else state.created_utc
        away_s = (self._by.clock.utc() - last_utc).total_seconds()
        await active.tell(f"the service was restarted, {away_s:.0f} s after the last")
        why = await self._stale(active, away_s)
        if why is not None and any(s.phase in NOT_STARTED for s in state.sorties):
            await active.park(why)
        await self._see_through(active)

    async def _stale(self, active: ActiveRun, away_s: float) -> str | None:
        """Why what has not started must not start by itself any more."""
        if away_s > self._by.limits.away_s:
            return f"the service was away for {away_s / 60:.0f} min"
        job = active.lanes[0].jobs[0]
        try:
            await self._by.gate.insist_plan(job.plan, job.site)
        except GateRefused as e:
            return str(e).replace("\n", "; ")
        return None

    async def _give_up(self, state: RunState, why: str) -> None:
        """Close a run that cannot be taken up."""
        for sortie_id in (*(s.sortie_id for s in state.sorties), None):
            said = f"the service ended while this was under way; {why}"
            fact = fact_of(state.id, self._by.clock.utc(), said, sortie_id)
            event = replace(fact, phase=Phase.FAILED)
            state = advance(state, event)
            await self._by.feed.run_event(event, state)

    @property
    def proved(self) -> Broadcast[Evidence]:
        """Tells each evidence that is made."""
        return self._proofs.proved

    # -- looking

    async def state(self, run_id: RunId) -> RunState:
        """One run; raises NotFound."""
        if run_id in self._active:
            return self._active[run_id].state
        return await self._by.store.run(run_id)

    @property
    def under_way(self) -> tuple[RunState, ...]:
        """Runs that have not ended."""
        return tuple(a.state for a in self._active.values())

    @property
    def flying(self) -> tuple[tuple[ActiveRun, Execution], ...]:
        """Every sortie that is under way, with its run."""
        return tuple((a, e) for a in self._active.values() for e in a.flying)

    def _busy(self) -> frozenset[VehicleId]:
        return frozenset(
            s.vehicle_id
            for a in self._active.values()
            for s in a.state.sorties
            if s.phase not in ENDED
        )

    # -- launching

    async def launch(self, order: LaunchOrder) -> RunState:
        """Check the plan, find the vehicles, and start; returns at once.

        Raises:
            NotFound: no such plan or site.
            GateRefused: with every violation.
            Conflict: a vehicle is busy or not there; facts are not stored.
        """
        async with self._launching:
            try:
                active, advice = await self._ready_run(order)
            except PatrolError as e:
                why = str(e).replace("\n", "; ")
                detail = f"plan {order.plan_id}: {why}"
                await self._note(order.actor, "launch refused", detail)
                raise
            await self._by.store.audit(
                order.actor,
                "launch",
                f"run {active.state.id} of plan {order.plan_id},"
                f" authority {order.authority or 'not recorded'}",
            )
            await self._by.store.save_run(active.state, None)
            self._host.check_open()
            self._active[active.state.id] = active
            who = f"{order.actor}, authority {order.authority or 'not recorded'}"
            await active.tell(f"launched by {who}")
            for line in advice:
                await active.tell(f"advice: {line}")
            self._host.start(self._see_through(active), f"run-{active.state.id}")
            return active.state

    async def _ready_run(self, order: LaunchOrder) -> tuple[ActiveRun, tuple[str, ...]]:
        if (fault := await self._by.feed.flush()) is not None:
            raise Conflict(f"no launch while facts are not stored: {fault}")
        plan = await self._by.store.plan(order.plan_id)
        site = self._library.site_of(plan)
        if order.loops is not None:
            plan = with_loops(plan, order.loops)
        if not plan.sorties:
            raise Conflict(f"plan {order.plan_id} has no sorties")
        admitted = await self._by.admit(plan, site)
        plan_id = admitted.id_after(order.plan_id, plan)
        plan = admitted.plan
        advice = admitted.advice + await self._by.gate.insist_plan(plan, site)
        chosen = assign(plan.sorties, order.vehicles or {}, self._fleet, self._busy())
        for vehicle_id in sorted(set(chosen.values())):
            vehicle = self._fleet.member(vehicle_id).vehicle
            if vehicle.link is not LinkState.LIVE:
                why = "; ".join(await vehicle.ready()) or f"link is {vehicle.link}"
                raise Conflict(f"{vehicle_id}: {why}")
        advice += await self._conditions(order, plan, site, chosen)
        state = RunState(
            id=RunId(f"run-{uuid.uuid4().hex[:12]}"),
            plan_id=plan_id,
            created_utc=self._by.clock.utc(),
            sorties=tuple(
                SortieRun(
                    s.id,
                    chosen[s.id],
                    loops=s.loops,
                    cues=sum(i.cue is not None for i in s.items) * s.loops,
                )
                for s in plan.sorties
            ),
            authority=order.authority,
            schedule_id=order.schedule_id,
        )
        lanes = self._lanes(state.id, plan, site, chosen)
        await self._insist_missions(lanes)
        if plan_id != order.plan_id:
            await self._by.store.save_plan(plan_id, plan)
        return ActiveRun(state, lanes, self._by), tuple(str(v) for v in advice)

    async def _insist_missions(self, lanes: tuple[Lane, ...]) -> None:
        """No sortie departs of a run of which a later one would be refused."""
        for lane in lanes:
            for job in lane.jobs:
                mission = (await compiled(job, None)).mission
                profile, rules = lane.member.entry.profile, job.plan.requirement
                await self._by.gate.insist_mission(mission, job.site, profile, rules)

    async def _conditions(
        self,
        order: LaunchOrder,
        plan: Plan,
        site: Site,
        chosen: Mapping[SortieId, VehicleId],
    ) -> tuple[Violation, ...]:
        """Weather, light, airspace and disk; raises GateRefused."""
        if self._by.conditions is None:
            return ()
        members = [self._fleet.member(v) for v in sorted(set(chosen.values()))]
        return await self._by.conditions.insist(
            Launch(
                plan,
                site,
                tuple(m.entry for m in members),
                actor=order.actor,
                authority=order.authority,
                override=order.override,
                reason=order.override_reason,
            )
        )

    def _lanes(
        self,
        run_id: RunId,
        plan: Plan,
        site: Site,
        chosen: Mapping[SortieId, VehicleId],
    ) -> tuple[Lane, ...]:
        jobs: dict[VehicleId, list[SortieJob]] = {}
        clips = self._library.clips
        for sortie in sorted(plan.sorties, key=lambda s: s.start_s):
            job = SortieJob(run_id, plan, sortie, site, clips)
            jobs.setdefault(chosen[sortie.id], []).append(job)
        return tuple(Lane(self._fleet.member(v), tuple(j)) for v, j in jobs.items())

    async def _see_through(self, active: ActiveRun) -> None:
        try:
            await active.fly()
            if active.state.phase not in ENDED:
                await active.tell("all sorties ended", Phase.FINISHED)
            await self._proofs.prove_flown(active)
        except PatrolError as e:
            log.exception("run %s", active.state.id)
            await active.tell(f"no evidence: {e}")
        except Exception as e:
            # One run's defect must not end the service and the other runs.
            log.exception("defect in run %s", active.state.id)
            await active.tell(f"defect: {type(e).__name__}: {e}", Phase.FAILED)
        finally:
            self._active.pop(active.state.id, None)

    # -- commands

    async def command(
        self,
        run_id: RunId,
        verb: RunVerb,
        actor: str,
        *,
        vehicle_id: VehicleId | None = None,
    ) -> RunState:
        """Tell a run, or (``change_battery``) one of its vehicles.

        Raises:
            NotFound: no such run.
            Conflict: it has ended, or a vehicle did not obey.
        """
        active = self._active.get(run_id)
        if active is None:
            state = await self._by.store.run(run_id)
            raise Conflict(f"run {run_id} is {state.phase}")
        try:
            await active.command(verb, actor, vehicle_id)
        finally:
            await self._note(actor, verb, f"run {run_id}")
        return active.state

    async def fleet_command(self, verb: FleetVerb, actor: str) -> dict[VehicleId, str]:
        """Tell the whole fleet; nothing that waits on the ground starts then."""
        for active in tuple(self._active.values()):
            event = active.heed(FLEET_TO_RUN[verb], f"fleet {verb} by {actor}")
            # Beside it, not before: STOP waits for no book.
            self._host.start(active.note(event), f"note-{verb}-{active.state.id}")
        return await self._fleet.command(verb)

    async def note_fleet_command(
        self, verb: FleetVerb, actor: str, results: Mapping[VehicleId, str]
    ) -> None:
        """Write a fleet command into the books, after it was obeyed."""
        problems = {v: r for v, r in results.items() if r != "ok"}
        for active in tuple(self._active.values()):
            said = f"fleet {verb} by {actor}"
            await active.obeyed(FLEET_TO_RUN[verb], said, problems)
        text = ", ".join(f"{v}: {r}" for v, r in results.items())
        await self._note(actor, f"fleet {verb}", text)

    async def _note(self, actor: str, action: str, detail: str) -> None:
        try:
            await self._by.store.audit(actor, action, detail)
        except StoreFailed as e:
            log.warning("not in the audit log: %s %s: %s", action, detail, e)


def with_loops(plan: Plan, loops: int) -> Plan:
    """The plan with its patrols going round ``loops`` times."""
    return replace(
        plan,
        sorties=tuple(
            replace(s, loops=loops) if _goes_round(s) else s for s in plan.sorties
        ),
    )


def _goes_round(sortie: Sortie) -> bool:
    return any(i.type == "drive" for i in sortie.items)
