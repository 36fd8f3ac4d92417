"""A round too long for one battery or one mission, cut into several.

The cuts are the best for the given round: dynamic programming over all
places to cut (Beasley, 1983, "route first, cluster second").
"""

import itertools

import numpy as np
import numpy.typing as npt

from patrolctl.domain.errors import NoFeasiblePlan
from patrolctl.planning.loop.items import STRAIGHT_M, straightened
from patrolctl.planning.loop.lap import UTURN_S, Lap, Pace
from patrolctl.planning.loop.router import Router

Floats = npt.NDArray[np.float64]

# ArduPilot answers NO_SPACE above some 650 mission items; the ways to and
# from the part, the stays and the jump need some as well.
MOST_POINTS = 450


def split_lap(
    lap: Lap, entry: int, router: Router, pace: Pace, limit_s: float
) -> list[Lap]:
    """Closed laps from and to the entry that together do the whole lap.

    Raises:
        NoFeasiblePlan: some street is too far for the battery.
    """
    times = pace.arc_times_s(lap, router)
    ways = _Connections(router, entry, lap, pace)
    points = _points(lap, router)
    n = len(lap.arcs)
    best = np.full(n + 1, np.inf)
    best[0] = 0.0
    before = np.zeros(n + 1, dtype=np.int64)
    for j in range(1, n + 1):
        i = np.arange(j)
        spent = times[j] - times[i] + ways.out_s[i] + ways.back_s[j]
        fits = (spent <= limit_s) & (points[j] - points[i] <= MOST_POINTS)
        cost = np.where(fits, best[:j] + spent, np.inf)
        before[j] = int(np.argmin(cost))
        best[j] = cost[before[j]]
    if not np.isfinite(best[n]):
        _too_far(lap, router, int(np.flatnonzero(np.isfinite(best))[-1]), limit_s)
    cuts = [n]
    while cuts[-1] > 0:
        cuts.append(int(before[cuts[-1]]))
    cuts.reverse()
    return [ways.closed(lap.part(i, j, router)) for i, j in itertools.pairwise(cuts)]


def _too_far(lap: Lap, router: Router, done: int, limit_s: float) -> None:
    edge = router.network.edges[int(router.number[lap.arcs[done]]) // 2]
    reason = (
        f"road {edge.road}: driving there and back takes more than the"
        f" {limit_s / 60:.0f} min that the battery allows beside its reserve"
    )
    raise NoFeasiblePlan((reason,))


def _points(lap: Lap, router: Router) -> Floats:
    lines = (router.network.edges[int(router.number[a]) // 2].line for a in lap.arcs)
    counts = [len(straightened(line, STRAIGHT_M)) - 1 for line in lines]
    stays = np.zeros(len(counts) + 1)
    for p, _ in lap.stops:
        stays[p] += 1
    return np.concatenate([[0.0], np.cumsum(counts)]) + np.cumsum(stays)


class _Connections:
    """Ways from the entry to where a part begins, and back from its end."""

    def __init__(self, router: Router, entry: int, lap: Lap, pace: Pace) -> None:
        self.entry = entry
        tails = [int(router.tail[a]) for a in lap.arcs]
        heads = [int(router.head[a]) for a in lap.arcs]
        out_m, back_m = router.from_and_to_m(entry)
        speed = pace.speed_m_s(None)
        slack_s = 4 * pace.start_s + 4 * UTURN_S
        self.out_s = out_m[tails] / speed + slack_s
        self.back_s = np.concatenate([[np.inf], back_m[heads] / speed])
        self._router = router

    def _way(self, a: int, b: int) -> tuple[int, ...]:
        if a == b:
            return ()
        ways = self._router.ways([a, b])
        first, last, cost = ways.table(a, b)
        f, e = np.unravel_index(int(np.argmin(cost)), cost.shape)
        return tuple(ways.arcs(first[int(f)], last[int(e)]))

    def closed(self, part: Lap) -> Lap:
        """The part with its ways from and to the entry."""
        out = self._way(self.entry, part.start)
        end = int(self._router.head[part.arcs[-1]])
        back = self._way(end, self.entry)
        stops = tuple((p + len(out), s) for p, s in part.stops)
        return Lap(self.entry, out + part.arcs + back, stops)
