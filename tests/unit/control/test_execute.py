import pytest

from patrolctl.control.running.active import RunVerb
from patrolctl.domain.errors import CommandFailed, Conflict, LinkFailed, UploadFailed
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import LinkState
from patrolctl.domain.run import Phase
from patrolctl.domain.telemetry import EventKind
from patrolctl.domain.violation import Violation

BAD = (Violation("s", 2, "no-fly", "crosses the school"),)


async def test_a_sortie_goes_from_gate_to_ground(kit, make) -> None:
    async with (
        kit.open(),
        make.flight(kit, make, [make.copter("s1")], {"s1": "d1"}) as flight,
    ):
        await flight.to_the_end()
        (sortie,) = flight.state.sorties
        assert sortie.phase is Phase.FINISHED
        assert sortie.cues_done == ("s1.3", "s1.5")
        assert sortie.digest == kit.vehicles["d1"].mission.digest()
        calls = [c for c in kit.vehicles["d1"].calls if c != "keep"]
        assert calls == ["upload", "launch"]
        assert kit.gate.missions_checked == 2
        assert kit.speakers["d1"].plays == ["r1:s1.3", "r1:s1.5"]
        phases = [e.phase for e in kit.store.events if e.phase]
        assert phases == ["CHECKED", "UPLOADED", "RUNNING", "RETURNING", "FINISHED"]
        assert len(kit.store.points["r1"]) > 100
        assert kit.fleet.member(VehicleId("d1")).sortie is None


async def test_the_dwell_lasts_until_the_message_was_heard(kit, make) -> None:
    kit.speakers["d1"].slow_s = 9.0
    async with (
        kit.open(),
        make.flight(kit, make, [make.copter("s1", 1)], {"s1": "d1"}) as flight,
    ):
        await flight.to_the_end()
        facts = {f.kind: f for f in kit.store.vehicle_facts}
        began = facts[EventKind.DWELL_STARTED].ts_utc
        stayed_s = (facts[EventKind.DWELL_ENDED].ts_utc - began).total_seconds()
        assert 29.0 <= stayed_s <= 31.0  # planned were 22
        assert flight.state.sorties[0].cues_done == ("s1.3",)


async def test_nothing_is_uploaded_that_the_gate_refuses(kit, make) -> None:
    kit.gate.mission_found = [BAD]
    async with (
        kit.open(),
        make.flight(kit, make, [make.copter("s1")], {"s1": "d1"}) as flight,
    ):
        await flight.to_the_end()
        assert flight.state.phase is Phase.FAILED
        assert "crosses the school" in flight.state.reason
        assert kit.vehicles["d1"].calls == []


async def test_nothing_is_started_that_the_gate_refuses_by_then(kit, make) -> None:
    kit.gate.mission_found = [(), BAD]
    async with (
        kit.open(),
        make.flight(kit, make, [make.copter("s1")], {"s1": "d1"}) as flight,
    ):
        await flight.to_the_end()
        assert flight.state.phase is Phase.FAILED
        assert kit.vehicles["d1"].calls == ["upload"]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("upload", "upload failed"),
        ("mission", "another mission"),
        ("ready", "compass"),
        ("cache", "did not fetch"),
    ],
)
async def test_trouble_on_the_ground_stays_there(kit, make, trouble, said) -> None:
    d1 = kit.vehicles["d1"]
    if trouble == "upload":
        d1.fail["upload"] = UploadFailed("d1", "NO_SPACE", 3)
    d1.lose_mission = trouble == "mission"
    d1.not_ready = ("compass variance",) if trouble == "ready" else ()
    kit.speakers["d1"].never_caches = trouble == "cache"
    async with (
        kit.open(),
        make.flight(
            kit,
            make,
            [make.copter("s1"), make.copter("s2")],
            {"s1": "d1", "s2": "d2"},
        ) as flight,
    ):
        await flight.to_the_end()
        one, two = flight.state.sorties
        assert one.phase is Phase.FAILED
        assert said in one.reason
        assert "launch" not in d1.calls
        assert two.phase is Phase.FINISHED  # the other vehicle is none the worse


