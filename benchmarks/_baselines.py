"""Two ways of covering a block without a planner, at the plan's own reach.

Façade orbit: round every building at a fixed standoff, ring above ring, with
stops at fixed distances, nose to the wall. Hover grid: a uniform grid of
positions and heights, the message in every one of six directions.

Both are helped: stops that reach nobody new are left out, flights go as the
crow flies whatever stands in between, and the settings that are quickest
count. Whoever they do not reach gets a stop of his own before his window.
"""

from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
import shapely

from patrolctl.planning.drone.bounding import least_of
from patrolctl.planning.drone.candidates import Candidates, candidates_of, facing
from patrolctl.planning.drone.stations import columns_at, ends_energy_s
from patrolctl.planning.drone.task import Task, home_points


@dataclass(frozen=True)
class Baseline:
    name: str
    settings: str
    reached: int
    stations: int
    sorties: int
    time_s: float


@dataclass
class Stops:
    """Positions and headings (degrees, canonical) in the order of flight."""

    points_m: np.ndarray
    heading_deg: np.ndarray


def _orbit(task: Task, away_m: float, spacing_m: float, rise_m: float) -> Stops:
    points, nose = [], []
    blocks = [b for b in task.site.buildings if b.residential]
    here, left = np.array(task.drones[0].home_m[:2]), list(range(len(blocks)))
    while left:
        gaps = [blocks[k].footprint.distance(shapely.Point(here)) for k in left]
        b = blocks[left.pop(int(np.argmin(gaps)))]
        ring = shapely.get_parts(b.footprint.buffer(away_m, 4))[0].exterior
        count = max(3, int(np.ceil(ring.length / spacing_m)))
        at = shapely.line_interpolate_point(
            ring, np.arange(count) * ring.length / count
        )
        xy = shapely.get_coordinates(at)
        foot = shapely.get_coordinates(
            [shapely.shortest_line(p, b.footprint) for p in at]
        ).reshape(-1, 2, 2)
        look = foot[:, 1] - foot[:, 0]
        heading = np.degrees(np.arctan2(look[:, 0], look[:, 1])) % 360
        rings = max(1, int(np.ceil(b.height_m / rise_m)))
        for k in range(rings):
            z = (k + 0.5) * b.height_m / rings
            z = float(np.clip(z, task.space.floor_m, task.space.ceiling_m))
            points.append(np.column_stack([xy, np.full(len(xy), z)]))
            nose.append(heading)
        here = xy[-1]
    return Stops(np.vstack(points), np.concatenate(nose))


def _hover_grid(task: Task, spacing_m: float, rise_m: float) -> Stops:
    grid = candidates_of(
        task.space, task.receivers, standoff_m=task.requirement.standoff_m, most=10**7
    )
    low = grid.points_m.min(axis=0)
    high = grid.points_m.max(axis=0)
    points = []
    for level, z in enumerate(np.arange(low[2], high[2] + 0.1, rise_m)):
        for row, x in enumerate(np.arange(low[0], high[0] + 1, spacing_m)):
            ys = np.arange(low[1], high[1] + 1, spacing_m)
            ys = ys[::-1] if (row + level) % 2 else ys
            points += [(x, y, z) for y in ys]
    headings = np.arange(6) * 60.0
    at = np.repeat(np.array(points), len(headings), axis=0)
    return Stops(at, np.tile(headings, len(points)))


def _useful(task: Task, stops: Stops, wanted: np.ndarray) -> tuple[Stops, np.ndarray]:
    """Stops in free space that reach somebody new, and who is reached."""
    ok = task.space.free(stops.points_m)
    at, nose = stops.points_m[ok], stops.heading_deg[ok]
    places, inverse = np.unique(np.round(at, 3), axis=0, return_inverse=True)
    headings = np.arange(12) * 30.0
    grid = Candidates(np.ascontiguousarray(places), headings, np.ones(3))
    everyone = np.arange(len(task.receivers))
    indptr, rows = columns_at(task, grid, everyone)
    # To the nearest of twelve headings; the plan has no finer ones either.
    column = inverse.reshape(-1) * 12 + np.round(nose / 30.0).astype(int) % 12
    reached = np.zeros(len(everyone), dtype=bool)
    kept = []
    for k, c in enumerate(column):
        mine = rows[indptr[c] : indptr[c + 1]]
        new = mine[wanted[mine] & ~reached[mine]]
        if len(new):
            reached[mine] = True
            kept.append(k)
    return Stops(at[kept], nose[kept]), reached & wanted


def _missing(task: Task, reached: np.ndarray, wanted: np.ndarray) -> Stops:
    """A stop before each window that was left out, where one helps."""
    rows = np.flatnonzero(wanted & ~reached)
    if not len(rows):
        return Stops(np.empty((0, 3)), np.empty(0))
    extra = facing(task.space, task.receivers, rows, task.requirement.standoff_m)
    fine = candidates_of(
        task.space, task.receivers, standoff_m=task.requirement.standoff_m
    )
    at = np.vstack([extra, fine.points_m])
    return Stops(np.repeat(at, 12, axis=0), np.tile(np.arange(12) * 30.0, len(at)))


def _flown(task: Task, stops: Stops) -> tuple[int, float]:
    """Sorties and mission time, straight flights, batteries as they run out."""
    home = home_points(task)[0]
    least, hold = least_of(task), task.order.message_s
    p = stops.points_m
    hops = [float(task.motion.leg_s(a, b)) for a, b in pairwise(p)]
    out = task.motion.leg_s(home, p)
    back = task.motion.leg_s(p, home)
    sorties, time, used = 1, least.ends_s + out[0] + hold, out[0] + hold
    used += ends_energy_s(task)
    for k in range(1, len(p)):
        hop = max(hops[k - 1], 1.0)
        if used + hop + hold + back[k] > task.usable_s:
            time += back[k - 1] + task.order.turnaround_s + least.ends_s + out[k] + hold
            used = ends_energy_s(task) + out[k] + hold
            sorties += 1
        else:
            time += hop + hold
            used += hop + hold
    return sorties, float(time + back[-1])


def _run(task: Task, name: str, settings: str, stops: Stops, wanted: np.ndarray):
    kept, reached = _useful(task, stops, wanted)
    rest, more = _useful(task, _missing(task, reached, wanted), wanted & ~reached)
    reached = reached | more
    full = Stops(
        np.vstack([kept.points_m, rest.points_m]),
        np.concatenate([kept.heading_deg, rest.heading_deg]),
    )
    sorties, time_s = _flown(task, full)
    count = len(full.points_m)
    return Baseline(name, settings, int(reached.sum()), count, sorties, time_s)


def baselines(task: Task, wanted: np.ndarray) -> list[Baseline]:
    """The quickest orbit and the quickest grid that reach all wanted receivers."""
    standoff = task.requirement.standoff_m
    orbits = [
        _run(
            task,
            "façade orbit",
            f"{a:.0f} m off, every {s:.0f} m, {r:.0f} m rings",
            _orbit(task, a, s, r),
            wanted,
        )
        for a, s, r in product((standoff + 3, standoff + 15), (24, 48), (12, 24))
    ]
    grids = [
        _run(
            task, "hover grid", f"{s:.0f} m, {r:.0f} m", _hover_grid(task, s, r), wanted
        )
        for s, r in product((30, 45, 60), (15, 30))
    ]
    best = []
    for group in (orbits, grids):
        most = max(b.reached for b in group)
        best.append(
            min((b for b in group if b.reached == most), key=lambda b: b.time_s)
        )
    return best
