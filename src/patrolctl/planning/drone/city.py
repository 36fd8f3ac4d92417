"""Many blocks, one after the other on every core, resumable."""

import gc
import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path

from patrolctl.domain.errors import NoFeasiblePlan, PatrolError
from patrolctl.domain.jsondoc import encode
from patrolctl.domain.plan import Plan
from patrolctl.domain.site import Site
from patrolctl.planning.drone.order import DroneOrder, never
from patrolctl.planning.drone.solve import plan_drone

CITY_EFFORT = 0.25
_AHEAD = 4  # blocks in flight a worker: enough to keep it busy


@dataclass(frozen=True, slots=True)
class BlockDone:
    """What became of one block. ``problem`` is set where it has no plan."""

    name: str
    receivers: int = 0
    reached: int = 0
    mission_time_s: float = 0.0
    solve_s: float = 0.0
    gap: float | None = None
    problem: str | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True)
class CityOrder:
    """One order for every block.

    ``load`` reads a site file, with the stated defaults where it has no
    launch point or geofence; it runs in the workers and so must be a
    module's function.
    """

    order: DroneOrder
    load: Callable[[Path], Site]
    workers: int | None = None


def _plan_file(out: Path, source: Path) -> Path:
    return out / f"{source.stem}.plan.json"


def _mark_file(out: Path, source: Path) -> Path:
    return out / f".{source.stem}.done"


def _key(source: Path, order: DroneOrder) -> str:
    """What the plan of a block depends on: its site and the order."""
    fixed = (order.announcement, order.fleet, order.requirement, order.spectrum_db,
             order.crest_db, order.seed, order.drones, order.effort)  # fmt: skip
    return hashlib.sha256(source.read_bytes() + encode(fixed)).hexdigest()


def _write(path: Path, raw: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(raw)
    part.replace(path)  # whoever finds the file finds all of it


def _done(name: str, plan: Plan) -> BlockDone:
    s = plan.summary
    return BlockDone(
        name, s.receivers, s.reached, s.mission_time_s or 0.0, s.solve_s or 0.0, s.gap
    )


def _seldom_collected() -> None:
    """Look for garbage now and then only: what stays is not garbage.

    A block's plan is thousands of small objects and no cycles; going through
    them again and again takes a twentieth of a city's time.
    """
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)


def _one(source: Path, out: Path, city: CityOrder) -> BlockDone:
    """Plan one block, in a worker; its plan is written before its mark."""
    try:
        plan = plan_drone(city.load(source), city.order)
    except PatrolError as e:
        what = "no plan" if isinstance(e, NoFeasiblePlan) else "bad input"
        return BlockDone(source.name, problem=f"{what}: {str(e).splitlines()[0]}")
    _write(_plan_file(out, source), encode(plan))
    _write(_mark_file(out, source), _key(source, city.order).encode())
    return _done(source.name, plan)


def _finished(source: Path, out: Path, order: DroneOrder) -> bool:
    mark = _mark_file(out, source)
    if not (mark.is_file() and _plan_file(out, source).is_file()):
        return False
    return mark.read_text() == _key(source, order)


def plan_city(sources: list[Path], out: Path, city: CityOrder) -> Iterator[BlockDone]:
    """Plan every block, yielding each as it is done.

    Blocks whose plan of the very same site and order is already in ``out``
    are kept. Ends early when the order's ``stop`` says so: what is done is
    on disk.

    Args:
        sources: site files.
        out: an existing folder for ``NAME.plan.json``.
        city: the order and how sites are read.
    """
    todo = []
    for source in sources:
        if _finished(source, out, city.order):
            yield BlockDone(source.name, kept=True)
        else:
            todo.append(source)
    if not todo or city.order.stop():
        return  # worker processes take seconds to start
    workers = city.workers or os.cpu_count() or 1
    # A question to this process cannot be sent to another.
    sent = replace(city, order=replace(city.order, stop=never))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=_seldom_collected
    ) as pool:
        yield from _spread(pool, todo, (out, sent, city.order.stop, workers * _AHEAD))


def _spread(
    pool: ProcessPoolExecutor,
    todo: list[Path],
    how: tuple[Path, CityOrder, Callable[[], bool], int],
) -> Iterator[BlockDone]:
    out, city, stop, room = how
    waiting: set[Future[BlockDone]] = set()
    left = iter(todo)
    while True:
        while len(waiting) < room and not stop():
            source = next(left, None)
            if source is None:
                break
            waiting.add(pool.submit(_one, source, out, city))
        if not waiting:
            return
        done, waiting = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()
        if stop():
            for future in waiting:
                future.cancel()
            waiting = {f for f in waiting if not f.cancelled()}
