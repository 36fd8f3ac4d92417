"""RFC 5545 rules on the wall clock.

``python-dateutil`` expands rules of days and longer. Rules of hours and
minutes are expanded here, day by day: dateutil steps through every minute
from the first, and a rule that meets no day (30 February) up to the year 9999.
"""

import re
from calendar import isleap, monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

from patrolctl.domain.errors import InputError

# The calendar's days and weekdays come back after 28 years, or 40 around 2100:
# a rule that meets no day in this time meets none.
CALENDAR_DAYS = 366 * 50
SHORT = {"HOURLY": timedelta(hours=1), "MINUTELY": timedelta(minutes=1)}
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", *SHORT)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
RANGES = {
    "BYMONTH": (1, 12),
    "BYMONTHDAY": (1, 31),
    "BYYEARDAY": (1, 366),
    "BYWEEKNO": (1, 53),
    "BYHOUR": (0, 23),
    "BYMINUTE": (0, 59),
}
PARTS = frozenset(
    {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYSETPOS", "BYMONTH", "BYDAY"}
    | {"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYHOUR", "BYMINUTE"}
)
RIGHT = (
    "one RFC 5545 rule such as FREQ=DAILY;BYHOUR=9, minutely at most, with the"
    " first time in start"
)


def parts_of(rule: str) -> dict[str, str]:
    """A rule's parts by name."""
    return dict(part.partition("=")[::2] for part in rule.split(";") if part)


def rule_text(text: str) -> str:
    """A rule in its normal form.

    Raises:
        InputError: it is no rule, or one of a kind that is not offered.
    """
    rule = text.strip().upper().removeprefix("RRULE:").rstrip(";")
    parts = parts_of(rule)
    if parts.get("FREQ") not in FREQUENCIES or set(parts) - PARTS:
        raise InputError.one("rrule", f"is {text[:80]!r}", RIGHT)
    _check_numbers(rule, parts)
    if parts["FREQ"] in SHORT and {"BYSETPOS", "BYWEEKNO"} & set(parts):
        what = f"is {text[:80]!r}"
        raise InputError.one("rrule", what, "no BYSETPOS or BYWEEKNO of hours")
    if parts["FREQ"] in {"WEEKLY", "DAILY", *SHORT}:
        _days_of(rule)  # refuses a BYDAY with numbers
    _long_rule(rule, datetime(2026, 1, 1), "UTC")  # noqa: DTZ001 - a local time
    return rule


def _check_numbers(rule: str, parts: dict[str, str]) -> None:
    for name in ("COUNT", "INTERVAL"):
        number = parts.get(name, "1")
        if not re.fullmatch(r"0*[1-9]\d{0,4}", number):
            what = f"has {name}={number[:20]}"
            raise InputError.one("rrule", what, f"{name} from 1 to 99999")
    for name, (low, high) in RANGES.items():
        signed = name not in {"BYMONTH", "BYHOUR", "BYMINUTE"}
        for value in _numbers(rule, name):
            if not low <= (abs(value) if signed else value) <= high:
                what = f"has {name}={value}"
                raise InputError.one("rrule", what, f"{name} from {low} to {high}")


def local_times(
    rule: str, start_local: datetime, time_zone: str, from_local: datetime
) -> Iterator[datetime]:
    """A rule's local times from a moment on, in their order.

    Raises:
        InputError: the rule cannot be read.
    """
    freq = parts_of(rule).get("FREQ")
    if freq in SHORT:
        yield from _short(rule, start_local, time_zone, from_local)
        return
    if freq in {"DAILY", "WEEKLY"} and not _has_days(rule, start_local.date()):
        return
    found = _long_rule(rule, start_local, time_zone)
    try:
        yield from found.xafter(from_local, inc=True)
    except ValueError as e:  # some are found to be empty only when expanded
        raise InputError.one("rrule", f"{rule[:80]!r}: {e}") from None


def _until(rule: str, zone: ZoneInfo) -> datetime | None:
    """UNTIL as a wall time: one given in UTC is turned, a date is its end."""
    text = parts_of(rule).get("UNTIL")
    if text is None:
        return None
    try:
        if len(text) == 8:
            day = datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007 - local
            return day + timedelta(days=1, microseconds=-1)
        if not text.endswith("Z"):
            return datetime.strptime(text, "%Y%m%dT%H%M%S")  # noqa: DTZ007 - local
        until = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        right = "UNTIL=20261231T090000Z, a UTC time"
        raise InputError.one("rrule", f"has UNTIL={text[:20]}", right) from None
    return until.astimezone(zone).replace(tzinfo=None)


@lru_cache(maxsize=1024)
def _long_rule(rule: str, start_local: datetime, time_zone: str) -> rrule:
    until = _until(rule, ZoneInfo(time_zone))
    if until is not None:
        rule = re.sub(r"UNTIL=[^;]*", f"UNTIL={until:%Y%m%dT%H%M%S}", rule)
    try:
        found = rrulestr(rule, dtstart=start_local, cache=True)
        if not isinstance(found, rrule):
            raise TypeError("more than one rule")
    except (ValueError, TypeError, KeyError) as e:
        what = f"{rule[:80]!r} cannot be read ({e})"
        raise InputError.one("rrule", what, RIGHT) from None
    return found


# -- rules of hours and minutes


@dataclass(frozen=True, slots=True)
class _Day:
    """What a day filter may ask about a day."""

    date: date

    def month(self) -> tuple[int, ...]:
        return (self.date.month,)

    def month_day(self) -> tuple[int, ...]:
        last = monthrange(self.date.year, self.date.month)[1]
        return (self.date.day, self.date.day - last - 1)

    def year_day(self) -> tuple[int, ...]:
        number = self.date.timetuple().tm_yday
        return (number, number - (366 if isleap(self.date.year) else 365) - 1)

    def weekday(self) -> tuple[int, ...]:
        return (self.date.weekday(),)


_ASKED: dict[str, Callable[[_Day], tuple[int, ...]]] = {
    "BYMONTH": _Day.month,
    "BYMONTHDAY": _Day.month_day,
    "BYYEARDAY": _Day.year_day,
    "BYDAY": _Day.weekday,
}
_Filter = tuple[tuple[str, frozenset[int]], ...]


@lru_cache(maxsize=1024)
def _numbers(rule: str, name: str) -> frozenset[int]:
    words = [w for w in parts_of(rule).get(name, "").split(",") if w]
    try:
        if name == "BYDAY":
            return frozenset(WEEKDAYS.index(w) for w in words)
        return frozenset(int(w) for w in words)
    except ValueError:
        what = f"has {name}={','.join(words)[:40]}"
        raise InputError.one("rrule", what, RIGHT) from None


@lru_cache(maxsize=1024)
def _days_of(rule: str) -> _Filter:
    given = ((name, _numbers(rule, name)) for name in _ASKED)
    return tuple((name, numbers) for name, numbers in given if numbers)


def _meets(day: date, wanted: _Filter) -> bool:
    asked = _Day(day)
    return all(numbers.intersection(_ASKED[n](asked)) for n, numbers in wanted)


@lru_cache(maxsize=1024)
def _has_days(rule: str, start: date) -> bool:
    wanted = _days_of(rule)
    days = (start + timedelta(days=n) for n in range(CALENDAR_DAYS))
    return any(_meets(day, wanted) for day in days)


@lru_cache(maxsize=1024)
def _has_times(rule: str, start_local: datetime) -> bool:
    """Whether any time of day that the rule comes to is wanted."""
    parts = parts_of(rule)
    step = SHORT[parts["FREQ"]] * int(parts.get("INTERVAL", "1"))
    hours, minutes = _numbers(rule, "BYHOUR"), _numbers(rule, "BYMINUTE")
    if parts["FREQ"] == "HOURLY":
        minutes = frozenset()  # they are added to each hour
    # The times of day come back after as many steps as a day has minutes.
    times = (start_local + n * (step % timedelta(days=1)) for n in range(1441))
    return any(
        (not hours or t.hour in hours) and (not minutes or t.minute in minutes)
        for t in times
    )


def _short(
    rule: str, start_local: datetime, time_zone: str, from_local: datetime
) -> Iterator[datetime]:
    if not _has_times(rule, start_local):
        return
    until = _until(rule, ZoneInfo(time_zone))
    left = int(parts_of(rule).get("COUNT", "0")) or None
    # A count begins with the first; else begin where it is asked for.
    first = start_local if left else max(start_local, from_local)
    for local in _short_from(rule, start_local, first.date()):
        if until is not None and local > until:
            return
        if local >= from_local:
            yield local
        if left is not None:
            left -= 1
            if left == 0:
                return


def _short_from(rule: str, start_local: datetime, day: date) -> Iterator[datetime]:
    """Times from a day on, for 50 years, without regard to COUNT and UNTIL."""
    wanted = _days_of(rule)
    for n in range(CALENDAR_DAYS):
        at = day + timedelta(days=n)
        if _meets(at, wanted):
            yield from (t for t in _times(rule, start_local, at) if t >= start_local)


def _times(rule: str, start_local: datetime, day: date) -> Iterator[datetime]:
    """The times of one day that are a whole number of intervals from the first."""
    parts = parts_of(rule)
    unit = SHORT[parts["FREQ"]]
    interval = unit * int(parts.get("INTERVAL", "1"))
    hours, minutes = _numbers(rule, "BYHOUR"), _numbers(rule, "BYMINUTE")
    base = start_local.replace(second=0, microsecond=0)
    if parts["FREQ"] == "HOURLY":
        base = base.replace(minute=0)
    midnight = datetime.combine(day, datetime.min.time())
    at = base + -((base - midnight) // interval) * interval
    while at < midnight + timedelta(days=1):
        if at >= midnight and (not hours or at.hour in hours):
            if parts["FREQ"] == "HOURLY":
                for minute in sorted(minutes or {start_local.minute}):
                    yield at.replace(minute=minute, second=start_local.second)
            elif not minutes or at.minute in minutes:
                yield at.replace(second=start_local.second)
        at += interval
