"""The drone planner: one readable recipe."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from patrolctl.domain.errors import NoFeasiblePlan
from patrolctl.domain.plan import Plan, PlanKind, PlanSummary
from patrolctl.domain.site import Site
from patrolctl.planning.drone.bounding import Bounding, with_bounds
from patrolctl.planning.drone.document import (
    Heard,
    Places,
    heard,
    receivers_out,
    sortie_of,
)
from patrolctl.planning.drone.flight import Flight
from patrolctl.planning.drone.offer import offer, quick_offer
from patrolctl.planning.drone.order import Budget, DroneOrder, OutOfTime
from patrolctl.planning.drone.passes_bound import with_pass_bounds
from patrolctl.planning.drone.passes_offer import may_pass
from patrolctl.planning.drone.passes_tour import with_passes
from patrolctl.planning.drone.reasons import reasons_for
from patrolctl.planning.drone.roster import roster_of
from patrolctl.planning.drone.search import (
    Bench,
    Reporter,
    bench_of,
    first_tour,
    quickened,
    searched,
    stops_of,
)
from patrolctl.planning.drone.sensitivity import sensitivity_of
from patrolctl.planning.drone.stations import Survey, survey
from patrolctl.planning.drone.task import Task, task_of
from patrolctl.planning.progress import PlanProgress, untold

Ints = npt.NDArray[np.int64]
_POSITIONS = 3000
_FEWEST = 250
_PRICING = 0.5  # share of the limit after which columns are no longer priced
_PLAIN = 0.45  # … and not even begun to be: greedy stations must do
_LATE = 0.7  # … and the coarse plan is the plan, if nothing finer is searched yet
_SOME = 6  # stations that tell how long the checks take
_CHECKS = 1.1
_SHARING = 0.25  # share of the limit that several drones' timetables get
_PASSING = 0.2  # … and looking for passes, where messages are short
_VARIED = 0.96  # later than this, what-if questions are left out
_CLOSING_S = 0.3  # sharing, timing, writing
_HURRY = 0.35  # a first plan that takes this share of the limit is the plan
_CUT_SHORT = "stopped early: a coarse grid, no bound; more may be reachable"
_UNPRICED = "stopped early: stations chosen greedily, no bound; fewer may do"


@dataclass(frozen=True, slots=True)
class _Found:
    """A tour and what it was made of; ``rest_s`` is what its checks will take."""

    view: Survey
    bench: Bench
    tour: Ints
    rest_s: float


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
    coarse = _coarse(task, report) if order.effort >= 1.0 else None
    try:
        fine = None if coarse and budget.over(_HURRY) else _fine(
            task, budget, report, must=coarse is None
        )  # fmt: skip
    except OutOfTime:
        fine = None
    if fine is not None and fine.bench.offer.pricing is None:
        task = replace(task, warnings=(*task.warnings, _UNPRICED))
    if fine is None and coarse is not None:
        task = replace(task, warnings=(*task.warnings, _CUT_SHORT))
        fine = _searched(task, *coarse[:2], (budget, report))
    if fine is None:
        raise NoFeasiblePlan(("nobody is reached from any place to hover",))
    return _finish(task, fine, (budget, report))


def _fine(task: Task, budget: Budget, report: Reporter, *, must: bool) -> _Found:
    """The plan worth having: a fine grid, priced, searched, bounded.

    Args:
        task: the task.
        budget: what is left of the time.
        report: is told.
        must: there is nothing to fall back on, however long it takes.

    Raises:
        OutOfTime: the fallback is all that there is time for.
    """

    def late() -> bool:
        return not must and budget.over(_LATE)

    most = max(_FEWEST, round(_POSITIONS * task.order.effort))
    view = survey(task, most=most, enough=late)
    report.stage("choosing stations", 0.25)
    if budget.over(_PLAIN) and not must:
        goods = quick_offer(task, view, late)
    else:
        goods = offer(task, view, lambda: budget.over(_PRICING), late)
    if late():
        raise OutOfTime
    bench = bench_of(task, view, goods)
    return _searched(task, view, bench, (budget, report))


def _searched(
    task: Task, view: Survey, bench: Bench, ways: tuple[Budget, Reporter]
) -> _Found:
    """Search, with the bound beside it, for as long as there is time."""
    budget, report = ways
    tour = first_tour(bench)
    hurry = budget.over() or task.order.effort < 1.0
    rest_s = 0.0 if hurry else _checking_s(task, view, bench, tour)
    sharing_s = _SHARING * budget.limit_s if len(task.drones) > 1 else 0.0
    if may_pass(task) and not hurry:
        sharing_s += _PASSING * budget.limit_s
    with Bounding(task, view, bench, lambda: budget.leaves(rest_s), report) as bound:
        tour = searched(task, bench, budget, report, rest_s + sharing_s)
        bound.settle()
    return _Found(view, bench, tour, rest_s)


def _checking_s(task: Task, view: Survey, bench: Bench, tour: Ints) -> float:
    """How long the checks at the end are going to take on this machine.

    Measured on some stations, now: the machine may have much else to do.
    """
    some = stops_of(task, view, bench, tour)[:: max(1, len(tour) // _SOME)]
    start_s = time.perf_counter()
    heard(task, some)
    took_s = time.perf_counter() - start_s
    return _CLOSING_S + _CHECKS * took_s * len(tour) / max(1, len(some))


def _coarse(task: Task, report: Reporter) -> tuple[Survey, Bench, Ints] | None:
    """A whole plan at once, on a coarse grid, to fall back on."""
    try:
        view = survey(task, most=_FEWEST)
        bench = bench_of(task, view, quick_offer(task, view))
    except NoFeasiblePlan:
        return None  # a finer grid may find what a coarse one does not
    tour = first_tour(bench)
    report.found(bench.market.mission_s(tour), 0.0, "a first plan")
    return view, bench, quickened(task, bench, tour)


def _finish(task: Task, found: _Found, ways: tuple[Budget, Reporter]) -> Plan:
    budget, report = ways
    view, bench = found.view, found.bench
    report.stage("sharing and timing the sorties", 0.9)

    def enough() -> bool:
        return not budget.leaves(found.rest_s)

    flown = roster_of(task, view, bench, found.tour, enough)
    if flown is None:
        raise NoFeasiblePlan(
            (
                f"battery: {task.usable_s:.0f} s of hovering do not reach every "
                "station and back",
            )
        )
    mixed = with_passes(task, view, bench, flown, enough)
    flown = mixed.roster
    report.stage("checking every receiver", 0.95)
    got = heard(task, flown.stops)
    missed = np.flatnonzero(~got.reached)
    reasons = reasons_for(task, view.candidates.points_m, missed)
    summary = _summary(task, got, flown.flights, flown.time_s)
    can = int((got.reached | bench.offer.reachable).sum())
    summary = replace(summary, reachable=can)
    summary = with_bounds(task, bench, flown, report.bound_s or 0.0, summary)
    summary = with_pass_bounds(task, view, bench, mixed, summary)
    hurry = budget.over(_VARIED) or task.order.effort < 1.0
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
