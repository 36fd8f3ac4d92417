"""Drone plans of real and fictional blocks, against bounds and baselines.

A row a block: reach, mission time, stations, sorties, both bounds and gaps,
solve time, peak memory; then the better baseline at the same reach. Every
block is planned in a process of its own, cold kernels compiled beforehand.
"""

import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor
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
from patrolctl.sites import load_site, with_defaults

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


def measured(path: Path) -> tuple[PlanSummary, float, float | None, float]:
    """Summary, wall seconds, first incumbent's second, peak MiB."""
    site = site_at(path)
    first: list[float] = []
    start_s = time.perf_counter()

    def tell(progress: object) -> None:
        if getattr(progress, "incumbent_s", None) is not None and not first:
            first.append(time.perf_counter() - start_s)

    plan = plan_drone(site, order(), tell)
    wall_s = time.perf_counter() - start_s
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return plan.summary, wall_s, first[0] if first else None, peak


def compared(path: Path) -> tuple[PlanSummary, list[Baseline]]:
    site = site_at(path)
    plan = plan_drone(site, order())
    wanted = np.array([r.reached for r in plan.receivers])
    return plan.summary, baselines(task_of(site, order()), wanted)


def _alone(work, path):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(work, path).result()


def main() -> None:
    for name, path in BLOCKS.items():
        if not path.exists():
            print(f"{name}: skipped, {path.name} is not here")
            continue
        _alone(measured, path)  # compiles what is not in the cache yet
        s, wall_s, first_s, peak = _alone(measured, path)
        print(
            f"{name}: reached {s.reached}/{s.reachable} of {s.receivers}, "
            f"{s.mission_time_s:.0f} s, {s.stations} stations, {s.sorties} sorties\n"
            f"  bound {s.lower_bound_s:.0f} s (gap {s.gap:.1%}), stations fixed "
            f"{s.conditional_bound_s:.0f} s (gap {s.conditional_gap:.1%})\n"
            f"  solved in {wall_s:.1f} s (limit {LIMIT_S:.0f} s), first plan after "
            f"{first_s or 0.0:.1f} s, peak {peak:.0f} MiB"
        )
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
