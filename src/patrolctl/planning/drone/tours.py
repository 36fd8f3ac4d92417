"""Kernels of the search for stations and tour; see ``improve`` and ``market``.

They call each other, and so stay together: a cached kernel does not notice
that one of another file has changed.
"""

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.bands import Floats
from patrolctl.acoustics.compiled import compiled

Ints = npt.NDArray[np.int64]
Ints32 = npt.NDArray[np.int32]
_FAR = 1.0e9
_NOISE = 0.8
_SHARE = 0.2  # what everybody's time counts beside the last one's landing
# A cover as kernels take it: columns' rows, rows' columns, and what covering
# a row is worth: the fewer columns can, the more.
Table = tuple[Ints, Ints32, Ints, Ints32, Floats]
Data = tuple[Ints, Floats, Floats]  # place and heading of columns, times of places
Slots = tuple[Ints, Floats]  # best slot of columns (−1: not known), and its cost
# A fleet: out and back in seconds; hop, out and back in energy; figures.
Sorties = tuple[Floats, Floats, Floats, Floats, Floats, Floats]


@compiled
def hop(i: int, j: int, data: Data, yaw_deg_s: float) -> float:
    """From column i to column j, −1 is home."""
    place, heading, time = data
    home = len(time) - 1
    a = home if i < 0 else place[i]
    b = home if j < 0 else place[j]
    if i < 0 or j < 0:
        return float(time[a, b])
    if a != b:  # the nose may turn all the way round on the way
        return float(max(time[a, b], 180.0 / yaw_deg_s))
    turn = abs((heading[j] - heading[i] + 180.0) % 360.0 - 180.0)
    return float(max(1.0, turn / yaw_deg_s))


@compiled
def _hops(tour: Ints, data: Data, yaw: float, hop_j: Floats) -> tuple[Floats, Floats]:
    """Times and energies of the ways to each station from the one before."""
    time, energy = np.zeros(len(tour)), np.zeros(len(tour))
    place = data[0]
    for b in range(1, len(tour)):
        time[b] = hop(tour[b - 1], tour[b], data, yaw)
        energy[b] = max(time[b], hop_j[place[tour[b - 1]], place[tour[b]]])
    return time, energy


@compiled
def _trips(
    tour: Ints, costs: tuple[float, float], data: Data, fleet: Sorties, drone: int
) -> Floats:
    """(n, n + 1): one drone's sortie through stations a … b − 1."""
    hold, yaw = costs
    out, back, hop_j, out_j, back_j, figures = fleet
    n, at = len(tour), data[0][tour]
    hop_s, spent = _hops(tour, data, yaw, hop_j)
    trip = np.full((n, n + 1), _FAR)
    for a in range(n):
        time = out[drone, at[a]] + hold
        energy = out_j[drone, at[a]] + hold + figures[1]
        for b in range(a, n):
            if b > a:
                time += hop_s[b] + hold
                energy += spent[b] + hold
            if energy > figures[2]:
                break
            if energy + back_j[drone, at[b]] <= figures[2]:
                trip[a, b + 1] = time + back[drone, at[b]] + figures[0]
    return trip


@compiled
def _runs(trip: Floats, turnaround: float) -> Floats:
    """(n, n + 1): the same in as many sorties as it takes."""
    n = len(trip)
    total = np.full((n, n + 1), _FAR)
    for a in range(n - 1, -1, -1):
        for m in range(a + 1, n + 1):
            if trip[a, m] >= _FAR:
                continue
            total[a, m] = min(total[a, m], trip[a, m])
            begin = trip[a, m] + turnaround
            for b in range(m + 1, n + 1):
                total[a, b] = min(total[a, b], begin + total[m, b])
    return total


@compiled
def _one_by_one(
    tour: Ints, costs: tuple[float, float], data: Data, fleet: Sorties
) -> float:
    """The time of one drone for the whole tour, cut by the battery."""
    hold, yaw = costs
    out, back, hop_j, out_j, back_j, figures = fleet
    ends_s, ends_j, usable, turnaround = figures
    n, at = len(tour), data[0][tour]
    hop_s, spent = _hops(tour, data, yaw, hop_j)
    best = np.full(n + 1, _FAR)
    best[0] = -turnaround
    for a in range(n):
        if best[a] >= _FAR:
            continue
        time = out[0, at[a]] + hold
        energy = out_j[0, at[a]] + hold + ends_j
        for b in range(a, n):
            if b > a:
                time += hop_s[b] + hold
                energy += spent[b] + hold
            if energy > usable:
                break
            total = best[a] + turnaround + time + back[0, at[b]] + ends_s
            if energy + back_j[0, at[b]] <= usable and total < best[b + 1]:
                best[b + 1] = total
    return float(best[n])


