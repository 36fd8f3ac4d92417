"""The planning child process: one order in, progress and a plan out.

Planning takes seconds to minutes of pure computing. It runs in a process of
its own so that heartbeats and STOP never wait for it, and so that it can be
ended at any moment.
"""

import ctypes
import faulthandler
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from multiprocessing.connection import Connection

from patrolctl.control.live.jobs import PlanProblem
from patrolctl.domain.errors import (
    Conflict,
    GateRefused,
    InputError,
    NoFeasiblePlan,
    SpeechFailed,
)
from patrolctl.domain.ids import RunId
from patrolctl.domain.machines import FleetVehicle
from patrolctl.domain.plan import Plan, PlanAnnouncement, PlanKind, Requirement
from patrolctl.domain.site import Site, SitePoint
from patrolctl.planning.progress import PlanProgress

PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True, slots=True)
class PlanWork:
    """An order with everything resolved, as it is sent to the child.

    ``only``: the receivers to reach, None: all.
    """

    kind: PlanKind
    site: Site
    announcement: PlanAnnouncement
    spectrum_db: tuple[float, ...] | None
    crest_db: float | None
    fleet: tuple[FleetVehicle, ...]
    requirement: Requirement
    seed: int
    time_limit_s: float
    created_utc: datetime
    count: int | None
    loops: int
    only: frozenset[str] | None = None
    parent_run: RunId | None = None


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent is gone (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it went before the line above
        os._exit(1)


def receiver_id(point: SitePoint) -> str:
    """The receiver that a loop plan has at a sampling point."""
    return f"ground-{point.id}"


def solve(work: PlanWork, progress: Callable[[PlanProgress], None]) -> Plan:
    """Plan, in this process.

    Raises:
        NoFeasiblePlan, InputError: as the planners do.
    """
    if work.kind is PlanKind.DRONE:
        # Each planner pulls in its own solver; a child needs only one.
        from patrolctl.planning.drone import DroneOrder, plan_drone  # noqa: PLC0415

        return plan_drone(
            work.site,
            DroneOrder(
                announcement=work.announcement,
                spectrum_db=work.spectrum_db,
                crest_db=work.crest_db,
                fleet=work.fleet,
                requirement=work.requirement,
                seed=work.seed,
                time_limit_s=work.time_limit_s,
                created_utc=work.created_utc,
                drones=work.count,
                only=work.only,
                stop=lambda: False,  # whoever stops us kills the process
            ),
            progress,
        )
    from patrolctl.planning.loop import LoopOrder, plan_loop  # noqa: PLC0415

    return plan_loop(
        _with_points(work.site, work.only),
        LoopOrder(
            announcement=work.announcement,
            fleet=work.fleet,
            vehicles=work.count,
            headway_s=None,
            cover="points",
            requirement=work.requirement,
            seed=work.seed,
            time_limit_s=work.time_limit_s,
            created_utc=work.created_utc,
            loops=work.loops,
            spectrum_db=work.spectrum_db,
        ),
        progress,
    )


def _with_points(site: Site, only: frozenset[str] | None) -> Site:
    """The site with those sampling points alone whose receivers are named."""
    if only is None:
        return site
    kept = tuple(p for p in site.sampling_points if receiver_id(p) in only)
    return replace(site, sampling_points=kept)


def problem_of(error: Exception) -> PlanProblem:
    """A planner's error as it is told; slugs as in the problem documents."""
    slug = "defect"
    for kind, name in (
        (NoFeasiblePlan, "no-feasible-plan"),
        (GateRefused, "gate-refused"),
        (InputError, "bad-input"),
        (SpeechFailed, "speech-failed"),
        (Conflict, "conflict"),
    ):
        if isinstance(error, kind):
            slug = name
    text = str(error) if slug != "defect" else f"{type(error).__name__}: {error}"
    return PlanProblem(slug, tuple(text.splitlines()))


def child(results: Connection, parent_pid: int, work: PlanWork) -> None:
    """Entry of the process: sends PlanProgress…, then a Plan or an error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    faulthandler.enable()  # machine code that crashes leaves a trace in the log
    die_with_parent(parent_pid)
    os.nice(5)
    # Solvers print banners; stdout is for the command's one document.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        results.send(solve(work, results.send))
    except Exception as e:  # noqa: BLE001 - it is sent to the parent, whatever it is
        results.send(problem_of(e))
    finally:
        results.close()
