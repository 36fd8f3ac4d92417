"""Urgent announcements: who says them, on whose authority, and what they cut."""

import asyncio
import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
from shapely import MultiPolygon, box

from patrolctl.control.announcing.library import Library
from patrolctl.control.speaking.urgent import Urgent, UrgentOrder
from patrolctl.control.vehicles.floor import Floor
from patrolctl.domain.errors import (
    Conflict,
    GateRefused,
    InputError,
    NotFound,
    StoreFailed,
)
from patrolctl.domain.machines import SpeakerProfile, VehicleKind
from patrolctl.domain.site import Building, QuietHours, Zone, ZoneClass
from patrolctl.domain.sound import CutBy
from patrolctl.safety import check_spot

_SPEC = importlib.util.spec_from_file_location(
    "memory_exposure", Path(__file__).parents[2] / "memory_exposure.py"
)
memory_exposure = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(memory_exposure)

SAY = UrgentOrder("li", "order 7 of the fire brigade", announcement_id="a")


class Desk:
    def __init__(self, kit, make) -> None:
        self.kit = kit
        library = Library({"yard": kit.brief}, make.synthesizer())
        self.exposure = memory_exposure.MemoryExposure()
        self.urgent = Urgent(
            kit.fleet,
            library,
            gate=kit.gate,
            store=kit.store,
            clock=kit.clock,
            spoken=self.exposure.spoken(library, kit.clock),
        )


def fly(kit, *names: str) -> None:
    for name in names:
        kit.vehicles[name].armed = True


async def test_it_is_said_by_all_that_may_and_each_tells_why_not(kit, make) -> None:
    async with kit.open():
        desk = Desk(kit, make)
        fly(kit, "d1")  # d2 stands on the ground, among its crew
        async with desk.urgent.open():
            result = await desk.urgent.announce(SAY)
            assert result.vehicles["d1"] == result.vehicles["car"] == "ok"
            assert "on the ground" in result.vehicles["d2"]
            await kit.until(lambda: len(kit.speakers["d1"].spans) == 1)
            await kit.until(lambda: len(kit.speakers["car"].spans) == 1)
        key = f"urgent-{result.id}-d1"
        assert kit.speakers["d1"].plays == [key]
        assert kit.speakers["d2"].plays == []
        actor, action, detail = kit.store.log[0]
        assert (actor, action) == ("li", "announce urgent")
        assert "order 7 of the fire brigade" in detail
        assert "d1, car" in detail
        assert any(key in d and "completed" in d for _, _, d in kit.store.log)
        assert kit.store.played[f"b-{key}"].key == key


async def test_the_authority_is_in_the_books_before_the_first_word(kit, make) -> None:
    async with kit.open():
        desk = Desk(kit, make)
        kit.store.broken = "disk full"
        async with desk.urgent.open():
            with pytest.raises(StoreFailed):
                await desk.urgent.announce(replace(SAY, vehicles=("car",)))
        assert kit.speakers["car"].commands == []


async def test_the_same_key_is_one_order(kit, make) -> None:
    async with kit.open():
        desk = Desk(kit, make)
        order = replace(SAY, vehicles=("car",), key="once")
        async with desk.urgent.open(), asyncio.TaskGroup() as group:
            first = group.create_task(desk.urgent.announce(order))
            again = group.create_task(desk.urgent.announce(order))
        assert first.result() == again.result()
        assert [a for _, a, _ in kit.store.log].count("announce urgent") == 1


async def test_silence_ends_it_and_it_is_not_asked_for_again(kit, make) -> None:
    async with kit.open():
        desk = Desk(kit, make)
        kit.speakers["car"].deaf = 1  # the command is lost on its way
        member = kit.fleet.member("car")
        async with desk.urgent.open():
            await desk.urgent.announce(replace(SAY, vehicles=("car",)))
            await kit.until(lambda: len(kit.speakers["car"].commands) == 1)
            assert member.floor.taken_by is CutBy.URGENT
            await member.hush()
            assert member.floor.taken_by is None
            await kit.until(lambda: any("silenced" in d for _, _, d in kit.store.log))
            for _ in range(60):
                await kit.clock.advance(1.0)
        assert len(kit.speakers["car"].commands) == 1
        assert kit.speakers["car"].plays == []


