"""What goes wrong in flight, and what the driver makes of it."""

import asyncio
from types import SimpleNamespace

import pytest

from patrolctl.domain.errors import CommandFailed, LaunchRefused
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import FleetVehicle, LinkState, VehicleKind
from patrolctl.domain.telemetry import EventKind as K
from patrolctl.mavlink import LinkOptions, Pulse

COPTER, ROVER = VehicleKind.COPTER, VehicleKind.ROVER


async def test_a_reboot_voids_what_was_verified(air: SimpleNamespace) -> None:
    async with air.fly(COPTER, "--fault", "reboot@60") as flight:
        vehicle = flight.vehicle
        await flight.ready()
        receipt = await vehicle.upload(air.mission(COPTER))
        await flight.heard(K.REBOOTED)
        await flight.ready()
        with pytest.raises(LaunchRefused, match="rebooted since"):
            await vehicle.launch(receipt)
        assert vehicle.telemetry.armed is False
        again = await vehicle.upload(air.mission(COPTER))
        assert again.boot_id != receipt.boot_id
        await vehicle.launch(again)


async def test_another_ground_station_edits_the_mission(air: SimpleNamespace) -> None:
    async with air.fly(COPTER, "--fault", "second-gcs@90") as flight:
        vehicle = flight.vehicle
        await flight.ready()
        receipt = await vehicle.upload(air.mission(COPTER))
        await flight.heard(K.MISSION_CHANGED)
        with pytest.raises(LaunchRefused, match="does not hold the approved"):
            await vehicle.launch(receipt)
        assert K.ARMED not in flight.kinds()


async def test_a_lost_heartbeat_brings_it_home_and_nobody_takes_it_back(
    air: SimpleNamespace,
) -> None:
    pulse = Pulse(max_age_s=0.5)
    options = LinkOptions(clock=air.scaled(air.speedup), pulse=pulse)

    async def look_after() -> None:
        while True:
            pulse.pet()
            await asyncio.sleep(0.05)

    async with (
        air.fly(COPTER, "--param", "FS_GCS_TIMEOUT=5", options=options) as flight,
        asyncio.TaskGroup() as group,
    ):
        owner = group.create_task(look_after())
        vehicle = flight.vehicle
        await flight.ready()
        await vehicle.launch(await vehicle.upload(air.mission(COPTER, extra=60)))
        await flight.clock.sleep(10.0)
        owner.cancel()  # and the heart stops
        fact = await flight.heard(K.FAILSAFE, 60.0)
        assert "gcs" in fact.text.lower()
        owner = group.create_task(look_after())
        await flight.clock.sleep(15.0)
        assert vehicle.telemetry.failsafe == "gcs"
        assert vehicle.telemetry.mode == "RTL"
        with pytest.raises(CommandFailed, match="failsafe"):
            await vehicle.resume()
        await flight.heard(K.DISARMED)
        assert vehicle.telemetry.mode == "RTL"
        assert K.FINISHED not in flight.kinds()
        owner.cancel()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("breach@70=5", K.FENCE),
        ("battery-drain@70=0.1", K.BATTERY),
        ("stall@70=300", K.STALLED),
    ],
)
async def test_troubles_in_flight_are_facts(
    air: SimpleNamespace, fault: str, kind: K
) -> None:
    async with air.fly(COPTER, "--fault", fault) as flight:
        await flight.ready()
        receipt = await flight.vehicle.upload(air.mission(COPTER, extra=60))
        await flight.vehicle.launch(receipt)
        await flight.heard(kind, 200.0)


async def test_a_cut_link_is_lost_and_comes_back(air: SimpleNamespace) -> None:
    async with air.fly(COPTER, "--fault", "cut@60=60") as flight:
        await flight.ready()
        await flight.until(lambda: flight.vehicle.link is LinkState.LOST, 150.0)
        await flight.until(lambda: flight.vehicle.link is LinkState.LIVE, 150.0)
        await flight.ready()
        assert K.REBOOTED not in flight.kinds()


async def test_signed_both_ways_and_never_otherwise(air: SimpleNamespace) -> None:
    key = air.tmp / "key"
    key.write_text("6b" * 32)
    ours = FleetVehicle(VehicleId("v1"), COPTER, signing_key_file=str(key))
    options = LinkOptions(clock=air.scaled(air.speedup), state_dir=air.tmp)
    secret = ("--signing-key", "6b" * 32)
    async with air.fly(COPTER, *secret, entry=ours, options=options) as flight:
        await flight.heard(K.LINK, 10.0)
        await flight.ready()
        receipt = await flight.vehicle.upload(air.mission(COPTER))
        assert receipt.items > 0
    for wrong in (("--signing-key", "6f" * 32), ()):
        async with air.fly(COPTER, *wrong, entry=ours, options=options) as flight:
            await flight.clock.sleep(10.0)
            assert flight.vehicle.link is LinkState.CONNECTING
            assert flight.facts == []
