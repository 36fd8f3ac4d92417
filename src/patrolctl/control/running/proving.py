"""Evidence of runs: made once they have ended, and anew when more is known."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from patrolctl.control.announcing.library import Library
from patrolctl.control.live.broadcast import Broadcast
from patrolctl.control.running.active import ActiveRun, Services
from patrolctl.domain.errors import PatrolError
from patrolctl.domain.evidence import Evidence
from patrolctl.domain.ids import RunId
from patrolctl.domain.plan import Plan
from patrolctl.domain.run import RunEvent, RunState, SortieRun, advance, fact_of
from patrolctl.evidence import RunRecord, prove
from patrolctl.ports import Store

log = logging.getLogger(__name__)

LOOK_S = 5.0


async def plan_as_launched(store: Store, state: RunState) -> Plan:
    """The plan of a run, rounds included; raises NotFound."""
    plan = await store.plan(state.plan_id)
    loops = {s.sortie_id: s.loops for s in state.sorties}
    sorties = tuple(
        replace(s, loops=loops[s.id]) for s in plan.sorties if s.id in loops
    )
    return replace(plan, sorties=sorties)


class Proofs:
    """Who was reached by each run.

    Args:
        library: sites.
        services: what runs are made of.
        active: runs under way, of which nothing is proved yet.
    """

    def __init__(
        self,
        library: Library,
        services: Services,
        active: Mapping[RunId, ActiveRun],
    ) -> None:
        self._library = library
        self._by = services
        self._active = active
        self._books = asyncio.Lock()  # of runs that have ended
        self.proved: Broadcast[Evidence] = Broadcast()

    async def prove_flown(self, active: ActiveRun) -> None:
        """The evidence of a run that has just ended."""
        if (fault := await self._by.feed.flush()) is not None:
            # What the proof needs is only in memory: it waits for room.
            await active.tell(f"no evidence yet: {fault}")
            while await self._by.feed.flush() is not None:
                await self._by.clock.sleep(LOOK_S)
        evidence = await self._prove(active.state, active.lanes[0].jobs[0].plan)
        await active.tell(f"evidence: {_summary(evidence)}")

    async def prove_again(self, run_id: RunId) -> None:
        """Late reports came in."""
        if run_id not in self._active:  # else it will be proved in a moment
            await self._prove_ended(run_id, "evidence anew, after late reports")

    async def prove_left(self, is_mine: Callable[[RunState], bool]) -> None:
        """Runs whose process died between their end and their evidence."""
        for state in await self._by.store.unproved_runs():
            if state.id in self._active or not is_mine(state):
                continue
            try:
                await self._prove_ended(state.id, "evidence, after a restart")
            except PatrolError as e:
                log.warning("no evidence of %s: %s", state.id, e)

    async def record_late(self, event: RunEvent) -> None:
        """An event that may come after the end; one at a time, or one is lost."""
        async with self._books:
            active = self._active.get(event.run_id)
            if active is not None:
                await active.record(event)
                return
            state = await self._by.store.run(event.run_id)
            await self._by.feed.run_event(event, advance(state, event))

    async def _prove_ended(self, run_id: RunId, what: str) -> None:
        state = await self._by.store.run(run_id)
        plan = await plan_as_launched(self._by.store, state)
        evidence = await self._prove(state, plan)
        said = f"{what}: {_summary(evidence)}"
        await self.record_late(fact_of(run_id, self._by.clock.utc(), said))

    async def _prove(self, state: RunState, plan: Plan) -> Evidence:
        """From tracks and playbacks; kept in the store."""
        store = self._by.store
        record = RunRecord(
            run_id=state.id,
            plan_id=state.plan_id,
            plan=plan,
            tracks=await store.track(state.id),
            playbacks=await store.playbacks(state.id),
            loops_completed=sum(
                s.loops_done for s in state.sorties if _is_patrol(plan, s)
            ),
            created_utc=self._by.clock.utc(),
        )
        site = self._library.site_of(plan)
        evidence = await asyncio.to_thread(prove, record, site)
        await store.save_evidence(evidence)
        self.proved.send(evidence)
        return evidence


def _summary(evidence: Evidence) -> str:
    s = evidence.summary
    return (
        f"{s.reached} of {s.reachable} reachable receivers reached,"
        f" {s.playbacks_complete} of {s.playbacks} playbacks complete"
    )


def _is_patrol(plan: Plan, sortie_run: SortieRun) -> bool:
    return any(
        s.id == sortie_run.sortie_id and any(i.type == "drive" for i in s.items)
        for s in plan.sorties
    )
