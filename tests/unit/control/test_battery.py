"""A sortie that came home for a battery waits, and flies what is left."""

import pytest

from patrolctl.control.running.active import RunVerb
from patrolctl.control.sorties.rest import rest_of
from patrolctl.domain.errors import Conflict, LaunchRefused
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.mission import StepType
from patrolctl.domain.plan import ItemType
from patrolctl.domain.run import Part, Phase
from patrolctl.planning.compile import compile_mission


def of(kit, make, *sorties, **chosen):
    chosen = chosen or {s.id: "d1" for s in sorties}
    return make.flight(kit, make, sorties, chosen)


async def home_early(kit, flight, how, speaker=None):
    """The first message was said; at the second station it comes home."""
    d1, speaker = kit.vehicles["d1"], kit.speakers["d1"]
    await kit.until(lambda: speaker.whole == ["r1:s1.3"])
    await kit.until(lambda: "r1:s1.5" in speaker.plays)
    if how == "failsafe":
        d1.failsafe("battery: Battery 1 is low")
    else:
        await flight.run.command(RunVerb.CHANGE_BATTERY, "li", VehicleId("d1"))
    await kit.until(lambda: flight.state.sorties[0].waits is not None)


def test_the_rest_keeps_the_approved_way_without_what_was_said(make) -> None:
    sortie = make.copter("s1", 3)
    rest = rest_of(sortie, Part(2, step=5, cues_done=("s1.3",)))
    assert [i.seq for i in rest.items] == [1, 2, 4, 5, 6, 7, 8]
    assert rest.duration_s == sortie.duration_s - 22.0
    assert rest_of(sortie, None) is sortie
    mission, cues = compile_mission(make.plan(sortie), rest, make.site)
    assert [c.id for c in cues.cues] == ["s1.5", "s1.7"]
    assert [s.seq for s in mission.steps] == list(range(1, len(mission.steps) + 1))
    whole, _ = compile_mission(make.plan(sortie), sortie, make.site)
    assert mission.digest() != whole.digest()


def test_a_patrol_goes_round_as_often_as_is_left(make) -> None:
    rest = rest_of(make.rover("loop", 5), Part(2, laps=3, cues_done=("loop.3",)))
    assert rest.loops == 2
    assert sum(i.type is ItemType.DWELL for i in rest.items) == 1


@pytest.mark.parametrize("how", ["failsafe", "operator"])
async def test_it_waits_for_a_battery_and_flies_the_rest(kit, make, how) -> None:
    d1, speaker = kit.vehicles["d1"], kit.speakers["d1"]
    async with kit.open(), of(kit, make, make.copter("s1", 3)) as flight:
        await home_early(kit, flight, how)
        (sortie,) = flight.state.sorties
        assert sortie.phase is flight.state.phase is Phase.HELD
        assert "2 of 3 messages to go" in sortie.waits
        assert speaker.held is None
        assert kit.fleet.member(VehicleId("d1")).wants_battery
        first, checked = d1.mission, kit.gate.missions_checked
        await kit.clock.advance(200.0)
        assert d1.flown == 1
        d1.battery = 1.0
        await flight.run.command(RunVerb.RESUME, "li")
        await kit.until(lambda: d1.flown == 2)
        assert kit.gate.missions_checked == checked + 2
        assert d1.mission.digest() != first.digest()
        assert [p.key for p in speaker.sheet][-1] == "r1:s1.7"
        await flight.to_the_end()
        (sortie,) = flight.state.sorties
        assert sortie.phase is Phase.FINISHED
        assert sorted(sortie.cues_done) == ["s1.3", "s1.5", "s1.7"]
        whole = [k.split(":")[1] for k in speaker.whole]
        assert whole == ["s1.3", "s1.5", "s1.7"]  # each once, and whole
        assert sortie.departures == 2
        assert not kit.fleet.member(VehicleId("d1")).wants_battery


async def test_the_message_that_was_cut_on_the_way_is_said_again(kit, make) -> None:
    """The speaker goes on for a moment over the wrong roofs: it does not count."""
    speaker = kit.speakers["d1"]
    async with kit.open(), of(kit, make, make.copter("s1")) as flight:
        await kit.until(lambda: "r1:s1.5" in speaker.plays)
        await flight.run.command(RunVerb.CHANGE_BATTERY, "li")
        await speaker.silence()
        await kit.until(lambda: flight.state.sorties[0].waits is not None)
        await flight.run.command(RunVerb.RESUME, "li")
        await flight.to_the_end()
        assert speaker.whole == ["r1:s1.3", "r1:s1.5:try2"]


@pytest.mark.parametrize("verb", [RunVerb.RETURN_HOME, RunVerb.LAND, RunVerb.STOP])
async def test_while_it_waits_it_can_be_ended(kit, make, verb) -> None:
    async with kit.open(), of(kit, make, make.copter("s1", 3)) as flight:
        await home_early(kit, flight, "failsafe")
        calls = len(kit.vehicles["d1"].calls)
        await flight.run.command(verb, "li")
        await flight.to_the_end()
        assert flight.state.phase is Phase.ABORTED
        assert flight.state.sorties[0].waits is None
        assert len(kit.vehicles["d1"].calls) == calls  # it stands on the ground


