"""Prices of rows by column generation, and the bound that they prove.

Every message costs its holding time, every place that is flown to at least
the way from its nearest neighbour. For row prices u ≥ 0 no choice of
stations costs less than

    sum(u) − sum over places p of max(0, sum over headings h of
        max(0, u(p, h) − hold) − come(p))

which is what is reported, however the search for good prices was cut short.
Source: Lagrangian duality; Lübbecke and Desrosiers, Selected topics in
column generation, Operations Research 53 (2005), 2.1 and 6.
"""

from collections.abc import Callable
from dataclasses import dataclass

import highspy
import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.bands import Floats
from patrolctl.planning.drone.cover import priced
from patrolctl.planning.drone.coverage import Cover, subset
from patrolctl.planning.drone.reduce import needed_rows

Ints = npt.NDArray[np.int64]
_ROUNDS = 40
_BATCH = 400
_START = 1500
_FEW = 60
_EASE = 0.5  # how far prices stay with the best ones (Wentges smoothing)


@dataclass(frozen=True, slots=True)
class Costs:
    """Holding time of a station, and the least way to each place."""

    hold_s: float
    come_s: Floats
    headings: int


@dataclass(frozen=True, slots=True)
class Prices:
    """The best bound found, seconds, and the prices ``u`` that prove it.

    ``reduced`` are the columns' costs at the linear program's last prices.
    ``stations`` is a valid lower bound on how many messages it takes;
    ``share`` how much of each column the last linear program used.
    """

    bound_s: float
    stations: float
    reduced: Floats
    u: Floats
    share: Floats


def bound_of(cover: Cover, costs: Costs, u: Floats) -> tuple[float, Floats]:
    """The bound that prices prove, and how much each column is worth."""
    worth = -priced(cover, np.zeros(cover.n_cols), u)
    over = np.maximum(worth - costs.hold_s, 0.0).reshape(-1, costs.headings)
    place = np.maximum(over.sum(axis=1) - costs.come_s, 0.0)
    return float(u.sum() - place.sum()), worth


def _stations(cover: Cover, u: Floats, worth: Floats) -> float:
    """The bound on the number of stations that prices of this shape prove."""
    best = 0.0
    for scale in np.linspace(0.8, 1.1, 16) / max(float(worth.max(initial=0.0)), 1e-9):
        spill = np.maximum(worth * scale - 1.0, 0.0).sum()
        best = max(best, float(u.sum() * scale - spill))
    return best


class _Master:
    """The linear program over the columns and rows taken in so far."""

    def __init__(self, cover: Cover, costs: Costs) -> None:
        self._h = highspy.Highs()
        self._h.silent()
        self._h.setOptionValue("threads", 1)
        self._cover = cover
        self._costs = costs
        self._places: dict[int, int] = {}
        self._at = np.full(cover.n_cols, -1, dtype=np.int32)  # column → variable
        self._row = np.full(cover.n_rows, -1, dtype=np.int32)  # row → constraint

    @property
    def columns(self) -> Ints:
        """Columns taken in."""
        return np.flatnonzero(self._at >= 0)

    def add_rows(self, rows: Ints) -> int:
        """Ask that these rows be covered; returns how many were new."""
        fresh = rows[self._row[rows] < 0]
        c = self._cover
        for r in fresh:
            at = self._at[c.cols[c.row_ptr[r] : c.row_ptr[r + 1]]]
            at = np.sort(at[at >= 0])
            self._row[r] = self._h.getNumRow()
            self._h.addRow(1.0, highspy.kHighsInf, len(at), at, np.ones(len(at)))
        return len(fresh)

    def add_columns(self, columns: Ints) -> None:
        """Take columns in, each tied to its place."""
        inf, none = highspy.kHighsInf, np.empty(0, dtype=np.int32)
        for column in columns:
            place = int(column) // self._costs.headings
            if place not in self._places:
                self._places[place] = self._h.getNumCol()
                come = float(self._costs.come_s[place])
                self._h.addCol(come, 0.0, inf, 0, none, np.empty(0))
            # x ≤ y: flown to when used, by a row y − x ≥ 0.
            link = self._h.getNumRow()
            here = np.array([self._places[place]], dtype=np.int32)
            self._h.addRow(0.0, inf, 1, here, np.ones(1))
            rows = self._row[self._cover.of(int(column))]
            index = np.append(rows[rows >= 0], np.int32(link)).astype(np.int32)
            value = np.ones(len(index))
            value[-1] = -1.0
            self._at[column] = self._h.getNumCol()
            self._h.addCol(self._costs.hold_s, 0.0, inf, len(index), index, value)

    def shares(self) -> Floats:
        """How much of each column the last optimum uses."""
        value = np.array(self._h.getSolution().col_value)
        out = np.zeros(self._cover.n_cols)
        known = self._at >= 0
        if len(value):
            out[known] = value[self._at[known]]
        return out

    def prices(self) -> Floats:
        """Prices of all rows at the present optimum, 0 for those left out."""
        self._h.run()
        dual = np.array(self._h.getSolution().row_dual)
        out = np.zeros(self._cover.n_rows)
        known = self._row >= 0
        out[known] = np.maximum(dual[self._row[known]], 0.0)
        return out


