"""Stations and passes together: what is said standing, what in flight.

The tour of stations that was found is the one to beat. One pass after the
other is tried: stations for whoever the passes do not tell are searched anew,
both are put in one short order and cut into sorties. The pass that makes the
mission quickest stays, as long as there is one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from patrolctl.planning.drone.cover import greedy
from patrolctl.planning.drone.coverage import cover_of
from patrolctl.planning.drone.flight import Flight, Stop, Way, flight
from patrolctl.planning.drone.improve import improved, ordered
from patrolctl.planning.drone.offer import reach_of
from patrolctl.planning.drone.passes_clashes import clashes_with_ways
from patrolctl.planning.drone.passes_offer import (
    Pass,
    Wanted,
    passes_of,
    wanted_of,
)
from patrolctl.planning.drone.passes_ways import (
    Piece,
    chain_through,
    found,
    hops_s,
    short_order,
    table_of,
)
from patrolctl.planning.drone.reduce import needed_rows, with_rows
from patrolctl.planning.drone.roster import Roster
from patrolctl.planning.drone.schedule import schedule
from patrolctl.planning.drone.search import Bench, market_of
from patrolctl.planning.drone.sorties import Cut, cut
from patrolctl.planning.drone.stations import Survey
from patrolctl.planning.drone.task import Task
from patrolctl.planning.space import LegTable

Ints = npt.NDArray[np.int64]

_TRIES = 12  # passes that are tried at a time
_ALIKE = 0.97  # of two that tell so many of the same, one is tried
_ROUNDS = 150
_HEAT_S = (4.0, 0.1)
_AGAIN = 4
WORTH_S = 1.0  # a mission must become quicker by as much


@dataclass(frozen=True, slots=True)
class Mixed:
    """A roster with passes in it; ``offered`` are all that were looked at.

    ``pieces`` are its stations and passes, with rows of ``table`` (None: there
    are no passes in it).
    """

    roster: Roster
    offered: list[Pass]
    used: list[Pass]
    pieces: list[Piece]
    table: LegTable | None = None


@dataclass(frozen=True, slots=True)
class _Choice:
    """Columns of the bench's market, and passes, in no order."""

    stations: Ints
    passes: list[Pass]


