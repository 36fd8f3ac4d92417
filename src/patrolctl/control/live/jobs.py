"""A planning job as it is told to people."""

from dataclasses import dataclass
from enum import StrEnum

from patrolctl.domain.ids import PlanId, RunId
from patrolctl.domain.plan import PlanKind, Window
from patrolctl.domain.templates import FieldValue


class JobState(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    SOLVING = "solving"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PlanOrder:
    """What is to be planned; None takes the mission's own value.

    ``fields`` are values for what the announcement leaves open. ``rerun_of``
    plans only for what that run missed.
    """

    mission_id: str
    kind: PlanKind
    announcement: str | None = None
    zone: str | None = None
    drones: int | None = None
    vehicles: int | None = None
    window: Window | None = None
    time_limit_s: float = 20.0
    seed: int = 1
    loops: int = 1
    fields: tuple[FieldValue, ...] = ()
    rerun_of: RunId | None = None


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """Why a job failed: a stable slug and the lines for people."""

    slug: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlanJob:
    """One job; ``bound_s`` and ``incumbent_s`` as far as the solver told."""

    job_id: str
    order: PlanOrder
    state: JobState = JobState.QUEUED
    progress_ratio: float = 0.0
    text: str = "queued"
    incumbent_s: float | None = None
    bound_s: float | None = None
    plan_id: PlanId | None = None
    problem: PlanProblem | None = None