def prices_of(
    cover: Cover,
    costs: Costs,
    start: Ints,
    *,
    enough: Callable[[], bool],
    effort: float = 1.0,
) -> tuple[Prices, Ints]:
    """Search for row prices with a high bound.

    Args:
        cover: all columns; every row has one.
        costs: what stations cost.
        start: columns that cover every row.
        enough: asked between rounds; True ends the search.
        effort: below 1: fewer columns to begin with, fewer rounds.

    Returns:
        The prices, and every column that was generated.
    """
    u = _first_prices(cover, costs)
    bound, worth = bound_of(cover, costs, u)
    best = (bound, u, worth)
    have = np.unique(np.concatenate([start, _best(worth, round(_START * effort))]))
    master = _Master(cover, costs)
    master.add_rows(needed_rows(subset(cover, have)))
    master.add_columns(have)
    last = u
    for _ in range(max(4, round(_ROUNDS * effort))):
        if enough():
            break
        last = master.prices()
        best, fresh = _round(cover, costs, (last, best), master.columns)
        master.add_columns(fresh)
        if len(fresh) < _FEW:
            # New columns may leave rows open that followed from others before.
            more = master.add_rows(needed_rows(subset(cover, master.columns)))
            if not more and not len(fresh):
                break
    bound, u, worth = best
    exact = -priced(cover, np.zeros(cover.n_cols), last)
    found = Prices(
        bound,
        _stations(cover, u, worth),
        costs.hold_s - exact,
        u,
        master.shares(),
    )
    return found, master.columns


State = tuple[float, Floats, Floats]


def _round(
    cover: Cover, costs: Costs, prices: tuple[Floats, State], have: Ints
) -> tuple[State, Ints]:
    """Price all columns at eased and at exact prices; worthwhile new ones."""
    exact, best = prices
    for ease in (_EASE, 0.0):
        u = ease * best[1] + (1.0 - ease) * exact
        bound, worth = bound_of(cover, costs, u)
        if bound > best[0]:
            best = (bound, u, worth)
        fresh = _violated(worth, costs, have)
        if len(fresh):
            return best, fresh
    return best, np.empty(0, dtype=np.int64)


def _violated(worth: Floats, costs: Costs, have: Ints) -> Ints:
    """Columns of the places whose headings are together worth their cost."""
    over = np.maximum(worth - costs.hold_s, 0.0).reshape(-1, costs.headings)
    gain = over.sum(axis=1) - costs.come_s
    gain = np.repeat(gain, costs.headings)
    gain[over.ravel() <= 0.0] = -1.0
    gain[have] = -1.0
    good = np.flatnonzero(gain > 1e-6)
    return good[np.argsort(-gain[good], kind="stable")[:_BATCH]]


def _first_prices(cover: Cover, costs: Costs) -> Floats:
    """Each row at the least share that any of its columns could ask."""
    sizes = np.maximum(np.diff(cover.indptr), 1)
    per_row = costs.hold_s / sizes
    out = np.full(cover.n_rows, np.inf)
    column = np.repeat(np.arange(cover.n_cols), np.diff(cover.indptr))
    np.minimum.at(out, cover.rows, per_row[column])
    return out


def _best(worth: Floats, most: int) -> Ints:
    most = min(most, len(worth))
    return np.argsort(-worth, kind="stable")[:most].astype(np.int64)
