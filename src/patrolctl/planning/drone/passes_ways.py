"""Flights between stations and the ends of passes, and a short order of both.

A piece is a station or a pass: one comes to it at one place and leaves it at
another. The ends of passes need not be positions of the grid, so they are
joined to its road map first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array
from scipy.spatial import cKDTree

from patrolctl.acoustics.bands import Floats
from patrolctl.acoustics.compiled import compiled
from patrolctl.planning.drone.sorties import Chain
from patrolctl.planning.drone.stations import Survey, ends_energy_s, landing_s
from patrolctl.planning.drone.task import Task
from patrolctl.planning.space import Legs, LegTable, cruise_s

Ints = npt.NDArray[np.int64]

_LINKS = 16  # nearest nodes that an end of a pass is joined to


@dataclass(frozen=True, slots=True)
class Piece:
    """Something to be said: come to row ``first``, leave from row ``last``.

    Rows are those of the table; ``hold_s`` is the time between the two and
    ``column`` names it.
    """

    column: int
    first: int
    last: int
    heading_deg: float
    hold_s: float


def joined(task: Task, legs: Legs, points_m: Floats) -> Legs:
    """The road map with further free points, which come last."""
    nodes = np.vstack([legs.nodes_m, points_m])
    n = len(legs.nodes_m)
    k = min(_LINKS + 1, len(nodes))
    _, near = cKDTree(nodes).query(points_m, k=k)
    own = np.repeat(np.arange(n, len(nodes)), k)
    other = np.asarray(near).reshape(-1)
    keep = own != other
    own, other = own[keep], other[keep]
    ok = task.space.clear(nodes[own], nodes[other])
    own, other = own[ok], other[ok]
    old = legs.graph.tocoo()
    rows = np.concatenate([old.row, own, other])
    cols = np.concatenate([old.col, other, own])
    fresh = np.column_stack([rows, cols])[len(old.row) :]
    time = np.concatenate([old.data, cruise_s(task.motion, nodes, fresh)])
    # A pair that is joined twice keeps one of both times: they are equal.
    _, once = np.unique(rows * len(nodes) + cols, return_index=True)
    shape = (len(nodes), len(nodes))
    graph = csr_array(coo_array((time[once], (rows[once], cols[once])), shape=shape))
    return replace(legs, nodes_m=nodes, graph=graph)


def table_of(
    task: Task, view: Survey, places: Ints, ends_m: Floats
) -> tuple[LegTable, int]:
    """Times between positions, ends of passes and homes, in this order.

    Returns:
        The table, and the row of the first end of a pass.
    """
    legs = joined(task, view.legs, ends_m) if len(ends_m) else view.legs
    fresh = np.arange(len(view.legs.nodes_m), len(legs.nodes_m))
    nodes = np.concatenate([places, fresh, view.home_nodes])
    return legs.table(nodes, len(view.home_nodes)), len(places)


def hops_s(task: Task, table: LegTable, pieces: Sequence[Piece]) -> Floats:
    """(n + 1, n + 1): from the end of each piece to the beginning of another.

    The last row and column are the first drone's home. Ways round something
    may be guesses, see :func:`found`.
    """
    n = len(pieces)
    home = len(table.points_m) - len(task.drones)
    first = np.array([*(p.first for p in pieces), home])
    last = np.array([*(p.last for p in pieces), home])
    turn = 180.0 / task.profile.yaw_rate_deg_s
    out: Floats = table.time_s[np.ix_(last, first)].copy()
    least = np.where(last[:n, None] != first[None, :n], turn, 1.0)
    out[:n, :n] = np.maximum(out[:n, :n], least)
    return out


def found(task: Task, table: LegTable, pieces: Sequence[Piece], order: Ints) -> bool:
    """Find the ways along an order that were only guessed; whether any was."""
    home = len(table.points_m) - len(task.drones)
    last = [home, *(pieces[int(k)].last for k in order)]
    first = [*(pieces[int(k)].first for k in order), home]
    guessed = [
        (a, b)
        for a, b in zip(last, first, strict=True)
        if a != b and table.guessed(a, b)
    ]
    for a, b in guessed:
        table.exact(a, b)
    return bool(guessed)


@compiled
def _round_s(order: Ints, hop: Floats) -> float:
    n = len(hop) - 1
    if len(order) == 0:
        return 0.0
    total = hop[n, order[0]] + hop[order[-1], n]
    for k in range(len(order) - 1):
        total += hop[order[k], order[k + 1]]
    return float(total)


@compiled
def _moved(best: Ints, size: int, hop: Floats) -> Ints:
    """The order with a stretch of some pieces put where it fits better."""
    n, best_s = len(best), _round_s(best, hop)
    start = best
    for i in range(n - size + 1):
        rest = np.concatenate((start[:i], start[i + size :]))
        for j in range(n - size + 1):
            trial = np.concatenate((rest[:j], start[i : i + size], rest[j:]))
            time = _round_s(trial, hop)
            if time < best_s - 1e-7:
                best, best_s = trial, time
    return best


@compiled
def _turned(best: Ints, hop: Floats) -> Ints:
    """The order with a stretch gone through the other way round."""
    n, best_s = len(best), _round_s(best, hop)
    start = best
    for i in range(n - 1):
        for j in range(i + 1, n):
            trial = start.copy()
            trial[i : j + 1] = start[i : j + 1][::-1]
            time = _round_s(trial, hop)
            if time < best_s - 1e-7:
                best, best_s = trial, time
    return best


def _shortened(order: Ints, hop: Floats) -> Ints:
    before = np.inf
    while (now := float(_round_s(order, hop))) < before - 1e-7:
        before = now
        for size in (1, 2, 3):
            order = _moved(order, size, hop)
        order = _turned(order, hop)
    return order


def short_order(start: Ints, hop: Floats) -> tuple[Ints, float]:
    """A short round trip through all pieces, and its flying time.

    Args:
        start: an order of some of them; the others are put in first.
        hop: as :func:`hops_s` gives it.
    """
    n = len(hop) - 1
    order = np.asarray(start, dtype=np.int64)
    for piece in np.setdiff1d(np.arange(n), order):
        trials = [np.insert(order, k, piece) for k in range(len(order) + 1)]
        order = min(trials, key=lambda t: float(_round_s(t, hop)))
    order = _shortened(order, hop)
    return order, float(_round_s(order, hop))


def chain_through(task: Task, table: LegTable, pieces: Sequence[Piece]) -> Chain:
    """Exact figures of pieces in their order, for cutting them into sorties.

    A chain holds equally long at each of its places; what a pass takes more
    is laid on the way from it.
    """
    n, drones = len(pieces), len(task.drones)
    hold_s = task.order.message_s
    more = np.array([p.hold_s - hold_s for p in pieces])
    homes = len(table.points_m) - drones + np.arange(drones)
    ways = [(p.last, pieces[(k + 1) % n].first) for k, p in enumerate(pieces)]
    turn = 180.0 / task.profile.yaw_rate_deg_s
    hop_s = np.array([max(table.exact(a, b), turn if a != b else 1.0) for a, b in ways])
    hop_j = np.maximum([table.energy_s(a, b) for a, b in ways], hop_s)
    up = task.space.floor_m
    climb = task.motion.path_s(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, up]]))
    flying = flying_more_j(task, pieces)
    down, ends_j = landing_s(task, up), ends_energy_s(task)
    out_s, out_j, back_s, back_j = (np.empty((drones, n)) for _ in range(4))
    for d, home in enumerate(homes):
        for k, piece in enumerate(pieces):
            out_s[d, k] = table.exact(int(home), piece.first) + climb
            out_j[d, k] = table.energy_s(int(home), piece.first) + ends_j - down
            back_s[d, k] = table.exact(piece.last, int(home)) + down
            back_j[d, k] = table.energy_s(piece.last, int(home)) + down
    return Chain(
        hop_s + more,
        hop_j + more + flying,
        out_s,
        out_j,
        back_s + more,
        back_j + more + flying,
        hold_s,
        task.spent_s,
        task.order.turnaround_s,
    )


def flying_more_j(task: Task, pieces: Sequence[Piece]) -> Floats:
    """What passes spend beyond hovering for as long."""
    ratio = max(0.0, task.profile.cruise_power_ratio - 1.0)
    moves = np.array([p.first != p.last for p in pieces])
    return np.where(moves, ratio * np.array([p.hold_s for p in pieces]), 0.0)
