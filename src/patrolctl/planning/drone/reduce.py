"""Rows that follow from other rows.

Where every column of row a is a column of row b too, covering a covers b:
b need not be looked at. On real blocks four rows of five go.
"""

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.compiled import compiled
from patrolctl.planning.drone.coverage import Cover, transposed

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


@compiled
def _bits(row_ptr: Ints, cols: npt.NDArray[np.int32], words: int) -> Words:
    out = np.zeros((len(row_ptr) - 1, words), dtype=np.uint64)
    one = np.uint64(1)
    for r in range(len(row_ptr) - 1):
        for k in range(row_ptr[r], row_ptr[r + 1]):
            c = cols[k]
            out[r, c >> 6] |= one << np.uint64(c & 63)
    return out


@compiled
def _holds(small: Words, large: Words, first: int) -> bool:
    """Whether every bit of ``small`` (from word ``first`` on) is in ``large``."""
    k = first
    while k < len(small) and not small[k] & ~large[k]:
        k += 1
    return k == len(small)


@compiled
def _needed(bits: Words, order: Ints) -> npt.NDArray[np.bool_]:
    n = len(bits)
    keep = np.ones(n, dtype=np.bool_)
    for a in range(n):
        i = order[a]
        if not keep[i]:
            continue
        first = 0
        while first < bits.shape[1] - 1 and bits[i, first] == 0:
            first += 1
        for b in range(a + 1, n):
            j = order[b]
            if keep[j] and _holds(bits[i], bits[j], first):
                keep[j] = False
    return keep


def needed_rows(cover: Cover) -> Ints:
    """Rows that do not follow from others, in their order."""
    sizes = np.diff(cover.row_ptr)
    order = np.argsort(sizes, kind="stable").astype(np.int64)
    bits = _bits(cover.row_ptr, cover.cols, (cover.n_cols + 63) // 64)
    return np.flatnonzero(_needed(bits, order))


def with_rows(cover: Cover, rows: Ints) -> Cover:
    """The cover with only these rows."""
    number = np.full(cover.n_rows, -1, dtype=np.int32)
    number[rows] = np.arange(len(rows), dtype=np.int32)
    new = number[cover.rows]
    column = np.repeat(np.arange(cover.n_cols), np.diff(cover.indptr))
    keep = new >= 0
    indptr = np.zeros(cover.n_cols + 1, dtype=np.int64)
    np.cumsum(np.bincount(column[keep], minlength=cover.n_cols), out=indptr[1:])
    return transposed(indptr, new[keep], cover.weight[rows])
