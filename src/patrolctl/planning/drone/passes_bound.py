"""What no plan can beat where messages may be said in flight, too.

The prices that prove the bound over stations need not prove it over passes:
one may tell more, for its time, than its rows are priced at. Such rows are
priced down until no pass on offer is worth more than it takes; what these
prices prove holds over stations and passes alike. Two more things change:
the nearest neighbour of a station may be the end of a pass, and what was
known of flying from place to place holds only for receivers that no pass
tells.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.bands import Floats
from patrolctl.domain.plan import PlanSummary
from patrolctl.planning.drone.bounding import gap_of, least_of
from patrolctl.planning.drone.bounds import (
    apart,
    least_round_s,
    round_trips_s,
    visits_s,
)
from patrolctl.planning.drone.coverage import Cover
from patrolctl.planning.drone.offer import TURN_S, come_of
from patrolctl.planning.drone.passes_offer import Pass
from patrolctl.planning.drone.passes_tour import Mixed
from patrolctl.planning.drone.passes_ways import hops_s
from patrolctl.planning.drone.prices import Costs, Pricing, bound_of
from patrolctl.planning.drone.reduce import needed_rows, with_rows
from patrolctl.planning.drone.search import Bench
from patrolctl.planning.drone.stations import Survey
from patrolctl.planning.drone.task import Task, home_points

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Passes that tell each row of the survey's cover.

    A row stands for receivers that the same stations reach; the one of them
    that the fewest passes tell speaks for it. ``told`` lists its passes.
    """

    told: list[Ints]

    def untold(self) -> Ints:
        """Rows with somebody whom no pass tells."""
        return np.flatnonzero([len(t) == 0 for t in self.told])


def rows_of(view: Survey, passes: list[Pass]) -> Rows:
    """Match passes with the survey's rows."""
    n = int(max(view.active.max(initial=-1), 0)) + 1
    by_receiver: dict[int, list[int]] = {}
    for k, p in enumerate(passes):
        for r in p.rows.tolist():
            if r < n:
                by_receiver.setdefault(r, []).append(k)
    best: list[Ints | None] = [None] * view.cover.n_rows
    for receiver, row in zip(view.active.tolist(), view.row_of.tolist(), strict=True):
        if row < 0:
            continue
        mine = np.array(by_receiver.get(receiver, []), dtype=np.int64)
        now = best[row]
        if now is None or len(mine) < len(now):
            best[row] = mine
    none = np.empty(0, dtype=np.int64)
    return Rows([none if b is None else b for b in best])


def priced_down(u: Floats, told: list[Ints], takes_s: Floats) -> Floats:
    """Prices at which no pass is worth more than it takes.

    Args:
        u: (rows,) prices.
        told: the passes that tell each row.
        takes_s: (passes,) how long each takes at the least.
    """
    worth = np.zeros(len(takes_s))
    for price, mine in zip(u, told, strict=True):
        worth[mine] += price
    over = np.maximum(worth / takes_s, 1.0)
    least = [over[mine].max(initial=1.0) for mine in told]
    return np.asarray(u / np.array(least), dtype=np.float64)


def _price_bound_s(
    task: Task, view: Survey, pricing: Pricing, passes: list[Pass], rows: Rows
) -> float:
    """By prices: holding, coming, and the sorties that so much work takes."""
    points, homes = view.candidates.points_m, home_points(task)
    ends = np.array([e for p in passes for e in (p.a_m, p.b_m)])
    come = come_of(task, np.vstack([points, ends]), homes)
    heads = len(view.candidates.headings_deg)
    costs = Costs(
        task.order.message_s, come.place_s[: len(points)], heads, TURN_S, come.home_s
    )
    kept = needed_rows(view.cover)
    told = [rows.told[k] for k in kept]
    u = np.zeros(pricing.cover.n_rows)
    takes_s = np.array([p.pace.total_s for p in passes])
    # Rows that were added later stand for nobody in particular: no price.
    prices = pricing.result().u[: len(kept)]
    u[: len(kept)] = priced_down(prices, told, takes_s)
    proved = bound_of(pricing.cover, costs, u).bound_s
    cheap = min(1.0, task.profile.cruise_power_ratio)
    least = least_of(task).with_ends(come.home_s, come.home_s * cheap)
    return least.mission_s(proved, least.sorties(proved * cheap), cheap)


