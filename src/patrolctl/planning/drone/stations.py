"""From free space to an offer of stations: coverage, prices, core columns."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from patrolctl.acoustics.bands import Floats
from patrolctl.domain.errors import NoFeasiblePlan
from patrolctl.planning.drone.candidates import (
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
    transposed,
)
from patrolctl.planning.drone.prices import Costs, Prices, prices_of
from patrolctl.planning.drone.reduce import needed_rows, with_rows
from patrolctl.planning.drone.task import Task, home_points
from patrolctl.planning.space import Legs
from patrolctl.planning.space.motion import trapezoid_s

Ints = npt.NDArray[np.int64]
_ALL_ACTIVE = 3000  # sites with fewer receivers are solved on all of them
_EVERY = 3
_CORE_COLUMNS = 1400
_CORE_PLACES = 700
_NEIGHBOURS = 8
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
    every third. What lies between is seen to later.
    """
    r = task.receivers
    if len(r) <= _ALL_ACTIVE:
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
        out |= spent + ends_energy_s(task) <= task.usable_s
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


def survey(task: Task, *, most: int) -> Survey:
    """Lay the grid, find what it reaches, and build the road map.

    Raises:
        NoFeasiblePlan: nowhere to hover, or nowhere within the battery.
    """
    candidates = candidates_of(
        task.space,
        task.receivers,
        standoff_m=task.requirement.standoff_m,
        most=most,
    )
    active = active_rows(task)
    found = _columns(task, candidates, active)
    missed = np.setdiff1d(np.arange(len(active)), np.unique(found[1]))
    if len(missed):
        extra = facing(
            task.space, task.receivers, active[missed], task.requirement.standoff_m
        )
        more = _columns(task, replace(candidates, points_m=extra), active)
        found = _appended(found, more)
        candidates = _with(candidates, extra)
    if not len(candidates.points_m):
        raise _no_place(task)
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


