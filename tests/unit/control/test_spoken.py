"""Urgent announcements and live talk count as what people had to hear."""

import asyncio
import importlib.util
import math
from dataclasses import replace
from pathlib import Path

import pytest
from shapely import MultiPolygon, box

from patrolctl.audio.tape import OggTapes
from patrolctl.control.announcing.library import Library
from patrolctl.control.conditions.exposure import laeq_24h_db
from patrolctl.control.speaking.talk import TalkLimits, TalkOrder, Talks
from patrolctl.control.speaking.urgent import Urgent, UrgentOrder
from patrolctl.domain.errors import GateRefused
from patrolctl.domain.exposure import ExposureCaps, ExposureSource
from patrolctl.domain.site import Building

_SPEC = importlib.util.spec_from_file_location(
    "memory_exposure", Path(__file__).parents[2] / "memory_exposure.py"
)
memory_exposure = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(memory_exposure)

# The patrol car stands at (0, 0) and looks north; nearest windows at 80 m.
HOUSE = Building(
    "b1", "B1", MultiPolygon([box(-20, 80, 20, 92)]), 9, 3, 3, households=6
)
SAY = UrgentOrder("li", "order 7", announcement_id="a", vehicles=("car",), key="k")
PACKET = b"\x78" + bytes(40)  # 20 ms, mono


class Street:
    """The yard with a house, its ledger, and both ways to speak there."""

    def __init__(self, kit, make, folder: Path, **caps: float) -> None:
        self.kit, self.site = kit, replace(make.site, buildings=(HOUSE,))
        kit.brief = replace(kit.brief, site=self.site)
        library = Library({"yard": kit.brief}, make.synthesizer())
        self.books = memory_exposure.MemoryExposure()
        self.ledger = self.books.ledger(kit.clock, ExposureCaps(**caps))
        given = {
            "gate": kit.gate,
            "store": kit.store,
            "clock": kit.clock,
            "spoken": self.books.spoken(library, kit.clock, ExposureCaps(**caps)),
        }
        self.urgent = Urgent(kit.fleet, library, **given)
        limits = TalkLimits(silent_s=5.0)
        self.talks = Talks(
            kit.fleet, library, tapes=OggTapes(folder), limits=limits, **given
        )

    async def until_entered(self, times: int) -> None:
        await self.kit.until(lambda: len(self.books.saved) >= times)

    async def today(self):
        return await self.ledger.day(self.site)


async def test_an_urgent_message_counts_for_those_who_hear_it(kit, make, tmp_path):
    async with kit.open():
        street = Street(kit, make, tmp_path)
        async with street.urgent.open():
            result = await street.urgent.announce(replace(SAY, repeats=3))
            # It sounds, and counts as whole already: who dies now has not hidden it.
            (first,) = street.books.saved
            assert {d.repeats for d in first.doses} == {3}
            assert kit.speakers["car"].spans == []
            await street.until_entered(2)
        day = await street.today()
        assert (day.runs, day.spoken, result.advice) == (0, 1, ())
        assert len(day.households) == 3
        assert {h.repeats for h in day.households} == {3}
        assert {(h.runs, h.spoken) for h in day.households} == {(0, 1)}
        # 105 dB at 1 m, from 2 m above the ground to a window 80 m away, 60 s.
        told = 105 - 20 * math.log10(80) + 10 * math.log10(60 / 86_400)
        loudest = max(h.laeq_24h_db for h in day.households)
        assert loudest == pytest.approx(told, abs=1.0)


async def test_silenced_it_counts_for_as_long_as_it_lasted(kit, make, tmp_path):
    async with kit.open():
        street = Street(kit, make, tmp_path)
        async with street.urgent.open():
            await street.urgent.announce(replace(SAY, repeats=4))
            (whole,) = street.books.saved
            for _ in range(20):
                await kit.clock.advance(1.0)
            await kit.fleet.member("car").hush()
            await street.until_entered(2)
        half = street.books.saved[-1]
        assert half.source is ExposureSource.URGENT
        assert half.doses[0].energy == pytest.approx(whole.doses[0].energy / 4, rel=0.2)
        assert {d.repeats for d in half.doses} == {1}


async def test_what_the_loudspeaker_refused_does_not_count(kit, make, tmp_path):
    async with kit.open():
        street = Street(kit, make, tmp_path)
        kit.speakers["car"].refuse = "no such clip"
        async with street.urgent.open():
            await street.urgent.announce(SAY)
            await street.until_entered(2)
        day = await street.today()
        assert (day.spoken, day.households) == (0, ())


