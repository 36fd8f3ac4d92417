"""What no plan can beat, under the plan's own requirement and candidates.

Global: the least number of messages times the time each takes, plus what
take-off and landing cost, plus the flying between stations that any choice
has to do at least. Conditional: the same with the stations as chosen.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import minimum_spanning_tree

from patrolctl.acoustics.bands import Floats

Ints = npt.NDArray[np.int64]
_ROUNDS = 400


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


def _one_tree(weight: Floats) -> tuple[float, Ints]:
    """Spanning tree of all points but the last, and its two least edges."""
    n = len(weight)
    inner = weight[: n - 1, : n - 1]
    shift = 1.0 - float(inner.min())
    tree = minimum_spanning_tree(np.triu(inner + shift, 1)).tocoo()
    degree = np.zeros(n, dtype=np.int64)
    np.add.at(degree, tree.row, 1)
    np.add.at(degree, tree.col, 1)
    total = float(tree.data.sum()) - shift * len(tree.data)
    ends = np.argsort(weight[n - 1, : n - 1], kind="stable")[:2]
    degree[ends] += 1
    degree[n - 1] += len(ends)
    return total + float(weight[n - 1, ends].sum()), degree


def shared_s(work_s: float, drones: int, turnaround_s: float, sorties: int) -> float:
    """Least makespan of this much work shared evenly among drones.

    Args:
        work_s: least total of flying and holding.
        drones: how many share it.
        turnaround_s: between two sorties of one drone.
        sorties: least number of sorties in all.
    """
    idle = max(0, sorties - drones) * turnaround_s
    return (work_s + idle) / drones


def least_sorties(work_j: float, usable_j: float) -> int:
    """How many batteries this much energy takes at least."""
    return max(1, math.ceil(work_j / usable_j - 1e-9)) if work_j > 0 else 0
