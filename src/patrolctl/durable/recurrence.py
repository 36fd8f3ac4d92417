"""Recurrence rules in local time, occurrences in UTC.

A rule is expanded on the wall clock of the schedule's time zone and each
local time is then turned into UTC as RFC 5545, 3.3.5 says: a time that a
forward change leaves out is read with the offset from before the change
(02:30 becomes 03:30), and a time that a backward change doubles is its first
instance only. So every occurrence happens, and happens once. (3.3.10 would
drop the former; see docs/decisions/0065-schedules.md.)
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from heapq import merge
from zoneinfo import ZoneInfo

from patrolctl.domain.brief import Schedule
from patrolctl.domain.errors import InputError
from patrolctl.durable.rules import local_times, rule_text

# No zone changes its offset by more than a day at once (the largest: Samoa
# and Kwajalein, which moved the date line), so local order and UTC order
# differ by less than this.
DISORDER = timedelta(days=1, hours=1)


def _locals(schedule: Schedule, from_local: datetime) -> Iterator[datetime]:
    """The rule's times and the further ones, without those left out."""
    also = sorted(t for t in set(schedule.also_local) if t >= from_local)
    own = local_times(
        schedule.rrule, schedule.start_local, schedule.time_zone, from_local
    )
    last: datetime | None = None
    for local in merge(own, also):
        if local == last or local in schedule.except_times:
            continue
        last = local
        if local.date() not in schedule.except_dates:
            yield local


def to_utc(local: datetime, zone: ZoneInfo) -> datetime:
    """A wall time as UTC; ``fold=0`` is what the RFC asks for in both cases."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _ordered(schedule: Schedule, after_utc: datetime) -> Iterator[datetime]:
    """Occurrences after a moment in UTC order, each once."""
    zone = ZoneInfo(schedule.time_zone)
    from_local = after_utc.astimezone(zone).replace(tzinfo=None) - DISORDER
    last: datetime | None = None
    waiting: list[datetime] = []
    for local in _locals(schedule, from_local):
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


def check_schedule(schedule: Schedule) -> None:
    """Refuse a schedule that never occurs.

    Raises:
        InputError: in one line: the rule cannot be read, or never occurs.
    """
    rule_text(schedule.rrule)
    begin = to_utc(schedule.start_local, ZoneInfo(schedule.time_zone))
    if not next_occurrences(schedule, begin - DISORDER, 1):
        left_out = bool(schedule.except_dates or schedule.except_times)
        raise InputError.one(
            f"schedule {schedule.id}",
            f"{schedule.rrule} from {schedule.start_local:%Y-%m-%d %H:%M} never occurs"
            + (", with what is left out" if left_out else ""),
            "a rule with at least one occurrence",
        )
