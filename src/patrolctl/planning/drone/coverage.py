"""Who hears whom: the coverage of every position and heading.

Position p with heading h is column ``p * headings + h``. Columns are kept as
a compressed sparse matrix over rows (receivers that the same columns reach
are one row).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics import ReachTable, Scene
from patrolctl.acoustics.bands import Bools, Floats
from patrolctl.acoustics.compiled import compiled
from patrolctl.planning.drone.order import OutOfTime, never
from patrolctl.planning.drone.receivers import stacks

Ints = npt.NDArray[np.int32]
Masks = npt.NDArray[np.int64]
_CHUNK = 64  # positions a task
_FEW_CHUNKS = 8  # not worth a second thread


@dataclass(frozen=True, slots=True)
class Cover:
    """A set cover: columns of rows, both ways round.

    ``indptr``/``rows`` list the rows of each column; ``row_ptr``/``cols``
    the columns of each row. ``weight`` counts the receivers of each row.
    """

    indptr: npt.NDArray[np.int64]
    rows: Ints
    row_ptr: npt.NDArray[np.int64]
    cols: Ints
    weight: Ints

    @property
    def n_cols(self) -> int:
        """Columns, empty ones included."""
        return len(self.indptr) - 1

    @property
    def n_rows(self) -> int:
        """Rows."""
        return len(self.row_ptr) - 1

    def of(self, column: int) -> Ints:
        """Rows of one column."""
        return self.rows[self.indptr[column] : self.indptr[column + 1]]


@dataclass(frozen=True, slots=True)
class Hearing:
    """What is asked for being heard, as tables over metres.

    ``cosines`` (2, metres): row 0 outdoors, row 1 indoors: the least cosine
    of the angle off the axis that hears at ceil(metres); above 1: nobody.
    """

    cosines: Floats
    range_m: float
    error_m: float


def hearing_of(
    outdoors: ReachTable,
    indoors: ReachTable,
    *,
    sti_min: float,
    error_m: float,
    error_deg: float,
    most_m: float,
) -> Hearing:
    """Turn reach tables into thresholds that hold within the errors."""
    rows = []
    for table in (outdoors, indoors):
        degrees = table.heard(sti_min, error_m=error_m, error_deg=error_deg)
        cosine = np.cos(np.radians(np.maximum(degrees, 0.0)))
        rows.append(np.where(degrees < 0.0, 2.0, np.where(degrees >= 180, -2, cosine)))
    cosines = np.array(rows)
    far = np.flatnonzero((cosines <= 1.0).any(axis=0))
    reach = float(far[-1] + 1) if len(far) else 0.0
    return Hearing(cosines, min(reach, most_m), error_m)


@compiled
def _masks(
    points: Floats,
    receivers: tuple[Floats, Bools],
    axes: Floats,
    cosines: Floats,
    out: Masks,
) -> None:
    """Which headings reach which receivers if nothing is in between, as bits."""
    at, indoors = receivers
    reach = float(cosines.shape[1])
    for i in range(len(points)):
        for j in range(len(at)):
            dx, dy = at[j, 0] - points[i, 0], at[j, 1] - points[i, 1]
            dz = at[j, 2] - points[i, 2]
            d2 = dx * dx + dy * dy + dz * dz
            if d2 > reach * reach:
                continue
            d = np.sqrt(d2)
            limit = cosines[1 if indoors[j] else 0, int(np.ceil(d)) - 1]
            if limit > 1.0:
                continue
            for h in range(len(axes)):
                c = (dx * axes[h, 0] + dy * axes[h, 1] + dz * axes[h, 2]) / d
                if c >= limit:
                    out[i, j] |= 1 << h


@compiled
def _count(masks: Masks, heads: int, out: Ints) -> None:
    """How many receivers each column reaches, into out (positions × headings)."""
    for i in range(masks.shape[0]):
        for j in range(masks.shape[1]):
            if masks[i, j] != 0:
                for h in range(heads):
                    out[i * heads + h] += masks[i, j] >> h & 1


@compiled
def _fill(
    masks: Masks, heads: int, rows: Ints, start: npt.NDArray[np.int64], out: Ints
) -> None:
    """The same receivers themselves, by their numbers; ``start`` is used up."""
    for i in range(masks.shape[0]):
        for j in range(masks.shape[1]):
            if masks[i, j] == 0:
                continue
            for h in range(heads):
                if masks[i, j] >> h & 1:
                    k = i * heads + h
                    out[start[k]] = rows[j]
                    start[k] += 1


@dataclass(frozen=True, slots=True)
class Listeners:
    """Receivers as kernels want them."""

    points_m: Floats
    indoors: Bools
    normal: Floats


def columns_of(
    scene: Scene,
    points_m: Floats,
    axes: Floats,
    listeners: Listeners,
    hearing: Hearing,
    enough: Callable[[], bool] = never,
) -> tuple[npt.NDArray[np.int64], Ints]:
    """Compute which receivers each position and heading reaches.

    Returns:
        ``indptr`` and receivers of the columns, position-major.

    Raises:
        OutOfTime: ``enough`` said so in between.
    """
    order = stacks(listeners.points_m, listeners.normal)[0].astype(np.int32)
    at = np.ascontiguousarray(listeners.points_m[order])
    indoors, normals = listeners.indoors[order], listeners.normal[order]
    cosines = hearing.cosines[:, : int(np.ceil(hearing.range_m))]
    heads = len(axes)

    def chunk(first: int) -> tuple[Ints, Ints]:
        if enough():
            raise OutOfTime
        here = points_m[first : first + _CHUNK]
        masks = np.zeros((len(here), len(at)), dtype=np.int64)
        _masks(here, (at, indoors), axes, cosines, masks)
        visible = scene.visible(
            here,
            at,
            range_m=hearing.range_m,
            error_m=hearing.error_m,
            normals=normals,
            wanted=masks != 0,
        )
        masks[~visible] = 0
        counts = np.zeros(len(here) * heads, dtype=np.int32)
        _count(masks, heads, counts)
        start = np.zeros(len(counts), dtype=np.int64)
        np.cumsum(counts[:-1], out=start[1:])
        rows = np.empty(int(counts.sum()), dtype=np.int32)
        _fill(masks, heads, order, start, rows)
        return counts, rows

    firsts = range(0, len(points_m), _CHUNK)
    if len(firsts) <= _FEW_CHUNKS:
        parts = [chunk(first) for first in firsts]
    else:
        with ThreadPoolExecutor(max_workers=2) as pool:
            parts = list(pool.map(chunk, firsts))
    if not parts:
        return np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int32)
    counts = np.concatenate([c for c, _ in parts])
    indptr = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=indptr[1:])
    return indptr, np.concatenate([r for _, r in parts])


@compiled
def _transpose(
    indptr: npt.NDArray[np.int64],
    rows: Ints,
    start: npt.NDArray[np.int64],
    cols: Ints,
) -> None:
    at = start[:-1].copy()
    for c in range(len(indptr) - 1):
        for k in range(indptr[c], indptr[c + 1]):
            r = rows[k]
            cols[at[r]] = c
            at[r] += 1


@compiled
def _sums(
    indptr: npt.NDArray[np.int64], rows: Ints, key: npt.NDArray[np.uint64], n: int
) -> npt.NDArray[np.uint64]:
    out = np.zeros(n, dtype=np.uint64)
    for c in range(len(indptr) - 1):
        for k in range(indptr[c], indptr[c + 1]):
            out[rows[k]] += key[c]
    return out


@compiled
def _renumber(
    indptr: npt.NDArray[np.int64],
    rows: Ints,
    row_of: Ints,
    out: tuple[npt.NDArray[np.int64], Ints],
) -> int:
    """Keep one receiver of each row; returns how many entries are left."""
    new_ptr, kept = out
    n = 0
    for c in range(len(indptr) - 1):
        new_ptr[c] = n
        for k in range(indptr[c], indptr[c + 1]):
            r = row_of[rows[k]]
            if r >= 0:
                kept[n] = r
                n += 1
    new_ptr[len(indptr) - 1] = n
    return n


def cover_of(
    indptr: npt.NDArray[np.int64], receivers: Ints, n_receivers: int
) -> tuple[Cover, Ints]:
    """Merge receivers that the very same columns reach into one row.

    Returns:
        The cover, and the row of each receiver (−1: reached by no column).
    """
    rng = np.random.default_rng(0x5EED)
    key = rng.integers(1, 2**63, size=len(indptr) - 1, dtype=np.uint64)
    sums = _sums(indptr, receivers, key, n_receivers)
    counts = np.bincount(receivers, minlength=n_receivers)
    _, first, row = np.unique(sums, return_index=True, return_inverse=True)
    row = row.reshape(-1)
    order = np.argsort(first[first >= 0])
    rank = np.empty(len(first), dtype=np.int64)
    live = counts[first] > 0
    ranked = [i for i in order if live[i]]
    rank[:] = -1
    rank[ranked] = np.arange(len(ranked))
    row_of = rank[row].astype(np.int32)
    keeper = np.full(n_receivers, -1, dtype=np.int32)
    keeper[first[ranked]] = row_of[first[ranked]]
    new_ptr = np.zeros(len(indptr), dtype=np.int64)
    kept = np.empty(len(receivers), dtype=np.int32)
    used = _renumber(indptr, receivers, keeper, (new_ptr, kept))
    weight = np.bincount(row_of[row_of >= 0], minlength=len(ranked)).astype(np.int32)
    return transposed(new_ptr, kept[:used].copy(), weight), row_of


def transposed(indptr: npt.NDArray[np.int64], rows: Ints, weight: Ints) -> Cover:
    """Complete a cover by the columns of each row."""
    n_rows = len(weight)
    start = np.zeros(n_rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=n_rows), out=start[1:])
    cols = np.empty(len(rows), dtype=np.int32)
    _transpose(indptr, rows, start, cols)
    return Cover(indptr, rows, start, cols, weight)


def subset(cover: Cover, columns: npt.NDArray[np.int64]) -> Cover:
    """The cover with only these columns, in this order."""
    sizes = np.diff(cover.indptr)[columns]
    indptr = np.zeros(len(columns) + 1, dtype=np.int64)
    np.cumsum(sizes, out=indptr[1:])
    rows = np.concatenate([cover.of(int(c)) for c in columns] or [cover.rows[:0]])
    return transposed(indptr, rows.astype(np.int32), cover.weight)


def joined(one: Cover, two: Cover) -> Cover:
    """The rows of both covers, the first one's first, over the same columns."""
    sizes = np.diff(one.indptr) + np.diff(two.indptr)
    indptr = np.zeros(one.n_cols + 1, dtype=np.int64)
    np.cumsum(sizes, out=indptr[1:])
    rows = np.empty(int(indptr[-1]), dtype=np.int32)
    for cover, first, at in (
        (one, 0, indptr[:-1]),
        (two, one.n_rows, indptr[:-1] + np.diff(one.indptr)),
    ):
        shift = np.repeat(at - cover.indptr[:-1], np.diff(cover.indptr))
        rows[np.arange(len(cover.rows)) + shift] = cover.rows + first
    weight = np.concatenate([one.weight, two.weight])
    return transposed(indptr, rows, weight)
