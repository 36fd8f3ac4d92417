from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patrolctl.domain.brief import Schedule
from patrolctl.domain.errors import InputError
from patrolctl.domain.ids import AnnouncementId, ScheduleId
from patrolctl.domain.plan import PlanKind
from patrolctl.durable import next_occurrences, occurrences_between


def schedule(rule: str, start: str, zone: str, **more: object) -> Schedule:
    return Schedule(
        id=ScheduleId("s"),
        announcement=AnnouncementId("a"),
        work=(PlanKind.DRONE,),
        rrule=rule,
        start_local=datetime.fromisoformat(start),
        time_zone=zone,
        **more,
    )


def z(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_midnight_in_shanghai_is_every_day_at_16_utc() -> None:
    s = schedule("FREQ=DAILY", "2026-01-05T00:00:00", "Asia/Shanghai")
    assert next_occurrences(s, z("2026-01-04T16:00"), 2) == (
        z("2026-01-05T16:00"),
        z("2026-01-06T16:00"),
    )
    assert next_occurrences(s, z("2020-01-01T00:00"), 1) == (z("2026-01-04T16:00"),)


def test_a_time_that_does_not_exist_is_an_hour_later_that_day() -> None:
    # Berlin skips 02:00 to 03:00 on 2026-03-29 (RFC 5545, 3.3.5).
    s = schedule("FREQ=DAILY", "2026-03-27T02:30:00", "Europe/Berlin")
    assert next_occurrences(s, z("2026-03-28T00:00"), 3) == (
        z("2026-03-28T01:30"),  # 02:30 CET
        z("2026-03-29T01:30"),  # 03:30 CEST
        z("2026-03-30T00:30"),  # 02:30 CEST
    )


def test_a_time_that_comes_twice_is_its_first() -> None:
    # Berlin repeats 02:00 to 03:00 on 2026-10-25.
    s = schedule("FREQ=DAILY", "2026-10-23T02:30:00", "Europe/Berlin")
    assert next_occurrences(s, z("2026-10-24T12:00"), 2) == (
        z("2026-10-25T00:30"),  # 02:30 CEST, not again 02:30 CET
        z("2026-10-26T01:30"),
    )


def test_half_hours_across_a_gap_come_in_order_and_once() -> None:
    s = schedule("FREQ=MINUTELY;INTERVAL=30", "2026-03-29T00:00:00", "Europe/Berlin")
    found = next_occurrences(s, z("2026-03-29T00:00"), 6)
    assert found == tuple(
        z("2026-03-29T00:30") + timedelta(minutes=30 * n) for n in range(6)
    )


def test_excepted_dates_are_local_dates() -> None:
    s = schedule(
        "FREQ=DAILY",
        "2026-01-05T00:30:00",
        "Asia/Shanghai",
        except_dates=(date(2026, 1, 6),),
    )
    assert next_occurrences(s, z("2026-01-04T00:00"), 2) == (
        z("2026-01-04T16:30"),
        z("2026-01-06T16:30"),
    )


@pytest.mark.parametrize("until", ["20260107T010000Z", "20260107T090000"])
def test_until_in_utc_or_local_time_is_included(until: str) -> None:
    s = schedule(f"FREQ=DAILY;UNTIL={until}", "2026-01-05T09:00:00", "Asia/Shanghai")
    assert len(next_occurrences(s, z("2026-01-01T00:00"), 9)) == 3


def test_a_rule_that_never_occurs_gives_none() -> None:
    s = schedule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "2026-01-05T09:00:00", "UTC")
    assert next_occurrences(s, z("2026-01-01T00:00"), 1) == ()


def test_count_ends_it() -> None:
    s = schedule("FREQ=DAILY;COUNT=2", "2026-01-05T09:00:00", "UTC")
    assert len(next_occurrences(s, z("2026-01-01T00:00"), 9)) == 2


def test_what_cannot_be_read_is_said() -> None:
    s = schedule("FREQ=SOMETIMES", "2026-01-05T09:00:00", "UTC")
    with pytest.raises(InputError, match="SOMETIMES"):
        next_occurrences(s, z("2026-01-01T00:00"), 1)


ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Shanghai")


@settings(deadline=None, max_examples=60)
@given(
    zone=st.sampled_from(ZONES),
    minute=st.integers(0, 24 * 60 - 1),
    split=st.integers(1, 364),
)
def test_a_year_has_one_a_day_however_it_is_cut(
    zone: str, minute: int, split: int
) -> None:
    start = datetime.fromisoformat("2026-01-01") + timedelta(minutes=minute)
    s = schedule("FREQ=DAILY;COUNT=365", start.isoformat(), zone)
    first, last = z("2025-12-30T00:00"), z("2027-01-03T00:00")
    whole = occurrences_between(s, first, last)
    assert len(whole) == len(set(whole)) == 365
    assert list(whole) == sorted(whole)
    cut = whole[split] - timedelta(seconds=1)
    parts = occurrences_between(s, first, cut) + occurrences_between(s, cut, last)
    assert parts == whole
