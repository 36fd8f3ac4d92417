"""Mission folders: what they say, and one line for everything that is wrong."""

import shutil
from datetime import date, datetime
from pathlib import Path

import pytest

from patrolctl.config import (
    brief_for_site,
    find_mission,
    load_brief,
    mission_folders,
    missions_dir,
)
from patrolctl.domain.errors import InputError
from patrolctl.domain.machines import VehicleKind, VehicleProfile
from patrolctl.domain.plan import PlanKind, Window

SITE = missions_dir() / "quickstart" / "site.geojson"

GOOD = """
name = "Test"

[[announcement]]
id = "a"
repeats = 2
rate_wpm = 140
duration_s = 12.5
[[announcement.text]]
lang = "zh"
text = '''
  大家好。
  谢谢！
'''
[[announcement.text]]
lang = "en"
text = "Hello."

[[vehicle]]
id = "d1"
kind = "copter"
endpoint = "udpin:0.0.0.0:14550"
launch = "launch-court"
profile = { cruise_m_s = 6, ceiling_m = 100 }
[vehicle.speaker]
id = "s1"
level_1m_db = 127
directivity_deg = [0, 90]
directivity_db = [[0, 0, 0, 0, 0, 0, 0, 0], [1, 2, 3, 4, 5, 6, 7, 8]]

[[vehicle]]
id = "p1"
kind = "rover"
endpoint = "serial:/dev/ttyUSB0:57600"

[requirement]
window = "closed"
sti_min = 0.45
zone = "zone-court"

[[schedule]]
id = "daily"
announcement = "a"
work = ["drone", "loop"]
rrule = "FREQ=WEEKLY;BYDAY=MO,WE"
start = 2026-03-02T09:00:00
except_dates = [2026-03-04]
authority = "Order 1"
"""


@pytest.fixture
def folder(tmp_path):
    shutil.copy(SITE, tmp_path / "site.geojson")
    write(tmp_path, GOOD)
    return tmp_path


def write(folder, text):
    (folder / "mission.toml").write_text(text, "utf-8")


def faults_of(folder, old, new):
    assert old in GOOD
    write(folder, GOOD.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        load_brief(folder)
    return str(caught.value).split("\n")


def test_announcements(folder):
    (said,) = load_brief(folder).announcements
    assert [u.lang for u in said.utterances] == ["zh", "en"]
    assert said.utterances[0].text == "大家好。 谢谢！"
    assert (said.repeats, said.rate_wpm, said.stated_duration_s) == (2, 140, 12.5)


def test_fleet(folder):
    drone, rover = load_brief(folder).fleet
    assert (drone.kind, drone.sysid, drone.launch) == (
        VehicleKind.COPTER,
        1,
        "launch-court",
    )
    assert (drone.profile.cruise_m_s, drone.profile.ceiling_m) == (6.0, 100.0)
    assert drone.profile.endurance_s == VehicleProfile().endurance_s
    assert drone.speaker_id == "s1"
    assert drone.speaker.level_1m_db == 127.0
    assert drone.speaker.directivity_db is not None
    assert drone.speaker.directivity_db[1][7] == 8.0
    assert rover.sysid == 2
    assert rover.profile == VehicleProfile.default_for(VehicleKind.ROVER)
    assert rover.speaker_id is None


def test_requirement_and_schedule(folder):
    brief = load_brief(folder)
    assert brief.requirement.window is Window.CLOSED
    assert brief.requirement.sti_min == 0.45
    assert brief.requirement.indoor_noise_db == 40.0
    (daily,) = brief.schedules
    assert daily.work == (PlanKind.DRONE, PlanKind.LOOP)
    assert daily.start_local == datetime(2026, 3, 2, 9, 0)  # noqa: DTZ001 - local
    assert daily.time_zone == "Asia/Shanghai"  # the site's
    assert daily.except_dates == (date(2026, 3, 4),)


def test_a_mission_without_a_fleet_says_what_it_took(folder):
    head, _, tail = GOOD.partition("[[vehicle]]")
    write(folder, head + "[requirement]" + tail.partition("[requirement]")[2])
    brief = load_brief(folder)
    assert len(brief.fleet) == 1
    assert "114 dB" in brief.defaults[0]


CASES = [
    ('lang = "zh"', 'lang = "chinese"', "text[0].lang", "BCP 47"),
    ('text = "Hello."', 'text = "  "', "text[1].text", "empty"),
    ('text = "Hello."', "", "text[1].text", "is missing"),
    ("repeats = 2", "repeats = 0", "repeats", "greater than or equal to 1"),
    ("repeats = 2", 'repeats = "2"', "repeats", "integer"),
    ("repeats = 2", "repeat = 2", "repeat", "repeats may be meant"),
    ('kind = "rover"', 'kind = "boat"', "vehicle[1].kind", "'copter' or 'rover'"),
    ("udpin:0.0.0.0:14550", "0.0.0.0:14550", "vehicle[0].endpoint", "udpin:host:port"),
    ("udpin:0.0.0.0:14550", "tcp:host:99999", "vehicle[0].endpoint", "tcp:host:port"),
    ('id = "p1"', 'id = "d1"', "vehicle[1].id", "second time"),
    ('id = "p1"', 'id = "p1"\nsysid = 1', "vehicle[1].sysid", "system id"),
    ('id = "p1"', 'id = "p/1"', "vehicle[1].id", "letters, digits"),
    ("launch-court", "launch-roof", "vehicle[0].launch", "launch-court"),
    ("launch-court", "launch-gate", "vehicle[0].launch", "is for a rover"),
    ("cruise_m_s = 6", "cruise_m_s = nan", "vehicle[0].profile", "finite"),
    ("level_1m_db = 127", "level_1m_db = 300", "speaker.level_1m_db", "160"),
    ("[0, 90]", "[0, 90, 80]", "directivity_db", "rising"),
    ('window = "closed"', 'window = "ajar"', "requirement.window", "'tilted'"),
    ("zone-court", "zone-99", "requirement.zone", "zone-court"),
    (
        'announcement = "a"',
        'announcement = "b"',
        "schedule[0].announcement",
        "one of a",
    ),
    ("FREQ=WEEKLY", "FREQ=OFTEN", "schedule[0].rrule", "RFC 5545"),
    ("BYDAY=MO", "BYDAY=XX", "schedule[0].rrule", "RFC 5545"),
    ("09:00:00", "09:00:00Z", "schedule[0].start", "local time"),
    ('["drone", "loop"]', "[]", "schedule[0].work", "at least 1"),
    ('authority = "Order 1"', 'time_zone = "Mars"', "time_zone", "IANA"),
    (
        "FREQ=WEEKLY;BYDAY=MO,WE",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "schedule[0].rrule",
        "never occurs",
    ),
    ("FREQ=WEEKLY", "FREQ=SECONDLY", "schedule[0].rrule", "minutely"),
    ('authority = "Order 1"', 'missed = "never"', "missed", "'run_late'"),
    ('authority = "Order 1"', 'holidays = ["cn"]', "holidays", "does not exist"),
    (
        'authority = "Order 1"',
        '[[holidays]]\nname = "cn"\nfile = "../x.ics"',
        "holidays[0].file",
        "outside",
    ),
    (
        'authority = "Order 1"',
        '[[holidays]]\nname = "cn"\nfile = "x.ics"',
        "holidays[0].file",
        "cannot be read",
    ),
]


@pytest.mark.parametrize(("old", "new", "field", "word"), CASES)
def test_one_line_names_file_line_and_field(folder, old, new, field, word):
    lines = faults_of(folder, old, new)
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"{folder / 'mission.toml'}: line ")
    assert field in lines[0]
    assert word in lines[0]


