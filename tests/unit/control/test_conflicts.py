"""Conflicts between schedules, days ahead."""

import importlib.util
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from patrolctl import durable
from patrolctl.control.announcing.library import Library
from patrolctl.control.running.runs import Runs
from patrolctl.control.schedules.conflicts import Conflicts
from patrolctl.control.schedules.occurring import Desk
from patrolctl.control.schedules.rota import Almanac
from patrolctl.control.schedules.timetable import Timetable
from patrolctl.domain.brief import Schedule
from patrolctl.domain.conditions import ConditionRules
from patrolctl.domain.ids import AnnouncementId, PlanId, ScheduleId
from patrolctl.domain.plan import PlanKind
from patrolctl.domain.site import QuietHours, Zone, ZoneClass
from patrolctl.formats.calendar import IcsFormat
from patrolctl.safety.sweep import announcing_near, sweep_of

_SPEC = importlib.util.spec_from_file_location(
    "memory_book", Path(__file__).parents[2] / "memory_book.py"
)
memory_book = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(memory_book)


def daily(name: str, time: str) -> Schedule:
    return Schedule(
        ScheduleId(name),
        AnnouncementId("a"),
        (PlanKind.DRONE,),
        "FREQ=DAILY",
        datetime.fromisoformat(f"2026-01-01T{time}"),
        "Asia/Shanghai",
    )


class Planned:
    """Every schedule has the plan that the test gave it."""

    def __init__(self, plans) -> None:
        self.plans = plans

    async def stored(self, order):
        return self.plans.get(order.mission_id)


@asynccontextmanager
async def conflicts(kit, make, missions, **rules):
    """``missions``: name → (schedules, plan or None)."""
    briefs, plans = {}, {}
    for name, (schedules, plan) in missions.items():
        briefs[name] = replace(kit.brief, schedules=tuple(schedules))
        if plan is not None:
            plans[name] = PlanId(name)
            await kit.store.save_plan(name, plan)
    library = Library(briefs, make.synthesizer())
    async with kit.open():
        runs = Runs(kit.fleet, library, kit.services)
        desk = Desk(memory_book.MemoryBook(kit.clock), "n1/1", kit.clock)
        table = Timetable(
            library,
            Planned(plans),
            runs,
            desk,
            store=kit.store,
            almanac=Almanac(durable, IcsFormat()),
        )
        yield Conflicts(table, kit.store, kit.clock, ConditionRules(**rules))


async def kinds(found, days=1.0):
    return [(c.kind, c.schedules) for c in await found.ahead(days)]


async def test_two_at_once_want_one_drone_and_one_airspace(kit, make) -> None:
    plan = make.plan(make.copter("s1", vehicle="d1"))
    missions = {"yard": ([daily("a", "09:00"), daily("b", "09:01")], plan)}
    async with conflicts(kit, make, missions) as found:
        assert await kinds(found) == [
            ("vehicles", ("a", "b")),
            ("airspace", ("a", "b")),
            ("neighbours", ("a", "b")),
        ]
        assert len(await found.ahead(3.0)) == 9


@pytest.mark.parametrize(
    ("second", "expected"), [("09:05", ["batteries"]), ("09:13", [])]
)
async def test_a_battery_needs_its_time(kit, make, second, expected) -> None:
    plan = make.plan(make.copter("s1", vehicle="d1"))  # 120 s long
    missions = {"yard": ([daily("a", "09:00"), daily("b", second)], plan)}
    async with conflicts(kit, make, missions) as found:
        assert [k for k, _ in await kinds(found)] == expected


async def test_more_flights_than_drones(kit, make) -> None:
    plan = make.plan(make.copter("s1"), make.copter("s2"))
    missions = {"yard": ([daily("a", "09:00"), daily("b", "09:01")], plan)}
    async with conflicts(kit, make, missions, talk_over_m=0.0) as found:
        texts = [c.text for c in await found.ahead(1.0)]
        assert texts[0] == "a (drone) and b (drone) want every copter at the same time"


async def test_another_site_far_away_is_no_conflict(kit, make) -> None:
    near = make.plan(make.copter("s1", vehicle="d1"))
    items = [
        replace(i, lat_deg=i.lat_deg + 0.1)
        for s in make.plan(make.copter("s2", vehicle="d2")).sorties
        for i in s.items
    ]
    sortie = replace(make.copter("s2", vehicle="d2"), items=tuple(items))
    home = replace(near.home, lat_deg=near.home.lat_deg + 0.1)
    far = replace(make.plan(sortie), home=home)
    missions = {
        "yard": ([daily("a", "09:00")], near),
        "town": ([daily("b", "09:00")], far),
    }
    async with conflicts(kit, make, missions) as found:
        assert await kinds(found) == []
    assert 11_000 < announcing_near(sweep_of(near), sweep_of(far)) < 11_200


async def test_quiet_hours_are_found_ahead(kit, make) -> None:
    zone = Zone(
        "z", "Yard", ZoneClass.SEALED, kit.brief.site.geofence, (QuietHours(0, 600),)
    )
    kit.brief = replace(kit.brief, site=replace(kit.brief.site, zones=(zone,)))
    missions = {"yard": ([daily("a", "09:00"), daily("b", "21:00")], None)}
    async with conflicts(kit, make, missions) as found:
        (one,) = await found.ahead(1.0)
        assert (one.kind, one.schedules) == ("quiet_hours", ("a",))
        assert "quiet from 00:00 to 10:00" in one.text
