"""Several headings at one place: what they are worth together.

A drone that stays at a place for another heading saves the flight to it. In
the pricing every place therefore chooses one *set* of headings, of which the
receivers that two of them reach count once.
"""

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.bands import Floats
from patrolctl.acoustics.compiled import compiled
from patrolctl.planning.drone.coverage import Cover

Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]
ByColumn = tuple[Ints, Counts]  # where each column's rows begin, and the rows
_MOST = 12  # of more headings than this the sum of worths is taken: not less


@compiled
def _take(column: int, by_col: ByColumn, u: Floats, seen: Counts) -> float:
    """Count a column's rows in; the prices of those that were not yet."""
    won = 0.0
    for k in range(by_col[0][column], by_col[0][column + 1]):
        r = by_col[1][k]
        if seen[r] == 0:
            won += u[r]
        seen[r] += 1
    return won


@compiled
def _give(column: int, by_col: ByColumn, u: Floats, seen: Counts) -> float:
    """Undo :func:`_take`."""
    lost = 0.0
    for k in range(by_col[0][column], by_col[0][column + 1]):
        r = by_col[1][k]
        seen[r] -= 1
        if seen[r] == 0:
            lost += u[r]
    return lost


@compiled
def _bits(pick: Ints, depth: int) -> int:
    mask = 0
    for d in range(depth):
        mask |= 1 << pick[d]
    return mask


@compiled
def _value(
    columns: Ints,
    by_col: ByColumn,
    u: Floats,
    costs: tuple[float, float],
    work: tuple[Counts, Ints, Floats],
) -> tuple[float, int]:
    """Best worth less cost of two or more of these columns, and which bits.

    ``costs`` are what one more heading and what the first visit cost;
    ``work`` a zeroed count a row, room for the choice at each depth, and what
    the columns from each on are worth at most. Nothing below 0 is found.
    """
    each, first = costs
    seen, pick, most = work
    best, mask = 0.0, 0
    value, depth = -first, 0  # pick[:depth] are chosen
    following = 0
    while True:
        # Rows count once: what follows adds no more than it is worth alone.
        if following < len(columns) and value + most[following] > best:
            value += _take(columns[following], by_col, u, seen) - each
            pick[depth] = following
            depth += 1
            following += 1
            if depth >= 2 and value > best:
                best, mask = value, _bits(pick, depth)
        elif depth > 0:  # take the last one back, go on after it
            depth -= 1
            value += each - _give(columns[pick[depth]], by_col, u, seen)
            following = pick[depth] + 1
        else:
            break
    return best, mask


@compiled
def _all(
    places: Ints,
    by_col: ByColumn,
    u: Floats,
    over: Floats,
    costs: tuple[float, Floats],
    out: tuple[Floats, Ints],
) -> None:
    """Best sets of these places; ``over`` (places, headings) is worth less cost."""
    each, first = costs
    heads = over.shape[1]
    seen = np.zeros(len(u), dtype=np.int32)
    pick = np.zeros(heads + 1, dtype=np.int64)
    for i in range(len(places)):
        place = places[i]
        which = np.flatnonzero(over[place] > 0.0)
        if len(which) > _MOST:
            out[0][i] = over[place][which].sum() - first[place]
            out[1][i] = _bits(which, len(which))
            continue
        limits = (each, first[place])
        columns = which + place * heads
        most = np.cumsum(over[place][which][::-1])[::-1].copy()
        got, bits = _value(columns, by_col, u, limits, (seen, pick, most))
        out[0][i], out[1][i] = got, 0
        for k in range(len(which)):
            if bits >> k & 1:
                out[1][i] |= 1 << which[k]


def best_sets(
    cover: Cover, headings: int, u: Floats, worth: Floats, costs: tuple[float, Floats]
) -> tuple[Ints, Floats, Ints]:
    """Places where two or more headings together might be worth their cost.

    Args:
        cover: columns place-major.
        headings: columns a place.
        u: (rows,) prices.
        worth: (columns,) sums of prices.
        costs: of each heading, and (places,) of the visit beyond that.

    Returns:
        The places, the best set's worth less its cost (never too low, 0 for
        none worth its cost), and its headings as bits. No other place has a
        set worth its cost.
    """
    each, first = costs
    over = np.maximum(worth - each, 0.0).reshape(-1, headings)
    some = (over.sum(axis=1) > first) & ((over > 0.0).sum(axis=1) >= 2)
    places = np.flatnonzero(some).astype(np.int64)
    value, mask = np.empty(len(places)), np.zeros(len(places), dtype=np.int64)
    _all(places, (cover.indptr, cover.rows), u, over, costs, (value, mask))
    return places, value, mask


@compiled
def _union(
    columns: Ints,
    by_col: ByColumn,
    n_rows: int,
) -> npt.NDArray[np.int32]:
    seen = np.zeros(n_rows, dtype=np.bool_)
    for c in columns:
        for k in range(by_col[0][c], by_col[0][c + 1]):
            seen[by_col[1][k]] = True
    return np.flatnonzero(seen).astype(np.int32)


def union_of(cover: Cover, columns: Ints) -> npt.NDArray[np.int32]:
    """Rows that any of these columns covers, ascending."""
    return _union(columns, (cover.indptr, cover.rows), cover.n_rows)
