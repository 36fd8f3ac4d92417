"""What was withdrawn or is over is not said any more, wherever it is."""

import logging

from patrolctl.clock import Clock
from patrolctl.control.announcing.announcements import Announcements
from patrolctl.control.running.active import RunVerb
from patrolctl.control.running.runs import Runs
from patrolctl.domain.errors import PatrolError
from patrolctl.domain.ids import PlanId
from patrolctl.domain.plan import Plan
from patrolctl.domain.run import RunState
from patrolctl.ports import Store

log = logging.getLogger(__name__)

ROUND_S = 1.0
ACTOR = "patrolctl"


class Withdrawals:
    """Silences runs whose announcement may not be said any more.

    Their vehicles go on; a run that somebody lets speak again is silenced
    again. Launches and plans are refused by the gate and the planner.

    Args:
        announcements: what may be said.
        runs: who says it.
        store: the plans of the runs.
        clock: the time.
    """

    def __init__(
        self, announcements: Announcements, runs: Runs, store: Store, clock: Clock
    ) -> None:
        self._announcements = announcements
        self._runs = runs
        self._store = store
        self._clock = clock
        self._plans: dict[PlanId, Plan] = {}

    async def run(self) -> None:
        """Look once a second, until cancelled."""
        while True:
            try:
                await self.look()
            except PatrolError:
                log.exception("withdrawn announcements could not be looked after")
            await self._clock.sleep(ROUND_S)

    async def look(self) -> None:
        """Withdraw what is over, and silence who still says it."""
        await self._announcements.refresh()
        await self._announcements.expire()
        under_way = self._runs.under_way
        for state in under_way:
            why = self._announcements.over(await self._plan(state))
            if why is not None and not state.muted:
                await self._silence(state, why)
        used = {s.plan_id for s in under_way}
        self._plans = {k: v for k, v in self._plans.items() if k in used}

    async def _plan(self, state: RunState) -> Plan:
        if state.plan_id not in self._plans:
            self._plans[state.plan_id] = await self._store.plan(state.plan_id)
        return self._plans[state.plan_id]

    async def _silence(self, state: RunState, why: str) -> None:
        log.warning("%s; run %s is silenced", why, state.id)
        try:
            await self._runs.command(state.id, RunVerb.SILENCE, f"{ACTOR} ({why})")
        except PatrolError as e:  # a vehicle did not obey, or it has just ended
            log.warning("run %s: %s", state.id, e)
