"""Set cover: greedy start, Lagrangian bound and prices.

The bound is valid for every vector of multipliers u ≥ 0, however the search
for good ones was cut short: sum(u) + sum over columns of min(0, c − u(column)).
Source: Caprara, Fischetti, Toth, A heuristic method for the set covering
problem, Operations Research 47 (1999), sections 2 and 3.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.bands import Floats
from patrolctl.acoustics.compiled import compiled
from patrolctl.planning.drone.coverage import Cover, subset

Ints = npt.NDArray[np.int64]
_PHASES = 12
_STEPS = 60
_CORE_PER_ROW = 6
_CORE_MOST = 4000


@compiled
def _greedy(
    sizes: npt.NDArray[np.int64],
    by_col: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]],
    by_row: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]],
    cost: Floats,
    out: npt.NDArray[np.int64],
) -> int:
    indptr, rows = by_col
    row_ptr, cols = by_row
    left = len(row_ptr) - 1
    covered = np.zeros(left, dtype=np.bool_)
    chosen = 0
    while left > 0:
        best = np.argmax(sizes / cost)
        if sizes[best] <= 0:
            break
        out[chosen] = best
        chosen += 1
        for k in range(indptr[best], indptr[best + 1]):
            r = rows[k]
            if covered[r]:
                continue
            covered[r] = True
            left -= 1
            for m in range(row_ptr[r], row_ptr[r + 1]):
                sizes[cols[m]] -= 1
    return chosen


def greedy(cover: Cover, cost: Floats) -> Ints:
    """Columns that cover every row, most rows for their cost first."""
    out = np.empty(max(cover.n_rows, 1), dtype=np.int64)
    n = _greedy(
        np.diff(cover.indptr),
        (cover.indptr, cover.rows),
        (cover.row_ptr, cover.cols),
        cost,
        out,
    )
    return pruned(cover, out[:n])


def pruned(cover: Cover, chosen: Ints) -> Ints:
    """Without the columns that the others make superfluous, last first."""
    count = np.zeros(cover.n_rows, dtype=np.int32)
    for c in chosen:
        count[cover.of(int(c))] += 1
    kept = list(chosen)
    for c in reversed(list(chosen)):
        rows = cover.of(int(c))
        if (count[rows] >= 2).all():
            count[rows] -= 1
            kept.remove(c)
    return np.array(kept, dtype=np.int64)


@compiled
def _price(
    indptr: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int32],
    cost: Floats,
    u: Floats,
    out: Floats,
) -> None:
    """Reduced cost of every column."""
    for c in range(len(cost)):
        total = cost[c]
        for k in range(indptr[c], indptr[c + 1]):
            total -= u[rows[k]]
        out[c] = total


@compiled
def _slope(
    indptr: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int32],
    cost: Floats,
    u: Floats,
    grad: Floats,
) -> float:
    """The bound at u, and its subgradient into grad."""
    grad[:] = 1.0
    bound = u.sum()
    for c in range(len(cost)):
        reduced = cost[c]
        for k in range(indptr[c], indptr[c + 1]):
            reduced -= u[rows[k]]
        if reduced < 0.0:
            bound += reduced
            for k in range(indptr[c], indptr[c + 1]):
                grad[rows[k]] -= 1.0
    for r in range(len(u)):
        if u[r] <= 0.0 and grad[r] < 0.0:
            grad[r] = 0.0
    return float(bound)


@compiled
def _ascend(
    indptr: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int32],
    cost: Floats,
    u: Floats,
    goal: tuple[float, int, float],
) -> tuple[float, float]:
    """Subgradient steps on the columns given; u becomes the best found.

    ``goal`` is the upper bound, how many steps, and the step's first length.
    Returns the bound reached and the length of the last step.
    """
    upper, steps, length = goal
    best, best_u = -np.inf, u.copy()
    grad = np.empty(len(u))
    stuck = 0
    for _ in range(steps):
        bound = _slope(indptr, rows, cost, u, grad)
        if bound > best + 1e-9:
            best, stuck = bound, 0
            best_u[:] = u
        else:
            stuck += 1
            if stuck >= 6:
                length *= 0.66
                stuck = 0
        norm = (grad * grad).sum()
        if norm == 0.0:
            break
        step = length * max(upper - bound, 1e-3 * upper) / norm
        u[:] = np.maximum(0.0, u + step * grad)
    u[:] = best_u
    return best, length


@dataclass(frozen=True, slots=True)
class Prices:
    """What the Lagrangian search found.

    ``bound`` is valid for the whole cover; ``reduced`` (columns,) are the
    reduced costs at its multipliers ``u``.
    """

    bound: float
    reduced: Floats
    u: Floats


def _core(cover: Cover, reduced: Floats) -> Ints:
    """Columns worth looking at: cheap ones, and some for every row."""
    most = min(_CORE_MOST, cover.n_cols)
    cheap = np.argpartition(reduced, most - 1)[:most]
    keep = _cheapest_per_row(cover.row_ptr, cover.cols, reduced, _CORE_PER_ROW)
    return np.unique(np.concatenate([cheap, keep[keep >= 0]]))


@compiled
def _cheapest_per_row(
    row_ptr: npt.NDArray[np.int64],
    cols: npt.NDArray[np.int32],
    reduced: Floats,
    count: int,
) -> npt.NDArray[np.int64]:
    out = np.full((len(row_ptr) - 1) * count, -1, dtype=np.int64)
    for r in range(len(row_ptr) - 1):
        base = r * count
        n = 0
        for k in range(row_ptr[r], row_ptr[r + 1]):
            c = cols[k]
            at = n
            while at > 0 and reduced[out[base + at - 1]] > reduced[c]:
                if at < count:
                    out[base + at] = out[base + at - 1]
                at -= 1
            if at < count:
                out[base + at] = c
                n = min(n + 1, count)
    return out


def prices(
    cover: Cover,
    cost: Floats,
    upper: float,
    *,
    enough: Callable[[], bool],
) -> Prices:
    """Search for multipliers with a high bound.

    Args:
        cover: the columns and rows; every row has a column.
        cost: (columns,) > 0.
        upper: the cost of some cover.
        enough: asked between phases; True ends the search.
    """
    sizes = np.maximum(np.diff(cover.indptr), 1)
    per_row = cost / sizes
    u = _least_per_row(cover.row_ptr, cover.cols, per_row)
    reduced = np.empty(cover.n_cols)
    best = Prices(-np.inf, reduced, u)
    length = 0.3
    for _ in range(_PHASES):
        _price(cover.indptr, cover.rows, cost, u, reduced)
        bound = float(u.sum() + np.minimum(reduced, 0.0).sum())
        if bound > best.bound:
            best = Prices(bound, reduced.copy(), u.copy())
        if enough() or bound >= upper - 1e-6:
            break
        core = _core(cover, reduced)
        small = subset(cover, core)
        goal = (upper, _STEPS, length)
        _, length = _ascend(small.indptr, small.rows, cost[core], u, goal)
        length = max(length, 0.02)
    return best


@compiled
def _least_per_row(
    row_ptr: npt.NDArray[np.int64], cols: npt.NDArray[np.int32], value: Floats
) -> Floats:
    out = np.full(len(row_ptr) - 1, np.inf)
    for r in range(len(row_ptr) - 1):
        for k in range(row_ptr[r], row_ptr[r + 1]):
            out[r] = min(out[r], value[cols[k]])
    return out