@compiled
def _one_more(runs: Floats, drones: int, worst: Floats, total: Floats) -> None:
    """Let one more drone take a stretch, in place; it may stay at home."""
    high, add = worst.copy(), total.copy()
    for a in range(len(runs)):
        for b in range(a + 1, len(runs) + 1):
            w, t = max(worst[a], runs[a, b]), total[a] + runs[a, b]
            if w * drones + _SHARE * t < high[b] * drones + _SHARE * add[b]:
                high[b], add[b] = w, t
    worst[:], total[:] = high, add


@compiled
def mission(
    tour: Ints, costs: tuple[float, float], data: Data, fleet: Sorties
) -> tuple[float, float]:
    """What a tour is worth cut into sorties, and the time that it takes.

    With several drones each takes one stretch of the tour. Mostly the last
    drone to land counts, a little everybody's time: what is saved anywhere
    can be shared.
    """
    drones, n = len(fleet[0]), len(tour)
    if drones == 1:
        alone = _one_by_one(tour, costs, data, fleet)
        return alone, alone
    worst, total = np.full(n + 1, _FAR), np.full(n + 1, _FAR)
    worst[0] = total[0] = 0.0
    for d in range(drones):
        trips = _trips(tour, costs, data, fleet, d)
        _one_more(_runs(trips, fleet[5][3]), drones, worst, total)
    blend = (1.0 - _SHARE) * drones * worst[n] + _SHARE * total[n]
    return blend, worst[n]


@compiled
def _cost(tour: Ints, costs: tuple[float, float], data: Data, fleet: Sorties) -> float:
    """What the search makes less."""
    if len(fleet[0]) == 0 or len(tour) == 0:
        return tour_s(tour, data, costs[1]) + costs[0] * len(tour)
    return mission(tour, costs, data, fleet)[0]


@compiled
def tour_s(tour: Ints, data: Data, yaw_deg_s: float) -> float:
    """Flying home, through all stations, home."""
    if len(tour) == 0:
        return 0.0
    total = hop(-1, tour[0], data, yaw_deg_s)
    for k in range(len(tour) - 1):
        total += hop(tour[k], tour[k + 1], data, yaw_deg_s)
    return total + hop(tour[len(tour) - 1], -1, data, yaw_deg_s)


@compiled
def _legs(tour: Ints, n: int, data: Data, yaw: float, out: Floats) -> None:
    """Times of all legs, from home and back to it: n + 1 of them."""
    for k in range(n + 1):
        a = tour[k - 1] if k > 0 else -1
        out[k] = hop(a, tour[k] if k < n else -1, data, yaw)


@compiled
def _best_slot(
    c: int, tour: Ints, n: int, data: Data, yaw: float, legs: Floats
) -> tuple[int, float]:
    """Where column c lengthens the tour least, and by how much."""
    best, best_s = 0, _FAR
    for k in range(n + 1):
        into = hop(tour[k - 1] if k > 0 else -1, c, data, yaw)
        if into >= best_s + legs[k]:
            continue
        extra = into + hop(c, tour[k] if k < n else -1, data, yaw) - legs[k]
        if extra < best_s:
            best, best_s = k, extra
    return best, best_s


@compiled
def _slots_moved(
    which: Ints,
    at: int,
    way: tuple[Ints, int, Floats],
    costs: tuple[Data, float],
    slots: Slots,
) -> None:
    """Keep the best slots of columns true after an insertion at ``at``.

    Only the leg that was broken is gone, and two are new.
    """
    tour, n, legs = way
    data, yaw = costs
    for c in which:
        if slots[0][c] < 0:
            continue
        if slots[0][c] == at:
            slots[0][c] = -1  # to be looked for anew
            continue
        if slots[0][c] > at:
            slots[0][c] += 1
        for k in (at, at + 1):
            into = hop(tour[k - 1] if k > 0 else -1, c, data, yaw)
            extra = into + hop(c, tour[k] if k < n else -1, data, yaw) - legs[k]
            if extra < slots[1][c]:
                slots[0][c], slots[1][c] = k, extra


@compiled
def _insert(tour: Ints, n: int, at: int, c: int) -> int:
    for k in range(n, at, -1):
        tour[k] = tour[k - 1]
    tour[at] = c
    return n + 1


@compiled
def _remove(tour: Ints, n: int, at: int) -> int:
    for k in range(at, n - 1):
        tour[k] = tour[k + 1]
    return n - 1


