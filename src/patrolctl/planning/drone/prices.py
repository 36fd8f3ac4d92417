"""Prices of rows by column generation, and the bound that they prove.

Every message costs its holding time, every place that is flown to at least
the way from its nearest neighbours, every further heading there at least a
turn. For row prices u ≥ 0 no choice of stations costs less than

    sum(u) − sum over places p of max(0, most over sets of headings K of
        u(rows that K reaches) − |K|·hold − (|K| − 1)·turn − come(p))

which is what is reported, however the search for good prices was cut short.
The linear program grows by columns *and* rows: of thousands of rows some
hundred matter. After new columns it is solved by the primal simplex, after
new rows by the dual one: each goes on from where the other ended, twenty
times quicker than the solver's own choice.
Source: Lagrangian duality; Lübbecke and Desrosiers, Selected topics in
column generation, Operations Research 53 (2005), 2.1 and 6.
"""

from collections.abc import Callable
from dataclasses import dataclass

import highspy
import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.bands import Floats
from patrolctl.acoustics.compiled import compiled
from patrolctl.planning.drone.cover import priced
from patrolctl.planning.drone.coverage import Cover
from patrolctl.planning.drone.sets import best_sets, union_of

Ints = npt.NDArray[np.int64]
_ROUNDS = 120
_START = 1500
_BATCH = 200  # columns or rows a round
_FEW = 20  # worthwhile columns left: time to look at the rows
_LAYERS = 4  # how often the site is gone through for rows to begin with
_OVERLAP = 0.3
_TOL = 1e-6
_MANY = 1 << 30


@dataclass(frozen=True, slots=True)
class Costs:
    """Holding time of a station, the least way to each place, a turn there.

    ``home_s`` is the least way to home, of each sortie.
    """

    hold_s: float
    come_s: Floats
    headings: int
    turn_s: float = 0.0
    home_s: float = 0.0

    @property
    def each_s(self) -> float:
        """One more heading at a place."""
        return self.hold_s + self.turn_s

    @property
    def first_s(self) -> Floats:
        """What a place costs beyond ``each_s`` for every heading."""
        return self.come_s - self.turn_s


@dataclass(frozen=True, slots=True)
class Prices:
    """The best bound found, seconds, and the prices ``u`` that prove it.

    ``reduced`` are the columns' costs at these prices. ``stations`` is a
    valid lower bound on how many messages it takes; ``share`` how much of
    each column the last linear program used; ``home_s`` that of the costs.
    """

    bound_s: float
    stations: float
    reduced: Floats
    u: Floats
    share: Floats
    home_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Worth:
    """All columns and places at some prices."""

    bound_s: float
    worth: Floats
    sets: tuple[Ints, Floats, Ints]


def bound_of(cover: Cover, costs: Costs, u: Floats, *, few: int = _MANY) -> _Worth:
    """The bound that prices prove, and how much columns and sets are worth.

    Where more than ``few`` places are worth more than they cost, sets are
    not looked at: the bound is of no use then.
    """
    worth = -priced(cover, np.zeros(cover.n_cols), u)
    alone = worth.reshape(-1, costs.headings).max(axis=1)
    spill = np.maximum(alone - costs.hold_s - costs.come_s, 0.0)
    if int((spill > _TOL).sum()) > few:
        none = np.empty(0, dtype=np.int64)
        return _Worth(-np.inf, worth, (none, np.empty(0), none))
    sets = best_sets(cover, costs.headings, u, worth, (costs.each_s, costs.first_s))
    places, value, _ = sets
    spill[places] = np.maximum(spill[places], value)
    return _Worth(float(u.sum() - spill.sum()), worth, sets)


def _stations(u: Floats, worth: Floats) -> float:
    """The bound on the number of stations that prices of this shape prove."""
    best = 0.0
    for scale in np.linspace(0.8, 1.1, 16) / max(float(worth.max(initial=0.0)), 1e-9):
        spill = np.maximum(worth * scale - 1.0, 0.0).sum()
        best = max(best, float(u.sum() * scale - spill))
    return best


