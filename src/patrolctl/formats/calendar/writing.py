"""Schedules to an iCalendar file."""

from datetime import UTC, datetime, time
from itertools import product
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vRecur

from patrolctl.domain.brief import Schedule
from patrolctl.domain.calendar import CalendarEntry
from patrolctl.formats.calendar import names


def write_calendar(entries: tuple[CalendarEntry, ...], now_utc: datetime) -> bytes:
    """One VEVENT a schedule, with the VTIMEZONEs that they need."""
    calendar = Calendar()
    calendar.add("prodid", "-//patrolctl//schedules//EN")
    calendar.add("version", "2.0")
    for entry in entries:
        calendar.add_component(_event(entry, now_utc))
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def _event(entry: CalendarEntry, now_utc: datetime) -> Event:
    s = entry.schedule
    zone = ZoneInfo(s.time_zone)
    event = Event()
    event.add("uid", f"{s.id}@patrolctl")
    event.add("dtstamp", now_utc)
    event.add("summary", s.title or f"{s.announcement} ({', '.join(s.work)})")
    event.add("dtstart", s.start_local.replace(tzinfo=zone))
    if s.rrule != names.ONCE:
        event.add("rrule", vRecur.from_ical(_until_in_utc(s.rrule, zone)))
    left_out = sorted({*s.except_times, *_times_of_days(s)})
    for name, times in (("exdate", left_out), ("rdate", sorted(s.also_local))):
        if times:
            event.add(name, [t.replace(tzinfo=zone) for t in times])
    _add_own(event, entry)
    return event


def _add_own(event: Event, entry: CalendarEntry) -> None:
    s = entry.schedule
    event.add(names.ID, s.id)
    event.add(names.MISSION, entry.mission_id)
    event.add(names.ANNOUNCEMENT, s.announcement)
    event.add(names.WORK, " ".join(s.work))
    event.add(names.LATE_S, f"{s.late_s:g}")
    event.add(names.MISSED, s.missed.value)
    event.add(names.RERUN, s.rerun.value)
    event.add(names.ENABLED, "TRUE" if s.enabled else "FALSE")
    if s.title is None:
        event.add("x-patrolctl-title", "NONE")
    if s.authority is not None:
        event.add(names.AUTHORITY, s.authority)
    if s.holidays:
        event.add(names.HOLIDAYS, " ".join(s.holidays))
    if s.except_dates:
        days = " ".join(d.isoformat() for d in s.except_dates)
        event.add(names.EXCEPT_DATES, days)


def _parts(rule: str) -> dict[str, str]:
    return dict(p.partition("=")[::2] for p in rule.split(";"))


def _until_in_utc(rule: str, zone: ZoneInfo) -> str:
    """UNTIL must be in UTC where DTSTART has a time zone (RFC 5545, 3.3.10)."""
    parts = _parts(rule)
    until = parts.get("UNTIL")
    if until is not None and "T" in until and not until.endswith("Z"):
        local = datetime.strptime(until, "%Y%m%dT%H%M%S").replace(tzinfo=zone)
        parts["UNTIL"] = f"{local.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    elif until is not None and "T" not in until:
        end = datetime.strptime(until, "%Y%m%d").replace(
            hour=23, minute=59, second=59, tzinfo=zone
        )
        parts["UNTIL"] = f"{end.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return ";".join(f"{k}={v}" for k, v in parts.items())


def _times_of_days(s: Schedule) -> list[datetime]:
    """The times of the days left out: other programs know EXDATE by time only."""
    parts = _parts(s.rrule)
    hours = parts.get("BYHOUR") or str(s.start_local.hour)
    minutes = parts.get("BYMINUTE") or str(s.start_local.minute)
    return [
        datetime.combine(day, time(int(h), int(m), s.start_local.second))
        for day in s.except_dates
        for h, m in product(hours.split(","), minutes.split(","))
    ]