@compiled
def _ruin(
    tour: Ints,
    n: int,
    size: int,
    data: Data,
    counts: Ints32,
    cover: tuple[Ints, Ints32],
) -> int:
    """Take out a station and those nearest to it; returns how many stay."""
    seed = tour[np.random.randint(n)]
    away = np.empty(n)
    for k in range(n):
        away[k] = data[2][data[0][seed], data[0][tour[k]]] * (
            1.0 + 0.3 * np.random.random()
        )
    order = np.argsort(away)
    gone = np.zeros(n, dtype=np.bool_)
    for k in range(min(size, n)):
        gone[order[k]] = True
    kept = 0
    for k in range(n):
        c = tour[k]
        if gone[k]:
            _count(c, -1, counts, cover)
        else:
            tour[kept] = c
            kept += 1
    return kept


@compiled
def _gains(
    counts: Ints32, cover: Table, gain: Floats, touched: Ints
) -> tuple[int, int]:
    """Worth of the open rows of each column; how many columns and rows."""
    row_ptr, cols, worth = cover[2], cover[3], cover[4]
    n = left = 0
    for r in range(len(counts)):
        if counts[r] > 0:
            continue
        left += 1
        for k in range(row_ptr[r], row_ptr[r + 1]):
            c = cols[k]
            if gain[c] == 0.0:
                touched[n] = c
                n += 1
            gain[c] += worth[r]
    return n, left


@compiled
def _close(
    c: int,
    counts: Ints32,
    cover: Table,
    gain: Floats,
) -> int:
    """Count column c in; returns how many rows were open before."""
    indptr, rows, row_ptr, cols, worth = cover
    closed = 0
    for k in range(indptr[c], indptr[c + 1]):
        r = rows[k]
        counts[r] += 1
        if counts[r] == 1:
            closed += 1
            for m in range(row_ptr[r], row_ptr[r + 1]):
                gain[cols[m]] -= worth[r]
    return closed


@compiled
def _recover(
    tour: Ints,
    n: int,
    costs: tuple[float, float, float],
    data: Data,
    counts: Ints32,
    cover: Table,
) -> int:
    """Cover every open row again; ``costs`` are hold, yaw rate and noise."""
    hold, yaw, noise = costs
    gain = np.zeros(len(cover[0]) - 1)
    touched = np.empty(len(gain), dtype=np.int64)
    n_touched, left = _gains(counts, cover, gain, touched)
    touched = touched[:n_touched]
    slots = (np.full(len(gain), -1), np.empty(len(gain)))
    legs = np.empty(len(tour) + 1)
    _legs(tour, n, data, yaw, legs)
    while left > 0 and n < len(tour):
        most = gain[touched].max() if n_touched > 0 else 0.0
        if most <= 1e-9:
            break
        best, best_score = -1, -np.inf
        for m in range(n_touched):
            c = int(touched[m])
            if gain[c] * 2 < most:
                continue
            if slots[0][c] < 0:
                slots[0][c], slots[1][c] = _best_slot(c, tour, n, data, yaw, legs)
            chance = 1.0 + noise * np.random.random()
            score = gain[c] / (hold + slots[1][c]) * chance
            if score > best_score:
                best, best_score = c, score
        if best < 0:
            break
        at = int(slots[0][best])
        n = _insert(tour, n, at, best)
        _legs(tour, n, data, yaw, legs)
        _slots_moved(touched, at, (tour, n, legs), (data, yaw), slots)
        left -= _close(best, counts, cover, gain)
    return n


@compiled
def _count(c: int, by: int, counts: Ints32, cover: tuple[Ints, Ints32]) -> None:
    """Add ``by`` to the counts of a column's rows."""
    for m in range(cover[0][c], cover[0][c + 1]):
        counts[cover[1][m]] += by


@compiled
def _spare(c: int, counts: Ints32, cover: tuple[Ints, Ints32]) -> bool:
    """Whether every row of a chosen column has another one."""
    least = 2
    for m in range(cover[0][c], cover[0][c + 1]):
        least = min(least, counts[cover[1][m]])
    return bool(least >= 2)


@compiled
def _prune(
    tour: Ints,
    n: int,
    data: Data,
    yaw: float,
    counts: Ints32,
    cover: tuple[Ints, Ints32],
) -> int:
    """Drop superfluous stations, the one that saves most first."""
    while True:
        best, best_s = -1, -_FAR
        for k in range(n):
            c = tour[k]
            if not _spare(c, counts, cover):
                continue
            a = tour[k - 1] if k > 0 else -1
            b = tour[k + 1] if k < n - 1 else -1
            saved = hop(a, c, data, yaw) + hop(c, b, data, yaw)
            saved -= hop(a, b, data, yaw)
            if saved > best_s:
                best, best_s = k, saved
        if best < 0:
            return n
        _count(tour[best], -1, counts, cover)
        n = _remove(tour, n, best)


