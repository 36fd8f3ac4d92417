"""Several drones at once: apart from each other, and never talking at once.

Flights are put on the run's clock one after the other. Each departs as soon
as it keeps clear of those before it, and waits, silent, over a station where
somebody there would hear two announcements on top of each other.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics import Source, predict
from patrolctl.acoustics.bands import Bools, Floats
from patrolctl.planning.drone.flight import Flight, Stop
from patrolctl.planning.drone.task import Task

APART_M = 53.0  # the gate asks for 50 m across or 15 m in height …
ABOVE_M = 15.5
SLIP_S = 12.0  # … also when one of the two is 10 s early or late
QUIETER_DB = 10.0  # another announcement this far below disturbs nobody
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


def clashes_of(task: Task, stops: list[Stop]) -> Clashes:
    """Find stations that drown each other at somebody's window.

    Everybody is taken to listen to the station that is understood best
    there; another one disturbs when it is less than 10 dB quieter, bent
    round corners or not.
    """
    r = task.receivers
    level = np.full((len(stops), len(r)), -np.inf)
    sti = np.full((len(stops), len(r)), -1.0)
    for k, stop in enumerate(stops):
        source = Source(
            stop.point_m, stop.heading_deg, task.speaker, task.order.spectrum_db
        )
        got = predict(task.scene, source, r.points_m, r.indoors, task.listening)
        ok = got.heard(task.requirement.sti_min)
        level[k] = got.level_db
        sti[k, ok] = got.sti[ok]
    best = np.argmax(sti, axis=0)
    served = sti.max(axis=0) >= 0.0
    clash = np.zeros((len(stops), len(stops)), dtype=np.bool_)
    for k in range(len(stops)):
        mine = served & (best == k)
        if mine.any():
            near = level[:, mine] > level[k, mine] - QUIETER_DB
            clash[k] |= near.any(axis=1)
    np.fill_diagonal(clash, val=False)
    return Clashes({s.column: k for k, s in enumerate(stops)}, clash | clash.T)


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


def near_miss(a: Floats, b: Floats, later_s: float) -> bool:
    """Whether tracks of seconds come too near when b starts later than a."""
    slip = int(np.ceil(SLIP_S))
    base = round(later_s)
    for shift in range(base - slip, base + slip + 1):
        lo, hi = max(0, shift), min(len(a), len(b) + shift)
        if hi <= lo:
            continue
        delta = a[lo:hi] - b[lo - shift : hi - shift]
        flat = np.hypot(delta[:, 0], delta[:, 1]) < APART_M
        if (flat & (np.abs(delta[:, 2]) < ABOVE_M)).any():
            return True
    return False


def _wait_for_silence(
    flight: Flight, talks: list[tuple[float, float, Stop]], clashes: Clashes
) -> None:
    """Set the waits of a flight so that it talks over nobody."""
    now = flight.start_s
    for step in flight.steps:
        step.wait_s = 0.0
        if step.stop is not None:
            begin = now
            busy = sorted(
                (t0 - TALK_GAP_S, t1 + TALK_GAP_S)
                for t0, t1, other in talks
                if clashes.between(step.stop, other)
            )
            for t0, t1 in busy:
                if begin < t1 and begin + step.time_s > t0:
                    begin = t1
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
    talks: list[tuple[float, float, Stop]] = []
    free_at = dict.fromkeys(range(len(task.drones)), 0.0)
    queue = _queue(flights)
    for flight in queue:
        others = list(talks)
        _place(task, flight, (placed, others, clashes), free_at[flight.drone])
        placed.append((flight, track(flight)))
        talks += [(a, b, s.stop) for a, b, s in flight.talks() if s.stop is not None]
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
    others: tuple[
        list[tuple[Flight, Floats]],
        list[tuple[float, float, Stop]],
        Clashes | None,
    ],
    earliest_s: float,
) -> None:
    placed, talks, clashes = others
    best: tuple[float, float] | None = None
    last = max((f.start_s + f.duration_s for f, _ in placed), default=0.0)
    for k in range(_MOST_DELAYS):
        flight.start_s = earliest_s + k * _DELAY_S
        if best is not None and flight.start_s + _flying_s(flight) >= best[0]:
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


def _flying_s(flight: Flight) -> float:
    return sum(s.time_s for s in flight.steps)
