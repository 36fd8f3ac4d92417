"""Nodes on one database leave each other's runs alone."""

from dataclasses import replace

import pytest

from patrolctl.control.announcing.library import Library
from patrolctl.control.running.runs import LaunchOrder, Runs
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.run import Phase


@pytest.mark.parametrize("shared", [True, False])
async def test_a_run_of_anothers_vehicles_is_another_nodes(kit, make, shared) -> None:
    library = Library({"yard": kit.brief}, make.synthesizer())
    await library.render_all()
    async with kit.open():
        await kit.store.save_plan("p1", make.plan(make.copter("s1", 1)))
        runs = Runs(kit.fleet, library, kit.services)
        async with runs.open():
            mine = await runs.launch(LaunchOrder("p1"))
            await kit.until(lambda: not runs.under_way)
        sorties = tuple(
            replace(s, vehicle_id=VehicleId("theirs"), phase=Phase.RUNNING)
            for s in mine.sorties
        )
        theirs = replace(mine, id="run-theirs", sorties=sorties, phase=Phase.RUNNING)
        await kit.store.save_run(theirs, None)
        again = Runs(kit.fleet, library, replace(kit.services, shared=shared))
        async with again.open():
            await kit.clock.advance(1.0)
        left = await kit.store.run("run-theirs")
        # Alone, a vehicle that is not there any more ends its run; among
        # others, somebody else flies it.
        assert left.phase == (Phase.RUNNING if shared else Phase.FAILED)
