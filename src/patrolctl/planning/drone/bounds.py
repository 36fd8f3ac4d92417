"""What no plan can beat, under the plan's own requirement and candidates.

Global: the least number of messages times the time each takes, plus what
take-off and landing cost, plus the flying between stations that any choice
has to do at least. Conditional: the same with the stations as chosen.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from patrolctl.acoustics.bands import Floats
from patrolctl.acoustics.compiled import compiled
from patrolctl.planning.drone.coverage import Cover
from patrolctl.planning.space import Motion
from patrolctl.planning.space.motion import trapezoid_s

Ints = npt.NDArray[np.int64]
_ROUNDS = 400
_MANY_ROUNDS = 1000


def one_tree_s(time_s: Floats, *, rounds: int = _ROUNDS, upper_s: float) -> float:
    """Held–Karp bound on a round trip through all points.

    Args:
        time_s: (n, n) times; each direction may differ, the lesser counts.
        rounds: subgradient steps.
        upper_s: the time of some tour, for the step length.

    Returns:
        A valid lower bound, 0 for fewer than two points.

    Source: Held, Karp, The traveling-salesman problem and minimum spanning
    trees, Operations Research 18 (1970).
    """
    n = len(time_s)
    if n < 2:
        return 0.0
    least = np.minimum(time_s, time_s.T)
    if n == 2:
        return float(time_s[0, 1] + time_s[1, 0])
    best, pi = 0.0, np.zeros(n)
    length = 2.0
    for k in range(rounds):
        weight = least + pi[:, None] + pi[None, :]
        total, degree = _one_tree(weight)
        bound = total - 2.0 * float(pi.sum())
        best = max(best, bound)
        slope = degree - 2
        norm = float(slope @ slope)
        if norm == 0.0:
            break
        if k % 40 == 39:
            length *= 0.7
        pi = pi + length * max(upper_s - bound, 0.01 * upper_s) / norm * slope
    return best


@compiled
def _one_tree(weight: Floats) -> tuple[float, Ints]:
    """Spanning tree of all points but the last (Prim), and its two least edges."""
    n = len(weight)
    degree = np.zeros(n, dtype=np.int64)
    gap = weight[0, : n - 1].copy()
    parent = np.zeros(n - 1, dtype=np.int64)
    done = np.zeros(n - 1, dtype=np.bool_)
    done[0] = True
    total = 0.0
    for _ in range(n - 2):
        best = -1
        for k in range(n - 1):
            if not done[k] and (best < 0 or gap[k] < gap[best]):
                best = k
        total += gap[best]
        degree[best] += 1
        degree[parent[best]] += 1
        done[best] = True
        for k in range(n - 1):
            if not done[k] and weight[best, k] < gap[k]:
                gap[k], parent[k] = weight[best, k], best
    ends = np.argsort(weight[n - 1, : n - 1])[:2]
    for k in ends:
        total += weight[n - 1, k]
        degree[k] += 1
        degree[n - 1] += 1
    return total, degree


@dataclass(frozen=True, slots=True)
class Least:
    """What every sortie and every drone costs at the least."""

    ends_s: float
    ends_j: float
    usable_j: float
    turnaround_s: float
    drones: int

    def with_ends(self, more_s: float, more_j: float) -> "Least":
        """The same with more for take-off and landing."""
        return replace(self, ends_s=self.ends_s + more_s, ends_j=self.ends_j + more_j)

    def sorties(self, work_j: float) -> int:
        """How many batteries this much energy takes at least."""
        per_sortie = self.usable_j - self.ends_j
        return max(1, math.ceil(work_j / per_sortie - 1e-9)) if work_j > 0 else 0

    def mission_s(self, work_s: float, sorties: int, power: float = 1.0) -> float:
        """Least makespan of this much holding and flying.

        Shared evenly, with the turnarounds that so many sorties need; and a
        drone that does its share needs batteries enough for it.

        Args:
            work_s: holding and flying of all drones.
            sorties: how many it takes at least, of all drones.
            power: the least hover-seconds that a second of work takes.
        """
        idle = max(0, sorties - self.drones) * self.turnaround_s
        together = (work_s + sorties * self.ends_s + idle) / self.drones
        share_s = work_s / self.drones
        own = self.sorties(share_s * power)
        alone = share_s + own * self.ends_s + max(0, own - 1) * self.turnaround_s
        return max(together, alone)


def round_trips_s(time_s: Floats, homes: int, *, upper_s: float) -> float:
    """Held–Karp bound on this many round trips from home through all places.

    Args:
        time_s: (n + 1, n + 1) times; the last row and column are home.
        homes: how many round trips.
        upper_s: the flying time of some solution.
    """
    n = len(time_s) - 1
    rows = np.concatenate([np.arange(n), np.full(max(homes, 1), n)])
    wide = time_s[np.ix_(rows, rows)].copy()
    # Trips are not joined at home: that would be one trip less.
    wide[n:, n:] = max(upper_s, float(time_s.max())) * 2.0
    return one_tree_s(wide, rounds=_MANY_ROUNDS, upper_s=upper_s)


def least_round_s(there_and_back_s: Floats, cover: Cover, headings: int) -> float:
    """The round trip that the receiver hardest to get at takes alone.

    Args:
        there_and_back_s: (places,) from home and back, as the crow flies.
        cover: columns place-major, every row with a column.
        headings: columns a place.
    """
    if cover.n_rows == 0:
        return 0.0
    per_entry = there_and_back_s[cover.cols // headings]
    return float(np.minimum.reduceat(per_entry, cover.row_ptr[:-1]).max())


def apart(cover: Cover, headings: int, *, most: int = 30) -> list[Ints]:
    """Places of rows that no two share a place: each needs a visit of its own.

    Rows that few places reach come first.
    """
    sizes = np.diff(cover.row_ptr)
    taken = np.zeros(cover.n_cols // headings + 1, dtype=np.bool_)
    out: list[Ints] = []
    for row in np.argsort(sizes, kind="stable"):
        mine = cover.cols[cover.row_ptr[row] : cover.row_ptr[row + 1]] // headings
        if taken[mine].any():
            continue
        places = np.unique(mine).astype(np.int64)
        taken[places] = True
        out.append(places)
        if len(out) == most:
            break
    return out


def visits_s(points_m: Floats, groups: list[Ints], motion: Motion) -> float:
    """Held–Karp bound on a round trip from home that visits every group.

    The way between two groups is at least that between their nearest places
    at cruise speed; a trip through more places only takes longer.

    Args:
        points_m: (places + 1, 3); the last one is home.
        groups: disjoint sets of places.
        motion: the copter's speeds.
    """
    sets = [*groups, np.array([len(points_m) - 1])]
    n = len(sets)
    trees = [cKDTree(points_m[s]) for s in sets]
    gap = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1, n):
            small, large = (i, j) if len(sets[i]) < len(sets[j]) else (j, i)
            near, _ = trees[large].query(points_m[sets[small]])
            gap[i, j] = gap[j, i] = float(np.min(near))
    p = motion.profile
    time = trapezoid_s(gap, p.cruise_m_s, p.accel_m_s2)
    upper = float(time[np.arange(n), np.roll(np.arange(n), 1)].sum()) + 1.0
    return one_tree_s(time, upper_s=upper)
