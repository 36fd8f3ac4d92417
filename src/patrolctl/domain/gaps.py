"""Who was missed by a run, followed until somebody has reached them."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from patrolctl.domain.ids import PlanId, ReceiverId, RunId
from patrolctl.domain.kinds import PlanKind


class GapState(StrEnum):
    """OPEN until a person has seen it, CLOSED when nobody is missing."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class GapDeed(StrEnum):
    """What was done about a gap."""

    OPENED = "opened"
    ACKNOWLEDGED = "acknowledged"
    NOTED = "noted"
    PLANNED = "planned"
    LAUNCHED = "launched"
    REACHED = "reached"
    CLOSED = "closed"


class Rerun(StrEnum):
    """What is done with what a schedule's runs missed.

    ``OFFER`` leaves it open for the operator. ``LAUNCH`` plans and launches it
    without a person, once, when late reports have had their time. ``OFF``
    flies nothing again, not for a person either, and reminds nobody.
    """

    OFFER = "offer"
    LAUNCH = "launch"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class FollowUp:
    """How patiently gaps are followed.

    ``grace_s`` is how long after a run's end a re-run without a person waits:
    loudspeakers that had no link report then. ``remind_s`` is how often a gap
    that nobody has acknowledged is told of again.
    """

    grace_s: float = 300.0
    remind_s: float = 1800.0


@dataclass(frozen=True, slots=True)
class GapStep:
    """One thing that was done; ``run_id`` or ``plan_id`` is what came of it."""

    ts_utc: datetime
    actor: str
    deed: GapDeed
    text: str
    run_id: RunId | None = None
    plan_id: PlanId | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """Receivers and households that a whole message has not reached.

    Of a household that was reached at another of its windows nothing is
    missing.
    """

    receivers: tuple[ReceiverId, ...] = ()
    households: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gap:
    """What one run missed; ``id`` is the run's.

    ``missing`` is what is missing still, ``missed`` what was when it opened.
    Runs for its rest (``Plan.parent_run``) belong to it and open no other.
    """

    id: RunId
    site_id: str
    plan_id: PlanId
    kind: PlanKind
    announcement: str
    opened_utc: datetime
    missed: Missing
    missing: Missing
    state: GapState = GapState.OPEN
    steps: tuple[GapStep, ...] = ()
    schedule_id: str | None = None

    def after(self, step: GapStep, **changes: object) -> "Gap":
        """With one more step."""
        return replace(self, steps=(*self.steps, step), **changes)  # type: ignore[arg-type] # replace() checks the names

    @property
    def acknowledged_by(self) -> str | None:
        """Who has seen it first."""
        return next(
            (s.actor for s in self.steps if s.deed is GapDeed.ACKNOWLEDGED), None
        )


@dataclass(frozen=True, slots=True)
class GapHead:
    """A gap in the list: counts instead of names."""

    id: RunId
    site_id: str
    plan_id: PlanId
    kind: PlanKind
    announcement: str
    opened_utc: datetime
    state: GapState
    missed_receivers: int
    missed_households: int
    missing_receivers: int
    missing_households: int
    acknowledged_by: str | None
    steps: tuple[GapStep, ...]

    @classmethod
    def of(cls, gap: Gap) -> "GapHead":
        """The head of a gap."""
        return cls(
            id=gap.id,
            site_id=gap.site_id,
            plan_id=gap.plan_id,
            kind=gap.kind,
            announcement=gap.announcement,
            opened_utc=gap.opened_utc,
            state=gap.state,
            missed_receivers=len(gap.missed.receivers),
            missed_households=len(gap.missed.households),
            missing_receivers=len(gap.missing.receivers),
            missing_households=len(gap.missing.households),
            acknowledged_by=gap.acknowledged_by,
            steps=gap.steps,
        )
