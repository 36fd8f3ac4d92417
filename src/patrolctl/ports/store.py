"""What is kept."""

from typing import Protocol

from patrolctl.domain.audit import AuditEntry
from patrolctl.domain.evidence import Evidence, TrackPoint
from patrolctl.domain.ids import PlanId, RunId, ScheduleId, VehicleId
from patrolctl.domain.plan import Plan, PlanHead
from patrolctl.domain.run import RunEvent, RunState
from patrolctl.domain.sound import Playback
from patrolctl.domain.telemetry import VehicleEvent


class Store(Protocol):
    """The database. What returned is durable.

    Every method raises StoreFailed when the database itself fails.
    """

    async def save_plan(
        self, plan_id: PlanId, plan: Plan, *, key: str | None = None
    ) -> None:
        """Keep a plan; the same id with the same plan is harmless.

        ``key`` names the content it was made from, for :meth:`plan_of`.

        Raises:
            Conflict: the id belongs to another plan.
        """
        ...

    async def plan_of(self, key: str) -> PlanId | None:
        """The newest plan that was made from this content, if any."""
        ...

    async def plan(self, plan_id: PlanId) -> Plan:
        """One plan.

        Raises:
            NotFound: there is none of that id.
        """
        ...

    async def plans(self) -> tuple[PlanId, ...]:
        """Ids of all plans, newest first."""
        ...

    async def plan_heads(self, *, limit: int = 200) -> tuple[PlanHead, ...]:
        """Plans without their receivers, newest first."""
        ...

    async def save_run(self, state: RunState, event: RunEvent | None) -> None:
        """Keep the state and the event that led to it, in one transaction."""
        ...

    async def run(self, run_id: RunId) -> RunState:
        """One run.

        Raises:
            NotFound: there is none of that id.
        """
        ...

    async def runs(self, *, limit: int = 100) -> tuple[RunState, ...]:
        """Runs, newest first."""
        ...

    async def unfinished_runs(self) -> tuple[RunState, ...]:
        """Every run that has not ended, oldest first."""
        ...

    async def unproved_runs(self) -> tuple[RunState, ...]:
        """Every run that has ended and has no evidence, oldest first."""
        ...

    async def run_events(self, run_id: RunId) -> tuple[RunEvent, ...]:
        """The run's events in their order."""
        ...

    async def add_vehicle_event(self, event: VehicleEvent) -> None:
        """Keep a fact about a vehicle; a repeated id is kept once."""
        ...

    async def vehicle_events(
        self, vehicle_id: VehicleId, *, limit: int = 200
    ) -> tuple[VehicleEvent, ...]:
        """The latest facts about a vehicle, newest first."""
        ...

    async def add_track(self, run_id: RunId, points: tuple[TrackPoint, ...]) -> None:
        """Append to a run's track."""
        ...

    async def track(self, run_id: RunId) -> tuple[TrackPoint, ...]:
        """A run's track in time order."""
        ...

    async def add_playback(self, run_id: RunId | None, playback: Playback) -> None:
        """Keep a report; a repeated id is kept once."""
        ...

    async def playbacks(self, run_id: RunId) -> tuple[Playback, ...]:
        """A run's playback reports in time order."""
        ...

    async def save_evidence(self, evidence: Evidence) -> None:
        """Keep the proof of a run."""
        ...

    async def evidence(self, run_id: RunId) -> Evidence:
        """The proof of a run.

        Raises:
            NotFound: the run has none (yet).
        """
        ...

    async def pause_schedule(self, schedule_id: ScheduleId, *, paused: bool) -> None:
        """Keep whether a schedule is paused."""
        ...

    async def paused_schedules(self) -> frozenset[ScheduleId]:
        """The schedules that are paused."""
        ...

    async def audit(self, actor: str, action: str, detail: str) -> None:
        """Append to the audit log."""
        ...

    async def audit_log(self, *, limit: int = 200) -> tuple[AuditEntry, ...]:
        """The audit log, newest first."""
        ...

    async def audit_fault(self) -> int | None:
        """The first entry whose chain is broken; None when all are whole."""
        ...