@compiled
def _or_opt(tour: Ints, n: int, data: Data, yaw: float) -> bool:
    """Move single stations to better slots; whether any moved."""
    moved = False
    legs, without = np.empty(n + 1), np.empty(n + 1)
    _legs(tour, n, data, yaw, legs)
    for k in range(n):
        c = tour[k]
        a = tour[k - 1] if k > 0 else -1
        b = tour[k + 1] if k < n - 1 else -1
        closed = hop(a, b, data, yaw)
        saved = legs[k] + legs[k + 1] - closed
        if saved <= 1e-9:
            continue
        without[:k], without[k + 1 : n] = legs[:k], legs[k + 2 : n + 1]
        without[k] = closed
        _remove(tour, n, k)
        at, extra = _best_slot(c, tour, n - 1, data, yaw, without)
        if extra < saved - 1e-9:
            _insert(tour, n - 1, at, c)
            _legs(tour, n, data, yaw, legs)
            moved = True
        else:
            _insert(tour, n - 1, k, c)
    return moved


@compiled
def _two_opt(tour: Ints, n: int, data: Data, yaw: float) -> bool:
    """Reverse one stretch where that is shorter; whether one was found."""
    ahead, back, legs = np.zeros(n + 1), np.zeros(n + 1), np.empty(n + 1)
    _legs(tour, n, data, yaw, legs)
    for k in range(1, n):
        ahead[k] = ahead[k - 1] + legs[k]
        back[k] = back[k - 1] + hop(tour[k], tour[k - 1], data, yaw)
    for i in range(n - 1):
        a = tour[i - 1] if i > 0 else -1
        for j in range(i + 1, n):
            b = tour[j + 1] if j < n - 1 else -1
            old = legs[i] + legs[j + 1]
            new = hop(a, tour[j], data, yaw) + hop(tour[i], b, data, yaw)
            change = new - old + (back[j] - back[i]) - (ahead[j] - ahead[i])
            if change < -1e-7:
                lo, hi = i, j
                while lo < hi:
                    tour[lo], tour[hi] = tour[hi], tour[lo]
                    lo += 1
                    hi -= 1
                return True
    return False


@compiled
def _shorten(tour: Ints, n: int, data: Data, yaw: float, rounds: int) -> None:
    for _ in range(rounds):
        moved = _or_opt(tour, n, data, yaw)
        if not moved and not _two_opt(tour, n, data, yaw):
            return


@compiled
def search(
    start: Ints,
    costs: tuple[float, float],
    data: Data,
    fleet: Sorties,
    cover: Table,
    plan: tuple[int, int, float, float],
) -> Ints:
    """Some rounds of ruin and recover; ``plan`` is seed, rounds, heat, cool."""
    hold, yaw = costs
    seed, rounds, heat, cool = plan
    np.random.seed(seed)
    by_col = (cover[0], cover[1])
    room = len(start) * 2 + 16
    now, trial = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
    n = len(start)
    now[:n] = start
    counts = np.zeros(len(cover[2]) - 1, dtype=np.int32)
    for k in range(n):
        _count(now[k], 1, counts, by_col)
    now_s = _cost(now[:n], costs, data, fleet)
    best, best_s = now[:n].copy(), now_s
    for i in range(rounds):
        trial[:n] = now[:n]
        there = counts.copy()
        size = 1 + np.random.randint(min(9, max(2, n // 2)))
        m = _ruin(trial, n, size, data, there, by_col)
        noise = 0.0 if np.random.random() < 0.3 else _NOISE
        m = _recover(trial, m, (hold, yaw, noise), data, there, cover)
        m = _prune(trial, m, data, yaw, there, by_col)
        trial_s = _cost(trial[:m], costs, data, fleet)
        temperature = heat + (cool - heat) * i / rounds
        if trial_s < now_s + 4.0 * temperature + hold:
            _shorten(trial, m, data, yaw, 12)
            trial_s = _cost(trial[:m], costs, data, fleet)
        if trial_s < now_s - temperature * np.log(np.random.random() + 1e-12):
            now[:m] = trial[:m]
            n, now_s, counts = m, trial_s, there
            if now_s < best_s - 1e-9:
                best, best_s = now[:n].copy(), now_s
    return best


@compiled
def ordered(columns: Ints, data: Data, yaw: float, rounds: int) -> Ints:
    """Columns in a short order: cheapest insertion, then exchange."""
    tour, legs = np.empty(len(columns) + 1, dtype=np.int64), np.empty(len(columns) + 2)
    n = 0
    for c in columns:
        _legs(tour, n, data, yaw, legs)
        at, _ = _best_slot(c, tour, n, data, yaw, legs)
        n = _insert(tour, n, at, c)
    _shorten(tour, n, data, yaw, rounds)
    return tour[:n].copy()