async def test_orders_that_cannot_be(kit, make) -> None:
    async with kit.open():
        desk = Desk(kit, make)
        async with desk.urgent.open():
            for wrong, error in (
                (replace(SAY, announcement_id=None), InputError),
                (replace(SAY, clip_sha256="0" * 64), InputError),
                (replace(SAY, announcement_id="nothing"), NotFound),
                (replace(SAY, announcement_id=None, clip_sha256="0" * 64), NotFound),
                (replace(SAY, vehicles=("d9",)), NotFound),
            ):
                with pytest.raises(error):
                    await desk.urgent.announce(wrong)
            with pytest.raises(GateRefused, match="on the ground"):
                await desk.urgent.announce(replace(SAY, vehicles=("d1", "d2")))
            kit.vehicles["car"].link = None
            kit.fleet.member("car").speaker = None
            with pytest.raises(Conflict, match="no loudspeaker"):
                await desk.urgent.announce(replace(SAY, vehicles=("car",)))
        assert kit.store.log == []


async def test_quiet_hours_hold_here_too(kit, make) -> None:
    night = Zone(
        "z", "North", ZoneClass.SEALED, box(-9, -9, 9, 9), (QuietHours(0, 1439),)
    )
    kit.brief = replace(kit.brief, site=replace(make.site, zones=(night,)))
    async with kit.open():
        desk = Desk(kit, make)
        async with desk.urgent.open():
            with pytest.raises(GateRefused, match="quiet from"):
                await desk.urgent.announce(replace(SAY, vehicles=("car",)))


def test_too_loud_at_a_facade_or_for_people_below(make) -> None:
    house = Building("b1", "B1", MultiPolygon([box(10, -5, 20, 5)]), 30.0, 3.0, 10)
    site = replace(make.site, buildings=(house,))
    horn = SpeakerProfile(level_1m_db=114.0, crest_db=9.0)

    def found(kind: VehicleKind, east: float, up: float) -> list[str]:
        spot = (east, 0.0, up)
        return [v.reason for v in check_spot(site, kind, spot, horn, 100.0)]

    assert found(VehicleKind.COPTER, 0.0, 30.0) == []
    assert "façade" not in str(found(VehicleKind.ROVER, 0.0, 2.0))
    (near,) = found(VehicleKind.ROVER, 8.6, 2.0)
    assert "102.1 dB at building b1" in near
    assert "people below" in str(found(VehicleKind.COPTER, 0.0, 3.0))
    assert "on the ground" in str(found(VehicleKind.COPTER, 0.0, 0.1))


def test_a_loudspeaker_has_one_talker_and_silence_reaches_all() -> None:
    floor = Floor()
    with floor.take(CutBy.URGENT) as urgent, floor.take(CutBy.TALK) as talk:
        assert floor.taken_by is CutBy.TALK
        with pytest.raises(Conflict, match="talks"):
            floor.take(CutBy.TALK)
        floor.silence()
        assert urgent.silenced.is_set()
        assert talk.silenced.is_set()
        assert floor.taken_by is None
        with floor.take(CutBy.TALK):
            talk.release()  # an old hold takes nothing from the new one
            assert floor.taken_by is CutBy.TALK


async def test_whoever_waits_for_the_floor_gets_it_when_the_last_has_ended() -> None:
    floor = Floor()
    async with asyncio.TaskGroup() as group:
        first, second = floor.take(CutBy.URGENT), floor.take(CutBy.URGENT)
        waiting = group.create_task(floor.free())
        await asyncio.sleep(0)
        first.release()
        await asyncio.sleep(0)
        assert not waiting.done()
        second.release()
