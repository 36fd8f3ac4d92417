"""One closed round through the network, and how long it takes."""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from patrolctl.domain.machines import VehicleProfile
from patrolctl.planning.loop.router import Router

Floats = npt.NDArray[np.float64]

UTURN_S = 10.0


@dataclass(frozen=True, slots=True)
class Lap:
    """Arc indices driven in a row; ``stops`` are (arcs driven, stop id).

    The way begins and ends at ``start``. A stop at 0 is made before the
    first arc.
    """

    start: int
    arcs: tuple[int, ...]
    stops: tuple[tuple[int, str], ...] = ()

    def begun_at(self, node: int, router: Router) -> "Lap":
        """The same round, begun where it first comes to another node."""
        if node == self.start:
            return self
        heads = [int(router.head[a]) for a in self.arcs]
        k, n = heads.index(node) + 1, len(self.arcs)
        stops = sorted(((p - k) % n, s) for p, s in self.stops)
        return Lap(node, self.arcs[k:] + self.arcs[:k], tuple(stops))

    def part(self, i: int, j: int, router: Router) -> "Lap":
        """The open way of arcs i to j with its stops; a stop is in one part."""
        stops = tuple((p - i, s) for p, s in self.stops if i < p <= j or p == 0 == i)
        start = int(router.tail[self.arcs[i]]) if self.arcs else self.start
        return replace(self, start=start, arcs=self.arcs[i:j], stops=stops)

    def length_m(self, router: Router) -> float:
        """Metres driven."""
        return float(router.length[list(self.arcs)].sum()) if self.arcs else 0.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How a vehicle drives: speeds, and what standing and turning cost."""

    profile: VehicleProfile
    dwell_s: float

    def speed_m_s(self, limit_m_s: float | None) -> float:
        """Speed on a road, rounded down so that it keeps the limit."""
        top = min(self.profile.cruise_m_s, limit_m_s or math.inf)
        return max(0.1, math.floor(top * 100) / 100)

    @property
    def start_s(self) -> float:
        """Time lost in each start from rest, and in each stop."""
        speed = self.profile.cruise_m_s
        return speed / (2.0 * max(self.profile.accel_m_s2, 1e-3))

    def arc_times_s(self, lap: Lap, router: Router) -> Floats:
        """(n + 1,) time when each arc begins, and when the last one ends."""
        times = np.zeros(len(lap.arcs) + 1)
        waits = dict.fromkeys(range(len(lap.arcs) + 1), 0)
        for p, _ in lap.stops:
            waits[p] += 1
        for k, arc in enumerate(lap.arcs):
            edge = router.network.edges[int(router.number[arc]) // 2]
            spent = router.length[arc] / self.speed_m_s(edge.speed_m_s)
            if k and router.turns_round(lap.arcs[k - 1], arc):
                spent += UTURN_S
            if waits[k]:
                spent += waits[k] * self.dwell_s + 2 * self.start_s
            times[k + 1] = times[k] + spent
        if waits[len(lap.arcs)]:
            times[-1] += waits[len(lap.arcs)] * self.dwell_s + 2 * self.start_s
        return times


def repeated_m(lap: Lap, router: Router, wanted: set[int] | None) -> float:
    """Metres that cover nothing new: streets driven again, or not wanted."""
    seen: set[int] = set()
    again = 0.0
    for arc in lap.arcs:
        edge = int(router.number[arc]) // 2
        if edge in seen or (wanted is not None and edge not in wanted):
            again += float(router.length[arc])
        seen.add(edge)
    return again