class _Mixing:
    """Everything on offer for one task."""

    def __init__(
        self, task: Task, view: Survey, bench: Bench, offered: list[Pass]
    ) -> None:
        self.task, self.view, self.bench = task, view, bench
        self.offered = offered
        self._everyone = np.arange(len(task.receivers))
        self._indptr, self._rows = reach_of(
            task, view, bench.offer.columns, self._everyone
        )

    def tried(self, choice: _Choice, enough: Callable[[], bool]) -> list[_Choice]:
        """The choice with one pass more, those first that promise most."""
        indptr, rows = self._of(choice.stations)
        wanted = wanted_of(self.task, indptr, rows)
        told = np.zeros(len(self._everyone), dtype=np.bool_)
        for p in choice.passes:
            told[p.rows] = True
        wanted.saves_s[told] = 0.0
        out: list[_Choice] = []
        for k in self._ranked(choice, wanted):
            if len(out) == _TRIES or enough():
                break
            passes = [*choice.passes, self.offered[k]]
            out.append(_Choice(self._searched(passes), passes))
        return out

    def _ranked(self, choice: _Choice, wanted: Wanted) -> Iterator[int]:
        """Passes not chosen yet that promise something, unlike each other."""
        rated = sorted((-wanted.gain_s(p), k) for k, p in enumerate(self.offered))
        taken = [frozenset(p.rows.tolist()) for p in choice.passes]
        for less_s, k in rated:
            rows = frozenset(self.offered[k].rows.tolist())
            alike = any(len(rows & t) > _ALIKE * len(rows | t) for t in taken)
            if less_s < 0.0 and not alike:
                taken.append(rows)
                yield k

    def _of(self, stations: Ints) -> tuple[Ints, Ints]:
        """Receivers of some columns of the market."""
        each = [
            self._rows[self._indptr[c] : self._indptr[c + 1]].astype(np.int64)
            for c in stations
        ]
        sizes = np.array([len(e) for e in each], dtype=np.int64)
        return np.r_[0, np.cumsum(sizes)], np.concatenate([*each, np.empty(0, int)])

    def _searched(self, passes: Sequence[Pass]) -> Ints:
        """Stations for those whom the passes do not tell, searched anew."""
        left = np.ones(len(self._everyone), dtype=np.bool_)
        for p in passes:
            left[p.rows] = False
        keep = left[self._rows]
        column = np.repeat(np.arange(len(self._indptr) - 1), np.diff(self._indptr))
        indptr = np.zeros(len(self._indptr), dtype=np.int64)
        np.cumsum(np.bincount(column[keep], minlength=len(indptr) - 1), out=indptr[1:])
        cover, _ = cover_of(indptr, self._rows[keep], len(self._everyone))
        if not cover.n_rows:
            return np.empty(0, dtype=np.int64)
        cover = with_rows(cover, needed_rows(cover))
        market = replace(market_of(self.bench, 0), cover=cover)
        tour = ordered(market, greedy(cover, np.ones(cover.n_cols)))
        seed = self.task.order.seed
        return improved(market, tour, seed=seed, rounds=_ROUNDS, heat=_HEAT_S)

    # -- in order, cut, flown

    def pieces(self, choice: _Choice) -> tuple[LegTable, list[Piece]]:
        """What is said, with its places in a table."""
        market = self.bench.market
        places, row = np.unique(market.place[choice.stations], return_inverse=True)
        nodes = self.bench.places[places]
        ends = [e for p in choice.passes for e in (p.a_m, p.b_m)]
        points = np.array(ends).reshape(-1, 3)
        table, first = table_of(self.task, self.view, nodes, points)
        hold_s = self.task.order.message_s
        out = [
            Piece(int(c), int(r), int(r), float(market.heading_deg[c]), hold_s)
            for c, r in zip(choice.stations, row.reshape(-1), strict=True)
        ]
        for k, p in enumerate(choice.passes):
            begin = first + 2 * k
            out.append(Piece(-1 - k, begin, begin + 1, p.heading_deg, p.pace.total_s))
        return table, out

    def flown(self, choice: _Choice) -> tuple[Cut, LegTable, list[Piece]] | None:
        """The choice in a short order, cut into sorties."""
        table, pieces = self.pieces(choice)
        order = np.empty(0, dtype=np.int64)
        for _ in range(_AGAIN):
            order, _ = short_order(order, hops_s(self.task, table, pieces))
            if not found(self.task, table, pieces, order):
                break
        ranked = [pieces[int(k)] for k in order]
        cuts = cut(chain_through(self.task, table, ranked))
        return None if cuts is None else (cuts, table, ranked)

    def roster(
        self, choice: _Choice, flown: tuple[Cut, LegTable, list[Piece]]
    ) -> Roster:
        """The choice on the run's clock."""
        cuts, table, ranked = flown
        stops = [self._stop(choice, piece, k) for k, piece in enumerate(ranked)]
        flights: list[Flight] = [
            flight(self.task, table, d, [(ranked[k].first, stops[k]) for k in members])
            for d, members in cuts.sorties
        ]
        many = len(self.task.drones) > 1
        clashes = clashes_with_ways(self.task, stops) if many else None
        time_s = schedule(self.task, flights, clashes)
        tour = np.array([p.column for p in ranked if p.column >= 0], dtype=np.int64)
        return Roster(tour, stops, flights, time_s)

    def _stop(self, choice: _Choice, piece: Piece, number: int) -> Stop:
        name = f"S{number + 1}"
        if piece.column < 0:
            p = choice.passes[-1 - piece.column]
            way = Way(p.b_m, p.pace, piece.last)
            column = self.view.cover.n_cols + number
            return Stop(column, p.a_m, p.heading_deg, name, way)
        heads = len(self.view.candidates.headings_deg)
        column = int(self.bench.offer.columns[piece.column])
        x, y, z = (float(v) for v in self.view.candidates.points_m[column // heads])
        return Stop(column, (x, y, z), piece.heading_deg, name)


def with_passes(
    task: Task,
    view: Survey,
    bench: Bench,
    flown: Roster,
    enough: Callable[[], bool],
) -> Mixed:
    """The roster with passes where they make the mission quicker.

    Args:
        task: the task.
        view: its survey.
        bench: what the search chose from.
        flown: the roster without passes.
        enough: asked between steps; True ends the search.
    """
    none = Mixed(flown, [], [], [])
    if enough():
        return none
    offered = passes_of(task, lambda: _wanted(task, view, bench, flown), enough)
    if not offered or enough():
        return replace(none, offered=offered)
    mixing = _Mixing(task, view, bench, offered)
    best, choice = replace(none, offered=offered), _Choice(flown.tour, [])
    while True:
        found = _better(mixing, choice, best, enough)
        if found is None:
            return best
        choice, best = found


def _wanted(task: Task, view: Survey, bench: Bench, flown: Roster) -> Wanted:
    columns = bench.offer.columns[np.unique(flown.tour)]
    everyone = np.arange(len(task.receivers))
    indptr, rows = reach_of(task, view, columns, everyone)
    return wanted_of(task, indptr, rows.astype(np.int64))


def _better(
    mixing: _Mixing, choice: _Choice, best: Mixed, enough: Callable[[], bool]
) -> tuple[_Choice, Mixed] | None:
    """The quickest mission with one pass more; None: none is quicker."""
    made = [(mixing.flown(c), c) for c in mixing.tried(choice, enough)]
    found: tuple[_Choice, Mixed] | None = None
    least_s = best.roster.time_s - WORTH_S
    for flown, trial in made:
        if flown is None or flown[0].makespan_s > least_s:
            continue
        roster = mixing.roster(trial, flown)
        if roster.time_s <= least_s:
            _, table, pieces = flown
            mixed = Mixed(roster, best.offered, trial.passes, pieces, table)
            found, least_s = (trial, mixed), roster.time_s
    return found
