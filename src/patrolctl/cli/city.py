"""The work of ``patrolctl plan city``."""

import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from patrolctl.cli.output import tell
from patrolctl.config import DEFAULT_MESSAGE_S
from patrolctl.domain.errors import InputError
from patrolctl.domain.ids import AnnouncementId, VehicleId
from patrolctl.domain.machines import FleetVehicle, VehicleKind
from patrolctl.domain.plan import PlanAnnouncement, Requirement
from patrolctl.domain.site import Site
from patrolctl.planning.drone import CITY_EFFORT, CityOrder, DroneOrder, plan_city
from patrolctl.sites import load_site, with_defaults

_EVERY_S = 2.0
Options = tuple[Requirement, int, float | None, int | None]


@dataclass(slots=True)
class CitySummary:
    """All blocks together; ``problems`` are those without a plan."""

    blocks: int
    planned: int = 0
    kept: int = 0
    problems: int = 0
    receivers: int = 0
    reached: int = 0
    mission_time_s: float = 0.0
    wall_s: float = 0.0
    stopped: bool = False


def load_block(path: Path) -> Site:
    """A site file with the stated defaults."""
    return with_defaults(load_site(path))[0]


def run_city(
    site_dir: Path, output: Path, options: Options, stop: Callable[[], bool]
) -> dict[str, object]:
    """Plan all blocks, telling how far it is.

    Raises:
        InputError: there is no block, or the output cannot be written to.
    """
    requirement, seed, effort, workers = options
    sources = sorted(site_dir.glob("*.geojson"))
    if not sources:
        raise InputError.one(str(site_dir), "holds no *.geojson", "one site a block")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise InputError.one(str(output), f"cannot be made ({e.strerror})") from None
    order = DroneOrder(
        announcement=PlanAnnouncement(AnnouncementId("default"), DEFAULT_MESSAGE_S, 1),
        fleet=(FleetVehicle(VehicleId("drone-1"), VehicleKind.COPTER),),
        requirement=requirement,
        created_utc=datetime.now(UTC),
        seed=seed,
        stop=stop,
        effort=CITY_EFFORT if effort is None else effort,
    )
    city = CityOrder(order, load_block, workers)
    summary = CitySummary(len(sources))
    start_s = last_s = time.perf_counter()
    for block in plan_city(sources, output, city):
        if block.problem is not None:
            summary.problems += 1
            tell(f"{block.name}: {block.problem}")
        elif block.kept:
            summary.kept += 1
        else:
            summary.planned += 1
            summary.receivers += block.receivers
            summary.reached += block.reached
            summary.mission_time_s += block.mission_time_s
        summary.wall_s = round(time.perf_counter() - start_s, 1)
        if time.perf_counter() - last_s > _EVERY_S:
            last_s = time.perf_counter()
            _show(summary)
    summary.stopped = stop()
    _show(summary)
    return asdict(summary)


def _show(s: CitySummary) -> None:
    done = s.planned + s.kept + s.problems
    rate = s.planned / s.wall_s if s.wall_s > 0 else 0.0
    text = (
        f"{done} of {s.blocks} blocks, {s.kept} kept, {s.problems} without a plan, "
        f"{rate:.1f} blocks/s"
    )
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
    else:
        tell(text)
