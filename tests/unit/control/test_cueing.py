"""Each message once and whole, whichever way it is triggered."""

import pytest

from patrolctl.control.announcing.announce import Patience
from patrolctl.control.running.active import RunVerb
from patrolctl.control.sorties.cuebook import CueBook
from patrolctl.control.sorties.job import Limits
from patrolctl.control.vehicles.keys import key_of, name_of, run_of
from patrolctl.domain.ids import RunId
from patrolctl.domain.run import Phase
from patrolctl.domain.sound import CutBy
from patrolctl.domain.telemetry import EventKind
from patrolctl.geo import Datum
from patrolctl.planning.compile import compile_mission

R1 = RunId("r1")


def one(kit, make, sorties=None, **more):
    sorties = sorties or [make.copter("s1", **more)]
    return make.flight(kit, make, sorties, {s.id: "d1" for s in sorties})


def test_keys_name_run_cue_lap_and_try() -> None:
    key = key_of(R1, "s1.3:lap2", 3)
    assert key == "r1:s1.3:lap2:try3"
    assert (run_of(key), name_of(key)) == ("r1", "s1.3:lap2")
    assert (run_of("nothing"), name_of(key_of(R1, "a"))) == (None, "a")


def test_the_sheet_tells_where_each_cue_is_due(make) -> None:
    sortie = make.copter("s1")
    mission, cues = compile_mission(make.plan(sortie), sortie, make.site)
    sheet = CueBook(R1, sortie).sheet(mission, cues, 0)
    assert [p.key for p in sheet] == ["r1:s1.3", "r1:s1.5"]
    for placed, item in zip(sheet, (sortie.items[2], sortie.items[4]), strict=True):
        assert (placed.lat_deg, placed.lon_deg) == (item.lat_deg, item.lon_deg)
        assert item.datum is Datum.HOME
        assert placed.up_m == pytest.approx(item.alt_m)
        assert placed.heading_deg == item.heading_deg
    rest = CueBook(R1, sortie, done=["s1.3"]).sheet(mission, cues, 0)
    assert [p.key for p in rest] == ["r1:s1.5"]


def test_a_patrols_sheet_has_every_lap_that_is_left(make) -> None:
    sortie = make.rover("loop", 3)
    mission, cues = compile_mission(make.plan(sortie), sortie, make.site)
    book = CueBook(R1, sortie, done=["loop.3"])
    keys = [p.key for p in book.sheet(mission, cues, 0)]
    assert keys == ["r1:loop.3:lap2", "r1:loop.3:lap3"]
    assert [p.key for p in book.sheet(mission, cues, 2)] == ["r1:loop.3:lap3"]


async def test_the_speaker_has_its_sheet_before_the_launch_and_not_after(
    kit, make
) -> None:
    speaker = kit.speakers["d1"]
    async with kit.open(), one(kit, make) as flight:
        await kit.until(lambda: kit.vehicles["d1"].armed)
        assert speaker.sheets == [("r1:s1.3", "r1:s1.5")]
        assert speaker.held == "r1/s1"
        await flight.to_the_end()
        assert speaker.sheet == ()
        told = flight.texts()
        assert "speaker k0 holds its cue sheet of 2 cues" in told
        assert told.index("about to arm") < told.index("launched")


@pytest.mark.parametrize(
    "verb", [RunVerb.STOP, RunVerb.RETURN_HOME, RunVerb.LAND, RunVerb.SILENCE]
)
async def test_the_sheet_is_taken_back_with_the_command(kit, make, verb) -> None:
    async with kit.open(), one(kit, make) as flight:
        await kit.until(lambda: flight.state.phase is Phase.RUNNING)
        await flight.run.command(verb, "li")
        assert kit.speakers["d1"].sheet == ()
        assert kit.speakers["d1"].held is None


async def test_a_hold_keeps_the_sheet_and_cuts_no_sentence(kit, make) -> None:
    speaker = kit.speakers["d1"]
    async with kit.open(), one(kit, make) as flight:
        await kit.until(lambda: speaker.plays == ["r1:s1.3"])
        await flight.run.command(RunVerb.HOLD, "li")
        await kit.until(lambda: speaker.whole == ["r1:s1.3"], 30.0)
        assert speaker.silenced == 0
        assert speaker.sheet
        await kit.clock.advance(60.0)
        await flight.run.command(RunVerb.RESUME, "li")
        await flight.to_the_end()
        assert speaker.whole == ["r1:s1.3", "r1:s1.5"]


async def test_what_the_speaker_plays_by_itself_is_played_once(kit, make) -> None:
    """It was a moment faster than our command."""
    d1, speaker = kit.vehicles["d1"], kit.speakers["d1"]
    async with kit.open(), one(kit, make) as flight:
        await kit.until(lambda: d1.armed)
        await kit.until(lambda: d1.seq == 2)
        speaker.arrived("s1.3")
        await flight.to_the_end()
        assert speaker.plays == ["r1:s1.3", "r1:s1.5"]
        assert speaker.commands == ["r1:s1.5"]  # the first one played already
        assert flight.state.sorties[0].cues_done == ("s1.3", "s1.5")


async def test_without_a_link_the_dwell_lasts_for_the_message_all_the_same(
    kit, make
) -> None:
    d1, speaker = kit.vehicles["d1"], kit.speakers["d1"]
    # The message is longer than two commands are waited for.
    kit.limits = Limits(patience=Patience(expiry_s=5.0, slack_s=5.0))
    async with kit.open(), one(kit, make) as flight:
        await kit.until(lambda: d1.armed)
        speaker.linked = False
        for cue in ("s1.3", "s1.5"):
            await kit.until(lambda: d1.dwelling)
            speaker.arrived(cue)
            await kit.until(lambda: not d1.dwelling)
            assert speaker.whole[-1] == f"r1:{cue}"
        await flight.to_the_end()
        assert flight.state.sorties[0].cues_done == ()
        assert len(speaker.plays) == 2


