"""Several drones at once: apart from each other, and never talking at once.

Flights are put on the run's clock one after the other. Each departs as soon
as it keeps clear of those before it, and waits, silent, over a station where
somebody there would hear two announcements on top of each other.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics import Source, predict
from patrolctl.acoustics.air import STANDARD_AIR, Air
from patrolctl.acoustics.bands import Bools, Floats, a_level_db
from patrolctl.acoustics.compiled import compiled
from patrolctl.acoustics.predict import free_field_db, geometry
from patrolctl.planning.drone.flight import Flight, Stop
from patrolctl.planning.drone.order import never
from patrolctl.planning.drone.task import Task

APART_M = 53.0  # the gate asks for 50 m across or 15 m in height …
ABOVE_M = 15.5
SLIP_S = 12.0  # … also when one of the two is 10 s early or late
QUIETER_DB = 10.0  # another announcement this far below disturbs nobody
_REACH = 1.5  # times the reach within margins: nobody farther understands
_LOUDEST = 8  # windows of each pair that are asked first
Ints = npt.NDArray[np.int64]
TALK_GAP_S = 6.0  # between two announcements that would disturb each other
_DELAY_S = 5.0
_MOST_DELAYS = 2000


@dataclass(frozen=True, slots=True)
class Clashes:
    """Which stations may not speak at once: (n, n), symmetric."""

    columns: dict[int, int]
    clash: Bools

    def between(self, a: Stop, b: Stop) -> bool:
        """Whether the two may not speak at the same time."""
        return bool(self.clash[self.columns[a.column], self.columns[b.column]])


def clashes_of(
    task: Task, stops: list[Stop], enough: Callable[[], bool] = never
) -> Clashes:
    """Find stations that drown each other at somebody's window.

    Everybody is taken to listen to the station that is understood best
    there; another one disturbs when it is less than 10 dB quieter, bent
    round corners or not. Pairs that there is no time to look at are taken to
    disturb each other.
    """
    sources = [
        Source(s.point_m, s.heading_deg, task.speaker, task.order.spectrum_db)
        for s in stops
    ]
    rows = {s.column: k for k, s in enumerate(stops)}
    clash = np.full((len(stops), len(stops)), enough(), dtype=np.bool_)
    if enough():
        return Clashes(rows, clash)
    with ThreadPoolExecutor(max_workers=2) as pool:
        served, limit = _served(task, pool.map(lambda s: _near(task, s), sources))

        def drowned(k: int) -> Ints:
            others = served != k
            return _drowned(task, sources[k], (served, limit, others), enough)

        for k, found in enumerate(pool.map(drowned, range(len(stops)))):
            clash[k, found] = True
    np.fill_diagonal(clash, val=False)
    return Clashes(rows, clash | clash.T)


def _near(task: Task, source: Source) -> tuple[Ints, Floats, Floats]:
    """Receivers that understand a station, their level and STI."""
    r = task.receivers
    far = np.linalg.norm(r.points_m - np.array(source.position_m), axis=1)
    rows = np.flatnonzero(far <= _REACH * task.hearing.range_m)
    got = predict(
        task.scene,
        source,
        r.points_m[rows],
        r.indoors[rows],
        task.listening,
        Air(diffraction=False),
    )
    ok = got.heard(task.requirement.sti_min)
    return rows[ok], got.level_db[ok], got.sti[ok]


def _served(
    task: Task, heard: Iterable[tuple[Ints, Floats, Floats]]
) -> tuple[Ints, Floats]:
    """Whom each receiver listens to (−1: nobody), and the level that disturbs."""
    n = len(task.receivers)
    sti, served = np.full(n, -1.0), np.full(n, -1, dtype=np.int64)
    limit = np.full(n, np.inf)
    for k, (rows, level, got) in enumerate(heard):
        better = got > sti[rows]
        at = rows[better]
        sti[at], served[at] = got[better], k
        limit[at] = level[better] - QUIETER_DB
    return served, limit


def _drowned(
    task: Task,
    source: Source,
    listeners: tuple[Ints, Floats, Bools],
    enough: Callable[[], bool],
) -> Ints:
    """Stations that somebody would no longer understand beside this one.

    First those windows are asked where this one is loudest.
    """
    served, limit, others = listeners
    r = task.receivers
    distance, off = geometry(source, r.points_m)
    over = a_level_db(free_field_db(source, distance, off, STANDARD_AIR)) - limit
    rows = np.flatnonzero((over > 0.0) & others)
    if enough():
        return np.unique(served[rows])
    rows = rows[np.lexsort((-over[rows], served[rows]))]
    _, first, count = np.unique(served[rows], return_index=True, return_counts=True)
    rank = np.arange(len(rows)) - np.repeat(first, count)
    found = _loud(task, source, rows[rank < _LOUDEST], limit)
    drowned = np.unique(served[found])
    rest = rows[(rank >= _LOUDEST) & ~np.isin(served[rows], drowned)]
    if not enough():
        rest = _loud(task, source, rest, limit)
    return np.union1d(drowned, served[rest])


def _loud(task: Task, source: Source, rows: Ints, limit: Floats) -> Ints:
    """Which of these a station disturbs, round corners too."""
    if not len(rows):
        return rows
    r = task.receivers
    got = predict(task.scene, source, r.points_m[rows], r.indoors[rows], task.listening)
    return rows[got.level_db > limit[rows]]


def track(flight: Flight) -> npt.NDArray[np.float64]:
    """(n, 3) positions at each whole second from ``start_s`` on."""
    times, points = [0.0], [flight.steps[0].from_m]
    for s in flight.steps:
        if s.wait_s > 0.0:
            times.append(times[-1] + s.wait_s)
            points.append(s.from_m)
        times.append(times[-1] + s.time_s)
        points.append(s.to_m)
    at = np.arange(0.0, times[-1] + 1.0)
    xyz = np.array(points)
    return np.column_stack([np.interp(at, times, xyz[:, k]) for k in range(3)])


@compiled
def _near_miss(a: Floats, b: Floats, base: int, slip: int) -> bool:
    for i in range(len(a)):
        for j in range(max(0, i - base - slip), min(len(b), i - base + slip + 1)):
            if abs(a[i, 2] - b[j, 2]) >= ABOVE_M:
                continue
            dx, dy = a[i, 0] - b[j, 0], a[i, 1] - b[j, 1]
            if dx * dx + dy * dy < APART_M * APART_M:
                return True
    return False


def near_miss(a: Floats, b: Floats, later_s: float) -> bool:
    """Whether tracks of seconds come too near when b starts later than a."""
    return bool(_near_miss(a, b, round(later_s), int(np.ceil(SLIP_S))))


@dataclass(slots=True)
class _Talks:
    """When which stations speak: begins, ends, rows of the clashes."""

    begin_s: Floats
    end_s: Floats
    row: Ints

    @classmethod
    def none(cls) -> "_Talks":
        """Nobody speaks."""
        return cls(np.empty(0), np.empty(0), np.empty(0, dtype=np.int64))

    def add(self, flight: Flight, clashes: Clashes) -> None:
        """Add those of one more flight."""
        told = [
            (a, b, clashes.columns[s.stop.column])
            for a, b, s in flight.talks()
            if s.stop is not None
        ]
        if told:
            begin, end, row = zip(*told, strict=True)
            self.begin_s = np.append(self.begin_s, begin)
            self.end_s = np.append(self.end_s, end)
            self.row = np.append(self.row, np.array(row, dtype=np.int64))


def _wait_for_silence(flight: Flight, talks: _Talks, clashes: Clashes) -> None:
    """Set the waits of a flight so that it talks over nobody."""
    now = flight.start_s
    for step in flight.steps:
        step.wait_s = 0.0
        if step.stop is not None:
            row = clashes.columns[step.stop.column]
            begin = now
            # Those that are over, or do not matter, are left out first.
            busy = clashes.clash[row][talks.row] & (talks.end_s + TALK_GAP_S > now)
            if busy.any():
                ends = talks.end_s[busy] + TALK_GAP_S
                order = np.argsort(talks.begin_s[busy], kind="stable")
                begins = talks.begin_s[busy] - TALK_GAP_S
                for k in order:
                    if begin < ends[k] and begin + step.talk_s > begins[k]:
                        begin = float(ends[k])
            step.wait_s = begin - now
        now += step.time_s + step.wait_s


def _clear(flight: Flight, placed: list[tuple[Flight, Floats]]) -> bool:
    mine = track(flight)
    return not any(
        near_miss(other_track, mine, flight.start_s - other.start_s)
        for other, other_track in placed
        if other.drone != flight.drone
    )


def schedule(task: Task, flights: list[Flight], clashes: Clashes | None) -> float:
    """Set departures and waits; returns when the last one is down.

    Flights of one drone must come in their order. A flight whose waiting
    would take more than its battery departs later instead.
    """
    placed: list[tuple[Flight, Floats]] = []
    talks = _Talks.none()
    free_at = dict.fromkeys(range(len(task.drones)), 0.0)
    for flight in _queue(flights):
        _place(task, flight, (placed, talks, clashes), free_at[flight.drone])
        placed.append((flight, track(flight)))
        if clashes is not None:
            talks.add(flight, clashes)
        end = flight.start_s + flight.duration_s
        free_at[flight.drone] = end + task.order.turnaround_s
    return max((f.start_s + f.duration_s for f in flights), default=0.0)


def _queue(flights: list[Flight]) -> list[Flight]:
    """First sorties of all drones, then the second ones; long ones first."""
    turn: dict[int, int] = {}
    keyed = []
    for k, f in enumerate(flights):
        n = turn.get(f.drone, 0)
        turn[f.drone] = n + 1
        keyed.append((n, -f.duration_s, k))
    return [flights[k] for _, _, k in sorted(keyed)]


def _place(
    task: Task,
    flight: Flight,
    others: tuple[list[tuple[Flight, Floats]], _Talks, Clashes | None],
    earliest_s: float,
) -> None:
    placed, talks, clashes = others
    best: tuple[float, float] | None = None
    flying_s = sum(s.time_s for s in flight.steps)
    last = max((f.start_s + f.duration_s for f, _ in placed), default=0.0)
    for k in range(_MOST_DELAYS):
        flight.start_s = earliest_s + k * _DELAY_S
        if best is not None and flight.start_s + flying_s >= best[0]:
            break
        if clashes is not None:
            _wait_for_silence(flight, talks, clashes)
        fits = flight.energy_s <= task.spent_s and _clear(flight, placed)
        end = flight.start_s + flight.duration_s
        if fits and (best is None or end < best[0] - 1e-6):
            best = (end, flight.start_s)
        if flight.start_s > last + 2 * SLIP_S:
            break
    flight.start_s = best[1] if best is not None else max(last + 30.0, earliest_s)
    if clashes is not None:
        _wait_for_silence(flight, talks, clashes)
