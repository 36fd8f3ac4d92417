"""Calendars as other programs write them, and ours there and back."""

import contextlib
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from patrolctl.domain.brief import MissedPolicy, Schedule
from patrolctl.domain.calendar import CalendarDefaults, CalendarEntry
from patrolctl.domain.errors import InputError
from patrolctl.domain.gaps import Rerun
from patrolctl.domain.ids import AnnouncementId, ScheduleId
from patrolctl.domain.plan import PlanKind
from patrolctl.durable import next_occurrences
from patrolctl.formats.calendar import IcsFormat

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FORMAT = IcsFormat()
DEFAULTS = CalendarDefaults("Asia/Shanghai", "estate", "stay-home", (PlanKind.DRONE,))


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


FULL = Schedule(
    id=ScheduleId("morning"),
    announcement=AnnouncementId("stay-home"),
    work=(PlanKind.DRONE, PlanKind.LOOP),
    rrule="FREQ=WEEKLY;BYDAY=MO,WE;BYHOUR=7,19;BYMINUTE=30",
    start_local=local("2026-01-05T07:30"),
    time_zone="Europe/Berlin",
    except_dates=(date(2026, 2, 16),),
    except_times=(local("2026-02-18T07:30"),),
    also_local=(local("2026-02-20T12:00"),),
    holidays=("de", "school"),
    late_s=900.0,
    missed=MissedPolicy.ASK,
    rerun=Rerun.LAUNCH,
    authority="Order no. 1, signed; 李",
    enabled=False,
    title="Morgens, täglich",
)


def read(text: str, defaults: CalendarDefaults = DEFAULTS) -> list[Schedule]:
    raw = text.replace("\n", "\r\n").encode()
    return [e.schedule for e in FORMAT.read(raw, defaults)]


def test_ours_comes_back_as_it_was() -> None:
    plain = replace(FULL, id=ScheduleId("plain"), title=None, enabled=True)
    once = replace(plain, id=ScheduleId("once"), rrule="FREQ=DAILY;COUNT=1")
    entries = tuple(CalendarEntry("estate", s) for s in (FULL, plain, once))
    raw = FORMAT.write(entries, NOW)
    bare = CalendarDefaults("UTC")
    back = FORMAT.read(raw, bare)
    assert [e.mission_id for e in back] == ["estate"] * 3
    for mine, theirs in zip(entries, back, strict=True):
        was, now = mine.schedule, theirs.schedule
        assert sorted(now.rrule.split(";")) == sorted(was.rrule.split(";"))
        assert replace(now, rrule=was.rrule) == was
        assert next_occurrences(now, NOW, 20) == next_occurrences(was, NOW, 20)
    assert FORMAT.read(FORMAT.write(back, NOW), bare) == back


def test_other_programs_find_zone_and_exceptions_in_ours() -> None:
    raw = FORMAT.write((CalendarEntry("estate", FULL),), NOW)
    calendar = Calendar.from_ical(raw)
    assert [z["TZID"] for z in calendar.walk("VTIMEZONE")] == ["Europe/Berlin"]
    (event,) = calendar.walk("VEVENT")
    left_out = {d.dt.replace(tzinfo=None) for d in event["EXDATE"].dts}
    assert left_out == {
        local("2026-02-16T07:30"),
        local("2026-02-16T19:30"),
        local("2026-02-18T07:30"),
    }
    assert b"\r\n" in raw
    assert max(len(line) for line in raw.split(b"\r\n")) <= 75


GOOGLE = """BEGIN:VCALENDAR
PRODID:-//Google Inc//Google Calendar 70.9054//EN
VERSION:2.0
CALSCALE:GREGORIAN
METHOD:PUBLISH
X-WR-CALNAME:Durchsagen
X-WR-TIMEZONE:Europe/Berlin
BEGIN:VEVENT
DTSTART;TZID=Europe/Berlin:20260105T090000
DTEND;TZID=Europe/Berlin:20260105T093000
RRULE:FREQ=WEEKLY;UNTIL=20260630T215959Z;BYDAY=MO,TH
EXDATE;TZID=Europe/Berlin:20260406T090000
DTSTAMP:20260301T101112Z
UID:4k2q9v0h7@google.com
CREATED:20260101T080000Z
DESCRIPTION:
SEQUENCE:1
STATUS:CONFIRMED
SUMMARY:Ankündigung
TRANSP:OPAQUE
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:This is an event reminder
TRIGGER:-P0DT0H10M0S
END:VALARM
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID=Europe/Berlin:20260409T110000
DTEND;TZID=Europe/Berlin:20260409T113000
UID:4k2q9v0h7@google.com
RECURRENCE-ID;TZID=Europe/Berlin:20260409T090000
DTSTAMP:20260301T101112Z
SUMMARY:Ankündigung
END:VEVENT
BEGIN:VEVENT
DTSTART:20260410T060000Z
DTEND:20260410T063000Z
DTSTAMP:20260301T101112Z
UID:once@google.com
SUMMARY:Once
END:VEVENT
END:VCALENDAR
"""


def test_a_file_of_googles() -> None:
    weekly, once = read(GOOGLE)
    assert weekly.id == "4k2q9v0h7-google.com"
    assert weekly.title == "Ankündigung"
    assert weekly.except_times == (local("2026-04-06T09:00"), local("2026-04-09T09:00"))
    assert weekly.also_local == (local("2026-04-09T11:00"),)
    due = next_occurrences(weekly, datetime(2026, 4, 2, 12, tzinfo=UTC), 2)
    assert due == (
        datetime(2026, 4, 9, 9, tzinfo=UTC),  # moved from 9 to 11 o'clock
        datetime(2026, 4, 13, 7, tzinfo=UTC),
    )
    assert (once.time_zone, once.start_local) == (
        "Asia/Shanghai",
        local("2026-04-10T14:00"),
    )
    assert len(next_occurrences(once, NOW, 9)) == 1


