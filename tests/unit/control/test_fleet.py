import asyncio
from contextlib import asynccontextmanager

from patrolctl.control.vehicles.fleet import FleetVerb
from patrolctl.domain.errors import CommandFailed, LinkFailed
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.telemetry import EventKind


async def test_stop_touches_no_database_and_every_vehicle(kit) -> None:
    async with kit.open():
        kit.store.answers.clear()  # nothing is stored from here on
        kit.vehicles["d1"].fail["stop"] = LinkFailed("d1", "no link")
        async with asyncio.timeout(1):
            results = await kit.fleet.command(FleetVerb.STOP)
        assert results == {"d1": "d1: no link", "d2": "ok", "car": "ok"}
        assert all(s.silenced == 1 for s in kit.speakers.values())
        kit.store.answers.set()


async def test_one_that_hangs_delays_only_itself(kit) -> None:
    async with kit.open():
        for vehicle in kit.vehicles.values():
            vehicle.armed = True
        kit.vehicles["d1"].stuck = True
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(kit.fleet.command(FleetVerb.HOLD))
            await kit.clock.advance(5.0)
            assert kit.vehicles["d2"].calls == kit.vehicles["car"].calls == ["hold"]
            await kit.clock.advance(20.0)
        results = telling.result()
        assert results["d1"] == "d1: hold: not done in 20 s"
        assert results["d2"] == results["car"] == "ok"


async def test_hold_and_return_leave_those_on_the_ground_alone(kit) -> None:
    async with kit.open():
        kit.vehicles["d2"].armed = True
        kit.vehicles["d2"].fail["return_home"] = CommandFailed("d2", "RTL", "DENIED")
        results = await kit.fleet.command(FleetVerb.RETURN_HOME)
        assert results["d1"] == "not armed, nothing to do"
        assert results["d2"] == "d2: RTL: DENIED"
        assert kit.vehicles["d1"].calls == []


async def test_a_defect_in_one_driver_reaches_nobody_else(kit) -> None:
    opened: list[str] = []
    honest = kit.connect

    @asynccontextmanager
    async def connect(entry):
        opened.append(entry.id)
        if entry.id == "d1":
            raise ZeroDivisionError("a defect")
        async with honest(entry) as vehicle:
            yield vehicle

    kit.connect = connect
    async with kit.open():
        await kit.clock.advance(10.0)
        assert opened.count("d1") >= 4  # tried again and again
        assert opened.count("d2") == opened.count("car") == 1
        kit.vehicles["d2"].emit(EventKind.ARMED)
        await kit.clock.advance(0.2)
        assert [e.vehicle_id for e in kit.store.vehicle_facts] == ["d2"]
        results = await kit.fleet.command(FleetVerb.STOP)
        assert "a defect" in results["d1"]
        views = {v.entry.id: v.telemetry.link for v in kit.fleet.views()}
        assert views == {"d1": "CONNECTING", "d2": "LIVE", "car": "LIVE"}


async def test_samples_are_shown_when_they_change(kit) -> None:
    async with kit.open():
        watcher = kit.feed.subscribe()
        kit.fleet.member(VehicleId("d1")).sortie = "s7"
        await kit.clock.advance(0.5)
        kind, raw = await anext(watcher)
        assert kind == "telemetry"
        assert b'"sortie":"s7"' in raw or b'"sortie":null' in raw
