"""Where one can hover and be heard: positions, coverage, road map."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.bands import Floats
from patrolctl.domain.errors import NoFeasiblePlan
from patrolctl.planning.drone.candidates import (
    COARSE,
    Candidates,
    candidates_of,
    facing,
)
from patrolctl.planning.drone.cover import greedy
from patrolctl.planning.drone.coverage import (
    Cover,
    Listeners,
    columns_of,
    cover_of,
)
from patrolctl.planning.drone.order import OutOfTime, never
from patrolctl.planning.drone.task import Task, home_points
from patrolctl.planning.space import Legs

Ints = npt.NDArray[np.int64]
_ALL_ACTIVE = 3000  # sites with fewer receivers are solved on all of them
_EVERY = 6
_PASS_M = 20.0


@dataclass(frozen=True, slots=True)
class Survey:
    """What hovering where reaches: positions, headings, and some receivers.

    ``active`` are the receivers that ``cover``'s rows were made of and
    ``row_of`` their rows (−1: reached from nowhere).
    """

    candidates: Candidates
    legs: Legs
    home_nodes: Ints
    active: Ints
    cover: Cover
    row_of: npt.NDArray[np.int32]


def active_rows(task: Task) -> Ints:
    """Receivers to solve on.

    Of a façade's windows one above the other: the lowest, the highest and
    every sixth. What lies between is seen to later.
    """
    r = task.receivers
    if len(r) <= _ALL_ACTIVE * min(1.0, task.order.effort):
        return np.arange(len(r))
    key = np.column_stack([np.round(r.points_m[:, :2], 2), np.array(r.building)])
    _, group = np.unique(key, axis=0, return_inverse=True)
    group = group.reshape(-1)
    order = np.lexsort((r.points_m[:, 2], group))
    sorted_group = group[order]
    first = np.r_[True, sorted_group[1:] != sorted_group[:-1]]
    last = np.r_[first[1:], True]
    start = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    rank = np.arange(len(order)) - start
    return np.sort(order[first | last | (rank % _EVERY == 0)])


def _transit(task: Task, candidates: Candidates) -> Floats:
    """Nodes for passing only.

    A layer above the highest roof, over every position and every home, so
    that closed yards can be entered; and a fine layer near the ground where
    the grid of positions is too wide to find the way between buildings.
    """
    homes = home_points(task)
    layers = [np.empty((0, 3))]
    up = task.space.highest_m + 0.1
    if up <= task.space.ceiling_m:
        xy = np.unique(
            np.vstack([candidates.points_m[:, :2], homes[:, :2]]).round(3), axis=0
        )
        layers.append(np.column_stack([xy, np.full(len(xy), up)]))
    if candidates.step_m[0] > _PASS_M:
        low = np.minimum(candidates.points_m, homes.min(axis=0)).min(axis=0)
        high = np.maximum(candidates.points_m, homes.max(axis=0)).max(axis=0)
        xs, ys = (np.arange(low[k], high[k] + _PASS_M, _PASS_M) for k in (0, 1))
        xy = np.column_stack([g.ravel() for g in np.meshgrid(xs, ys)])
        layers.append(np.column_stack([xy, np.full(len(xy), task.space.floor_m)]))
    points = np.vstack(layers)
    return points[task.space.free(points)]


def _no_place(task: Task) -> NoFeasiblePlan:
    """Why there is nowhere to hover."""
    r = task.requirement
    return NoFeasiblePlan(
        (
            f"standoff: {r.standoff_m:g} m from every building, under the ceiling "
            f"of {task.profile.ceiling_m:g} m, inside the geofence and outside "
            "no-fly areas, there is no place to hover",
        )
    )


def _map(task: Task, candidates: Candidates) -> tuple[Legs, Ints]:
    """The road map, and the nodes of the drones' homes."""
    homes = home_points(task)
    nodes = np.vstack([candidates.points_m, homes, _transit(task, candidates)])
    reach = candidates.step_m * (1.75, 1.75, 1.3)
    legs = Legs.over(task.space, task.motion, nodes, reach)
    n = len(candidates.points_m)
    return legs, np.arange(n, n + len(homes))


def _reachable(
    task: Task, legs: Legs, homes: Ints, count: int
) -> npt.NDArray[np.bool_]:
    """Positions that a drone reaches and comes back from on its battery."""
    out = np.zeros(count, dtype=np.bool_)
    power = max(task.profile.cruise_power_ratio, task.profile.climb_power_ratio)
    for home in homes:
        there, back = legs.round_trip_s(int(home))
        spent = (there + back)[:count] * power + task.order.message_s
        out |= spent + ends_energy_s(task) <= task.spent_s
    return out


def _any_way(legs: Legs, homes: Ints, count: int) -> bool:
    """Whether any position can be flown to at all."""
    return any(
        bool(np.isfinite(legs.round_trip_s(int(h))[0][:count]).any()) for h in homes
    )


