"""Several drones: who takes which sortie, and when, improved with the waiting.

The cut of a tour knows nothing of drones that keep apart and of stations that
may not speak at once. Here whole timetables are tried: sorties turned round,
reordered, exchanged between drones, and stations handed from one sortie to
another. Only what lands the last drone earlier is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from patrolctl.planning.drone.flight import Flight, Stop, flight
from patrolctl.planning.drone.schedule import Clashes, schedule
from patrolctl.planning.drone.task import Task
from patrolctl.planning.space import LegTable

Sorties = list[list[tuple[int, ...]]]  # of each drone, stations in their order
_WORTH = 0.02  # what everybody's time counts beside the last landing
_ROUNDS = 400
_STALE = 150  # rounds without a better one: enough


@dataclass(slots=True)
class Crew:
    """Timetables over some stations.

    ``rows`` are the stations' rows in the table.
    """

    task: Task
    table: LegTable
    stops: list[Stop]
    rows: list[int]
    clashes: Clashes | None
    _flights: dict[tuple[int, tuple[int, ...]], Flight] = field(default_factory=dict)

    def flights(self, sorties: Sorties) -> list[Flight]:
        """The flights, drone by drone."""
        return [self._flight(d, s) for d, mine in enumerate(sorties) for s in mine]

    def _flight(self, drone: int, members: tuple[int, ...]) -> Flight:
        if (drone, members) not in self._flights:
            stops = [(self.rows[k], self.stops[k]) for k in members]
            made = flight(self.task, self.table, drone, stops)
            self._flights[drone, members] = made
        return self._flights[drone, members]

    def time_s(self, sorties: Sorties) -> tuple[float, float] | None:
        """When the last one is down, and that with everybody's time.

        None: a battery does not last.
        """
        flights = self.flights(sorties)
        for f in flights:
            for step in f.steps:
                step.wait_s = 0.0
            if f.energy_s > self.task.spent_s:
                return None
        last = schedule(self.task, flights, self.clashes)
        return last, last + _WORTH * sum(f.duration_s for f in flights)

    def improved(
        self, sorties: Sorties, seed: int, enough: Callable[[], bool]
    ) -> Sorties:
        """Sorties that are done at least as soon.

        Args:
            sorties: to begin with.
            seed: of the random choices.
            enough: asked between tries; True ends the search.
        """
        now = self.time_s(sorties)
        if now is None:
            return sorties
        rng, stale = np.random.default_rng(seed), 0
        for _ in range(_ROUNDS):
            if enough() or stale >= _STALE:
                break
            stale += 1
            trial = _changed(sorties, rng)
            got = None if trial is None else self.time_s(trial)
            if trial is not None and got is not None and got[1] < now[1] - 1e-6:
                sorties, now, stale = trial, got, 0
        return sorties


def _pick(sorties: Sorties, rng: np.random.Generator) -> tuple[int, int] | None:
    """A sortie: drone and number."""
    every = [(d, k) for d, mine in enumerate(sorties) for k in range(len(mine))]
    return every[int(rng.integers(len(every)))] if every else None


def _changed(sorties: Sorties, rng: np.random.Generator) -> Sorties | None:
    """One random change; None where it comes to nothing."""
    one, two = _pick(sorties, rng), _pick(sorties, rng)
    if one is None or two is None:
        return None
    out = [list(mine) for mine in sorties]
    kind = rng.random()
    if kind < 0.2:
        out[one[0]][one[1]] = out[one[0]][one[1]][::-1]
    elif kind < 0.4:
        _exchange(out, one, two)
    elif kind < 0.5:
        _send(out, one, int(rng.integers(len(out))))
    else:
        _hand(out, (one, two), rng)
    out = [[s for s in mine if s] for mine in out]
    return None if out == sorties else out


def _exchange(out: Sorties, one: tuple[int, int], two: tuple[int, int]) -> None:
    """Let two sorties change places, also between drones."""
    a, b = out[one[0]][one[1]], out[two[0]][two[1]]
    out[one[0]][one[1]], out[two[0]][two[1]] = b, a


def _send(out: Sorties, one: tuple[int, int], drone: int) -> None:
    """Give a sortie to another drone."""
    moved = out[one[0]].pop(one[1])
    out[drone].append(moved)


def _hand(
    out: Sorties,
    pair: tuple[tuple[int, int], tuple[int, int]],
    rng: np.random.Generator,
) -> None:
    """Hand one to three neighbouring stations from a sortie to another."""
    (d, k), (e, m) = pair
    if pair[0] == pair[1]:
        return
    mine, other = out[d][k], out[e][m]
    count = min(len(mine), int(rng.integers(1, 4)))
    first = int(rng.integers(len(mine) - count + 1))
    part = mine[first : first + count]
    part = part[::-1] if rng.random() < 0.5 else part
    at = int(rng.integers(len(other) + 1))
    out[d][k] = mine[:first] + mine[first + count :]
    out[e][m] = other[:at] + part + other[at:]
