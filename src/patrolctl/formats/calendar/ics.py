"""The CalendarFormat port."""

from datetime import date, datetime, timedelta

from dateutil.rrule import rrulestr
from icalendar import Calendar, Component

from patrolctl.domain.calendar import CalendarDefaults, CalendarEntry
from patrolctl.domain.errors import Fault, InputError
from patrolctl.formats.calendar.event import Reading, entry_of, prop, text_of
from patrolctl.formats.calendar.writing import write_calendar

BYTES_MAX = 2_000_000
EVENTS_MAX = 1000
DAYS_MAX = 5000
# A holiday of every year is written out for so many years.
YEARS = 20


class IcsFormat:
    """RFC 5545 files as Google Calendar, Outlook and we write them."""

    def write(self, entries: tuple[CalendarEntry, ...], now_utc: datetime) -> bytes:
        """A calendar with one event a schedule."""
        return write_calendar(entries, now_utc)

    def read(self, raw: bytes, defaults: CalendarDefaults) -> tuple[CalendarEntry, ...]:
        """The schedules of a calendar, or every fault at once."""
        calendar = _parsed(raw)
        readings: dict[str, Reading] = {}
        events = calendar.walk("VEVENT")
        for number, event in enumerate(events):
            if "RECURRENCE-ID" not in event:
                uid = text_of(event, "UID") or f"event {number + 1}"
                readings[uid] = Reading(calendar, defaults, event)
        faults: list[Fault] = []
        for event in events:
            if "RECURRENCE-ID" in event:
                uid = text_of(event, "UID")
                if uid in readings:
                    readings[uid].others.append(event)
                else:
                    what = "is an instance of an event that is not in the file"
                    faults.append(Fault(f"event {uid}", what))
        found = [entry_of(r, faults) for r in readings.values()]
        if not events:
            faults.append(Fault("calendar", "has no events", "at least one VEVENT"))
        if faults:
            raise InputError(faults)
        return tuple(e for e in found if e is not None)

    def read_days(self, raw: bytes) -> tuple[date, ...]:
        """All days of all whole-day events."""
        days: set[date] = set()
        for event in _parsed(raw).walk("VEVENT"):
            days |= _days(event)
            if len(days) > DAYS_MAX:
                raise InputError.one("calendar", f"has more than {DAYS_MAX} days")
        if not days:
            raise InputError.one("calendar", "has no whole-day events", "holidays")
        return tuple(sorted(days))


def _parsed(raw: bytes) -> Calendar:
    if len(raw) > BYTES_MAX:
        raise InputError.one("calendar", f"is longer than {BYTES_MAX} bytes")
    try:
        found = Calendar.from_ical(raw.decode("utf-8-sig"))
    except (ValueError, TypeError, KeyError, IndexError) as e:
        line = str(e).splitlines()[0][:120] if str(e) else type(e).__name__
        right = "an iCalendar file (RFC 5545)"
        raise InputError.one("calendar", f"cannot be read ({line})", right) from None
    if not isinstance(found, Calendar) or found.name != "VCALENDAR":
        raise InputError.one("calendar", "is no VCALENDAR", "an iCalendar file")
    if len(found.walk("VEVENT")) > EVENTS_MAX:
        raise InputError.one("calendar", f"has more than {EVENTS_MAX} events")
    return found


def _days(event: Component) -> set[date]:
    try:
        start = prop(event, "DTSTART").dt
        if isinstance(start, datetime):
            return set()
        end = prop(event, "DTEND").dt if "DTEND" in event else start + timedelta(days=1)
        length = min(max((end - start).days, 1), 366)
        starts = [start]
        rule = prop(event, "RRULE")
        if rule is not None:
            if isinstance(rule, list) or rule.get("FREQ") != ["YEARLY"]:
                raise ValueError("repeats other than yearly")
            first = datetime.combine(start, datetime.min.time())
            dates = rrulestr(rule.to_ical().decode(), dtstart=first)
            last = first + timedelta(days=366 * YEARS)
            starts = [t.date() for t in dates.between(first, last, inc=True)]
    except (KeyError, ValueError, TypeError, AttributeError) as e:
        place = f"event {text_of(event, 'SUMMARY')}"
        raise InputError.one(place, f"cannot be read ({e})", "RFC 5545") from None
    return {s + timedelta(days=n) for s in starts for n in range(length)}
