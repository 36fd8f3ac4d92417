"""One event of a calendar, with its moved and cancelled instances."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar, Component

from patrolctl.domain.brief import MissedPolicy, Schedule
from patrolctl.domain.calendar import CalendarDefaults, CalendarEntry
from patrolctl.domain.errors import Fault
from patrolctl.domain.gaps import Rerun
from patrolctl.domain.ids import AnnouncementId, ScheduleId
from patrolctl.domain.plan import PlanKind
from patrolctl.formats.calendar import names
from patrolctl.formats.calendar.zones import zone_name

TITLE_MAX, TIMES_MAX = 200, 10_000


class Unusable(Exception):
    """Why an event cannot be a schedule."""

    def __init__(self, what: str, right: str = "") -> None:
        self.what, self.right = what, right
        super().__init__(what)


@dataclass
class Reading:
    """An event being read: its file, its instances, and what we add."""

    calendar: Calendar
    defaults: CalendarDefaults
    master: Component
    others: list[Component] = field(default_factory=list)

    @property
    def place(self) -> str:
        """How its faults name it."""
        return f"event {text_of(self.master, 'SUMMARY') or text_of(self.master, 'UID')}"


def prop(event: Component, name: str) -> Any:
    """A property as icalendar parsed it; None where there is none."""
    return event.get(name)


def text_of(event: Component, name: str) -> str:
    """A property as plain text of one line."""
    value = prop(event, name)
    if isinstance(value, list):
        value = value[0]
    text = " ".join(str(value or "").split())
    return "".join(c for c in text if c.isprintable())[:TITLE_MAX]


def entry_of(reading: Reading, faults: list[Fault]) -> CalendarEntry | None:
    """The schedule that an event stands for, or a fault."""
    try:
        return _entry(reading)
    except Unusable as e:
        faults.append(Fault(reading.place, e.what, e.right))
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError) as e:
        # icalendar hands out what it could not parse as it stands.
        faults.append(Fault(reading.place, f"cannot be read ({e})", "RFC 5545"))
    return None


def _entry(reading: Reading) -> CalendarEntry:
    event, defaults = reading.master, reading.defaults
    for one in (event, *reading.others):
        for name, problem in one.errors:
            raise Unusable(f"has a {name} that cannot be read ({problem[:80]})")
    zone, start = _start(reading)
    rule = _rule(event)
    if rule != names.ONCE and zone is None:
        zone = "UTC"
    zone = zone or defaults.time_zone
    start_local = _wall(start, zone)
    except_times, except_days = _times(event, "EXDATE", zone)
    also, also_days = _times(event, "RDATE", zone)
    if also_days:
        raise Unusable("has an RDATE without a time", "a date with a time")
    for other in reading.others:
        _moved(other, zone, except_times, also)
    own_days = {
        date.fromisoformat(d) for d in text_of(event, names.EXCEPT_DATES).split()
    }
    schedule = Schedule(
        id=ScheduleId(_id(event)),
        announcement=AnnouncementId(_announcement(reading)),
        work=_work(reading),
        rrule=rule,
        start_local=start_local,
        time_zone=zone,
        except_dates=tuple(sorted(own_days | except_days)),
        except_times=tuple(sorted(t for t in except_times if t.date() not in own_days)),
        also_local=tuple(sorted(also)),
        holidays=tuple(text_of(event, names.HOLIDAYS).split()),
        late_s=float(text_of(event, names.LATE_S) or 300.0),
        missed=MissedPolicy(text_of(event, names.MISSED) or "run_late"),
        rerun=Rerun(text_of(event, names.RERUN) or "offer"),
        authority=text_of(event, names.AUTHORITY) or None,
        enabled=_enabled(event),
        title=_title(event),
    )
    return CalendarEntry(_mission(reading), schedule)


# -- times


def _start(reading: Reading) -> tuple[str | None, datetime]:
    """The event's zone (None: it is in UTC) and start."""
    if "DTSTART" not in reading.master:
        raise Unusable("has no DTSTART")
    value = prop(reading.master, "DTSTART")
    start = value.dt
    if not isinstance(start, datetime):
        raise Unusable("is a whole day", "an event with a time")
    tzid = str(value.params.get("TZID", ""))
    if not tzid:
        if start.tzinfo is not None:
            return None, start
        floating = str(reading.calendar.get("X-WR-TIMEZONE", ""))
        tzid = floating or reading.defaults.time_zone
    zone = zone_name(tzid, reading.calendar)
    if zone is None:
        right = "an IANA or Windows name such as Asia/Shanghai"
        raise Unusable(f"is in the time zone {tzid[:80]!r}", right)
    return zone, start.replace(tzinfo=None)