async def test_nobody_comes(kit, make) -> None:
    async with kit.open(), of(kit, make, make.copter("s1", 3)) as flight:
        await home_early(kit, flight, "failsafe")
        await kit.until(flight.task.done, 4000.0, step_s=10.0)
        assert flight.state.phase is Phase.ABORTED
        assert "nobody resumed it in 60 min" in flight.state.reason


async def test_what_is_wrong_on_the_ground_is_asked_about_again(kit, make) -> None:
    d1 = kit.vehicles["d1"]
    async with kit.open(), of(kit, make, make.copter("s1", 3)) as flight:
        await home_early(kit, flight, "operator")
        d1.fail["launch"] = LaunchRefused("d1", ("it stands 80 m from home",))
        await flight.run.command(RunVerb.RESUME, "li")
        waits = lambda: flight.state.sorties[0].waits or ""  # noqa: E731
        await kit.until(lambda: "80 m from home" in waits())
        assert flight.state.phase is Phase.HELD
        del d1.fail["launch"]
        await flight.run.command(RunVerb.RESUME, "li")
        await flight.to_the_end()
        assert flight.state.phase is Phase.FINISHED
        assert d1.flown == 2


async def test_one_vehicle_of_two_is_called_for_a_battery(kit, make) -> None:
    sorties = [make.copter("s1"), make.copter("s2")]
    async with kit.open(), of(kit, make, *sorties, s1="d1", s2="d2") as flight:
        await kit.until(
            lambda: all(s.phase is Phase.RUNNING for s in flight.state.sorties)
        )
        await flight.run.command(RunVerb.CHANGE_BATTERY, "li", VehicleId("d2"))
        await kit.until(lambda: flight.state.sorties[0].phase is Phase.FINISHED)
        assert flight.state.sorties[1].phase is Phase.HELD
        with pytest.raises(Conflict, match="no vehicle is under way"):
            await flight.run.command(RunVerb.CHANGE_BATTERY, "li")
        with pytest.raises(Conflict, match="whole run"):
            await flight.run.command(RunVerb.HOLD, "li", VehicleId("d2"))
        await flight.run.command(RunVerb.RESUME, "li")
        await flight.to_the_end()
        assert flight.state.phase is Phase.FINISHED


async def test_resume_turns_nobody_round_who_comes_home(kit, make) -> None:
    sorties = [make.copter("s1"), make.copter("s2", 3)]
    d1, d2 = kit.vehicles["d1"], kit.vehicles["d2"]
    async with kit.open(), of(kit, make, *sorties, s1="d1", s2="d2") as flight:
        await kit.until(lambda: d1.armed and d2.armed)
        await flight.run.command(RunVerb.CHANGE_BATTERY, "li", VehicleId("d1"))
        await kit.until(lambda: flight.state.sorties[0].waits is not None)
        d2.failsafe("GCS Failsafe")
        await kit.until(lambda: flight.state.sorties[1].phase is Phase.RETURNING)
        await flight.run.command(RunVerb.RESUME, "li")
        assert "resume" not in d2.calls
        await flight.to_the_end()
        assert (d1.flown, d2.flown) == (2, 1)


async def test_a_battery_that_is_low_after_the_last_message_ends_it_well(
    kit, make
) -> None:
    d1, speaker = kit.vehicles["d1"], kit.speakers["d1"]
    async with kit.open(), of(kit, make, make.copter("s1", 1)) as flight:
        await kit.until(lambda: speaker.whole == ["r1:s1.3"])
        await kit.clock.advance(1.0)
        d1.failsafe("battery: Battery 1 is low")
        await flight.to_the_end()
        (sortie,) = flight.state.sorties
        assert sortie.phase is Phase.FINISHED
        assert "Battery 1 is low" in sortie.cut


async def test_a_patrol_takes_up_its_rounds_where_they_were(kit, make) -> None:
    car, speaker = kit.vehicles["car"], kit.speakers["car"]
    async with kit.open(), of(kit, make, make.rover("loop", 3), loop="car") as flight:
        await kit.until(lambda: len(speaker.whole) == 2)
        await kit.clock.advance(1.0)
        await flight.run.command(RunVerb.CHANGE_BATTERY, "li")
        await kit.until(lambda: flight.state.sorties[0].waits is not None)
        await flight.run.command(RunVerb.RESUME, "li")
        await kit.until(lambda: car.flown == 2)
        jumps = [s for s in car.mission.steps if s.type is StepType.JUMP]
        assert [j.jump_times for j in jumps] == [1]  # twice round
        await flight.to_the_end()
        assert speaker.whole == ["r1:loop.3", "r1:loop.3:lap2", "r1:loop.3:lap3"]
        assert flight.state.sorties[0].loops_done == 3