def _untold_bound_s(task: Task, view: Survey, rows: Rows) -> float:
    """By those whom no pass tells: stations of their own and the way to them."""
    untold = rows.untold()
    if not len(untold):
        return 0.0
    cover: Cover = with_rows(view.cover, untold)
    heads = len(view.candidates.headings_deg)
    points, homes = view.candidates.points_m, home_points(task)
    out = task.motion.leg_s(homes[:, None, :], points[None, :, :]).min(axis=0)
    back = task.motion.leg_s(points[:, None, :], homes[None, :, :]).min(axis=1)
    trip_s = least_round_s(out + back, cover, heads)
    least, hold_s = least_of(task), task.order.message_s
    alone = trip_s + least.ends_s + hold_s
    if len(homes) > 1:
        return alone
    groups = apart(cover, heads)
    flying = visits_s(np.vstack([points, homes]), groups, task.motion)
    work = len(groups) * hold_s + max(trip_s, flying)
    cheap = min(1.0, task.profile.cruise_power_ratio)
    return max(alone, least.mission_s(work, least.sorties(work * cheap), cheap))


def conditional_s(task: Task, mixed: Mixed) -> float:
    """What no order and no sorties beat with these stations and passes."""
    if mixed.table is None:
        return 0.0
    least = least_of(task)
    hops = hops_s(task, mixed.table, mixed.pieces)
    hold = sum(p.hold_s for p in mixed.pieces)
    cheap = min(1.0, task.profile.cruise_power_ratio)
    flown = sum(f.duration_s for f in mixed.roster.flights)
    homes = len(mixed.table.points_m) - len(task.drones) + np.arange(len(task.drones))
    first = np.array([p.first for p in mixed.pieces])
    last = np.array([p.last for p in mixed.pieces])
    n = len(mixed.pieces)
    hops[n, :n] = mixed.table.time_s[np.ix_(homes, first)].min(axis=0)
    hops[:n, n] = mixed.table.time_s[np.ix_(last, homes)].min(axis=1)
    sorties = least.sorties(hold)
    trips = round_trips_s(hops, sorties, upper_s=flown)
    return least.mission_s(hold + trips, sorties, cheap)


def with_pass_bounds(
    task: Task, view: Survey, bench: Bench, mixed: Mixed, summary: PlanSummary
) -> PlanSummary:
    """Both bounds with the passes on offer, and what they hold over."""
    places = len(view.candidates.points_m)
    heads = len(view.candidates.headings_deg)
    over = f"{places} positions with {heads} headings each"
    if not mixed.offered:
        passes = "no passes" if task.passes else "no passes: they are not allowed"
        return replace(summary, passes=0, passes_offered=0,
                       bound_over=f"{over}, {passes}")  # fmt: skip
    time_s = summary.mission_time_s or 0.0
    rows = rows_of(view, mixed.offered)
    by_price = 0.0
    if bench.offer.pricing is not None:
        by_price = _price_bound_s(task, view, bench.offer.pricing, mixed.offered, rows)
    lower = min(
        summary.lower_bound_s or 0.0, max(by_price, _untold_bound_s(task, view, rows))
    )
    conditional = summary.conditional_bound_s or 0.0
    if mixed.used:
        conditional = min(conditional_s(task, mixed), time_s)
    return replace(
        summary,
        passes=len(mixed.used),
        passes_offered=len(mixed.offered),
        bound_over=f"{over}, and {len(mixed.offered)} passes",
        lower_bound_s=round(lower, 2),
        gap=gap_of(time_s, lower),
        conditional_bound_s=round(conditional, 2),
        conditional_gap=gap_of(time_s, conditional),
    )
