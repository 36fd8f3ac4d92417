"""The format of other people's calendars."""

from datetime import date, datetime
from typing import Protocol

from patrolctl.domain.calendar import CalendarDefaults, CalendarEntry


class CalendarFormat(Protocol):
    """Reads and writes ``.ics`` files."""

    def write(self, entries: tuple[CalendarEntry, ...], now_utc: datetime) -> bytes:
        """A calendar with one event a schedule."""
        ...

    def read(self, raw: bytes, defaults: CalendarDefaults) -> tuple[CalendarEntry, ...]:
        """The schedules of a calendar.

        Raises:
            InputError: one line a fault, with the event's name.
        """
        ...

    def read_days(self, raw: bytes) -> tuple[date, ...]:
        """The days of a calendar of holidays.

        Raises:
            InputError: it is no calendar, or has no whole days.
        """
        ...
