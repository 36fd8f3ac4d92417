"""A run that cannot be written down does not go on.

What is about to be done is recorded before it is done (decision 0042). A disk
that stays full takes that away: no message could be proved, and after a
crash nobody would know what the operator said last. Facts wait in memory and
the links live on, so the vehicles are called home while that still holds.
"""

from collections.abc import Awaitable, Callable

from patrolctl.clock import Clock
from patrolctl.control.live.feed import LiveFeed
from patrolctl.domain.errors import Conflict

LOOK_S = 1.0
AGAIN_S = 10.0  # to a vehicle that did not obey


async def until_unwritten(feed: LiveFeed, clock: Clock, patience_s: float) -> str:
    """Return why nothing can be written, once that has lasted too long.

    Args:
        feed: what keeps facts; it is asked to try again at every look.
        clock: whose seconds count.
        patience_s: a moment's trouble, such as a locked file, ends nothing.
    """
    well_s = clock.monotonic_s()
    while True:
        await clock.sleep(LOOK_S)
        fault = feed.store_fault and await feed.flush()
        if fault is None:
            well_s = clock.monotonic_s()
        elif clock.monotonic_s() - well_s >= patience_s:
            return fault


async def call_home(
    fault: str, return_home: Callable[[str], Awaitable[None]], clock: Clock
) -> None:
    """Say it until every vehicle has obeyed, or the caller has had enough."""
    while True:
        try:
            await return_home(f"patrolctl: nothing can be written down: {fault}")
        except Conflict:
            await clock.sleep(AGAIN_S)
        else:
            return
