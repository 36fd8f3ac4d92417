"""Stations in their order, cut into sorties and shared among drones.

Each drone takes one stretch of the tour, so that drones stay in regions of
their own; a stretch is cut into sorties by the battery. Both cuts are
optimal for the given order (dynamic programming over all of them).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.bands import Floats
from patrolctl.acoustics.compiled import compiled

Ints = npt.NDArray[np.int64]
NEVER = 1.0e9


@dataclass(frozen=True, slots=True)
class Chain:
    """A tour's figures, station by station.

    ``hop_s`` (n,) from station i to i + 1 (cyclic) and ``hop_j`` its energy;
    ``out_s``/``back_s`` (drones, n) from and to each drone's home, take-off
    and landing included, and likewise ``out_j``/``back_j``. Energies are in
    seconds of hovering.
    """

    hop_s: Floats
    hop_j: Floats
    out_s: Floats
    out_j: Floats
    back_s: Floats
    back_j: Floats
    hold_s: float
    usable_j: float
    turnaround_s: float


@compiled
def _stretches(
    hop: tuple[Floats, Floats],
    ends: tuple[Floats, Floats, Floats, Floats],
    limits: tuple[float, float, float],
    first: int,
    out: tuple[Floats, Ints],
) -> None:
    """Best time of one drone for stations first … first + m, for every m.

    ``out`` is times (n,) and where the last sortie of each begins.
    """
    hop_s, hop_j = hop
    out_s, out_j, back_s, back_j = ends
    hold, usable, turnaround = limits
    best, cut = out
    n = len(hop_s)
    for m in range(n):
        best[m] = NEVER
    for a in range(n):
        before = 0.0 if a == 0 else best[a - 1] + turnaround
        if before >= NEVER:
            continue
        i = (first + a) % n
        time, energy = out_s[i] + hold, out_j[i] + hold
        for b in range(a, n):
            j = (first + b) % n
            if b > a:
                k = (first + b - 1) % n
                time += hop_s[k] + hold
                energy += hop_j[k] + hold
            if energy > usable:
                break
            total = before + time + back_s[j]
            if energy + back_j[j] <= usable and total < best[b]:
                best[b], cut[b] = total, a


@compiled
def _share(best: Floats, n: int, drones: int, who: Ints, plan: Ints) -> float:
    """Split stations 0 … n − 1 in stretches, one each; least greatest time.

    ``best`` (drones, n, n): time of drone d for stations a … b. ``plan`` gets
    the last station of each drone's stretch. Drones may stay at home.
    """
    worst = np.full((drones + 1, n + 1), NEVER)
    total = np.full((drones + 1, n + 1), NEVER)
    last = np.zeros((drones + 1, n + 1), dtype=np.int64)
    worst[0, 0] = total[0, 0] = 0.0
    for d in range(drones):
        for b in range(n + 1):
            for a in range(b + 1):
                if worst[d, a] >= NEVER:
                    continue
                own = 0.0 if a == b else best[who[d], a, b - 1]
                if own >= NEVER:
                    continue
                high, add = max(worst[d, a], own), total[d, a] + own
                if high < worst[d + 1, b] - 1e-9 or (
                    high < worst[d + 1, b] + 1e-9 and add < total[d + 1, b] - 1e-9
                ):
                    worst[d + 1, b], total[d + 1, b] = high, add
                    last[d + 1, b] = a
    b = n
    for d in range(drones, 0, -1):
        plan[d - 1] = b
        b = last[d, b]
    return float(worst[drones, n])


@dataclass(frozen=True, slots=True)
class Cut:
    """Sorties: (drone, positions in the tour), each drone's in their order."""

    sorties: tuple[tuple[int, tuple[int, ...]], ...]
    makespan_s: float


def _of_stretch(chain: Chain, drone: int, first: int) -> tuple[Floats, Ints]:
    n = len(chain.hop_s)
    best, cut = np.empty(n), np.zeros(n, dtype=np.int64)
    ends = (
        chain.out_s[drone],
        chain.out_j[drone],
        chain.back_s[drone],
        chain.back_j[drone],
    )
    limits = (chain.hold_s, chain.usable_j, chain.turnaround_s)
    _stretches((chain.hop_s, chain.hop_j), ends, limits, first, (best, cut))
    return best, cut


def _orders(drones: int) -> list[tuple[int, ...]]:
    """Ways to line the drones up along the tour; all of them for a few."""
    if drones > 4:
        return [tuple(range(drones))]
    out: list[tuple[int, ...]] = [()]
    for _ in range(drones):
        out = [(*o, d) for o in out for d in range(drones) if d not in o]
    return out


def cut(chain: Chain, *, closed: bool = True) -> Cut | None:
    """Cut the tour for the drones of the chain; None: a station is too far.

    Args:
        chain: the tour's figures.
        closed: the tour may be begun at any station (else at the first).
    """
    n, drones = len(chain.hop_s), len(chain.out_s)
    if n == 0:
        return Cut((), 0.0)
    found: tuple[float, int, tuple[int, ...], Ints] | None = None
    starts = range(n) if closed else (0,)
    single = {(d, a): _of_stretch(chain, d, a) for d in range(drones) for a in range(n)}
    for first in starts:
        best = np.full((drones, n, n), NEVER)
        for d in range(drones):
            for a in range(n):
                times = single[d, (first + a) % n][0]
                best[d, a, a:] = times[: n - a]
        for order in _orders(drones):
            plan = np.empty(drones, dtype=np.int64)
            worst = _share(best, n, drones, np.array(order), plan)
            if worst < NEVER and (found is None or worst < found[0] - 1e-9):
                found = (worst, first, order, plan.copy())
    if found is None:
        return None
    return _told(found, single, n)


def _told(
    found: tuple[float, int, tuple[int, ...], Ints],
    single: dict[tuple[int, int], tuple[Floats, Ints]],
    n: int,
) -> Cut:
    worst, first, order, plan = found
    sorties: list[tuple[int, tuple[int, ...]]] = []
    begin = 0
    for d, end in zip(order, plan, strict=True):
        length = int(end) - begin
        if length > 0:
            start = (first + begin) % n
            cuts = single[d, start][1]
            mine = _pieces(cuts, length)
            sorties += [
                (d, tuple((start + k) % n for k in range(a, b))) for a, b in mine
            ]
        begin = int(end)
    return Cut(tuple(sorties), worst)


def _pieces(cuts: Ints, length: int) -> list[tuple[int, int]]:
    out = []
    end = length
    while end > 0:
        begin = int(cuts[end - 1])
        out.append((begin, end))
        end = begin
    return out[::-1]
