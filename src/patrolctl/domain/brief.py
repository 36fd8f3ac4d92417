"""What a mission folder says: site, announcements, fleet, schedules."""

from dataclasses import dataclass
from datetime import date, datetime

from patrolctl.domain.ids import AnnouncementId, ScheduleId
from patrolctl.domain.machines import FleetVehicle
from patrolctl.domain.plan import PlanKind, Requirement
from patrolctl.domain.site import Site
from patrolctl.domain.sound import Announcement


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to run what.

    ``rrule`` is an RFC 5545 recurrence rule, ``start_local`` its DTSTART as
    a naive time in ``time_zone`` (IANA). ``late_s`` is how late a missed
    occurrence may still be fired; later it is skipped and recorded.
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


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One due moment of a schedule and what became of it."""

    schedule_id: ScheduleId
    due_utc: datetime
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Brief:
    """One mission folder, loaded and validated.

    ``defaults`` lists every default that was taken, for people.
    """

    name: str
    site: Site
    announcements: tuple[Announcement, ...]
    fleet: tuple[FleetVehicle, ...]
    requirement: Requirement = Requirement()
    schedules: tuple[Schedule, ...] = ()
    defaults: tuple[str, ...] = ()
