"""Recurrence rules in local time, occurrences in UTC.

A rule is expanded on the wall clock of the schedule's time zone and each
local time is then turned into UTC as RFC 5545, 3.3.5 says: a time that a
forward change leaves out is read with the offset from before the change
(02:30 becomes 03:30), and a time that a backward change doubles is its first
instance only. So every occurrence happens, and happens once.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rruleset, rrulestr

from patrolctl.domain.brief import Schedule
from patrolctl.domain.errors import InputError

# No zone changes its offset by more than a day at once (the largest: Samoa
# and Kwajalein, which moved the date line), so local order and UTC order
# differ by less than this.
DISORDER = timedelta(days=1, hours=1)


def _local_until(rule: str, zone: ZoneInfo) -> str:
    """UNTIL given in UTC, in the zone's wall time that the rule is expanded in."""

    def replaced(match: re.Match[str]) -> str:
        until = datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return f"UNTIL={until.astimezone(zone):%Y%m%dT%H%M%S}"

    return re.sub(r"UNTIL=(\d{8}T\d{6}Z)", replaced, rule)


@lru_cache(maxsize=512)
def _rule(text: str, start_local: datetime, time_zone: str) -> rrule | rruleset:
    try:
        rule = _local_until(text.removeprefix("RRULE:"), ZoneInfo(time_zone))
        return rrulestr(rule, dtstart=start_local, cache=True)
    except (ValueError, TypeError, KeyError) as e:
        raise InputError.one(
            "rrule", f"{text!r} cannot be read ({e})", "an RFC 5545 rule"
        ) from None


def to_utc(local: datetime, zone: ZoneInfo) -> datetime:
    """A wall time as UTC; ``fold=0`` is what the RFC asks for in both cases."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _ordered(schedule: Schedule, after_utc: datetime) -> Iterator[datetime]:
    """Occurrences after a moment in UTC order, each once."""
    zone = ZoneInfo(schedule.time_zone)
    rule = _rule(schedule.rrule, schedule.start_local, schedule.time_zone)
    from_local = after_utc.astimezone(zone).replace(tzinfo=None) - DISORDER
    last: datetime | None = None
    waiting: list[datetime] = []
    for local in rule.xafter(from_local, inc=True):
        if local.date() in schedule.except_dates:
            continue
        due = to_utc(local, zone)
        waiting.append(due)
        waiting.sort()
        while waiting[0] < due - DISORDER:
            first = waiting.pop(0)
            if first > after_utc and first != last:
                last = first
                yield first
    for due in waiting:
        if due > after_utc and due != last:
            last = due
            yield due


def next_occurrences(
    schedule: Schedule, after_utc: datetime, count: int
) -> tuple[datetime, ...]:
    """The next ``count`` occurrences strictly after a moment, in UTC.

    Fewer where the rule ends; none where it never occurs.

    Raises:
        InputError: the rule cannot be read.
    """
    found: list[datetime] = []
    for due in _ordered(schedule, after_utc):
        if len(found) >= count:
            break
        found.append(due)
    return tuple(found)


def occurrences_between(
    schedule: Schedule, after_utc: datetime, until_utc: datetime
) -> tuple[datetime, ...]:
    """Occurrences after one moment up to and including another."""
    found: list[datetime] = []
    for due in _ordered(schedule, after_utc):
        if due > until_utc:
            break
        found.append(due)
    return tuple(found)