def _appended(one: tuple[Ints, Ints], two: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
    """Columns of further positions after those of the first."""
    indptr = np.concatenate([one[0], one[0][-1] + two[0][1:]])
    return indptr, np.concatenate([one[1], two[1]])


def _with(candidates: Candidates, extra: Floats) -> Candidates:
    return replace(candidates, points_m=np.vstack([candidates.points_m, extra]))


def _columns(task: Task, candidates: Candidates, chosen: Ints) -> tuple[Ints, Ints]:
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


@dataclass(frozen=True, slots=True)
class Offer:
    """The columns worth choosing from, over all receivers.

    ``columns`` are numbers of the survey's columns; ``cover`` has them in
    this order, and only rows that do not follow from others; ``reachable``
    says which receivers any column of the survey reaches. ``prices`` is None
    where nothing was priced.
    """

    columns: Ints
    cover: Cover
    reachable: npt.NDArray[np.bool_]
    prices: Prices | None


def come_s(task: Task, view: Survey) -> Floats:
    """The least time to fly to each position from any other, or from home.

    As the crow flies: a bound, whatever stands in between.
    """
    points = view.candidates.points_m
    homes = home_points(task)
    everything = np.vstack([points, homes])
    k = min(_NEIGHBOURS + 1, len(everything))
    found = cKDTree(everything).query(points, k=k)
    gap, near = (np.asarray(x).reshape(len(points), -1) for x in found)
    time = np.array(task.motion.leg_s(everything[near], points[:, None, :]))
    time[near == np.arange(len(points))[:, None]] = np.inf
    p = task.profile
    # Whatever is farther than the last neighbour takes at least this long.
    beyond = trapezoid_s(gap[:, -1], p.cruise_m_s, p.accel_m_s2)
    return np.asarray(np.minimum(time.min(axis=1), beyond), dtype=np.float64)


def offer(task: Task, view: Survey, enough: Callable[[], bool]) -> Offer:
    """Price the columns and keep the good ones.

    Raises:
        NoFeasiblePlan: nobody can be reached.
    """
    start = _greedy(view)
    costs = Costs(
        task.order.message_s, come_s(task, view), len(view.candidates.headings_deg)
    )
    found, generated = prices_of(
        view.cover,
        costs,
        start,
        enough=enough,
        effort=min(1.0, task.order.effort),
    )
    columns = _core(task, view, (found, generated), start)
    return _complete(task, view, columns, found)


def quick_offer(task: Task, view: Survey) -> Offer:
    """The greedy choice and nothing else.

    Raises:
        NoFeasiblePlan: nobody can be reached.
    """
    return _complete(task, view, _greedy(view), None)


def _greedy(view: Survey) -> Ints:
    if view.cover.n_rows == 0:
        raise NoFeasiblePlan(("nobody is reached from any place to hover",))
    return greedy(view.cover, np.ones(view.cover.n_cols))


def _core(task: Task, view: Survey, priced: tuple[Prices, Ints], start: Ints) -> Ints:
    """The cheapest columns at these prices, on a bounded number of places."""
    found, generated = priced
    # Empty columns stand for positions that no drone gets to.
    generated = generated[np.diff(view.cover.indptr)[generated] > 0]
    heads = len(view.candidates.headings_deg)
    effort = min(1.0, task.order.effort)
    most = (round(_CORE_PLACES * effort), round(_CORE_COLUMNS * effort))
    # First what the linear program uses, then what it nearly would.
    rank = np.where(found.share > 1e-6, -1.0e6 - found.share, found.reduced)
    order = generated[np.argsort(rank[generated], kind="stable")]
    places = order // heads
    _, first = np.unique(places, return_index=True)
    ranked = places[np.sort(first)][: max(most[0], 40)]
    chosen = order[np.isin(places, ranked)][: max(most[1], 150)]
    return np.unique(np.concatenate([chosen, start]))


def _complete(task: Task, view: Survey, columns: Ints, found: Prices | None) -> Offer:
    """Reckon the columns' reach over all receivers, and add what is missing."""
    everyone = np.arange(len(task.receivers))
    reachable = np.zeros(len(everyone), dtype=np.bool_)
    for _ in range(3):
        indptr, rows = _of_columns(task, view, columns, everyone)
        reachable[rows] = True
        extra = _rescue(task, view, np.flatnonzero(~reachable), columns)
        if not len(extra):
            break
        columns = np.unique(np.concatenate([columns, extra]))
    cover, _ = cover_of(indptr, rows, len(everyone))
    slim = with_rows(cover, needed_rows(cover))
    return Offer(columns, slim, reachable, found)


def _of_columns(
    task: Task, view: Survey, columns: Ints, chosen: Ints
) -> tuple[Ints, npt.NDArray[np.int32]]:
    """Receivers among the chosen that each column reaches."""
    heads = len(view.candidates.headings_deg)
    places, inverse = np.unique(columns // heads, return_inverse=True)
    part = replace(view.candidates, points_m=view.candidates.points_m[places])
    indptr, rows = _columns(task, part, chosen)
    at = inverse.reshape(-1) * heads + columns % heads
    sizes = indptr[at + 1] - indptr[at]
    out = np.zeros(len(columns) + 1, dtype=np.int64)
    np.cumsum(sizes, out=out[1:])
    pieces = [rows[indptr[k] : indptr[k + 1]] for k in at]
    joined = np.concatenate(pieces) if pieces else np.empty(0, dtype=np.int64)
    return out, joined.astype(np.int32)


def _rescue(task: Task, view: Survey, missed: Ints, have: Ints) -> Ints:
    """Columns that reach receivers which the present ones do not."""
    if not len(missed):
        return missed
    live = np.diff(view.cover.indptr) > 0
    columns = np.flatnonzero(live)
    if not len(columns):
        return columns
    indptr, rows = _of_columns(task, view, columns, missed)
    n = len(missed)
    cover = transposed(indptr, rows, np.ones(n, dtype=np.int32))
    if not len(rows):
        return np.empty(0, dtype=np.int64)
    chosen = columns[greedy(cover, np.ones(len(columns)))]
    return np.setdiff1d(chosen, have)
