"""Schedules on their way into and out of other people's calendars."""

from dataclasses import dataclass

from patrolctl.domain.brief import Schedule
from patrolctl.domain.plan import PlanKind


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """A schedule with the mission it belongs to."""

    mission_id: str
    schedule: Schedule


@dataclass(frozen=True, slots=True)
class CalendarDefaults:
    """What an event means that was not written by us.

    ``time_zone`` is for times without one.
    """

    time_zone: str
    mission_id: str | None = None
    announcement: str | None = None
    work: tuple[PlanKind, ...] = ()
