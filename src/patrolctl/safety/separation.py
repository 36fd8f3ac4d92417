"""Aircraft of one run keep apart in space, or in time with a margin.

Each route is cut into pieces of at most a second (a stay is one piece).
Two pieces of different aircraft meet when their times, widened by the
timing slip, overlap, their ground tracks come nearer than the horizontal
limit, and their heights than the vertical one. Pieces are judged whole, so
the answer errs only by what a second of flight is long, and only towards
refusing.
"""

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.site import Site
from patrolctl.domain.violation import Violation
from patrolctl.safety.limits import SafetyLimits
from patrolctl.safety.route import Finder, Route

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Pieces:
    """(n, 3) starts and ends, (n,) begin and end times, (n,) item numbers."""

    a_m: Floats
    b_m: Floats
    begin_s: Floats
    end_s: Floats
    seq: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Meeting:
    """The nearest meeting of two aircraft."""

    seq_a: int
    seq_b: int
    horizontal_m: float
    vertical_m: float
    time_s: float
    point_m: tuple[float, float, float]


def pieces_of(route: Route, piece_s: float = 1.0) -> Pieces:
    """Cut a route by time."""
    a: list[Floats] = []
    b: list[Floats] = []
    times: list[Floats] = []
    seqs: list[npt.NDArray[np.int64]] = []
    now = route.start_s
    for move in route.once():
        n = 1 if move.stays else max(1, math.ceil(move.time_s / piece_s))
        cuts = np.linspace(0.0, 1.0, n + 1)
        start, end = np.array(move.a_m), np.array(move.b_m)
        points = start + cuts[:, None] * (end - start)
        a.append(points[:-1])
        b.append(points[1:])
        marks = now + cuts * move.time_s
        times.append(np.column_stack([marks[:-1], marks[1:]]))
        seqs.append(np.full(n, move.seq, dtype=np.int64))
        now += move.time_s
    spans = np.concatenate(times)
    return Pieces(
        np.concatenate(a),
        np.concatenate(b),
        spans[:, 0],
        spans[:, 1],
        np.concatenate(seqs),
    )


def ground_distance_m(a1: Floats, b1: Floats, a2: Floats, b2: Floats) -> Floats:
    """Distance in the plane between segments, pair by pair.

    Args:
        a1: (n, 2) starts of the first segments.
        b1: (n, 2) their ends.
        a2: (n, 2) starts of the second segments.
        b2: (n, 2) their ends.

    Returns:
        (n,) distances; 0 where they cross.
    """
    ends = np.minimum.reduce(
        [
            _point_segment_m(a1, a2, b2),
            _point_segment_m(b1, a2, b2),
            _point_segment_m(a2, a1, b1),
            _point_segment_m(b2, a1, b1),
        ]
    )
    d1, d2, r = b1 - a1, b2 - a2, a2 - a1
    cross = d1[:, 0] * d2[:, 1] - d1[:, 1] * d2[:, 0]
    safe = np.where(np.abs(cross) < 1e-12, 1.0, cross)
    t = (r[:, 0] * d2[:, 1] - r[:, 1] * d2[:, 0]) / safe
    u = (r[:, 0] * d1[:, 1] - r[:, 1] * d1[:, 0]) / safe
    within = (t >= 0) & (t <= 1) & (u >= 0) & (u <= 1)
    return np.where((np.abs(cross) >= 1e-12) & within, 0.0, ends)


def _point_segment_m(p: Floats, a: Floats, b: Floats) -> Floats:
    run = b - a
    length2 = np.einsum("ij,ij->i", run, run)
    along = np.einsum("ij,ij->i", p - a, run) / np.where(length2 > 0, length2, 1.0)
    nearest = a + np.clip(along, 0.0, 1.0)[:, None] * run
    gap: Floats = np.hypot(*(p - nearest).T)
    return gap