def test_the_line_is_the_right_one(folder):
    (line,) = faults_of(folder, 'kind = "rover"', 'kind = "boat"')
    number = int(line.split(": line ")[1].split(":")[0])
    assert GOOD.split("\n")[number - 1] == 'kind = "rover"'


def test_a_mission_without_announcement(folder):
    write(folder, 'name = "silent"')
    with pytest.raises(InputError) as caught:
        load_brief(folder)
    (fault,) = caught.value.faults
    assert "announcement" in fault.place
    assert "is missing" in fault.what


def test_faults_of_both_files_are_told_together(folder):
    (folder / "site.geojson").write_text("{}")
    lines = faults_of(folder, "repeats = 2", "repeats = 0")
    assert [Path(line.split(":")[0]).name for line in lines] == [
        "site.geojson",
        "mission.toml",
    ]


@pytest.mark.parametrize(
    ("name", "what"),
    [("mission.toml", "not TOML"), ("site.geojson", "not JSON")],
)
def test_unreadable_files(folder, name, what):
    (folder / name).write_text("[")
    with pytest.raises(InputError, match=what):
        load_brief(folder)
    (folder / name).unlink()
    with pytest.raises(InputError, match="cannot be read"):
        load_brief(folder)


def test_no_such_folder(tmp_path):
    with pytest.raises(InputError, match="is no folder"):
        load_brief(tmp_path / "absent")
    with pytest.raises(InputError, match="quickstart"):
        find_mission("absent")
    assert find_mission("quickstart") in mission_folders(missions_dir())


def test_a_bare_site_gets_the_stated_defaults():
    brief = brief_for_site(SITE)
    drone = brief.fleet[0]
    assert drone.speaker.level_1m_db == 114.0
    assert drone.profile.endurance_s == 1500.0
    assert brief.announcements[0].stated_duration_s == 20.0
    assert brief.announcements[0].repeats == 1
    text = "\n".join(brief.defaults)
    assert "114 dB" in text
    assert "20 s message" in text


def test_holidays_from_a_calendar_and_a_list(folder):
    event = "BEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20261001\r\nEND:VEVENT\r\n"
    calendar = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{event}END:VCALENDAR\r\n"
    (folder / "cn.ics").write_text(calendar)
    text = GOOD.replace(
        'authority = "Order 1"',
        'holidays = ["cn"]\nmissed = "ask"\nalso = [2026-03-05T10:00:00]\n'
        '[[holidays]]\nname = "cn"\nfile = "cn.ics"\ndates = [2026-05-01]',
    )
    (folder / "mission.toml").write_text(text)
    brief = load_brief(folder)
    assert brief.holidays == {"cn": (date(2026, 5, 1), date(2026, 10, 1))}
    (schedule,) = brief.schedules
    assert (schedule.holidays, schedule.missed) == (("cn",), "ask")
    assert schedule.also_local == (datetime.fromisoformat("2026-03-05T10:00:00"),)
