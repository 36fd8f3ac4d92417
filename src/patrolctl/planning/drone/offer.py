"""The stations worth choosing from: priced columns, over all receivers."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from patrolctl.acoustics.bands import Floats
from patrolctl.domain.errors import NoFeasiblePlan
from patrolctl.planning.drone.cover import greedy
from patrolctl.planning.drone.coverage import Cover, cover_of, joined, transposed
from patrolctl.planning.drone.order import never
from patrolctl.planning.drone.prices import Costs, Prices, Pricing
from patrolctl.planning.drone.reduce import needed_rows, with_rows
from patrolctl.planning.drone.stations import Survey, columns_at
from patrolctl.planning.drone.task import Task, home_points
from patrolctl.planning.space.motion import trapezoid_s

Ints = npt.NDArray[np.int64]
_CORE_COLUMNS = 2500
_CORE_PLACES = 1200
_NEIGHBOURS = 24
_WIDEN = 4  # times that the bound is asked about all receivers …
_WIDEN_ROWS = 250  # … and takes in as many
TURN_S = 1.0  # another heading at the same place takes at least this


@dataclass(frozen=True, slots=True)
class Offer:
    """The columns worth choosing from, over all receivers.

    ``columns`` are numbers of the survey's columns; ``cover`` has them in
    this order, and only rows that do not follow from others; ``reachable``
    says which receivers any column of the survey reaches. ``pricing`` is
    None where nothing was priced.
    """

    columns: Ints
    cover: Cover
    reachable: npt.NDArray[np.bool_]
    pricing: Pricing | None


@dataclass(frozen=True, slots=True)
class Come:
    """The least times for coming, seconds, halves of two legs each.

    ``place_s`` (places,) is half of the quickest way in and half of the
    quickest way out; ``home_s`` the same of the home that is nearest to a
    place. A round trip takes at least the sum over all that it visits.
    """

    place_s: Floats
    home_s: float


def come_of(task: Task, points_m: Floats, homes_m: Floats) -> Come:
    """Bound the way to each position from any other, or from home.

    As the crow flies, whatever stands in between. Climbing is quicker than
    descending, but a round trip climbs as much as it descends: a height
    difference is charged the same both ways.
    """
    every = np.vstack([points_m, homes_m])
    if len(every) < 2:
        return Come(np.zeros(len(points_m)), 0.0)
    p = task.profile
    level = 0.5 * (1.0 / p.descent_m_s - 1.0 / p.climb_m_s)
    k = min(_NEIGHBOURS + 1, len(every))
    found = cKDTree(every).query(every, k=k)
    gap, near = (np.asarray(x).reshape(len(every), -1) for x in found)
    here = every[:, None, :]
    rise = (every[near] - here)[..., 2]
    out = task.motion.leg_s(here, every[near]) + level * rise
    back = task.motion.leg_s(every[near], here) - level * rise
    own = near == np.arange(len(every))[:, None]
    # Whatever is farther than the last neighbour: a leg of t seconds rises or
    # sinks no more than its rate allows, which bounds what the height costs.
    steep = max(0.0, 1.0 - abs(level) * max(p.climb_m_s, p.descent_m_s))
    far = trapezoid_s(gap[:, -1], p.cruise_m_s, p.accel_m_s2) * steep
    if k == len(every):
        far = np.full(len(every), np.inf)  # there is nothing farther
    least = [np.where(own, np.inf, t).min(axis=1) for t in (out, back)]
    ways = [np.maximum(np.minimum(t, far), 0.0) for t in least]
    half = 0.5 * (ways[0] + ways[1])
    n = len(points_m)
    return Come(half[:n], float(half[n:].min()))


def costs_of(task: Task, view: Survey) -> Costs:
    """What stations cost at least."""
    come = come_of(task, view.candidates.points_m, home_points(task))
    heads = len(view.candidates.headings_deg)
    return Costs(task.order.message_s, come.place_s, heads, TURN_S, come.home_s)


def offer(
    task: Task,
    view: Survey,
    enough: Callable[[], bool],
    late: Callable[[], bool] = never,
) -> Offer:
    """Price the columns and keep the good ones.

    Args:
        task: the task.
        view: its survey.
        enough: ends the pricing with what it has.
        late: asked between all steps; True gives up.

    Raises:
        OutOfTime: ``late`` said so.
        NoFeasiblePlan: nobody can be reached.
    """
    start = _greedy(view)
    slim = with_rows(view.cover, needed_rows(view.cover))
    effort = min(1.0, task.order.effort)
    pricing = Pricing(slim, costs_of(task, view), start, effort=effort)
    pricing.search(enough)
    columns = _core(task, view, pricing, start)
    return _complete(task, view, columns, pricing, late)


def quick_offer(task: Task, view: Survey, late: Callable[[], bool] = never) -> Offer:
    """The greedy choice and nothing else.

    Raises:
        OutOfTime: ``late`` said so.
        NoFeasiblePlan: nobody can be reached.
    """
    return _complete(task, view, _greedy(view), None, late)


def _greedy(view: Survey) -> Ints:
    if view.cover.n_rows == 0:
        raise NoFeasiblePlan(("nobody is reached from any place to hover",))
    return greedy(view.cover, np.ones(view.cover.n_cols))


def _core(task: Task, view: Survey, pricing: Pricing, start: Ints) -> Ints:
    """The cheapest columns at these prices, on a bounded number of places."""
    found = pricing.result()
    heads = len(view.candidates.headings_deg)
    effort = min(1.0, task.order.effort)
    most = (round(_CORE_PLACES * effort), round(_CORE_COLUMNS * effort))
    # First what the linear program uses, then what it nearly would. Empty
    # columns stand for positions that no drone gets to.
    rank = np.where(found.share > 1e-6, -1.0e6 - found.share, found.reduced)
    live = np.flatnonzero(np.diff(view.cover.indptr) > 0)
    order = live[np.argsort(rank[live], kind="stable")][: 4 * max(most[1], 150)]
    places = order // heads
    _, first = np.unique(places, return_index=True)
    ranked = places[np.sort(first)][: max(most[0], 40)]
    chosen = order[np.isin(places, ranked)][: max(most[1], 150)]
    return np.unique(np.concatenate([chosen, start]))


def _complete(
    task: Task,
    view: Survey,
    columns: Ints,
    pricing: Pricing | None,
    late: Callable[[], bool] = never,
) -> Offer:
    """Reckon the columns' reach over all receivers, and add what is missing."""
    everyone = np.arange(len(task.receivers))
    reachable = np.zeros(len(everyone), dtype=np.bool_)
    for _ in range(3):
        indptr, rows = reach_of(task, view, columns, everyone, late)
        reachable[rows] = True
        extra = _rescue(task, view, np.flatnonzero(~reachable), columns, late)
        if not len(extra):
            break
        columns = np.unique(np.concatenate([columns, extra]))
    cover, _ = cover_of(indptr, rows, len(everyone))
    slim = with_rows(cover, needed_rows(cover))
    return Offer(columns, slim, reachable, pricing)