def height_gap_m(p: Pieces, q: Pieces, i: Ints, j: Ints) -> Floats:
    """Least vertical gap between the height spans of pieces."""
    low_p = np.minimum(p.a_m[i, 2], p.b_m[i, 2])
    high_p = np.maximum(p.a_m[i, 2], p.b_m[i, 2])
    low_q = np.minimum(q.a_m[j, 2], q.b_m[j, 2])
    high_q = np.maximum(q.a_m[j, 2], q.b_m[j, 2])
    gap: Floats = np.maximum(np.maximum(low_p - high_q, low_q - high_p), 0.0)
    return gap


def _pairs_in_time(p: Pieces, q: Pieces, slip_s: float) -> tuple[Ints, Ints]:
    """Indices of pieces whose times overlap, each widened by the slip."""
    first = np.searchsorted(q.end_s, p.begin_s - slip_s, side="left")
    last = np.searchsorted(q.begin_s, p.end_s + slip_s, side="right")
    counts = np.maximum(last - first, 0)
    i = np.repeat(np.arange(len(counts)), counts)
    offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return i, np.repeat(first, counts) + offset


def nearest_meeting(p: Pieces, q: Pieces, limits: SafetyLimits) -> Meeting | None:
    """The worst breach of separation between two aircraft, if any."""
    i, j = _pairs_in_time(p, q, limits.timing_slip_s)
    if not len(i):
        return None
    vertical = height_gap_m(p, q, i, j)
    close = vertical < limits.separation_v_m - limits.tolerance_m
    i, j, vertical = i[close], j[close], vertical[close]
    flat = ground_distance_m(p.a_m[i, :2], p.b_m[i, :2], q.a_m[j, :2], q.b_m[j, :2])
    near = np.flatnonzero(flat < limits.separation_h_m - limits.tolerance_m)
    if not len(near):
        return None
    k = near[np.argmin(np.hypot(flat[near], vertical[near]))]
    x, y, z = p.a_m[i[k]]
    return Meeting(
        int(p.seq[i[k]]),
        int(q.seq[j[k]]),
        float(flat[k]),
        float(vertical[k]),
        float(p.begin_s[i[k]]),
        (float(x), float(y), float(z)),
    )


def check_separation(
    routes: tuple[Route, ...], site: Site, limits: SafetyLimits
) -> list[Violation]:
    """All pairs of copter sorties of one plan."""
    flights = [r for r in routes if r.kind is VehicleKind.COPTER and r.moves]
    pieces = {r.sortie: pieces_of(r) for r in flights}
    found: list[Violation] = []
    for one, other in combinations(flights, 2):
        find = Finder(site, one.sortie)
        if one.vehicle is not None and one.vehicle == other.vehicle:
            found += _overlap(one, other, find)
            continue
        met = nearest_meeting(pieces[one.sortie], pieces[other.sortie], limits)
        if met is None:
            continue
        reason = (
            f"comes within {met.horizontal_m:.0f} m and {met.vertical_m:.0f} m of"
            f" height of sortie {other.sortie} (item {met.seq_b}) at"
            f" {met.time_s:.0f} s ± {limits.timing_slip_s:g} s;"
            f" {limits.separation_h_m:g} m or {limits.separation_v_m:g} m are required"
        )
        found.append(
            find(
                "separation",
                reason,
                seq=met.seq_a,
                measured=met.horizontal_m,
                limit=limits.separation_h_m,
                at_m=met.point_m,
            )
        )
    return found


def _overlap(one: Route, other: Route, find: Finder) -> list[Violation]:
    """One aircraft cannot fly two sorties at once."""
    first, second = sorted((one, other), key=lambda r: r.start_s)
    back = first.start_s + sum(m.time_s for m in first.once())
    if second.start_s >= back - 1.0:
        return []
    reason = (
        f"vehicle {one.vehicle} is to depart at {second.start_s:.0f} s for"
        f" {second.sortie} and returns at {back:.0f} s from {first.sortie}"
    )
    return [find("vehicle-busy", reason, measured=second.start_s, limit=back)]