async def test_what_nobody_reported_counts_as_whole(kit, make, tmp_path):
    async with kit.open():
        street = Street(kit, make, tmp_path)
        kit.speakers["car"].linked = False
        async with street.urgent.open():
            await street.urgent.announce(replace(SAY, repeats=2))
            await street.until_entered(2)
        assert {h.repeats for h in (await street.today()).households} == {2}


async def test_later_plans_find_less_left(kit, make, tmp_path):
    async with kit.open():
        street = Street(kit, make, tmp_path, repeats=3)
        plan = make.plan(make.rover("F1", 1))
        assert (await street.ledger.admit(plan, street.site)).plan is plan
        async with street.urgent.open():
            await street.urgent.announce(replace(SAY, repeats=3))
            await street.until_entered(2)
        with pytest.raises(GateRefused, match="4 of 3 messages"):
            await street.ledger.admit(plan, street.site)


async def test_over_the_cap_it_is_said_and_told(kit, make, tmp_path):
    async with kit.open():
        street = Street(kit, make, tmp_path, repeats=1)
        async with street.urgent.open():
            result = await street.urgent.announce(replace(SAY, repeats=2))
            await street.until_entered(2)
            again = await street.urgent.announce(replace(SAY, repeats=2))
        assert result.vehicles == {"car": "ok"}
        assert len(kit.speakers["car"].whole) == 1
        (advice,) = result.advice
        assert "3 households have had more than their share of today" in advice
        assert again == result
        # Entered twice, told once, and by the same word.
        (alert,) = street.books.alerts
        assert (alert.kind, alert.site_id) == ("exposure", "yard")
        assert advice in alert.text


async def test_a_ledger_that_fails_keeps_nobody_from_speaking(kit, make, tmp_path):
    async with kit.open():
        street = Street(kit, make, tmp_path)
        street.books.broken = "disk full"
        async with street.urgent.open():
            result = await street.urgent.announce(SAY)
            await kit.until(lambda: len(kit.speakers["car"].whole) == 1)
            street.books.broken = None  # in the end it can be entered
            await street.until_entered(1)
        assert result.vehicles == {"car": "ok"}
        assert (await street.today()).spoken == 1


async def test_a_talk_counts_first_as_the_longest_then_as_what_was_said(
    kit, make, tmp_path
):
    async with kit.open():
        street = Street(kit, make, tmp_path)
        order = TalkOrder("li", "order 9", "car")
        async with street.talks.talk(order) as talk:
            for _ in range(25):
                talk.frame(PACKET)
            async with asyncio.timeout(5):
                await street.books.entered.wait()
        longest, said = street.books.saved
        assert longest.run_id == said.run_id == f"talk-{talk.id}"
        assert said.source is ExposureSource.TALK
        ratio = longest.doses[0].energy / said.doses[0].energy
        assert ratio == pytest.approx(120.0 / 0.5, rel=0.02)
        (entry,) = {h.repeats for h in (await street.today()).households}
        assert entry == 1


async def test_a_talk_in_which_nothing_was_said_does_not_count(kit, make, tmp_path):
    async with kit.open():
        street = Street(kit, make, tmp_path)
        async with street.talks.talk(TalkOrder("li", "order 9", "car")):
            pass
        assert (await street.today()).spoken == 0


async def test_it_counts_where_the_vehicle_went_while_it_spoke(kit, make, tmp_path):
    """A car that drove up to the house gave more than one that stood far off."""
    energy = {}
    for end_m in (-200.0, 70.0):
        one = make.kit()
        async with one.open():
            street = Street(one, make, tmp_path)
            car = one.vehicles["car"]
            started_s, sample = one.clock.monotonic_s(), type(car).telemetry

            def driven(self, *, to_m=end_m, begin_s=started_s, sample=sample):
                ratio = min(1.0, (self.clock.monotonic_s() - begin_s) / 20.0)
                at = make.site.frame.point_latlon(0.0, -200 + ratio * (to_m + 200))
                found = sample.fget(self)
                return replace(found, lat_deg=at.lat_deg, lon_deg=at.lon_deg)

            moved = type("Driven", (type(car),), {"telemetry": property(driven)})
            car.__class__ = moved
            async with street.urgent.open():
                await street.urgent.announce(SAY)
                await street.until_entered(2)
            doses = street.books.saved[-1].doses
            energy[end_m] = max(d.energy for d in doses) if doses else 0.0
    assert energy[70.0] > 10 * energy[-200.0]
    assert laeq_24h_db(energy[70.0]) > 35