def _wall(when: datetime, zone: str) -> datetime:
    if when.tzinfo is None:
        return when
    if when.tzinfo is UTC or when.utcoffset() is not None:
        return when.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return when.replace(tzinfo=None)


def _each(event: Component, name: str) -> Iterable[object]:
    value = prop(event, name)
    for one in value if isinstance(value, list) else [value]:
        if one is not None:
            yield from (v.dt for v in one.dts)


def _times(event: Component, name: str, zone: str) -> tuple[set[datetime], set[date]]:
    times: set[datetime] = set()
    days: set[date] = set()
    for value in _each(event, name):
        at = value[0] if isinstance(value, tuple) else value  # a period's start
        if isinstance(at, datetime):
            times.add(_wall(at, zone))
        elif isinstance(at, date):
            days.add(at)
        if len(times) + len(days) > TIMES_MAX:
            raise Unusable(f"has more than {TIMES_MAX} times in {name}")
    return times, days


def _moved(
    other: Component, zone: str, except_times: set[datetime], also: set[datetime]
) -> None:
    """An instance that was moved or cancelled (RECURRENCE-ID)."""
    which = prop(other, "RECURRENCE-ID")
    if "RANGE" in which.params:
        raise Unusable("changes all instances from one on", "two events")
    if not isinstance(which.dt, datetime):
        raise Unusable("moves a whole day", "an instance with a time")
    except_times.add(_wall(which.dt, zone))
    moved = prop(other, "DTSTART")
    cancelled = text_of(other, "STATUS").upper() == "CANCELLED"
    if not cancelled and isinstance(moved.dt, datetime):
        also.add(_wall(moved.dt, zone))


def _rule(event: Component) -> str:
    rule = prop(event, "RRULE")
    if isinstance(rule, list) or "EXRULE" in event:
        raise Unusable("has more than one rule", "one RRULE, and EXDATE")
    return names.ONCE if rule is None else str(rule.to_ical().decode())


# -- what is said where


def _id(event: Component) -> str:
    given = text_of(event, names.ID) or text_of(event, "UID").removesuffix("@patrolctl")
    given = given or text_of(event, "SUMMARY")
    name = re.sub(r"[^A-Za-z0-9_.\-]+", "-", given).strip("-._")[:60]
    if not name:
        raise Unusable("has neither UID nor SUMMARY")
    return name


def _title(event: Component) -> str | None:
    if "X-PATROLCTL-TITLE" in event:
        return None
    return text_of(event, "SUMMARY") or None


def _enabled(event: Component) -> bool:
    if text_of(event, "STATUS").upper() == "CANCELLED":
        return False
    return text_of(event, names.ENABLED).upper() != "FALSE"


def _mission(reading: Reading) -> str:
    found = text_of(reading.master, names.MISSION) or reading.defaults.mission_id
    if not found:
        raise Unusable("names no mission", "mission_id with the import")
    return found


def _announcement(reading: Reading) -> str:
    own = text_of(reading.master, names.ANNOUNCEMENT)
    found = own or reading.defaults.announcement
    if not found:
        raise Unusable("names no announcement", "announcement with the import")
    return found


def _work(reading: Reading) -> tuple[PlanKind, ...]:
    own = text_of(reading.master, names.WORK).split()
    try:
        found = tuple(PlanKind(w) for w in own) or reading.defaults.work
    except ValueError:
        raise Unusable(f"has the work {own}", "drone, loop or both") from None
    if not found:
        raise Unusable("says no work", "work with the import: drone, loop")
    return found