def reach_of(
    task: Task,
    view: Survey,
    columns: Ints,
    chosen: Ints,
    late: Callable[[], bool] = never,
) -> tuple[Ints, npt.NDArray[np.int32]]:
    """Receivers among the chosen that each column reaches.

    Raises:
        OutOfTime: ``late`` said so in between.
    """
    heads = len(view.candidates.headings_deg)
    places, inverse = np.unique(columns // heads, return_inverse=True)
    part = replace(view.candidates, points_m=view.candidates.points_m[places])
    indptr, rows = columns_at(task, part, chosen, late)
    at = inverse.reshape(-1) * heads + columns % heads
    sizes = indptr[at + 1] - indptr[at]
    out = np.zeros(len(columns) + 1, dtype=np.int64)
    np.cumsum(sizes, out=out[1:])
    pieces = [rows[indptr[k] : indptr[k + 1]] for k in at]
    merged = np.concatenate(pieces) if pieces else np.empty(0, dtype=np.int64)
    return out, merged.astype(np.int32)


def _rescue(
    task: Task,
    view: Survey,
    missed: Ints,
    have: Ints,
    late: Callable[[], bool],
) -> Ints:
    """Columns that reach receivers which the present ones do not."""
    if not len(missed):
        return missed
    live = np.diff(view.cover.indptr) > 0
    columns = np.flatnonzero(live)
    if not len(columns):
        return columns
    indptr, rows = reach_of(task, view, columns, missed, late)
    n = len(missed)
    cover = transposed(indptr, rows, np.ones(n, dtype=np.int32))
    if not len(rows):
        return np.empty(0, dtype=np.int64)
    chosen = columns[greedy(cover, np.ones(len(columns)))]
    return np.setdiff1d(chosen, have)


def widened(
    task: Task, view: Survey, pricing: Pricing, enough: Callable[[], bool]
) -> Prices:
    """Go on pricing with receivers that were left out, and tell the bound.

    The linear program was asked about some receivers only. Others that it
    covers less than once are taken in, the barest first.

    Raises:
        OutOfTime: ``enough`` said so in between; the bound so far holds.
    """
    everyone = np.arange(len(task.receivers))
    for _ in range(_WIDEN):
        if len(view.active) == len(everyone) or enough():
            break
        bare = _bare(task, view, pricing, everyone, enough)
        if not len(bare):
            break
        live = np.flatnonzero(np.diff(view.cover.indptr) > 0)
        found, rows = reach_of(task, view, live, bare, enough)
        indptr = np.zeros(view.cover.n_cols + 1, dtype=np.int64)
        indptr[live + 1] = np.diff(found)
        extra, _ = cover_of(np.cumsum(indptr), rows, len(bare))
        if not extra.n_rows:
            break
        start = greedy(extra, np.ones(extra.n_cols))
        pricing.grow(joined(pricing.cover, extra), start)
        pricing.search(enough)
    return pricing.result()


def _bare(
    task: Task,
    view: Survey,
    pricing: Pricing,
    everyone: Ints,
    enough: Callable[[], bool],
) -> Ints:
    """Receivers that the linear program covers less than once."""
    used = pricing.master.used()
    if not used:
        return everyone[:0]
    columns = np.unique(np.concatenate([c for _, c in used]))
    indptr, rows = reach_of(task, view, columns, everyone, enough)
    have = np.zeros(len(everyone))
    for share, mine in used:
        at = np.searchsorted(columns, mine)
        each = [rows[indptr[k] : indptr[k + 1]] for k in at]
        have[np.unique(np.concatenate(each))] += share
    bare = np.flatnonzero(have < 1.0 - 1e-3)
    return np.sort(bare[np.argsort(have[bare], kind="stable")][:_WIDEN_ROWS])