OUTLOOK = """BEGIN:VCALENDAR
PRODID:-//Microsoft Corporation//Outlook 16.0 MIMEDIR//EN
VERSION:2.0
METHOD:PUBLISH
X-MS-OLK-FORCEINSPECTOROPEN:TRUE
BEGIN:VTIMEZONE
TZID:China Standard Time
BEGIN:STANDARD
DTSTART:16010101T000000
TZOFFSETFROM:+0800
TZOFFSETTO:+0800
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
CLASS:PUBLIC
CREATED:20260301T101112Z
DTEND;TZID="China Standard Time":20260105T074500
DTSTAMP:20260301T101112Z
DTSTART;TZID="China Standard Time":20260105T073000
EXDATE;TZID="China Standard Time":20260217T073000,20260218T073000
LAST-MODIFIED:20260301T101112Z
PRIORITY:5
RRULE:FREQ=DAILY;COUNT=100
SUMMARY;LANGUAGE=zh-cn:早间广播
TRANSP:OPAQUE
UID:040000008200E00074C5B7101A82E00800000000
X-MICROSOFT-CDO-BUSYSTATUS:BUSY
END:VEVENT
END:VCALENDAR
"""


def test_a_file_of_outlooks() -> None:
    (schedule,) = read(OUTLOOK)
    assert (schedule.time_zone, schedule.title) == ("Asia/Shanghai", "早间广播")
    assert schedule.start_local == local("2026-01-05T07:30")
    assert schedule.except_times == (
        local("2026-02-17T07:30"),
        local("2026-02-18T07:30"),
    )


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("RRULE:FREQ=DAILY;COUNT=100", "RRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY",
         "more than one rule"),
        ("RRULE:FREQ=DAILY;COUNT=100", "EXRULE:FREQ=WEEKLY", "more than one rule"),
        ('DTSTART;TZID="China Standard Time":20260105T073000',
         "DTSTART;VALUE=DATE:20260105", "is a whole day"),
        ('DTSTART;TZID="China Standard Time":20260105T073000',
         'DTSTART;TZID="Mars Standard Time":20260105T073000', "'Mars Standard Time'"),
        ('DTSTART;TZID="China Standard Time":20260105T073000', "X-NONE:1",
         "has no DTSTART"),
        ('DTSTART;TZID="China Standard Time":20260105T073000', "DTSTART:soon",
         "DTSTART"),
        ("RRULE:FREQ=DAILY;COUNT=100", "RRULE:FREQ=OFTEN;NEVER",
             "RRULE that cannot be read"),
        ("PRIORITY:5", "X-PATROLCTL-WORK:swim", "drone, loop or both"),
        ("PRIORITY:5", "X-PATROLCTL-MISSED:whenever", "whenever"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said_in_a_line(old: str, new: str, line: str) -> None:
    assert old in OUTLOOK
    with pytest.raises(InputError, match=line) as refused:
        read(OUTLOOK.replace(old, new))
    assert len(str(refused.value).splitlines()) == 1
    assert str(refused.value).startswith("event 早间广播: ")


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"", "calendar"),
        (b"not a calendar", "calendar"),
        (b"\xff\xfe\x00", "calendar"),
        (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "has no events"),
        (b"BEGIN:VEVENT\r\nEND:VEVENT\r\n", "is no VCALENDAR"),
        (b"BEGIN:VCALENDAR\r\n" + b"X" * 2_000_001, "longer than"),
    ],
)
def test_what_is_no_calendar(raw: bytes, line: str) -> None:
    with pytest.raises(InputError, match=line):
        FORMAT.read(raw, DEFAULTS)


def test_an_event_of_others_needs_to_be_told_what_it_means() -> None:
    with pytest.raises(InputError, match="names no announcement") as refused:
        read(GOOGLE, CalendarDefaults("UTC", "estate"))
    assert len(refused.value.faults) == 2


def test_holidays_are_whole_days() -> None:
    text = "\r\n".join(
        [
            "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x",
            "BEGIN:VEVENT", "UID:1", "SUMMARY:国庆",
            "DTSTART;VALUE=DATE:20261001", "DTEND;VALUE=DATE:20261004", "END:VEVENT",
            "BEGIN:VEVENT", "UID:2", "SUMMARY:元旦", "DTSTART;VALUE=DATE:20260101",
            "RRULE:FREQ=YEARLY;COUNT=2", "END:VEVENT",
            "BEGIN:VEVENT", "UID:3", "DTSTART:20260505T080000Z", "END:VEVENT",
            "END:VCALENDAR", "",
        ]
    )  # fmt: skip
    assert FORMAT.read_days(text.encode()) == (
        date(2026, 1, 1),
        date(2026, 10, 1),
        date(2026, 10, 2),
        date(2026, 10, 3),
        date(2027, 1, 1),
    )
    daily = text.replace("YEARLY;COUNT=2", "MINUTELY;BYMONTHDAY=30;BYMONTH=2")
    with pytest.raises(InputError, match="other than yearly"):
        FORMAT.read_days(daily.encode())
    with pytest.raises(InputError, match="no whole-day events"):
        FORMAT.read_days(GOOGLE.encode())


@settings(max_examples=150, deadline=None)
@given(cut=st.integers(0, len(OUTLOOK)), junk=st.text(max_size=30))
def test_damaged_files_are_refused_not_crashed_on(cut: int, junk: str) -> None:
    with contextlib.suppress(InputError):
        read(OUTLOOK[:cut] + junk + OUTLOOK[cut + len(junk) :])
