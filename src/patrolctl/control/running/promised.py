"""What runs have promised to say and have not been proved to have said."""

from datetime import timedelta

from patrolctl.clock import Clock
from patrolctl.control.announcing.library import Library
from patrolctl.control.conditions.exposure import Promise
from patrolctl.control.running.proving import plan_as_launched
from patrolctl.domain.errors import NotFound
from patrolctl.domain.ids import SiteId
from patrolctl.ports import Store

RECENT = timedelta(days=1)  # an older run has nothing to do with today's caps


async def promises_at(
    site_id: SiteId, store: Store, library: Library, clock: Clock
) -> tuple[Promise, ...]:
    """The plans of a site's runs that are under way, or not proved yet.

    Those of other nodes on the same store, too.
    """
    begun = await store.unfinished_runs() + await store.unproved_runs()
    since = clock.utc() - RECENT
    promises = []
    for state in begun:
        if state.created_utc < since:
            continue
        try:
            plan = await plan_as_launched(store, state)
            site = library.site_of(plan)
        except NotFound:  # its mission is gone: nobody can say who hears it
            continue
        if site.id == site_id:
            promises.append(Promise(state.id, plan))
    return tuple(promises)
