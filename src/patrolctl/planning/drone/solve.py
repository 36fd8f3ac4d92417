"""The drone planner: one readable recipe."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from patrolctl.domain.errors import NoFeasiblePlan
from patrolctl.domain.plan import Plan, PlanKind, PlanSummary
from patrolctl.domain.site import Site
from patrolctl.planning.drone.bounds import least_sorties, one_tree_s, shared_s
from patrolctl.planning.drone.document import (
    Heard,
    Places,
    heard,
    receivers_out,
    sortie_of,
)
from patrolctl.planning.drone.flight import Flight
from patrolctl.planning.drone.order import Budget, DroneOrder
from patrolctl.planning.drone.reasons import reasons_for
from patrolctl.planning.drone.schedule import clashes_of, schedule
from patrolctl.planning.drone.search import (
    Bench,
    Reporter,
    bench_of,
    cut_tour,
    flights_of,
    searched,
    stops_of,
)
from patrolctl.planning.drone.stations import Survey, ends_energy_s, offer, survey
from patrolctl.planning.drone.task import Task, task_of
from patrolctl.planning.progress import PlanProgress, untold

Ints = npt.NDArray[np.int64]
_POSITIONS = 3000


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
    view = survey(task, most=_POSITIONS)
    report.stage("choosing stations", 0.25)
    goods = offer(task, view, budget, 0.5)
    bench = bench_of(task, view, goods)
    tour = searched(task, bench, budget, report)
    return _finish(task, view, bench, tour, (budget, report))


def _finish(
    task: Task,
    view: Survey,
    bench: Bench,
    tour: Ints,
    ways: tuple[Budget, Reporter],
) -> Plan:
    budget, report = ways
    cuts = cut_tour(task, bench, tour)
    if cuts is None:
        raise NoFeasiblePlan(
            (
                f"battery: {task.usable_s:.0f} s of hovering do not reach every "
                "station and back",
            )
        )
    order = [k for _, members in cuts.sorties for k in members]
    tour = tour[order]
    stops = stops_of(task, view, bench, tour)
    renumbered = _renumbered(cuts.sorties)
    flights = flights_of(task, bench, replace(cuts, sorties=renumbered), tour, stops)
    report.stage("checking every receiver", 0.93)
    clashes = clashes_of(task, stops) if len(task.drones) > 1 else None
    time_s = schedule(task, flights, clashes)
    got = heard(task, stops)
    missed = np.flatnonzero(~got.reached)
    reasons = reasons_for(task, view.candidates.points_m, missed)
    summary = _summary(task, got, flights, time_s)
    can = int((got.reached | (bench.offer.row_of >= 0)).sum())
    summary = replace(summary, reachable=can)
    summary = _bounded(task, bench, tour, summary)
    summary = replace(summary, solve_s=round(budget.used_s, 3))
    report.found(time_s, 1.0, "done")
    return _plan(task, flights, (got, reasons), summary)


def _renumbered(
    sorties: tuple[tuple[int, tuple[int, ...]], ...],
) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """The same cut over the tour in the order of its sorties."""
    out, begin = [], 0
    for d, members in sorties:
        out.append((d, tuple(range(begin, begin + len(members)))))
        begin += len(members)
    return tuple(out)


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


def _bounded(task: Task, bench: Bench, tour: Ints, summary: PlanSummary) -> PlanSummary:
    """Both bounds and both gaps."""
    time_s = summary.mission_time_s or 0.0
    hold = task.order.message_s
    places = np.unique(bench.market.place[tour])
    rows = np.append(places, len(bench.places))
    points = bench.table.points_m[rows]
    straight = task.motion.leg_s(points[:, None, :], points[None, :, :])
    ends = ends_energy_s(task)
    flown = one_tree_s(straight, upper_s=time_s)
    conditional = _least_s(task, len(tour) * hold + flown, ends)
    stations = int(np.ceil(bench.offer.unit_bound - 1e-6))
    bound = _least_s(task, stations * hold, ends)
    return replace(
        summary,
        lower_bound_s=round(bound, 2),
        gap=round(max(0.0, (time_s - bound) / time_s), 4) if time_s else None,
        conditional_bound_s=round(conditional, 2),
        conditional_gap=(
            round(max(0.0, (time_s - conditional) / time_s), 4) if time_s else None
        ),
    )


def _least_s(task: Task, work_s: float, ends_s: float) -> float:
    sorties = least_sorties(work_s, task.usable_s - ends_s)
    total = work_s + sorties * ends_s
    return shared_s(total, len(task.drones), task.order.turnaround_s, sorties)


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
