"""iCalendar files (RFC 5545): schedules in and out, holidays in."""

from patrolctl.formats.calendar.ics import IcsFormat

__all__ = ["IcsFormat"]
