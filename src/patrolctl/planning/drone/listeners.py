"""All windows of a site as the planner counts them, without planning."""

from functools import lru_cache

import numpy as np

from patrolctl.domain.ids import ReceiverId
from patrolctl.domain.plan import PlanReceiver
from patrolctl.domain.site import Site
from patrolctl.planning.drone.canonical import canonical_of, into
from patrolctl.planning.drone.receivers import receivers_of


@lru_cache(maxsize=32)
def listeners_of(site: Site, spacing_m: float) -> tuple[PlanReceiver, ...]:
    """Every household's windows, under the ids that drone plans give them.

    Args:
        site: any site.
        spacing_m: façade segments are at most this long.

    Returns:
        Receivers that nothing is known of yet.
    """
    frame = canonical_of(site)
    inner = into(site, frame)
    found = receivers_of(inner, spacing_m, None)
    rows = [k for k, household in enumerate(found.household) if household is not None]
    if not rows:
        return ()
    flat = frame.outward(found.points_m[rows, :2])
    latlon = np.round(site.frame.to_latlon_deg(flat), 8)
    return tuple(
        PlanReceiver(
            id=ReceiverId(found.ids[k]),
            building_id=inner.buildings[found.building[k]].id,
            household=found.household[k],
            floor=found.floor[k],
            lat_deg=float(lat),
            lon_deg=float(lon),
            up_m=float(found.points_m[k, 2]),
            sti=None,
            level_db=None,
            reached=False,
        )
        for k, (lat, lon) in zip(rows, latlon, strict=True)
    )
