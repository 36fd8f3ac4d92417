"""Reports of what was played that come after the run has ended.

A loudspeaker without a link reports when the link is back, maybe hours later:
the message counts then, and the evidence is made anew.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from patrolctl.clock import Clock
from patrolctl.control.live.broadcast import Listener
from patrolctl.control.vehicles.keys import name_of, run_of
from patrolctl.domain.errors import NotFound, PatrolError
from patrolctl.domain.ids import RunId
from patrolctl.domain.run import ENDED, RunEvent, RunState, fact_of
from patrolctl.domain.sound import Playback, PlaybackStatus

log = logging.getLogger(__name__)

SETTLE_S = 5.0  # reports come in bunches


class LateReports:
    """Takes late reports in.

    Args:
        clock: time.
        state: a run's latest state; raises NotFound.
        record: keeps and shows an event of a run.
        prove: makes the evidence of an ended run anew, and tells it.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        state: Callable[[RunId], Awaitable[RunState]],
        record: Callable[[RunEvent], Awaitable[None]],
        prove: Callable[[RunId], Awaitable[None]],
    ) -> None:
        self._clock = clock
        self._state = state
        self._record = record
        self._prove = prove
        self._touched: dict[RunId, int] = {}
        self._wake = asyncio.Event()

    async def listen(self, reports: Listener[Playback]) -> None:
        """Look at every report, until cancelled."""
        async for report in reports:
            run_id = run_of(report.key)
            if run_id is None or report.status is PlaybackStatus.STARTED:
                continue
            try:
                await self._take(run_id, report)
            except NotFound:
                continue  # of a run that was never here
            except PatrolError as e:
                log.warning("late report of %s: %s", report.key, e)

    async def _take(self, run_id: RunId, report: Playback) -> None:
        state = await self._state(run_id)
        name = name_of(report.key)
        sortie = next(
            (s for s in state.sorties if name.startswith(f"{s.sortie_id}.")), None
        )
        if sortie is None or sortie.phase not in ENDED:
            return  # whoever flies it takes it in
        if report.complete and name not in sortie.cues_done:
            said = f"cue {name} was played to the end, as was reported later"
            fact = fact_of(run_id, self._clock.utc(), said, sortie.sortie_id)
            await self._record(replace(fact, cue_done=name))
        self._touched[run_id] = self._touched.get(run_id, 0) + 1
        self._wake.set()

    async def prove(self) -> None:
        """Make the evidence of such runs anew, until cancelled."""
        while True:
            await self._wake.wait()
            await self._clock.sleep(SETTLE_S)
            self._wake.clear()
            touched, self._touched = self._touched, {}
            for run_id in touched:
                try:
                    if (await self._state(run_id)).phase in ENDED:
                        await self._prove(run_id)
                except PatrolError as e:
                    log.warning("no new evidence of %s: %s", run_id, e)
