"""Drone plans of real and fictional blocks, against bounds and baselines.

A row a block: reach, mission time, stations, sorties, both bounds and gaps,
solve time, peak memory; then the better baseline at the same reach. CPU time
is given beside wall time: the machines that run this are shared. Every
block is planned in a process of its own, cold kernels compiled beforehand.
"""

import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks._baselines import Baseline, baselines
from patrolctl.domain.machines import FleetVehicle, VehicleKind
from patrolctl.domain.plan import PlanAnnouncement, PlanSummary, Requirement
from patrolctl.domain.site import Site
from patrolctl.formats import import_site
from patrolctl.planning.drone import DroneOrder, plan_drone
from patrolctl.planning.drone.task import task_of
from patrolctl.planning.progress import PlanProgress
from patrolctl.sites import load_site, with_defaults

SHARED = {"xuzhou-estate", "lower-east-side"}
ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
LIMIT_S = 10.0
BLOCKS = {
    "quickstart": ROOT / "missions" / "quickstart" / "site.geojson",
    "xuzhou-estate": ROOT / "missions" / "xuzhou-estate" / "site.geojson",
    "lower-east-side": DATA / "nyc_lower_east_side_towers.geojson",
    "stuyvesant-town": DATA / "nyc_stuyvesant_town.geojson",
}


def site_at(path: Path) -> Site:
    known = path.parent.parent.name == "missions"
    site = load_site(path) if known else import_site((path,)).site
    return with_defaults(site)[0]


def order() -> DroneOrder:
    return DroneOrder(
        announcement=PlanAnnouncement("bench", 20.0, 1),
        fleet=(FleetVehicle("d1", VehicleKind.COPTER),),
        requirement=Requirement(),
        created_utc=datetime(2026, 1, 1, tzinfo=UTC),
        time_limit_s=LIMIT_S,
    )


@dataclass(frozen=True)
class Measured:
    """A plan with what it took; ``first`` is the first incumbent, (s, time_s)."""

    summary: PlanSummary
    wall_s: float
    cpu_s: float
    first: tuple[float, float] | None
    peak_mib: float


def measured(path: Path, drones: int | None = None) -> Measured:
    site = site_at(path)
    first: list[tuple[float, float]] = []
    start_s, cpu_s = time.perf_counter(), time.process_time()

    def tell(progress: PlanProgress) -> None:
        if progress.incumbent_s is not None and not first:
            first.append((time.perf_counter() - start_s, progress.incumbent_s))

    plan = plan_drone(site, replace(order(), drones=drones), tell)
    return Measured(
        plan.summary,
        time.perf_counter() - start_s,
        time.process_time() - cpu_s,
        first[0] if first else None,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def compared(path: Path) -> tuple[PlanSummary, list[Baseline]]:
    site = site_at(path)
    plan = plan_drone(site, order())
    wanted = np.array([r.reached for r in plan.receivers])
    return plan.summary, baselines(task_of(site, order()), wanted)


def _alone(work, *args):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(work, *args).result()


def _tell(name: str, m: Measured) -> None:
    s = m.summary
    first = (
        "none" if m.first is None else f"{m.first[1]:.0f} s after {m.first[0]:.1f} s"
    )
    print(
        f"{name}: reached {s.reached}/{s.reachable} of {s.receivers}, "
        f"{s.mission_time_s:.0f} s, {s.stations} stations, {s.sorties} sorties\n"
        f"  bound {s.lower_bound_s:.0f} s (gap {s.gap:.1%}), stations fixed "
        f"{s.conditional_bound_s:.0f} s (gap {s.conditional_gap:.1%})\n"
        f"  solved in {m.wall_s:.1f} s (limit {LIMIT_S:.0f} s; {m.cpu_s:.1f} s CPU), "
        f"first plan: {first}, peak {m.peak_mib:.0f} MiB",
        flush=True,
    )


def main() -> None:
    for name, path in BLOCKS.items():
        if not path.exists():
            print(f"{name}: skipped, {path.name} is not here")
            continue
        _alone(measured, path)  # compiles what is not in the cache yet
        _tell(name, _alone(measured, path))
        if name in SHARED:
            _tell(f"{name}, two drones", _alone(measured, path, 2))
        s, others = _alone(compared, path)
        for b in others:
            print(
                f"  {b.name} ({b.settings}): reached {b.reached}, {b.time_s:.0f} s, "
                f"{b.stations} stops, {b.sorties} sorties"
            )
        better = min(b.time_s for b in others)
        print(f"  plan / better baseline = {s.mission_time_s / better:.2f}", flush=True)


if __name__ == "__main__":
    main()
