"""Who flies what and when: a tour cut, its sorties polished, put on the clock."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from patrolctl.planning.drone.crew import Crew, Sorties
from patrolctl.planning.drone.flight import Flight, Stop
from patrolctl.planning.drone.improve import ordered
from patrolctl.planning.drone.schedule import Clashes, clashes_of, schedule
from patrolctl.planning.drone.search import (
    Bench,
    chain_of,
    flights_of,
    market_of,
    stops_of,
)
from patrolctl.planning.drone.sorties import Chain, Cut, cut
from patrolctl.planning.drone.stations import Survey
from patrolctl.planning.drone.task import Task

Ints = npt.NDArray[np.int64]
_AGAIN = 3


@dataclass(frozen=True, slots=True)
class Roster:
    """Flights on the run's clock; ``tour`` in the order of the flights."""

    tour: Ints
    stops: list[Stop]
    flights: list[Flight]
    time_s: float


def roster_of(
    task: Task,
    view: Survey,
    bench: Bench,
    tour: Ints,
    enough: Callable[[], bool],
) -> Roster | None:
    """The quickest way found to fly these stations; None: out of reach.

    All drones or fewer, the tour forwards or backwards: sharing is worth it
    only where the drones do not wait for each other. Then whole timetables
    are tried until it is ``enough``.
    """
    stops = stops_of(task, view, bench, tour)
    clashes = clashes_of(task, stops, enough) if len(task.drones) > 1 else None
    best: Roster | None = None
    for way in _ways(task, tour):
        if best is not None and enough() and way[1] > 1:
            continue
        found = _flown(task, view, bench, way, clashes)
        if found is not None and (best is None or found.time_s < best.time_s - 1e-6):
            best = found
    if best is None or clashes is None:
        return best
    return _joined(task, bench, best, (clashes, enough))


def _joined(
    task: Task,
    bench: Bench,
    roster: Roster,
    how: tuple[Clashes, Callable[[], bool]],
) -> Roster:
    """The roster with its timetable improved."""
    clashes, enough = how
    rows = [int(r) for r in bench.market.place[roster.tour]]
    number = {s.column: k for k, s in enumerate(roster.stops)}
    sorties: Sorties = [[] for _ in task.drones]
    for f in roster.flights:
        members = [number[s.stop.column] for s in f.steps if s.stop is not None]
        sorties[f.drone].append(tuple(members))
    crew = Crew(task, bench.table, roster.stops, rows, clashes)
    better = crew.improved(sorties, task.order.seed, enough)
    got = crew.time_s(better)
    if got is None or got[0] >= roster.time_s - 1e-6:
        return roster
    flights = crew.flights(better)
    order = [k for mine in better for s in mine for k in s]
    stops = [roster.stops[k] for k in order]
    return Roster(roster.tour[order], stops, flights, got[0])


def _ways(task: Task, tour: Ints) -> Iterator[tuple[Ints, int]]:
    """Tours, and how many drones fly them."""
    yield tour, len(task.drones)
    if len(task.drones) > 1:
        yield tour[::-1].copy(), len(task.drones)
        for fewer in range(len(task.drones) - 1, 0, -1):
            yield tour, fewer


def _with_drones(chain: Chain, count: int) -> Chain:
    return replace(
        chain,
        out_s=chain.out_s[:count],
        out_j=chain.out_j[:count],
        back_s=chain.back_s[:count],
        back_j=chain.back_j[:count],
    )


def _flown(
    task: Task,
    view: Survey,
    bench: Bench,
    way: tuple[Ints, int],
    clashes: Clashes | None,
) -> Roster | None:
    tour, drones = way
    best: tuple[Ints, Cut] | None = None
    for turn in range(_AGAIN):
        chain = _with_drones(chain_of(task, bench, tour), drones)
        cuts = cut(chain, closed=turn == 0)
        if cuts is None or (best and cuts.makespan_s >= best[1].makespan_s - 0.5):
            break
        tour, cuts = _in_order(tour, cuts)
        best = (tour, cuts)
        tour = _polished(bench, tour, cuts)
    if best is None:
        return None
    tour, cuts = best
    stops = stops_of(task, view, bench, tour)
    flights = flights_of(task, bench, cuts, tour, stops)
    return Roster(tour, stops, flights, schedule(task, flights, clashes))


def _in_order(tour: Ints, cuts: Cut) -> tuple[Ints, Cut]:
    """The tour in the order of its sorties, and the cut that fits it."""
    order = [k for _, members in cuts.sorties for k in members]
    out, begin = [], 0
    for d, members in cuts.sorties:
        out.append((d, tuple(range(begin, begin + len(members)))))
        begin += len(members)
    return tour[order], replace(cuts, sorties=tuple(out))


def _polished(bench: Bench, tour: Ints, cuts: Cut) -> Ints:
    """Every sortie in an order of its own, from its own home."""
    out = []
    for d, members in cuts.sorties:
        mine = tour[list(members)]
        market = market_of(bench, d)
        again = ordered(market, mine)
        better = market.tour_s(again) < market.tour_s(mine) - 1e-6
        out.append(again if better else mine)
    return np.concatenate(out) if out else tour
