"""What a mission folder says: site, announcements, fleet, schedules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from patrolctl.domain.gaps import Rerun
from patrolctl.domain.ids import AnnouncementId, ScheduleId
from patrolctl.domain.machines import FleetVehicle
from patrolctl.domain.plan import PlanKind, Requirement
from patrolctl.domain.site import Site
from patrolctl.domain.sound import Announcement


class MissedPolicy(StrEnum):
    """What becomes of an occurrence that is more than a minute late.

    ``SKIP`` lets it go, ``RUN_LATE`` runs it up to the schedule's ``late_s``,
    and ``ASK`` asks the operator. Of several that were missed together only
    the last is looked at; the others are let go. All is recorded.
    """

    SKIP = "skip"
    RUN_LATE = "run_late"
    ASK = "ask"


class OccurrenceState(StrEnum):
    """How far an occurrence is.

    ``CLAIMED`` belongs to a node that carries it out; ``LAUNCHING`` has begun
    its launch, so that nobody else may begin it again; ``ASKING`` waits for
    the operator. The others have ended.
    """

    CLAIMED = "claimed"
    LAUNCHING = "launching"
    ASKING = "asking"
    DONE = "done"
    SKIPPED = "skipped"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to run what.

    ``rrule`` is an RFC 5545 recurrence rule, ``start_local`` its DTSTART as
    a naive time in ``time_zone`` (IANA). ``also_local`` are further times
    (RDATE), ``except_times`` single times left out (EXDATE), ``except_dates``
    whole days left out, ``holidays`` the names of lists of such days.
    ``late_s`` is how late a missed occurrence may still be fired where
    ``missed`` is ``RUN_LATE``; later it is skipped and recorded. ``rerun``
    says whether what its runs missed is flown again without a person.
    """

    id: ScheduleId
    announcement: AnnouncementId
    work: tuple[PlanKind, ...]
    rrule: str
    start_local: datetime
    time_zone: str
    except_dates: tuple[date, ...] = ()
    late_s: float = 300.0
    authority: str | None = None
    enabled: bool = True
    also_local: tuple[datetime, ...] = ()
    except_times: tuple[datetime, ...] = ()
    holidays: tuple[str, ...] = ()
    missed: MissedPolicy = MissedPolicy.RUN_LATE
    title: str | None = None
    rerun: Rerun = Rerun.OFFER


@dataclass(frozen=True, slots=True)
class StoredSchedule:
    """A schedule that was made or changed in the running service.

    It stands for the mission's own schedule of the same id; ``deleted`` says
    that there is none any more.
    """

    mission_id: str
    schedule: Schedule
    changed_utc: datetime
    changed_by: str
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One due moment of a schedule and what became of it.

    ``manual`` ones were asked for by a person; ``node`` is the process that
    claimed it and ``beat_utc`` when that one was last alive.
    """

    schedule_id: ScheduleId
    due_utc: datetime
    outcome: str | None = None
    state: OccurrenceState = OccurrenceState.DONE
    manual: bool = False
    node: str | None = None
    claimed_utc: datetime | None = None
    beat_utc: datetime | None = None


@dataclass(frozen=True, slots=True)
class Brief:
    """One mission folder, loaded and validated.

    ``defaults`` lists every default that was taken, for people; ``holidays``
    the named lists of days that schedules may leave out.
    """

    name: str
    site: Site
    announcements: tuple[Announcement, ...]
    fleet: tuple[FleetVehicle, ...]
    requirement: Requirement = Requirement()
    schedules: tuple[Schedule, ...] = ()
    defaults: tuple[str, ...] = ()
    holidays: Mapping[str, tuple[date, ...]] = field(default_factory=dict)
