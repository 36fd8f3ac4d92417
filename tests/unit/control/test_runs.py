from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from patrolctl.control.announcing.library import Library
from patrolctl.control.running.active import RunVerb
from patrolctl.control.running.runs import LaunchOrder, Runs, assign, with_loops
from patrolctl.control.vehicles.fleet import FleetVerb
from patrolctl.domain.errors import Conflict, GateRefused, InputError, NotFound
from patrolctl.domain.ids import PlanId, RunId, VehicleId
from patrolctl.domain.machines import LinkState
from patrolctl.domain.plan import PlanKind
from patrolctl.domain.run import Phase, RunState, SortieRun
from patrolctl.domain.telemetry import EventKind
from patrolctl.domain.violation import Violation

P1 = PlanId("p1")


@asynccontextmanager
async def running(kit, make):
    library = Library({"yard": kit.brief}, make.synthesizer())
    await library.render_all()
    async with kit.open():
        runs = Runs(kit.fleet, library, kit.services)
        async with runs.open():
            yield runs


async def test_a_drone_run_and_a_patrol_side_by_side(kit, make) -> None:
    kit.store.plans_by_id = {
        "p1": make.plan(make.copter("s1"), make.copter("s2")),
        "p2": make.plan(make.rover("loop", 1), kind=PlanKind.LOOP),
    }
    async with running(kit, make) as runs:
        one = await runs.launch(LaunchOrder(P1, authority="order 7"))
        two = await runs.launch(LaunchOrder(PlanId("p2"), loops=2))
        assert [s.vehicle_id for s in one.sorties] == ["d1", "d2"]
        assert {s.id for s in runs.under_way} == {one.id, two.id}
        await kit.until(lambda: not runs.under_way)
        assert {s.phase for s in kit.store.states.values()} == {Phase.FINISHED}
        assert kit.store.proofs[two.id].summary.loops_completed == 2
        assert kit.store.proofs[one.id].summary.playbacks_complete == 4
        assert ("operator", "launch") in {entry[:2] for entry in kit.store.log}
        assert "order 7" in kit.store.log[0][2]


async def test_what_the_gate_refuses_leaves_no_run(kit, make) -> None:
    kit.store.plans_by_id = {"p1": make.plan(make.copter("s1"))}
    kit.gate.plan_found = (Violation("s1", 2, "fence", "leaves the site"),)
    async with running(kit, make) as runs:
        with pytest.raises(GateRefused):
            await runs.launch(LaunchOrder(P1))
        assert not kit.store.states
        assert not runs.under_way


async def test_no_launch_on_a_dead_link_or_a_full_disk(kit, make) -> None:
    kit.store.plans_by_id = {"p1": make.plan(make.copter("s1"))}
    async with running(kit, make) as runs:
        kit.vehicles["d1"].link = LinkState.STALE
        with pytest.raises(Conflict, match="d1: link is STALE"):
            await runs.launch(LaunchOrder(P1))
        kit.vehicles["d1"].link = LinkState.LIVE
        kit.store.broken = "disk is full"
        kit.vehicles["d1"].emit(EventKind.TEXT, "hello")
        await kit.clock.advance(0.2)
        with pytest.raises(Conflict, match="disk is full"):
            await runs.launch(LaunchOrder(P1))
        kit.store.broken = None
        with pytest.raises(NotFound):
            await runs.launch(LaunchOrder(PlanId("p9")))
        await runs.launch(LaunchOrder(P1))


async def test_a_fleet_stop_keeps_what_waits_on_the_ground_there(kit, make) -> None:
    kit.store.plans_by_id = {
        "p1": make.plan(make.copter("s1"), make.copter("s2", start_s=300.0))
    }
    async with running(kit, make) as runs:
        state = await runs.launch(LaunchOrder(P1))
        await kit.until(lambda: kit.vehicles["d1"].armed)
        results = await runs.fleet_command(FleetVerb.STOP, "li")
        assert set(results.values()) == {"ok"}
        await runs.note_fleet_command(FleetVerb.STOP, "li", results)
        await kit.clock.advance(400.0)
        assert "launch" not in kit.vehicles["d2"].calls
        await runs.command(state.id, RunVerb.RETURN_HOME, "li")
        await kit.until(lambda: not runs.under_way)
        assert kit.store.states[state.id].phase is Phase.ABORTED
        assert ("li", "fleet stop") in {entry[:2] for entry in kit.store.log}


async def test_what_an_earlier_process_left_is_closed_and_said(kit, make) -> None:
    left = RunState(
        RunId("r0"),
        P1,
        kit.clock.utc(),
        phase=Phase.RUNNING,
        sorties=(
            SortieRun("s1", VehicleId("d1"), phase=Phase.RUNNING),
            SortieRun("s2", VehicleId("d2"), phase=Phase.FINISHED),
        ),
    )
    kit.store.states["r0"] = left
    async with running(kit, make):
        state = kit.store.states["r0"]
        assert state.phase is Phase.FAILED
        assert [s.phase for s in state.sorties] == ["FAILED", "FINISHED"]
        assert "the service ended" in state.reason


async def test_assignment(kit, make) -> None:
    async with kit.open():
        one, two, three = (make.copter(n) for n in ("s1", "s2", "s3"))
        own = replace(one, vehicle="d2")
        assert assign((one, two, three), {}, kit.fleet, frozenset()) == {
            "s1": "d1",
            "s2": "d2",
            "s3": "d1",
        }
        assert assign((own,), {}, kit.fleet, frozenset()) == {"s1": "d2"}
        assert assign((own,), {"s1": "d1"}, kit.fleet, frozenset()) == {"s1": "d1"}
        assert assign((one,), {}, kit.fleet, frozenset({"d1"})) == {"s1": "d2"}
        with pytest.raises(Conflict, match="no free copter"):
            assign((one,), {}, kit.fleet, frozenset({"d1", "d2"}))
        with pytest.raises(Conflict, match="busy"):
            assign((one,), {"s1": "d1"}, kit.fleet, frozenset({"d1"}))
        with pytest.raises(InputError, match="needs a copter"):
            assign((one,), {"s1": "car"}, kit.fleet, frozenset())
        with pytest.raises(InputError, match="no sortie s9"):
            assign((one,), {"s9": "d1"}, kit.fleet, frozenset())
        with pytest.raises(NotFound):
            assign((one,), {"s1": "d9"}, kit.fleet, frozenset())


def test_loops_are_of_patrols_only(make) -> None:
    plan = with_loops(make.plan(make.copter("s1"), make.rover("loop", 1)), 5)
    assert [s.loops for s in plan.sorties] == [1, 5]