def ends_energy_s(task: Task) -> float:
    """Hover-seconds of take-off and landing."""
    up = task.space.floor_m
    climb = float(task.motion.leg_s(np.zeros(3), np.array([0.0, 0.0, up])))
    return climb * task.profile.climb_power_ratio + landing_s(task, up)


def landing_s(task: Task, from_m: float) -> float:
    """Down to the ground: the last metres are slow.

    Source: ArduPilot Copter: LAND_SPEED 0.5 m/s below LAND_ALT_LOW 10 m.
    """
    slow = min(10.0, from_m)
    return slow / 0.5 + max(0.0, from_m - slow) / task.profile.descent_m_s


def survey(task: Task, *, most: int, enough: Callable[[], bool] = never) -> Survey:
    """Lay the grid, find what it reaches, and build the road map.

    Raises:
        OutOfTime: ``enough`` said so in between.
        NoFeasiblePlan: nowhere to hover, or nowhere within the battery.
    """
    candidates = candidates_of(
        task.space,
        task.receivers,
        standoff_m=task.requirement.standoff_m,
        most=most,
    )
    active = active_rows(task)
    found = columns_at(task, candidates, active, enough)
    missed = np.setdiff1d(np.arange(len(active)), np.unique(found[1]))
    if len(missed):
        extra = facing(
            task.space, task.receivers, active[missed], task.requirement.standoff_m
        )
        if most >= COARSE:
            extra = _useful(task, replace(candidates, points_m=extra), active[missed])
        more = columns_at(task, replace(candidates, points_m=extra), active)
        found = _appended(found, more)
        candidates = _with(candidates, extra)
    if not len(candidates.points_m):
        raise _no_place(task)
    if enough():
        raise OutOfTime
    legs, homes = _map(task, candidates)
    ok = _reachable(task, legs, homes, len(candidates.points_m))
    if not ok.any():
        if not _any_way(legs, homes, len(ok)):
            raise NoFeasiblePlan(
                (
                    "launch point: no way through free space leads from it to any "
                    "place to hover",
                )
            )
        raise NoFeasiblePlan(
            (
                f"battery: {task.usable_s:.0f} s of hovering (endurance "
                f"{task.profile.endurance_s:.0f} s less the reserve) are too little "
                f"for one station of {task.order.message_s:.0f} s and the way there "
                "and back",
            )
        )
    indptr, rows = _masked(found, ok, len(candidates.headings_deg))
    cover, row_of = cover_of(indptr, rows, len(active))
    return Survey(candidates, legs, homes, active, cover, row_of)


def _useful(task: Task, extra: Candidates, wanted: Ints) -> Floats:
    """Of further positions those that reach the wanted: two choices for each.

    All of them would lie too near to each other for flying to cost anything.
    """
    heads = len(extra.headings_deg)
    indptr, rows = columns_at(task, extra, wanted)
    kept: list[Ints] = []
    for _ in range(2):
        cover, _row_of = cover_of(indptr, rows.astype(np.int32), len(wanted))
        if not cover.n_rows:
            break
        kept.append(greedy(cover, np.ones(cover.n_cols)) // heads)
        ok = ~np.isin(np.arange(len(extra.points_m)), np.concatenate(kept))
        indptr, left = _masked((indptr, rows), ok, heads)
        rows = left.astype(np.int64)
    if not kept:
        return extra.points_m[:0]
    return extra.points_m[np.unique(np.concatenate(kept))]


def _appended(one: tuple[Ints, Ints], two: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
    """Columns of further positions after those of the first."""
    indptr = np.concatenate([one[0], one[0][-1] + two[0][1:]])
    return indptr, np.concatenate([one[1], two[1]])


def _with(candidates: Candidates, extra: Floats) -> Candidates:
    return replace(candidates, points_m=np.vstack([candidates.points_m, extra]))


def columns_at(
    task: Task,
    candidates: Candidates,
    chosen: Ints,
    enough: Callable[[], bool] = never,
) -> tuple[Ints, Ints]:
    """Receivers among the chosen that every position and heading reaches.

    Returns:
        ``indptr`` and indices into ``chosen`` of the columns.

    Raises:
        OutOfTime: ``enough`` said so in between.
    """
    r = task.receivers
    indptr, rows = columns_of(
        task.scene,
        candidates.points_m,
        candidates.axes(task.speaker.tilt_deg),
        Listeners(
            np.ascontiguousarray(r.points_m[chosen]),
            r.indoors[chosen],
            np.ascontiguousarray(r.normal[chosen]),
        ),
        task.hearing,
        enough,
    )
    return indptr, rows.astype(np.int64)


def _masked(
    found: tuple[Ints, Ints], ok: npt.NDArray[np.bool_], headings: int
) -> tuple[Ints, npt.NDArray[np.int32]]:
    """Empty the columns of positions that cannot be used."""
    indptr, rows = found
    keep = np.repeat(ok, headings)
    sizes = np.diff(indptr)
    entry = np.repeat(keep, sizes)
    out = np.zeros(len(indptr), dtype=np.int64)
    np.cumsum(np.where(keep, sizes, 0), out=out[1:])
    return out, rows[entry].astype(np.int32)