async def test_sorties_of_one_vehicle_follow_each_other_on_fresh_batteries(
    kit, make
) -> None:
    d1 = kit.vehicles["d1"]
    async with (
        kit.open(),
        make.flight(
            kit,
            make,
            [make.copter("s1", 1), make.copter("s2", 1)],
            {"s1": "d1", "s2": "d1"},
        ) as flight,
    ):
        await kit.until(lambda: flight.state.sorties[0].phase is Phase.RUNNING)
        d1.battery = 0.4
        await kit.until(lambda: flight.state.sorties[0].phase is Phase.FINISHED)
        await kit.clock.advance(60.0)
        assert flight.state.sorties[1].phase is Phase.CHECKED
        assert flight.state.phase is Phase.RUNNING
        assert any("waits for a battery: battery at 40%" in t for t in flight.texts())
        d1.battery = 1.0
        await flight.to_the_end()
        assert flight.state.phase is Phase.FINISHED
        assert d1.calls.count("launch") == 2


async def test_departures_keep_their_distance(kit, make) -> None:
    async with (
        kit.open(),
        make.flight(
            kit,
            make,
            [make.copter("s1", 1), make.copter("s2", 1, start_s=30.0)],
            {"s1": "d1", "s2": "d2"},
        ) as flight,
    ):
        await flight.to_the_end()
        launched = [e.ts_utc for e in kit.store.events if e.text == "launched"]
        assert 29.5 <= (launched[1] - launched[0]).total_seconds() <= 32.0


async def test_hold_and_resume(kit, make) -> None:
    async with (
        kit.open(),
        make.flight(kit, make, [make.copter("s1")], {"s1": "d1"}) as flight,
    ):
        await kit.until(lambda: flight.state.phase is Phase.RUNNING)
        await flight.run.command(RunVerb.HOLD, "li")
        assert flight.state.phase is Phase.HELD
        await kit.clock.advance(100.0)
        assert flight.state.phase is Phase.HELD
        checked = kit.gate.missions_checked
        await flight.run.command(RunVerb.RESUME, "li")
        assert kit.gate.missions_checked == checked + 1
        await flight.to_the_end()
        assert flight.state.phase is Phase.FINISHED


async def test_return_home_ends_it_and_what_had_not_started(kit, make) -> None:
    async with (
        kit.open(),
        make.flight(
            kit,
            make,
            [make.copter("s1"), make.copter("s2"), make.copter("s3", start_s=500.0)],
            {"s1": "d1", "s2": "d1", "s3": "d2"},
        ) as flight,
    ):
        await kit.until(lambda: flight.state.phase is Phase.RUNNING)
        await flight.run.command(RunVerb.RETURN_HOME, "li")
        assert flight.state.sorties[0].phase is Phase.RETURNING
        await flight.to_the_end()
        assert [s.phase for s in flight.state.sorties] == ["ABORTED"] * 3
        assert flight.state.phase is Phase.ABORTED
        assert kit.vehicles["d1"].calls.count("launch") == 1
        assert "launch" not in kit.vehicles["d2"].calls


async def test_a_recall_while_it_waits_for_a_battery(kit, make) -> None:
    kit.vehicles["d1"].battery = 0.2
    async with (
        kit.open(),
        make.flight(kit, make, [make.copter("s1")], {"s1": "d1"}) as flight,
    ):
        await kit.until(lambda: flight.state.phase is Phase.CHECKED)
        await kit.clock.advance(5.0)
        await flight.run.command(RunVerb.RETURN_HOME, "li")
        await flight.to_the_end()
        assert flight.state.phase is Phase.ABORTED
        assert "upload" not in kit.vehicles["d1"].calls


async def test_stop_holds_and_silences_and_later_cues_stay_silent(kit, make) -> None:
    async with (
        kit.open(),
        make.flight(kit, make, [make.copter("s1")], {"s1": "d1"}) as flight,
    ):
        await kit.until(lambda: flight.state.phase is Phase.RUNNING)
        await flight.run.command(RunVerb.STOP, "li")
        assert kit.vehicles["d1"].calls[-1] == "stop"
        assert kit.speakers["d1"].silenced == 1
        assert flight.state.phase is Phase.HELD
        kit.vehicles["d1"].moving.set()  # somebody flies on by hand
        await flight.to_the_end()
        assert kit.speakers["d1"].plays == []
        assert any("silenced" in t for t in flight.texts())


async def test_stop_ends_a_patrol_and_what_waits_but_not_who_hovers(kit, make) -> None:
    sorties = [make.copter("s1"), make.copter("s2"), make.rover("loop", 2)]
    chosen = {"s1": "d1", "s2": "d1", "loop": "car"}
    async with kit.open(), make.flight(kit, make, sorties, chosen) as flight:
        await kit.until(lambda: kit.vehicles["d1"].armed and kit.vehicles["car"].armed)
        await kit.clock.advance(1.0)
        await flight.run.command(RunVerb.STOP, "li")
        await kit.clock.advance(1.0)
        phases = {s.sortie_id: s.phase for s in flight.state.sorties}
        assert phases["s1"] is Phase.HELD
        assert phases["loop"] is Phase.ABORTED
        assert flight.state.phase is Phase.HELD
        await flight.run.command(RunVerb.RETURN_HOME, "li")
        await flight.to_the_end()
        assert {s.phase for s in flight.state.sorties} == {Phase.ABORTED}
        assert kit.vehicles["d1"].calls.count("launch") == 1


