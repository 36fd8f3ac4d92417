"""The drone planner: one readable recipe."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Self

import numpy as np
import numpy.typing as npt

from patrolctl.domain.errors import NoFeasiblePlan
from patrolctl.domain.plan import Plan, PlanKind, PlanSummary
from patrolctl.domain.site import Site
from patrolctl.planning.drone.bounds import (
    Least,
    apart,
    least_round_s,
    round_trips_s,
    visits_s,
)
from patrolctl.planning.drone.document import (
    Heard,
    Places,
    heard,
    receivers_out,
    sortie_of,
)
from patrolctl.planning.drone.flight import Flight
from patrolctl.planning.drone.offer import (
    Offer,
    come_of,
    offer,
    quick_offer,
    widened,
)
from patrolctl.planning.drone.order import Budget, DroneOrder
from patrolctl.planning.drone.prices import Prices
from patrolctl.planning.drone.reasons import reasons_for
from patrolctl.planning.drone.roster import Roster, roster_of
from patrolctl.planning.drone.search import (
    Bench,
    Reporter,
    bench_of,
    first_tour,
    searched,
)
from patrolctl.planning.drone.sensitivity import sensitivity_of
from patrolctl.planning.drone.stations import (
    Survey,
    ends_energy_s,
    landing_s,
    survey,
)
from patrolctl.planning.drone.task import Task, home_points, task_of
from patrolctl.planning.progress import PlanProgress, untold

Ints = npt.NDArray[np.int64]
_POSITIONS = 3000
_FEWEST = 250
_PRICING = 0.5  # share of the limit after which columns are no longer priced
_BOUNDING = 0.8  # … and the bound no longer raised
_HURRY = 0.3  # a first plan that takes this share of the limit is the plan
_CUT_SHORT = "stopped early: a coarse grid, no bound; more may be reachable"


def plan_drone(
    site: Site,
    order: DroneOrder,
    progress: Callable[[PlanProgress], None] | None = None,
) -> Plan:
    """Plan loudspeaker flights that every reachable receiver hears.

    Args:
        site: the place, with a geofence and a launch point for copters.
        order: what to announce, with what, under which requirement.
        progress: told how far planning is.

    Returns:
        A plan whose every receiver was predicted anew from its stations.

    Raises:
        InputError: the order does not fit the site.
        NoFeasiblePlan: nothing can be reached, with what binds.
    """
    budget = Budget(order.time_limit_s, order.stop)
    report = Reporter(progress or untold)
    report.stage("reading the site", 0.0)
    task = task_of(site, order)
    report.stage(f"where {len(task.receivers)} receivers are heard", 0.05)
    if order.effort >= 1.0:
        coarse = _coarse(task, report)
        if coarse is not None and budget.over(_HURRY):
            task = replace(task, warnings=(*task.warnings, _CUT_SHORT))
            return _finish(task, *coarse, (budget, report))
    view = survey(task, most=max(_FEWEST, round(_POSITIONS * order.effort)))
    report.stage("choosing stations", 0.25)
    goods = offer(task, view, lambda: budget.over(_PRICING))
    bench = bench_of(task, view, goods)
    with _Bounding(task, view, goods, budget, report) as bounding:
        tour = searched(task, bench, budget, report)
        bounding.settle()
    return _finish(task, view, bench, tour, (budget, report))


class _Bounding:
    """Raises the bound beside the search, on the other core.

    What it finds has no influence on the plan.
    """

    def __init__(
        self,
        task: Task,
        view: Survey,
        goods: Offer,
        budget: Budget,
        report: Reporter,
    ) -> None:
        self._of = (task, view)
        self._pricing = goods.pricing
        self._report = report
        self._left = False
        self._enough = lambda: self._left or budget.over(_BOUNDING)
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
            widened(*self._of, self._pricing, self._enough)
            self._tell()

    def _tell(self) -> None:
        if self._pricing is not None:
            self._report.bound_s = global_bound_s(*self._of, self._pricing.result())

    def settle(self) -> None:
        """Wait for the bound: it ends by itself or with the time limit."""
        if self._work is not None:
            self._work.result()


def _coarse(task: Task, report: Reporter) -> tuple[Survey, Bench, Ints] | None:
    """A whole plan at once, on a coarse grid, to fall back on."""
    try:
        view = survey(task, most=_FEWEST)
        bench = bench_of(task, view, quick_offer(task, view))
    except NoFeasiblePlan:
        return None  # a finer grid may find what a coarse one does not
    tour = first_tour(bench)
    report.found(bench.market.mission_s(tour), 0.0, "a first plan")
    return view, bench, tour


def _finish(
    task: Task,
    view: Survey,
    bench: Bench,
    tour: Ints,
    ways: tuple[Budget, Reporter],
) -> Plan:
    budget, report = ways
    report.stage("sharing and timing the sorties", 0.9)
    flown = roster_of(task, view, bench, tour)
    if flown is None:
        raise NoFeasiblePlan(
            (
                f"battery: {task.usable_s:.0f} s of hovering do not reach every "
                "station and back",
            )
        )
    report.stage("checking every receiver", 0.95)
    got = heard(task, flown.stops)
    missed = np.flatnonzero(~got.reached)
    reasons = reasons_for(task, view.candidates.points_m, missed)
    summary = _summary(task, got, flown.flights, flown.time_s)
    can = int((got.reached | bench.offer.reachable).sum())
    summary = replace(summary, reachable=can)
    summary = _bounded(task, bench, flown, report.bound_s or 0.0, summary)
    hurry = budget.stop() or task.order.effort < 1.0
    varied = {} if hurry else sensitivity_of(task, flown.stops)
    summary = replace(summary, solve_s=round(budget.used_s, 3))
    report.done(flown.time_s, summary.lower_bound_s)
    plan = _plan(task, flown.flights, (got, reasons), summary)
    return replace(plan, sensitivity=varied)


def _summary(
    task: Task, got: Heard, flights: list[Flight], time_s: float
) -> PlanSummary:
    reached = int(got.reached.sum())
    homes = {h for h in task.receivers.household if h is not None}
    happy = {
        h
        for h, ok in zip(task.receivers.household, got.reached, strict=True)
        if ok and h is not None
    }
    stations = {s.stop.name for f in flights for s in f.steps if s.stop is not None}
    return PlanSummary(
        receivers=len(task.receivers),
        reachable=reached,
        reached=reached,
        households=len(homes),
        households_reached=len(happy),
        stations=len(stations),
        sorties=len(flights),
        mission_time_s=round(time_s, 2),
        distance_m=round(sum(f.distance_m for f in flights), 2),
    )


def _least(task: Task) -> Least:
    up = task.space.floor_m
    climb = float(task.motion.leg_s(np.zeros(3), np.array([0.0, 0.0, up])))
    return Least(
        ends_s=climb + landing_s(task, up),
        ends_j=ends_energy_s(task),
        usable_j=task.usable_s,
        turnaround_s=task.order.turnaround_s,
        drones=len(task.drones),
    )


def _bounded(
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
        gap=_gap(time_s, bound),
        conditional_bound_s=round(conditional, 2),
        conditional_gap=_gap(time_s, conditional),
    )


def _gap(time_s: float, bound_s: float) -> float | None:
    return round((time_s - bound_s) / time_s, 4) if time_s > 0.0 else None


def global_bound_s(task: Task, view: Survey, prices: Prices) -> float:
    """What no choice of stations, order and sorties beats.

    Holding and coming by the prices, or the least number of messages and
    the flying between receivers that no two share a place; then the sorties
    that so much work takes.
    """
    least, points = _least(task), view.candidates.points_m
    cheap = min(1.0, task.profile.cruise_power_ratio)
    home_s = come_of(task, points, home_points(task)).home_s
    by_prices = least.with_ends(home_s, home_s * cheap)
    count = float(np.ceil(prices.stations - 1e-6)) * task.order.message_s
    flying, trip = _least_flying_s(task, view)
    by_count = count + flying
    return max(
        by_prices.mission_s(prices.bound_s, by_prices.sorties(prices.bound_s * cheap)),
        least.mission_s(by_count, least.sorties(by_count * cheap)),
        trip + least.ends_s + task.order.message_s,
    )


def _least_flying_s(task: Task, view: Survey) -> tuple[float, float]:
    """All flying at least, and the longest round trip that one receiver asks."""
    points, homes = view.candidates.points_m, home_points(task)
    heads = len(view.candidates.headings_deg)
    out = task.motion.leg_s(homes[:, None, :], points[None, :, :]).min(axis=0)
    back = task.motion.leg_s(points[:, None, :], homes[None, :, :]).min(axis=1)
    alone = least_round_s(out + back, view.cover, heads)
    if len(homes) > 1:
        return alone, alone  # each drone has a trip of its own
    groups = apart(view.cover, heads)
    every = np.vstack([points, homes])
    return max(alone, visits_s(every, groups, task.motion)), alone


def conditional_bound_s(task: Task, bench: Bench, roster: Roster) -> float:
    """What no order and no sorties beat with these stations and legs."""
    least = _least(task)
    tour = roster.tour
    market = bench.market
    rows, counts = np.unique(market.place[tour], return_counts=True)
    homes = len(bench.places) + np.arange(len(task.drones))
    table = bench.table.time_s
    inner = table[np.ix_(rows, rows)]
    near = table[np.ix_(homes, rows)].min(axis=0)
    back = table[np.ix_(rows, homes)].min(axis=1)
    n = len(rows)
    time = np.zeros((n + 1, n + 1))
    time[:n, :n], time[n, :n], time[:n, n] = inner, near, back
    hold = len(tour) * task.order.message_s
    cheap = min(1.0, task.profile.cruise_power_ratio)
    flown = sum(f.duration_s for f in roster.flights)
    sorties = least.sorties(hold)
    for _ in range(3):  # flying takes energy too, and so perhaps a sortie more
        trips = round_trips_s(time, sorties, upper_s=flown)
        more = least.sorties(hold + trips * cheap)
        if more == sorties:
            break
        sorties = more
    turns = float((counts - 1).sum())  # a second heading takes a second at least
    return least.mission_s(hold + trips + turns, sorties)


def _plan(
    task: Task,
    flights: list[Flight],
    heard_by: tuple[Heard, dict[int, str]],
    summary: PlanSummary,
) -> Plan:
    got, reasons = heard_by
    order, site = task.order, task.original
    numbered = sorted(range(len(flights)), key=lambda k: (flights[k].start_s, k))
    sorties = tuple(
        sortie_of(task, flights[k], f"F{n}") for n, k in enumerate(numbered, start=1)
    )
    fence = None
    if site.geofence is not None:
        ring = np.array(site.geofence.exterior.coords)[:-1]
        fence = tuple(
            (round(float(a), 8), round(float(b), 8))
            for a, b in site.frame.to_latlon_deg(ring)
        )
    return_m = min(task.space.highest_m, task.space.ceiling_m)
    vehicle = task.profile
    if vehicle.return_altitude_m is None:
        vehicle = replace(vehicle, return_altitude_m=round(return_m, 1))
    announcement = replace(order.announcement, spectrum_db=order.spectrum_db)
    return Plan(
        kind=PlanKind.DRONE,
        site_sha256=site.sha256,
        site_id=site.id,
        seed=order.seed,
        created_utc=order.created_utc,
        requirement=order.requirement,
        speaker=task.speaker,
        vehicle=vehicle,
        announcement=announcement,
        home=Places(task).home(0),
        sorties=sorties,
        receivers=receivers_out(task, got, reasons),
        summary=summary,
        geofence=fence,
        warnings=task.warnings,
    )
