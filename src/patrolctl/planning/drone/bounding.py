"""Both bounds of a plan, and the thread that raises the global one."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Self

import numpy as np

from patrolctl.acoustics.bands import Bools, Floats
from patrolctl.domain.plan import PlanSummary
from patrolctl.planning.drone.bounds import (
    Least,
    apart,
    least_round_s,
    round_trips_s,
    visits_s,
)
from patrolctl.planning.drone.offer import widened
from patrolctl.planning.drone.order import OutOfTime
from patrolctl.planning.drone.prices import Prices
from patrolctl.planning.drone.roster import Roster
from patrolctl.planning.drone.search import Bench, Reporter
from patrolctl.planning.drone.stations import Survey, ends_energy_s, landing_s
from patrolctl.planning.drone.task import Task, home_points
from patrolctl.planning.space.legs import STRAIGHT


class Bounding:
    """Raises the bound beside the search, on the other core.

    What it finds has no influence on the plan. ``left`` says whether there
    is time left.
    """

    def __init__(
        self,
        task: Task,
        view: Survey,
        bench: Bench,
        left: Callable[[], bool],
        report: Reporter,
    ) -> None:
        self._of = (task, view)
        self._pricing = bench.offer.pricing
        self._report = report
        self._left = False
        self._enough = lambda: self._left or not left()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="bound")
        self._work: Future[None] | None = None

    def __enter__(self) -> Self:
        self._tell()
        if self._pricing is not None and self._of[0].order.effort >= 1.0:
            self._work = self._pool.submit(self._widen)
        return self

    def __exit__(self, *_: object) -> None:
        self._left = True
        self._pool.shutdown()

    def _widen(self) -> None:
        if self._pricing is not None:
            with suppress(OutOfTime):  # what was found till now holds
                widened(*self._of, self._pricing, self._enough)
            self._tell()

    def _tell(self) -> None:
        if self._pricing is not None:
            self._report.bound_s = global_bound_s(*self._of, self._pricing.result())

    def settle(self) -> None:
        """Wait for the bound: it ends by itself or with the time limit."""
        if self._work is not None:
            self._work.result()


def least_of(task: Task) -> Least:
    """What every sortie and every drone takes at the least."""
    up = task.space.floor_m
    climb = float(task.motion.leg_s(np.zeros(3), np.array([0.0, 0.0, up])))
    return Least(
        ends_s=climb + landing_s(task, up),
        ends_j=ends_energy_s(task),
        usable_j=task.usable_s,
        turnaround_s=task.order.turnaround_s,
        drones=len(task.drones),
    )


def _stop_s(task: Task) -> tuple[float, float]:
    """What not stopping above the launch point saves: rising, and sinking.

    Who flies straight up goes on at once to where the way leads; two legs in
    line take one stop more than both together, speed / acceleration.
    """
    p = task.profile
    return p.climb_m_s / p.accel_m_s2, p.descent_m_s / p.accel_m_s2


def _near_home(task: Task, points_m: Floats, homes_m: Floats) -> Bools:
    """(homes, points): where the way may lead straight up from a home.

    Farther away, flying level takes longer than what a stop costs.
    """
    p = task.profile
    ramp_m = max(p.climb_m_s, p.descent_m_s) ** 2 / p.accel_m_s2
    away = homes_m[:, None, :2] - points_m[None, :, :2]
    return np.asarray(np.hypot(away[..., 0], away[..., 1]) <= ramp_m)


def _through(task: Task, least: Least, saved_s: float) -> Least:
    """The least where sorties may save this much at their ends."""
    power = max(1.0, task.profile.climb_power_ratio)
    return least.with_ends(-saved_s, -saved_s * power)


def with_bounds(
    task: Task,
    bench: Bench,
    flown: Roster,
    bound_s: float,
    summary: PlanSummary,
) -> PlanSummary:
    """Both bounds and both gaps."""
    time_s = summary.mission_time_s or 0.0
    bound = min(bound_s, time_s)
    conditional = min(conditional_bound_s(task, bench, flown), time_s)
    return replace(
        summary,
        lower_bound_s=round(bound, 2),
        gap=gap_of(time_s, bound),
        conditional_bound_s=round(conditional, 2),
        conditional_gap=gap_of(time_s, conditional),
    )


def gap_of(time_s: float, bound_s: float) -> float | None:
    """Share of a mission's time that its bound leaves open; None: no mission."""
    return round((time_s - bound_s) / time_s, 4) if time_s > 0.0 else None


