"""What a process that ended had claimed and not finished."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from patrolctl.control.schedules.occurring import Desk
from patrolctl.domain.brief import Occurrence, OccurrenceState, Schedule
from patrolctl.durable.policy import Judgement, judge

log = logging.getLogger(__name__)

# A node says every 30 s that it lives; one that was silent for so long is
# taken for dead. Should it only be slow, it cannot launch any more (LaunchToken).
LEASE = timedelta(seconds=120)

Found = Callable[[Occurrence], Awaitable[str | None]]


def is_left(desk: Desk, occurrence: Occurrence) -> bool:
    """Whether nobody works at it any more."""
    if occurrence.node == desk.node:
        return False
    owner = (occurrence.node or "").partition("/")[0]
    if owner == desk.name:
        return True  # ours, of an earlier process: one process a data directory
    beat = occurrence.beat_utc or occurrence.claimed_utc
    return beat is None or desk.clock.utc() - beat > LEASE


async def settle(
    desk: Desk,
    left: Occurrence,
    schedule: Schedule | None,
    found: Found,
    *,
    paused: bool,
) -> Judgement | None:
    """See to an unfinished occurrence, if it was left.

    Returns:
        What is to be done with it, now that it is claimed by this node; None
        where nothing is, or another node was quicker.
    """
    if not is_left(desk, left):
        return None
    if left.state is OccurrenceState.LAUNCHING:
        await _launching(desk, left, found)
        return None
    if left.manual or schedule is None:
        gone = "the service ended before it was carried out"
        why = gone if left.manual else "its schedule does not exist any more"
        await desk.book.change(left, OccurrenceState.SKIPPED, outcome=f"skipped: {why}")
        return None
    claimed = OccurrenceState.CLAIMED
    if not await desk.book.change(left, claimed, node=desk.node):
        return None
    log.warning(
        "schedule %s at %s was left by node %s",
        left.schedule_id,
        left.due_utc,
        left.node,
    )
    return judge(schedule, left.due_utc, desk.clock.utc(), paused=paused)


async def _launching(desk: Desk, left: Occurrence, found: Found) -> None:
    """Nothing is launched twice: what is on record counts, else a person says."""
    run = await found(left)
    if run is not None:
        await desk.book.change(
            left, OccurrenceState.DONE, outcome=f"{run}, found after a restart"
        )
        return
    question = (
        "the service ended while it was launching this: run it now, or let it go?"
    )
    known = replace(left)
    await desk.book.change(known, OccurrenceState.ASKING, outcome=question)