class Master:
    """The linear program over the columns, sets and rows taken in so far."""

    def __init__(self, cover: Cover, costs: Costs) -> None:
        self._h = highspy.Highs()
        self._h.silent()
        self._h.setOptionValue("threads", 1)
        self._h.setOptionValue("presolve", "off")
        self._cover = cover
        self._costs = costs
        self._at = np.full(cover.n_cols, -1, dtype=np.int32)  # column → variable
        self._row = np.full(cover.n_rows, -1, dtype=np.int32)  # row → constraint
        self._sets: list[tuple[int, int]] = []  # place, headings
        self._set_at: list[int] = []

    @property
    def columns(self) -> Ints:
        """Columns taken in."""
        return np.flatnonzero(self._at >= 0)

    def grow(self, cover: Cover) -> None:
        """Go on with a cover that has further rows after the present ones."""
        more = cover.n_rows - len(self._row)
        self._row = np.append(self._row, np.full(more, -1, dtype=np.int32))
        self._cover = cover

    def has(self, columns: Ints) -> npt.NDArray[np.bool_]:
        """Which of these columns are in."""
        return np.asarray(self._at[columns] >= 0)

    def add_rows(self, rows: Ints) -> None:
        """Ask that these rows be covered."""
        c, heads = self._cover, self._costs.headings
        set_place = np.array([p for p, _ in self._sets], dtype=np.int64)
        set_mask = np.array([m for _, m in self._sets], dtype=np.int64)
        set_at = np.array(self._set_at, dtype=np.int32)
        bits = np.zeros(c.n_cols // heads, dtype=np.int64)
        for r in rows[self._row[rows] < 0]:
            mine = c.cols[c.row_ptr[r] : c.row_ptr[r + 1]]
            at = self._at[mine]
            at = at[at >= 0]
            if len(set_at):
                bits[:] = 0
                np.bitwise_or.at(bits, mine // heads, 1 << (mine % heads))
                at = np.append(at, set_at[(bits[set_place] & set_mask) != 0])
            at = np.sort(at).astype(np.int32)
            self._row[r] = self._h.getNumRow()
            self._h.addRow(1.0, highspy.kHighsInf, len(at), at, np.ones(len(at)))

    def add_columns(self, columns: Ints) -> None:
        """Take single columns in."""
        fresh = columns[self._at[columns] < 0]
        come = self._costs.come_s[fresh // self._costs.headings]
        first = self._h.getNumCol()
        self._at[fresh] = np.arange(first, first + len(fresh), dtype=np.int32)
        self._add(
            self._costs.hold_s + come, [self._cover.of(c) for c in fresh.tolist()]
        )

    def add_sets(self, places: Ints, masks: Ints) -> None:
        """Take sets of headings of a place in."""
        c, first = self._costs, self._h.getNumCol()
        costs, parts = np.empty(len(places)), []
        for k, (place, mask) in enumerate(
            zip(places.tolist(), masks.tolist(), strict=True)
        ):
            self._sets.append((place, mask))
            self._set_at.append(first + k)
            chosen = self._of_set(place, mask)
            costs[k] = c.each_s * len(chosen) + float(c.first_s[place])
            parts.append(union_of(self._cover, chosen))
        self._add(costs, parts)

    def _of_set(self, place: int, mask: int) -> Ints:
        heads = self._costs.headings
        bits = [h for h in range(heads) if mask >> h & 1]
        return place * heads + np.array(bits, dtype=np.int64)

    def _add(self, costs: Floats, parts: list[npt.NDArray[np.int32]]) -> None:
        """New variables that cover these rows, those left out left out."""
        n = len(costs)
        if n == 0:
            return
        at = self._row[np.concatenate(parts)]
        ends = np.cumsum([len(p) for p in parts])
        kept = np.concatenate([[0], np.cumsum(at >= 0)])
        starts = kept[np.concatenate([[0], ends[:-1]])].astype(np.int32)
        at = at[at >= 0]
        none, most = np.zeros(n), np.full(n, highspy.kHighsInf)
        self._h.addCols(n, costs, none, most, len(at), starts, at, np.ones(len(at)))

    def solve(self, *, primal: bool) -> Floats:
        """Prices of all rows at the optimum, 0 for those left out."""
        self._h.setOptionValue("simplex_strategy", 4 if primal else 1)
        self._h.run()
        dual = np.array(self._h.getSolution().row_dual)
        out = np.zeros(self._cover.n_rows)
        known = self._row >= 0
        out[known] = np.maximum(dual[self._row[known]], 0.0)
        return out

    def used(self) -> list[tuple[float, Ints]]:
        """Shares of columns and sets in the last optimum, those above zero."""
        value = np.array(self._h.getSolution().col_value)
        if not len(value):
            return []
        single = self.columns
        share = value[self._at[single]]
        out = [
            (float(s), np.array([c], dtype=np.int64))
            for c, s in zip(single, share, strict=True)
            if s > 1e-9
        ]
        for (place, mask), at in zip(self._sets, self._set_at, strict=True):
            if value[at] > 1e-9:
                out.append((float(value[at]), self._of_set(place, mask)))
        return out

    def open_rows(self) -> Ints:
        """Rows that the last optimum covers less than once, the barest first."""
        have = np.zeros(self._cover.n_rows)
        for share, columns in self.used():
            have[union_of(self._cover, columns)] += share
        rows = np.flatnonzero(have < 1.0 - _TOL)
        return rows[np.argsort(have[rows], kind="stable")]


class Pricing:
    """The search for prices, which can be gone on with on a larger cover.

    Args:
        cover: all columns; every row has one.
        costs: what stations cost.
        start: columns that cover every row.
        effort: below 1: fewer columns to begin with, fewer rounds.
    """

    def __init__(
        self, cover: Cover, costs: Costs, start: Ints, *, effort: float = 1.0
    ) -> None:
        self.cover = cover
        self._costs = costs
        self._rounds = max(8, round(_ROUNDS * effort))
        self.master = Master(cover, costs)
        rows = spread_rows(cover)
        worth = np.zeros(cover.n_rows)
        worth[rows] = 1.0
        reach = -priced(cover, np.zeros(cover.n_cols), worth)
        most = np.argsort(-reach, kind="stable")[: max(200, round(_START * effort))]
        self.master.add_rows(rows)
        self.master.add_columns(np.unique(np.concatenate([start, most])))
        u = _first_prices(cover, costs)
        self._best = (bound_of(cover, costs, u), u)

    @property
    def bound_s(self) -> float:
        """The best bound so far."""
        return self._best[0].bound_s

    def grow(self, cover: Cover, start: Ints) -> None:
        """Go on with further rows, the first of which are as before."""
        more = cover.n_rows - self.cover.n_rows
        self.cover = cover
        self.master.grow(cover)
        self.master.add_columns(start)
        self.master.add_rows(np.arange(cover.n_rows - more, cover.n_rows))
        u = np.append(self._best[1], np.zeros(more))
        self._best = (bound_of(cover, self._costs, u), u)

    def search(self, enough: Callable[[], bool]) -> None:
        """Grow the linear program until it is the whole one.

        Args:
            enough: asked between rounds; True ends the search.
        """
        primal = False
        for _ in range(self._rounds):
            if enough():
                return
            u = self.master.solve(primal=primal)
            now = bound_of(self.cover, self._costs, u, few=_FEW)
            if now.bound_s > self._best[0].bound_s:
                self._best = (now, u)
            fresh = self._worthwhile(now)
            primal = fresh > _FEW
            if primal:
                continue
            rows = self.master.open_rows()
            if not len(rows) and not fresh:
                return
            primal = not len(rows)
            self.master.add_rows(rows[:_BATCH])

    def _worthwhile(self, now: _Worth) -> int:
        """Take in what is worth more than it costs; how many there were."""
        c = self._costs
        come = np.repeat(c.come_s, c.headings)
        over = now.worth - c.hold_s - come
        good = np.flatnonzero(over > _TOL)
        good = good[~self.master.has(good)]
        good = good[np.argsort(-over[good], kind="stable")]
        # One column of each place: its neighbours are worth much the same.
        _, first = np.unique(good // c.headings, return_index=True)
        chosen = good[np.sort(first)][:_BATCH]
        self.master.add_columns(chosen)
        if len(chosen) > _FEW:
            return len(chosen)
        places, value, masks = now.sets
        ok = np.flatnonzero(value > _TOL)
        ok = ok[np.argsort(-value[ok], kind="stable")][:_BATCH]
        self.master.add_sets(places[ok], masks[ok])
        return len(chosen) + len(ok)

    def result(self) -> Prices:
        """What was found."""
        (now, u), share = self._best, np.zeros(self.cover.n_cols)
        for part, columns in self.master.used():
            share[columns] += part
        return Prices(
            now.bound_s,
            _stations(u, now.worth),
            self._costs.hold_s - now.worth,
            u,
            share,
            self._costs.home_s,
        )


def prices_of(
    cover: Cover,
    costs: Costs,
    start: Ints,
    *,
    enough: Callable[[], bool],
    effort: float = 1.0,
) -> tuple[Prices, Ints]:
    """Search for row prices with a high bound; as :class:`Pricing` says.

    Args:
        cover: all columns.
        costs: what stations cost.
        start: columns that cover every row.
        enough: asked between rounds; True ends the search.
        effort: as above.

    Returns:
        The prices, and every column that was generated.
    """
    work = Pricing(cover, costs, start, effort=effort)
    work.search(enough)
    return work.result(), work.master.columns


@compiled
def _spread(
    row_ptr: Ints, cols: npt.NDArray[np.int32], order: Ints, n_cols: int, layers: int
) -> npt.NDArray[np.bool_]:
    chosen = np.zeros(len(order), dtype=np.bool_)
    for _ in range(layers):
        taken = np.zeros(n_cols, dtype=np.bool_)
        for r in order:
            if chosen[r]:
                continue
            lo, hi = row_ptr[r], row_ptr[r + 1]
            hit = 0
            for k in range(lo, hi):
                if taken[cols[k]]:
                    hit += 1
            if hit <= _OVERLAP * (hi - lo):
                chosen[r] = True
                for k in range(lo, hi):
                    taken[cols[k]] = True
    return chosen


def spread_rows(cover: Cover) -> Ints:
    """Rows hard to cover, some of each neighbourhood."""
    order = np.argsort(np.diff(cover.row_ptr), kind="stable").astype(np.int64)
    return np.flatnonzero(
        _spread(cover.row_ptr, cover.cols, order, cover.n_cols, _LAYERS)
    )


def _first_prices(cover: Cover, costs: Costs) -> Floats:
    """Each row at the least share that any of its columns could ask."""
    sizes = np.maximum(np.diff(cover.indptr), 1)
    per_row = costs.hold_s / sizes
    out = np.full(cover.n_rows, np.inf)
    column = np.repeat(np.arange(cover.n_cols), np.diff(cover.indptr))
    np.minimum.at(out, cover.rows, per_row[column])
    return out
