"""Conditions of a launch, one by one."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from patrolctl.clock import ManualClock
from patrolctl.control.conditions.conditions import Conditions, Launch
from patrolctl.control.conditions.skies import Skies
from patrolctl.domain.conditions import ConditionRules, Daylight, Weather
from patrolctl.domain.errors import Conflict, GateRefused
from patrolctl.domain.machines import LinkState, VehicleKind
from patrolctl.domain.telemetry import Telemetry
from patrolctl.geo import LatLon
from patrolctl.geo.sun import sun_elevation_deg

NOON = datetime(2026, 3, 1, 4, tzinfo=UTC)  # in the yard, at 117° E


class Book:
    def __init__(self) -> None:
        self.kept: Weather | None = None

    async def weather(self, site_id: str) -> Weather | None:
        return self.kept


class Told:
    name = "met"

    def __init__(self, weather: Weather | None) -> None:
        self.told = weather
        self.asked = 0

    async def weather(self, at: LatLon) -> Weather:
        self.asked += 1
        if self.told is None:
            raise Conflict("weather of met: no answer")
        return self.told


class Runs:
    def __init__(self) -> None:
        self.left = ()

    async def unfinished_runs(self):
        return self.left


def conditions(clock, *, sources=(), felt=(), free=None, **rules):
    demanded = ConditionRules(**rules)
    skies = Skies(Book(), None, lambda: felt, clock, sources=sources, rules=demanded)
    return Conditions(
        skies, None, Runs(), clock, rules=demanded, free_bytes=lambda: free
    )


def drone(make, **more):
    return Launch(make.plan(make.copter("s1", 1)), make.site, **more)


async def rules_of(conditions, launch):
    return {(v.rule, v.severity.value) for v in await conditions.judge(launch)}


async def test_the_worst_fresh_report_counts(make) -> None:
    clock = ManualClock(NOON)
    mild = Weather(NOON, "met", wind_m_s=3.0, rain_mm_h=0.0)
    told = Told(mild)
    one = conditions(clock, sources=(told,))
    assert await rules_of(one, drone(make)) == set()
    flying = Telemetry(
        "d9",
        VehicleKind.COPTER,
        NOON,
        LinkState.LIVE,
        on_ground=False,
        lat_deg=34.2,
        lon_deg=117.2,
        wind_m_s=11.0,
    )
    for sample, expected in (
        (flying, {("wind", "refuse")}),
        (replace(flying, on_ground=True), set()),
        (replace(flying, link=LinkState.LOST), set()),
        (replace(flying, lat_deg=35.0), set()),
    ):
        two = conditions(clock, sources=(told,), felt=(sample,))
        assert await rules_of(two, drone(make)) == expected
    await one.judge(drone(make))
    assert told.asked == 5  # once a minute each
    weak = replace(make.kit().entries[0].profile, rated_wind_m_s=4.0)
    entry = replace(make.kit().entries[0], profile=weak)
    assert await rules_of(one, drone(make, vehicles=(entry,))) == {("wind", "refuse")}


async def test_a_service_that_does_not_answer_makes_weather_unknown(make) -> None:
    clock = ManualClock(NOON)
    silent = conditions(clock, sources=(Told(None),))
    assert await rules_of(silent, drone(make)) == {("weather-unknown", "advise")}
    strict = conditions(clock, sources=(Told(None),), weather_required=True)
    with pytest.raises(GateRefused, match="nobody told the wind and rain"):
        await strict.insist(drone(make))
    old = Told(Weather(NOON.replace(hour=3), "met", wind_m_s=30.0))
    stale = conditions(clock, sources=(old,))
    assert await rules_of(stale, drone(make)) == {("weather-unknown", "advise")}


@pytest.mark.parametrize(
    ("hour", "rule", "expected"),
    [
        (4, "civil", None),
        (14, "civil", "refuse"),
        (14, "advise", "advise"),
        (14, "off", None),
        # Sunset of 2026-03-01 at 34.2° N 117.2° E is at 10:10 UTC.
        (10.3, "sun", "refuse"),
        (10.3, "civil", None),
        (10.155, "sun", "refuse"),  # it comes back after sunset
        (10.0, "sun", None),
    ],
)
async def test_daylight(make, hour: float, rule: str, expected: str | None) -> None:
    at = NOON.replace(hour=int(hour), minute=int(hour % 1 * 60))
    weather = Told(Weather(at, "met", wind_m_s=0.0, rain_mm_h=0.0))
    one = conditions(ManualClock(at), sources=(weather,), daylight=Daylight(rule))
    found = await rules_of(one, drone(make))
    assert found == (set() if expected is None else {("daylight", expected)})


async def test_a_patrol_drives_in_wind_and_dark(make) -> None:
    clock = ManualClock(NOON.replace(hour=16))
    weather = Told(Weather(clock.utc(), "met", wind_m_s=30.0, rain_mm_h=9.0))
    one = conditions(clock, sources=(weather,), daylight=Daylight.CIVIL)
    loop = Launch(make.plan(make.rover("loop", 1)), make.site)
    assert await rules_of(one, loop) == set()


async def test_authority_and_disk(make) -> None:
    clock = ManualClock(NOON)
    weather = Told(Weather(NOON, "met", wind_m_s=0.0, rain_mm_h=0.0))
    one = conditions(clock, sources=(weather,), authority_required=True, free=10**6)
    with pytest.raises(GateRefused) as refused:
        await one.insist(drone(make, authority=" "))
    text = str(refused.value)
    assert "disk: 1 MB are free for the records of the run, at least 200 MB" in text
    assert "authority: nobody is recorded as having ordered it" in text
    enough = conditions(clock, sources=(weather,), free=10**9)
    assert await enough.insist(drone(make)) == ()


@pytest.mark.parametrize(
    ("place", "when", "elevation_deg"),
    [
        # timeanddate.com: Beijing noon of 2026-06-21, 73.5° at 12:16 CST.
        ((39.9, 116.4), datetime(2026, 6, 21, 4, 16, tzinfo=UTC), 73.54),
        # The March equinox of 2026 is on the 20th at 14:46 UTC: overhead at the
        # equator where it is noon.
        ((0.0, -39.6), datetime(2026, 3, 20, 14, 46, tzinfo=UTC), 90.0),
        # Midwinter at the north pole: as far below as the axis is tilted.
        ((90.0, 0.0), datetime(2026, 12, 21, 20, 50, tzinfo=UTC), -23.44),
    ],
)
def test_the_sun_stands_where_almanacs_have_it(place, when, elevation_deg) -> None:
    at = LatLon(lat_deg=place[0], lon_deg=place[1])
    assert sun_elevation_deg(at, when) == pytest.approx(elevation_deg, abs=0.3)