def global_bound_s(task: Task, view: Survey, prices: Prices) -> float:
    """What no choice of stations, order and sorties beats.

    Holding and coming by the prices, or the least number of messages and
    the flying between receivers that no two share a place; then the sorties
    that so much work takes.
    """
    least = least_of(task)
    if _near_home(task, view.candidates.points_m, home_points(task)).any():
        least = _through(task, least, sum(_stop_s(task)))
    cheap = min(1.0, task.profile.cruise_power_ratio)
    by_prices = least.with_ends(prices.home_s, prices.home_s * cheap)
    count = float(np.ceil(prices.stations - 1e-6)) * task.order.message_s
    flying, trip = _least_flying_s(task, view)
    by_count = count + flying
    return max(
        by_prices.mission_s(
            prices.bound_s, by_prices.sorties(prices.bound_s * cheap), cheap
        ),
        least.mission_s(by_count, least.sorties(by_count * cheap), cheap),
        trip + least.ends_s + task.order.message_s,
    )


def _least_flying_s(task: Task, view: Survey) -> tuple[float, float]:
    """All flying at least, and the longest round trip that one receiver asks."""
    points, homes = view.candidates.points_m, home_points(task)
    heads = len(view.candidates.headings_deg)
    out = task.motion.leg_s(homes[:, None, :], points[None, :, :]).min(axis=0)
    back = task.motion.leg_s(points[:, None, :], homes[None, :, :]).min(axis=1)
    alone = least_round_s(out + back, view.cover, heads)
    if len(homes) > 1 or task.order.effort < 1.0:
        return alone, alone  # each drone has a trip of its own; or in a hurry
    groups = apart(view.cover, heads)
    every = np.vstack([points, homes])
    return max(alone, visits_s(every, groups, task.motion)), alone


def conditional_bound_s(task: Task, bench: Bench, roster: Roster) -> float:
    """What no order and no sorties beat with these stations and legs."""
    least = least_of(task)
    tour = roster.tour
    market = bench.market
    rows, counts = np.unique(market.place[tour], return_counts=True)
    homes = len(bench.places) + np.arange(len(task.drones))
    table, points = bench.table.time_s, bench.table.points_m
    inner = table[np.ix_(rows, rows)]
    up_s, down_s = _stop_s(task)
    # Over or around something one may rise straight from the ground.
    through = _near_home(task, points[rows], points[homes])
    out = through | (bench.table.kind[np.ix_(homes, rows)] != STRAIGHT)
    home = through.T | (bench.table.kind[np.ix_(rows, homes)] != STRAIGHT)
    near = (table[np.ix_(homes, rows)] - up_s * out).min(axis=0)
    back = (table[np.ix_(rows, homes)] - down_s * home).min(axis=1)
    least = replace(least, ends_j=_through(task, least, up_s + down_s).ends_j)
    n = len(rows)
    time = np.zeros((n + 1, n + 1))
    time[:n, :n], time[n, :n], time[:n, n] = inner, near, back
    hold = len(tour) * task.order.message_s
    cheap = min(1.0, task.profile.cruise_power_ratio)
    # Steps of the right length need the time of flying alone.
    flown = sum(f.duration_s - least.ends_s for f in roster.flights) - hold
    sorties = least.sorties(hold)
    for _ in range(3):  # flying takes energy too, and so perhaps a sortie more
        trips = round_trips_s(time, sorties, upper_s=flown)
        more = least.sorties(hold + trips * cheap)
        if more == sorties:
            break
        sorties = more
    turns = float((counts - 1).sum())  # a second heading takes a second at least
    return least.mission_s(hold + trips + turns, sorties, cheap)