async def test_a_patrol_that_was_called_home_ends_where_it_parks(kit, make) -> None:
    async with (
        kit.open(),
        make.flight(kit, make, [make.rover("loop", 2)], {"loop": "car"}) as flight,
    ):
        car = kit.vehicles["car"]
        await kit.until(lambda: car.armed)
        await kit.clock.advance(1.0)
        car.stays_armed = True
        await flight.run.command(RunVerb.RETURN_HOME, "li")
        assert flight.state.phase is Phase.RETURNING
        await kit.clock.advance(10.0)
        assert flight.state.phase is Phase.RETURNING
        await flight.to_the_end()
        assert flight.state.phase is Phase.ABORTED


async def test_a_failsafe_is_followed_and_told(kit, make) -> None:
    async with (
        kit.open(),
        make.flight(kit, make, [make.copter("s1")], {"s1": "d1"}) as flight,
    ):
        await kit.until(lambda: flight.state.phase is Phase.RUNNING)
        kit.vehicles["d1"].failsafe("GCS Failsafe")
        await flight.to_the_end()
        (sortie,) = flight.state.sorties
        assert sortie.phase is Phase.ABORTED
        assert sortie.cut == "failsafe: GCS Failsafe"
        calls = [c for c in kit.vehicles["d1"].calls if c != "keep"]
        assert calls == ["upload", "launch"]  # never against it


async def test_a_lost_link_is_told_and_given_up_in_the_end(kit, make) -> None:
    async with (
        kit.open(),
        make.flight(kit, make, [make.copter("s1")], {"s1": "d1"}) as flight,
    ):
        await kit.until(lambda: flight.state.phase is Phase.RUNNING)
        d1 = kit.vehicles["d1"]
        d1.link = LinkState.LOST
        d1.moving.clear()
        d1.fail["return_home"] = LinkFailed("d1", "no link")
        await flight.to_the_end()
        assert "link lost, its own failsafe has it" in flight.texts()
        assert flight.state.phase is Phase.FAILED
        assert "look for it" in flight.state.reason


async def test_a_landing_whose_fact_was_missed_is_noticed(kit, make) -> None:
    async with (
        kit.open(),
        make.flight(kit, make, [make.copter("s1")], {"s1": "d1"}) as flight,
    ):
        await kit.until(lambda: flight.state.phase is Phase.RUNNING)
        kit.vehicles["d1"].moving.clear()
        kit.vehicles["d1"].armed = False
        await flight.to_the_end()


@pytest.mark.parametrize("refuse", ["no such clip", None])
async def test_a_cue_that_fails_is_told_and_the_rest_goes_on(kit, make, refuse) -> None:
    speaker = kit.speakers["d1"]
    speaker.refuse = refuse
    speaker.deaf = 0 if refuse else 2  # both attempts of the first cue
    async with (
        kit.open(),
        make.flight(kit, make, [make.copter("s1")], {"s1": "d1"}) as flight,
    ):
        await flight.to_the_end()
        (sortie,) = flight.state.sorties
        assert sortie.phase is Phase.FINISHED
        assert sortie.cues_done == (() if refuse else ("s1.5",))
        said = refuse or "did not report"
        assert any(said in t for t in flight.texts())


async def test_a_lost_command_is_sent_again_under_the_same_key(kit, make) -> None:
    kit.speakers["d1"].deaf = 1
    async with (
        kit.open(),
        make.flight(kit, make, [make.copter("s1", 1)], {"s1": "d1"}) as flight,
    ):
        await flight.to_the_end()
        assert kit.speakers["d1"].commands == ["r1:s1.3"] * 2
        assert flight.state.sorties[0].cues_done == ("s1.3",)


async def test_a_vehicle_that_does_not_obey_is_told_of(kit, make) -> None:
    kit.vehicles["d1"].fail["hold"] = CommandFailed("d1", "hold", "DENIED")
    async with (
        kit.open(),
        make.flight(
            kit,
            make,
            [make.copter("s1"), make.copter("s2")],
            {"s1": "d1", "s2": "d2"},
        ) as flight,
    ):
        await kit.until(
            lambda: all(s.phase is Phase.RUNNING for s in flight.state.sorties)
        )
        with pytest.raises(Conflict, match="DENIED"):
            await flight.run.command(RunVerb.HOLD, "li")
        assert [s.phase for s in flight.state.sorties] == ["RUNNING", "HELD"]


