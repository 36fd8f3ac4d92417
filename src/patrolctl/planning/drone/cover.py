"""Set cover: a greedy start, pruning, and reduced costs."""

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.bands import Floats
from patrolctl.acoustics.compiled import compiled
from patrolctl.planning.drone.coverage import Cover

Ints = npt.NDArray[np.int64]


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


def priced(cover: Cover, cost: Floats, u: Floats) -> Floats:
    """Reduced cost of every column at row prices u."""
    out = np.empty(cover.n_cols)
    _price(cover.indptr, cover.rows, cost, u, out)
    return out
