"""A second service takes up what the first left; vehicles fly on meanwhile."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from patrolctl.control.announcing.library import Library
from patrolctl.control.live.feed import LiveFeed
from patrolctl.control.running.active import RunVerb
from patrolctl.control.running.runs import LaunchOrder, Runs
from patrolctl.domain.ids import PlanId, RunId
from patrolctl.domain.machines import LinkState
from patrolctl.domain.run import ENDED, Phase
from patrolctl.domain.telemetry import EventKind
from patrolctl.domain.violation import Violation

P1 = PlanId("p1")


class Service:
    """One life of the service over vehicles that outlive it."""

    def __init__(self, kit, make):
        self.kit = kit
        self.make = make
        self._stack = None

    async def start(self):
        kit = self.kit
        kit.feed = LiveFeed(kit.store, ())
        library = Library({"yard": kit.brief}, self.make.synthesizer())
        await library.render_all()
        self._kit = kit.open()
        await self._kit.__aenter__()
        self.runs = Runs(kit.fleet, library, kit.services)
        self._runs = self.runs.open()
        await self._runs.__aenter__()
        return self.runs

    async def die(self):
        """Its tasks end wherever they are; nothing more is written."""
        self.kit.store.broken = "dead"
        await self._runs.__aexit__(None, None, None)
        await self._kit.__aexit__(None, None, None)
        self.kit.store.broken = None


@asynccontextmanager
async def world(kit, make, *sorties):
    """Vehicles and speakers in a group of their own, so that services may die."""
    kit.store.plans_by_id = {"p1": make.plan(*sorties)}
    async with asyncio.TaskGroup() as group:
        kit.world = group
        try:
            yield Service(kit, make)
        finally:
            make.end_the_world()


async def restarted(service, away_s=5.0):
    await service.die()
    await service.kit.clock.advance(away_s)
    return await service.start()


def only(kit):
    (state,) = kit.store.states.values()
    return state


async def ended(kit, runs):
    await kit.until(lambda: not runs.under_way, 4000.0)
    return only(kit)


def texts(kit):
    return [e.text for e in kit.store.events]


async def resumed_to_its_end(kit, runs, vehicle) -> None:
    """The operator resumes: one more flight, and every message is said."""
    await runs.command(only(kit).id, RunVerb.RESUME, "li")
    state = await ended(kit, runs)
    assert (state.phase, vehicle.flown) == (Phase.FINISHED, 2)
    assert sorted(state.sorties[0].cues_done) == ["s1.3", "s1.5", "s1.7"]


async def test_it_follows_what_flies_and_says_each_message_once(kit, make) -> None:
    d1, speaker = kit.vehicles["d1"], kit.speakers["d1"]
    async with world(kit, make, make.copter("s1", 3)) as service:
        runs = await service.start()
        await runs.launch(LaunchOrder(P1))
        await kit.until(lambda: len(speaker.plays) == 2)
        runs = await restarted(service)
        state = await ended(kit, runs)
        assert state.phase is Phase.FINISHED
        assert d1.flown == 1
        assert [c for c in d1.calls if c != "keep"] == ["upload", "launch", "adopt"]
        assert [k.split(":")[1] for k in speaker.whole] == ["s1.3", "s1.5", "s1.7"]
        assert sorted(state.sorties[0].cues_done) == ["s1.3", "s1.5", "s1.7"]
        await service.die()


async def test_reports_that_came_meanwhile_count(kit, make) -> None:
    d1, speaker = kit.vehicles["d1"], kit.speakers["d1"]
    async with world(kit, make, make.copter("s1")) as service:
        runs = await service.start()
        await runs.launch(LaunchOrder(P1))
        await kit.until(lambda: d1.dwelling)
        await service.die()
        await kit.clock.advance(30.0)  # the first message ended unheard
        await kit.until(lambda: d1.dwelling)
        speaker.arrived("s1.5")
        await kit.until(lambda: not d1.armed)
        runs = await service.start()
        state = await ended(kit, runs)
        assert (state.phase, d1.flown) == (Phase.FINISHED, 1)
        assert state.sorties[0].cues_done == ("s1.3", "s1.5")
        assert len(speaker.plays) == 2
        await service.die()


async def test_before_anything_was_launched_it_just_goes_on(kit, make) -> None:
    d1 = kit.vehicles["d1"]
    d1.not_ready = ("EKF",)
    async with world(kit, make, make.copter("s1", 1)) as service:
        runs = await service.start()
        await runs.launch(LaunchOrder(P1))
        await kit.until(lambda: "upload" in d1.calls)
        runs = await restarted(service)
        d1.not_ready = ()
        state = await ended(kit, runs)
        assert (state.phase, d1.flown) == (Phase.FINISHED, 1)
        await service.die()


async def test_between_the_decision_to_arm_and_its_outcome_it_asks(kit, make) -> None:
    d1 = kit.vehicles["d1"]
    async with world(kit, make, make.copter("s1", 1)) as service:
        runs = await service.start()
        d1.stuck_after_arming = True
        await runs.launch(LaunchOrder(P1))
        await kit.until(lambda: only(kit).sorties[0].launching)
        runs = await restarted(service)
        await kit.until(lambda: only(kit).sorties[0].waits is not None)
        state = only(kit)
        assert state.phase is Phase.HELD
        assert "while it launched d1" in state.sorties[0].waits
        await kit.clock.advance(300.0)
        assert d1.flown == 0
        d1.stuck_after_arming = False
        await runs.command(state.id, RunVerb.RESUME, "li")
        state = await ended(kit, runs)
        assert (state.phase, d1.flown) == (Phase.FINISHED, 1)
        await service.die()


async def test_it_set_off_in_the_moment_of_the_crash(kit, make) -> None:
    d1 = kit.vehicles["d1"]
    async with world(kit, make, make.copter("s1")) as service:
        runs = await service.start()
        await runs.launch(LaunchOrder(P1))
        kit.store.lose_from = "launched"  # the outcome was never written
        await kit.until(lambda: d1.armed)
        kit.store.lose_from = None
        assert only(kit).sorties[0].launching
        runs = await restarted(service)
        state = await ended(kit, runs)
        assert (state.phase, d1.flown) == (Phase.FINISHED, 1)
        await service.die()


async def test_home_while_nobody_looked_and_something_is_missing(kit, make) -> None:
    d1, speaker = kit.vehicles["d1"], kit.speakers["d1"]
    async with world(kit, make, make.copter("s1", 3)) as service:
        runs = await service.start()
        await runs.launch(LaunchOrder(P1))
        await kit.until(lambda: len(speaker.whole) == 1)
        await service.die()
        await kit.until(lambda: not d1.armed)
        runs = await service.start()
        await kit.until(lambda: only(kit).sorties[0].waits is not None)
        waits = only(kit).sorties[0].waits
        assert "came home while the service was away" in waits
        await resumed_to_its_end(kit, runs, d1)
        await service.die()


async def test_a_failsafe_brings_it_home_while_the_service_is_away(kit, make) -> None:
    """It is followed to the ground, and what it did not say is asked about."""
    d1, speaker = kit.vehicles["d1"], kit.speakers["d1"]
    async with world(kit, make, make.copter("s1", 3)) as service:
        runs = await service.start()
        await runs.launch(LaunchOrder(P1))
        await kit.until(lambda: len(speaker.whole) == 1)
        await service.die()
        d1._home(EventKind.MODE)
        runs = await service.start()
        await kit.until(lambda: only(kit).sorties[0].waits is not None)
        assert "coming home when the service" in only(kit).sorties[0].waits
        assert d1.flown == 1
        await resumed_to_its_end(kit, runs, d1)
        await service.die()


@pytest.mark.parametrize(
    ("verb", "does"),
    [
        (RunVerb.HOLD, "hold"),
        (RunVerb.RETURN_HOME, "return_home"),
        (RunVerb.LAND, "land"),
    ],
)
async def test_what_was_said_before_the_crash_is_done_after_it(
    kit, make, verb, does
) -> None:
    """It was recorded; the vehicle never heard it."""
    d1 = kit.vehicles["d1"]
    async with world(kit, make, make.copter("s1", 3)) as service:
        runs = await service.start()
        state = await runs.launch(LaunchOrder(P1))
        await kit.until(lambda: d1.dwelling)
        d1.stuck = True
        async with asyncio.TaskGroup() as group:
            saying = group.create_task(runs.command(state.id, verb, "li"))
            await kit.clock.advance(1.0)
            saying.cancel()
        d1.stuck = False
        d1.calls.clear()
        runs = await restarted(service)
        await kit.until(lambda: does in d1.calls)
        if verb is RunVerb.HOLD:
            await kit.until(lambda: only(kit).phase is not Phase.RUNNING, 10.0)
            assert only(kit).phase is Phase.HELD
            await runs.command(state.id, RunVerb.RESUME, "li")
        state = await ended(kit, runs)
        assert state.phase is (
            Phase.FINISHED if verb is RunVerb.HOLD else Phase.ABORTED
        )
        assert d1.flown == 1
        await service.die()


async def test_a_vehicle_in_the_hands_of_somebody_else_is_not_taken(kit, make) -> None:
    d1 = kit.vehicles["d1"]
    async with world(kit, make, make.copter("s1", 3)) as service:
        runs = await service.start()
        state = await runs.launch(LaunchOrder(P1))
        await kit.until(lambda: d1.dwelling)
        await service.die()
        d1.moving.clear()  # a pilot holds it
        runs = await service.start()
        await kit.until(lambda: only(kit).phase is Phase.HELD)
        await kit.clock.advance(50.0)
        assert "resume" not in d1.calls
        await runs.command(state.id, RunVerb.RESUME, "li")
        assert (await ended(kit, runs)).phase is Phase.FINISHED
        await service.die()


async def test_one_that_flies_another_mission_is_held_and_asked_about(
    kit, make
) -> None:
    d1 = kit.vehicles["d1"]
    async with world(kit, make, make.copter("s1", 3)) as service:
        runs = await service.start()
        state = await runs.launch(LaunchOrder(P1))
        await kit.until(lambda: d1.dwelling)
        await service.die()
        d1.other_mission = True
        runs = await service.start()
        await kit.until(lambda: "hold" in d1.calls)
        await kit.until(lambda: only(kit).phase is not Phase.RUNNING, 10.0)
        assert only(kit).phase is Phase.HELD
        assert any("not sure" in t for t in texts(kit))
        await runs.command(state.id, RunVerb.RETURN_HOME, "li")
        assert (await ended(kit, runs)).phase is Phase.ABORTED
        assert d1.flown == 1
        await service.die()


async def test_a_vehicle_that_is_not_heard_is_waited_for(kit, make) -> None:
    d1 = kit.vehicles["d1"]
    async with world(kit, make, make.copter("s1")) as service:
        runs = await service.start()
        await runs.launch(LaunchOrder(P1))
        await kit.until(lambda: d1.dwelling)
        await service.die()
        d1.link = LinkState.CONNECTING
        runs = await service.start()
        await kit.until(lambda: only(kit).phase is Phase.HELD)
        assert any("does not hear d1" in t for t in texts(kit))
        d1.link = LinkState.LIVE
        await kit.until(lambda: only(kit).phase is not Phase.HELD)
        await kit.until(lambda: not d1.armed)
        state = only(kit)
        if state.phase not in ENDED:
            await kit.until(lambda: only(kit).phase in ENDED, 4000.0, step_s=20.0)
        assert d1.flown == 1
        await service.die()


async def test_two_vehicles_one_flies_on_and_one_had_not_started(kit, make) -> None:
    one, two = make.copter("s1", 3), make.copter("s2", 1, start_s=60.0)
    async with world(kit, make, one, two) as service:
        runs = await service.start()
        await runs.launch(LaunchOrder(P1, vehicles={"s1": "d1", "s2": "d2"}))
        await kit.until(lambda: kit.vehicles["d1"].dwelling)
        runs = await restarted(service)
        state = await ended(kit, runs)
        assert [s.phase for s in state.sorties] == ["FINISHED", "FINISHED"]
        assert kit.vehicles["d1"].flown == kit.vehicles["d2"].flown == 1
        await service.die()


async def test_after_a_long_time_or_against_the_gate_nothing_starts(kit, make) -> None:
    two = (make.copter("s1", 1), make.copter("s2", 1))
    both = {"s1": "d1", "s2": "d1"}
    d1 = kit.vehicles["d1"]
    async with world(kit, make, *two) as service:
        runs = await service.start()
        state = await runs.launch(LaunchOrder(P1, vehicles=both))
        await kit.until(lambda: d1.dwelling)
        kit.gate.plan_found = (Violation(None, None, "quiet-hours", "it is quiet"),)
        runs = await restarted(service)
        await kit.until(lambda: only(kit).sorties[0].phase is Phase.FINISHED)
        await kit.clock.advance(100.0)
        assert d1.flown == 1
        assert "it is quiet" in only(kit).parked
        assert any("it is quiet" in t for t in texts(kit))
        kit.gate.plan_found = ()
        await service.die()
        await kit.clock.advance(8 * 3600.0, step_s=600.0)
        runs = await service.start()
        await kit.clock.advance(100.0)
        assert d1.flown == 1
        await runs.command(state.id, RunVerb.RESUME, "li")
        assert (await ended(kit, runs)).phase is Phase.FINISHED
        assert d1.flown == 2
        await service.die()


async def test_waiting_for_a_battery_goes_on_waiting(kit, make) -> None:
    d1 = kit.vehicles["d1"]
    async with world(kit, make, make.copter("s1", 3)) as service:
        runs = await service.start()
        state = await runs.launch(LaunchOrder(P1))
        await kit.until(lambda: d1.dwelling)
        d1.failsafe("battery: Battery 1 is low")
        await kit.until(lambda: only(kit).sorties[0].waits is not None)
        runs = await restarted(service)
        await kit.clock.advance(30.0)
        assert only(kit).phase is Phase.HELD
        assert d1.flown == 1
        await runs.command(state.id, RunVerb.RESUME, "li")
        state = await ended(kit, runs)
        assert (state.phase, d1.flown) == (Phase.FINISHED, 2)
        await service.die()


async def test_a_run_whose_plan_is_gone_is_closed_and_said(kit, make) -> None:
    d1 = kit.vehicles["d1"]
    async with world(kit, make, make.copter("s1", 3)) as service:
        runs = await service.start()
        state = await runs.launch(LaunchOrder(P1))
        await kit.until(lambda: d1.dwelling)
        await service.die()
        kit.store.plans_by_id = {}
        runs = await service.start()
        state = await runs.state(RunId(state.id))
        assert state.phase is Phase.FAILED
        assert "does not exist" in state.reason
        await service.die()


async def test_evidence_that_was_not_made_is_made_after_the_restart(kit, make) -> None:
    async with world(kit, make, make.copter("s1")) as service:
        runs = await service.start()
        await runs.launch(LaunchOrder(P1))
        state = await ended(kit, runs)
        proof = kit.store.proofs.pop(state.id)  # it died just before it
        runs = await restarted(service)
        await kit.until(lambda: state.id in kit.store.proofs)
        assert kit.store.proofs[state.id].summary == proof.summary
        await kit.until(lambda: "evidence, after a restart" in texts(kit)[-1])
        assert only(kit).phase is state.phase
        await service.die()


async def test_evidence_waits_for_room_on_the_disk(kit, make) -> None:
    async with world(kit, make, make.copter("s1")) as service:
        runs = await service.start()
        await runs.launch(LaunchOrder(P1))
        kit.store.lose_from = "home"
        await kit.until(lambda: kit.feed.store_fault is not None)
        await kit.clock.advance(100.0)
        assert runs.under_way
        assert not kit.store.proofs
        kit.store.lose_from = kit.store.broken = None
        state = await ended(kit, runs)
        assert state.phase is Phase.FINISHED
        assert kit.store.proofs[state.id].summary.playbacks_complete > 0
        assert any(t.startswith("no evidence yet") for t in texts(kit))
        await service.die()