async def test_a_patrol_counts_its_laps_and_plays_in_each(kit, make) -> None:
    async with (
        kit.open(),
        make.flight(kit, make, [make.rover("loop", 3)], {"loop": "car"}) as flight,
    ):
        await flight.to_the_end()
        (sortie,) = flight.state.sorties
        assert sortie.phase is Phase.FINISHED
        assert sortie.loops_done == 3
        assert kit.speakers["car"].plays == [
            "r1:loop.3",
            "r1:loop.3:lap2",
            "r1:loop.3:lap3",
        ]
        assert flight.state.progress_ratio == 1.0


async def test_a_disk_that_is_full_for_a_moment_ends_nothing(kit, make) -> None:
    async with (
        kit.open(),
        make.flight(kit, make, [make.copter("s1")], {"s1": "d1"}) as flight,
    ):
        await kit.until(lambda: flight.state.phase is Phase.RUNNING)
        kit.store.broken = "disk is full"
        await flight.run.tell("something")
        await kit.clock.advance(20.0)
        assert kit.feed.store_fault == "disk is full"
        kit.store.broken = None
        await kit.until(flight.task.done)
        assert flight.state.phase is Phase.FINISHED
        assert "return_home" not in kit.vehicles["d1"].calls
        assert [e.text for e in kit.store.events].count("something") == 1


async def test_a_disk_that_stays_full_brings_everybody_home(kit, make) -> None:
    """Nothing is told that was not; all of it is written once there is room."""
    copters = [make.copter("s1"), make.copter("s2"), make.copter("s3")]
    lanes = {"s1": "d1", "s2": "d2", "s3": "d2"}
    kit.vehicles["d2"].fail["return_home"] = CommandFailed("d2", "return_home", "BUSY")
    async with kit.open(), make.flight(kit, make, copters, lanes) as flight:
        await kit.until(
            lambda: [s.phase for s in flight.state.sorties[:2]] == [Phase.RUNNING] * 2
        )
        kit.store.broken = "disk is full"
        await flight.run.tell("something")
        d1, d2 = kit.vehicles["d1"], kit.vehicles["d2"]
        await kit.until(lambda: "return_home" in d1.calls)
        d2.fail.clear()  # it obeys when it is told again
        await kit.until(flight.task.done)
        assert [s.phase for s in flight.state.sorties] == [Phase.ABORTED] * 3
        assert "nothing can be written down: disk is full" in flight.state.reason
        assert (d1.flown, d2.flown) == (1, 1)
        assert kit.feed.store_fault == "disk is full"
        kit.store.broken = None
        await flight.run.tell("later")
        assert kit.feed.store_fault is None
        ended = [e for e in kit.store.events if e.phase is Phase.ABORTED]
        assert {e.sortie_id for e in ended} >= {"s1", "s2", "s3"}
        # Not one point of the track was lost or kept twice.
        points = kit.store.points[flight.state.id]
        assert len(points) == len({(p.vehicle_id, p.ts_utc) for p in points}) > 10


async def test_what_cannot_be_written_down_is_not_armed(kit, make) -> None:
    d1 = kit.vehicles["d1"]
    async with (
        kit.open(),
        make.flight(kit, make, [make.copter("s1")], {"s1": "d1"}) as flight,
    ):
        kit.store.lose_from = "about to arm"
        await kit.until(flight.task.done)
        assert d1.flown == 0
        assert flight.state.phase is Phase.FAILED
        assert "could not be written down" in flight.state.reason


async def test_a_database_that_hangs_delays_a_command_by_moments(kit, make) -> None:
    d1 = kit.vehicles["d1"]
    async with (
        kit.open(),
        make.flight(kit, make, [make.copter("s1")], {"s1": "d1"}) as flight,
    ):
        await kit.until(lambda: flight.state.phase is Phase.RUNNING)
        kit.store.answers.clear()
        stopping = flight.group.create_task(flight.run.command(RunVerb.STOP, "li"))
        await kit.clock.advance(0.2)
        assert d1.calls[-1] == "stop"
        holding = flight.group.create_task(flight.run.command(RunVerb.HOLD, "li"))
        await kit.clock.advance(2.5)
        assert d1.calls[-1] == "hold"
        kit.store.answers.set()
        stopping.cancel()
        holding.cancel()