async def test_an_end_that_was_told_to_nobody_is_asked_for(kit, make) -> None:
    """As when the service was started again while the message was played."""
    speaker = kit.speakers["d1"]
    speaker.lost_ends = 1
    async with kit.open(), one(kit, make) as flight:
        await flight.to_the_end()
        assert speaker.whole == ["r1:s1.3", "r1:s1.5"]  # each sounds once
        assert speaker.commands == ["r1:s1.3", "r1:s1.3", "r1:s1.5"]
        assert flight.state.sorties[0].cues_done == ("s1.3", "s1.5")


async def test_an_outage_shorter_than_the_sortie_is_made_up_for(kit, make) -> None:
    d1, speaker = kit.vehicles["d1"], kit.speakers["d1"]
    async with kit.open(), one(kit, make) as flight:
        await kit.until(lambda: d1.armed)
        speaker.linked = False
        await kit.until(lambda: d1.dwelling)
        speaker.arrived("s1.3")
        await kit.until(lambda: not d1.dwelling)
        speaker.relink()
        await flight.to_the_end()
        assert flight.state.sorties[0].cues_done == ("s1.3", "s1.5")
        assert speaker.whole == ["r1:s1.3", "r1:s1.5"]


async def test_a_message_that_was_cut_is_said_again_before_it_flies_on(
    kit, make
) -> None:
    speaker = kit.speakers["d1"]
    speaker.cuts = 1
    async with kit.open(), one(kit, make) as flight:
        await flight.to_the_end()
        assert speaker.plays == ["r1:s1.3", "r1:s1.3:try2", "r1:s1.5"]
        assert speaker.whole == ["r1:s1.3:try2", "r1:s1.5"]
        assert flight.state.sorties[0].cues_done == ("s1.3", "s1.5")
        assert flight.state.sorties[0].plays == tuple(speaker.commands)


async def test_a_speaker_that_keeps_failing_does_not_keep_the_vehicle(
    kit, make
) -> None:
    speaker = kit.speakers["d1"]
    speaker.cuts = 99
    async with kit.open(), one(kit, make, stations=1) as flight:
        await flight.to_the_end()
        assert len(speaker.plays) == 3
        assert flight.state.phase is Phase.FINISHED
        assert flight.state.sorties[0].cues_done == ()


@pytest.mark.parametrize("by", [CutBy.URGENT, CutBy.TALK])
async def test_after_an_urgent_message_the_cut_one_is_said_again(kit, make, by) -> None:
    speaker = kit.speakers["d1"]
    member = lambda: kit.fleet.member(kit.entries[0].id)  # noqa: E731
    async with kit.open(), one(kit, make) as flight:
        await kit.until(lambda: speaker.plays == ["r1:s1.3"])
        with member().floor.take(by):
            speaker.cut(by)
            await kit.clock.advance(90.0)
            assert speaker.plays == ["r1:s1.3"]
            assert kit.vehicles["d1"].dwelling  # it waits there
        await flight.to_the_end()
        assert speaker.whole == ["r1:s1.3:try2", "r1:s1.5"]


async def test_after_a_stop_it_says_the_message_that_was_not_completed(
    kit, make
) -> None:
    d1, speaker = kit.vehicles["d1"], kit.speakers["d1"]
    async with kit.open(), one(kit, make) as flight:
        await kit.until(lambda: speaker.plays == ["r1:s1.3"])
        await kit.clock.advance(3.0)
        await flight.run.command(RunVerb.STOP, "li")
        await kit.clock.advance(100.0)
        assert d1.dwelling
        assert speaker.whole == []
        await flight.run.command(RunVerb.RESUME, "li")
        assert [p.key for p in speaker.sheet] == ["r1:s1.3:try2", "r1:s1.5"]
        await kit.until(lambda: not d1.dwelling)
        assert speaker.whole == ["r1:s1.3:try2"]
        await flight.run.command(RunVerb.RETURN_HOME, "li")
        await flight.to_the_end()


async def test_a_silenced_vehicle_flies_on(kit, make) -> None:
    d1, speaker = kit.vehicles["d1"], kit.speakers["d1"]
    async with kit.open(), one(kit, make) as flight:
        await kit.until(lambda: speaker.plays == ["r1:s1.3"])
        await kit.clock.advance(3.0)
        await flight.run.command(RunVerb.SILENCE, "li")
        await kit.until(lambda: not d1.dwelling, 10.0)
        await flight.run.command(RunVerb.RESUME, "li")
        await flight.to_the_end()
        assert speaker.whole == ["r1:s1.5"]


async def test_a_dwell_that_is_over_says_nothing_any_more(kit, make) -> None:
    """It was silenced in its dwell; the vehicle has left when it may speak."""
    d1, speaker = kit.vehicles["d1"], kit.speakers["d1"]
    async with kit.open(), one(kit, make, stations=1) as flight:
        await kit.until(lambda: speaker.plays == ["r1:s1.3"])
        await flight.run.command(RunVerb.STOP, "li")
        await kit.clock.advance(5.0)
        d1.emit(EventKind.STEP, "", 4)  # flown on by hand
        await kit.clock.advance(5.0)
        await flight.run.command(RunVerb.RESUME, "li")
        await flight.to_the_end()
        assert speaker.whole == []
