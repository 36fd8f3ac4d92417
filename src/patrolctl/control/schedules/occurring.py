"""One occurrence from its claim to its outcome, whoever started it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from patrolctl.clock import Clock
from patrolctl.domain.brief import Occurrence, OccurrenceState, Schedule
from patrolctl.domain.errors import Conflict, PatrolError, StoreFailed
from patrolctl.domain.ids import ScheduleId
from patrolctl.ports import ScheduleStore

log = logging.getLogger(__name__)

STORE_AGAIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a node does its occurrences: its book, its name, its time.

    ``node`` names the process, not the host: what a process of the same name
    claimed before belongs to one that has ended.
    """

    book: ScheduleStore
    node: str
    clock: Clock

    @property
    def name(self) -> str:
        """The node's name without the process."""
        return self.node.partition("/")[0]

    def claimed(self, schedule_id: ScheduleId, due_utc: datetime) -> Occurrence:
        """An occurrence as it is while this node prepares its launch."""
        return Occurrence(
            schedule_id, due_utc, state=OccurrenceState.CLAIMED, node=self.node
        )


class LaunchToken:
    """The right to launch for one occurrence; taken once, before the first.

    Between the claim and this moment another node may have taken a slow one
    for dead; from this moment on nobody launches for it any more.
    """

    def __init__(self, desk: Desk, schedule: Schedule, due_utc: datetime) -> None:
        self._desk = desk
        self._known = desk.claimed(schedule.id, due_utc)
        self._lock = asyncio.Lock()
        self._taken = False

    async def take(self) -> None:
        """Take it, or find that it was taken for this occurrence before.

        Raises:
            Conflict: the occurrence is not this node's any more.
        """
        async with self._lock:
            if self._taken:
                return
            launching = OccurrenceState.LAUNCHING
            if not await self._desk.book.change(self._known, launching):
                raise Conflict("another node has taken it over")
            self._taken = True


async def see_through(
    desk: Desk,
    schedule_id: ScheduleId,
    due_utc: datetime,
    work: Callable[[], Awaitable[str]],
) -> None:
    """Do the work of a claimed occurrence and write down what came of it."""
    try:
        state, outcome = OccurrenceState.DONE, await work()
    except PatrolError as e:
        state, outcome = OccurrenceState.REFUSED, f"refused: {e}"
    except Exception as e:
        # One occurrence's defect must not stop the schedules.
        log.exception("schedule %s", schedule_id)
        state = OccurrenceState.REFUSED
        outcome = f"defect: {type(e).__name__}: {e}"
    log.info("schedule %s at %s: %s", schedule_id, due_utc, outcome)
    await _write_down(desk, desk.claimed(schedule_id, due_utc), state, outcome)


async def _write_down(
    desk: Desk, known: Occurrence, state: OccurrenceState, outcome: str
) -> None:
    """Until the book takes it: nobody shall take it for unfinished."""
    while True:
        try:
            for before in (OccurrenceState.CLAIMED, OccurrenceState.LAUNCHING):
                at = replace(known, state=before)
                if await desk.book.change(at, state, outcome=outcome):
                    return
        except StoreFailed as e:
            log.warning("outcome not stored yet: %s: %s", outcome, e)
            await desk.clock.sleep(STORE_AGAIN_S)
        else:
            log.warning("%s is not ours any more: %s", known.schedule_id, outcome)
            return
