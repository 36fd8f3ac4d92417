"""Stations and tour together: ruin a part, cover it again, keep what is better.

Large neighbourhood search on the joint objective: holding time of every
station plus the flights between them. Adding, dropping, moving and merging
stations all happen by taking some neighbouring stations out and covering
what they alone reached again, at the price of message plus detour.
Source: Shaw 1998 (LNS), Schrimpf et al. 2000 (ruin and recreate).
"""

import numpy as np
import numpy.typing as npt

from patrolctl.planning.drone import tours
from patrolctl.planning.drone.market import Market, packed

Ints = npt.NDArray[np.int64]
_EXCHANGES = 60


def improved(
    market: Market, tour: Ints, *, seed: int, rounds: int, heat: tuple[float, float]
) -> Ints:
    """A tour at least as good as the one given, covering the same rows.

    Args:
        market: columns on offer and times.
        tour: columns of the market, in their order, covering every row.
        seed: of the random choices.
        rounds: how many times to ruin and recover.
        heat: acceptance temperature at the start and at the end, seconds.
    """
    if not len(tour):
        return tour
    c = market.cover
    return tours.search(
        np.asarray(tour, dtype=np.int64),
        (market.hold_s, market.yaw_deg_s),
        market.data,
        packed(market.fleet),
        (c.indptr, c.rows, c.row_ptr, c.cols, 1.0 / np.diff(c.row_ptr)),
        (seed, rounds, heat[0], heat[1]),
    )


def ordered(market: Market, columns: Ints) -> Ints:
    """A short tour through these columns."""
    chosen = np.asarray(columns, dtype=np.int64)
    return tours.ordered(chosen, market.data, market.yaw_deg_s, _EXCHANGES)
