"""Whom a run for the rest of another is to reach."""

from collections.abc import Awaitable, Callable

from patrolctl.domain.errors import Conflict, NotFound
from patrolctl.domain.ids import RunId
from patrolctl.evidence import missing_of
from patrolctl.ports import AftermathStore, Store

Remaining = Callable[[RunId], Awaitable[frozenset[str]]]


async def unknown(run_id: RunId) -> frozenset[str]:
    """Where nobody follows gaps, nothing is known of any."""
    raise NotFound("gap of run", run_id)


def remaining_of(store: Store, aftermath: AftermathStore) -> Remaining:
    """Receivers that a run missed and nobody reached since."""

    async def remaining(run_id: RunId) -> frozenset[str]:
        """Raises NotFound without evidence, Conflict when nothing is missing."""
        try:
            missing = (await aftermath.gap(run_id)).missing
        except NotFound:
            missing = missing_of(await store.evidence(run_id))
        if not missing.receivers:
            raise Conflict(f"{run_id} missed nothing that could be reached")
        return frozenset(missing.receivers)

    return remaining
