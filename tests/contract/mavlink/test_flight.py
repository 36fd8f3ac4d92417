"""From upload to disarming on simulated vehicles, over real sockets."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from pymavlink import mavutil

from patrolctl.domain.errors import CommandFailed, LaunchRefused, UploadFailed
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import FleetVehicle, LinkState, VehicleKind
from patrolctl.domain.mission import UploadReceipt
from patrolctl.domain.telemetry import EventKind as K
from patrolctl.mavlink import LinkOptions

COPTER, ROVER = VehicleKind.COPTER, VehicleKind.ROVER


async def test_a_copter_flies_the_approved_mission_and_comes_home(
    air: SimpleNamespace,
) -> None:
    async with air.fly(COPTER, "--uid", "77") as flight:
        vehicle, mission = flight.vehicle, air.mission(COPTER)
        await flight.ready()
        receipt = await vehicle.upload(mission)
        assert receipt.digest == mission.digest()
        await vehicle.launch(receipt)
        assert vehicle.telemetry.armed
        assert vehicle.telemetry.mission_active
        await flight.heard(K.DISARMED)
        await flight.heard(K.FINISHED, 5)
        steps = [f.seq for f in flight.facts if f.kind is K.STEP]
        assert steps == [1, 2, 3, 4]
        dwell = [f.seq for f in flight.facts if f.kind in (K.DWELL_STARTED,)]
        assert dwell == [3]
        started, ended = (
            next(f.ts_utc for f in flight.facts if f.kind is kind)
            for kind in (K.DWELL_STARTED, K.DWELL_ENDED)
        )
        assert 7.5 <= (ended - started).total_seconds() <= 16.0
        told = flight.kinds()
        assert K.FAILSAFE not in told
        assert K.STALLED not in told
        assert vehicle.telemetry.on_ground
    _log_has_both_directions(air)


def _log_has_both_directions(air: SimpleNamespace) -> None:
    (path,) = air.tmp.glob("*.tlog")
    log = mavutil.mavlink_connection(str(path))
    systems = set()
    while (message := log.recv_match()) is not None:
        systems.add(message.get_srcSystem())
    assert systems == {1, 255}


async def test_a_rover_drives_and_is_disarmed_at_the_end(air: SimpleNamespace) -> None:
    async with air.fly(ROVER) as flight:
        await flight.ready()
        await flight.vehicle.launch(await flight.vehicle.upload(air.mission(ROVER)))
        await flight.heard(K.DWELL_STARTED)
        await flight.heard(K.FINISHED)
        await flight.heard(K.DISARMED)
        assert K.FAILSAFE not in flight.kinds()


@pytest.mark.parametrize("kind", [COPTER, ROVER])
async def test_hold_and_resume_on_the_way_and_in_a_dwell(
    air: SimpleNamespace, kind: VehicleKind
) -> None:
    async with air.fly(kind) as flight:
        vehicle = flight.vehicle
        await flight.ready()
        await vehicle.launch(await vehicle.upload(air.mission(kind)))
        await flight.heard(K.STARTED)
        await flight.clock.sleep(2.0)
        for _ in range(2):  # in the take-off or first leg, and again at once
            await vehicle.hold()
            await flight.clock.sleep(6.0)
            where = vehicle.telemetry
            assert not where.mission_active
            assert (where.ground_speed_m_s or 0.0) < 1.0
            await vehicle.resume()
            assert vehicle.telemetry.mission_active
        dwell = await flight.heard(K.DWELL_STARTED)
        await flight.clock.sleep(2.0)
        await vehicle.hold()
        await flight.clock.sleep(30.0)  # longer than the dwell would last
        assert K.DWELL_ENDED not in flight.kinds()
        await vehicle.resume()
        await flight.heard(K.DWELL_ENDED)
        assert vehicle.progress is not None
        steps = [f.seq for f in flight.facts if f.kind is K.STEP]
        assert steps == sorted(set(steps))
        assert dwell.seq is not None
        await flight.heard(K.DISARMED)


async def test_a_dwell_lasts_as_long_as_somebody_keeps_it(
    air: SimpleNamespace,
) -> None:
    async with air.fly(COPTER) as flight:
        vehicle = flight.vehicle
        await flight.ready()
        await vehicle.launch(await vehicle.upload(air.mission(COPTER)))
        dwell = await flight.heard(K.DWELL_STARTED)
        await vehicle.keep(dwell.seq, 200.0)
        await flight.clock.sleep(60.0)  # the vehicle's own end is at 25 s
        assert K.DWELL_ENDED not in flight.kinds()
        await vehicle.keep(dwell.seq, 0.0)
        await flight.heard(K.DWELL_ENDED, 10.0)


async def test_return_land_stop_and_skip(air: SimpleNamespace) -> None:
    async with air.fly(COPTER) as flight:
        vehicle = flight.vehicle
        await flight.ready()
        receipt = await vehicle.upload(air.mission(COPTER))
        with pytest.raises(CommandFailed, match="not armed"):
            await vehicle.hold()
        await vehicle.launch(receipt)
        await flight.until(lambda: (vehicle.telemetry.up_m or 0) > 8)
        await vehicle.skip_to(3)
        assert vehicle.progress is not None
        await flight.until(
            lambda: (
                vehicle.progress is not None
                and vehicle.progress.step is not None
                and vehicle.progress.step.seq == 3
            )
        )
        with pytest.raises(CommandFailed, match="no step 99"):
            await vehicle.skip_to(99)
        await vehicle.stop()
        await flight.clock.sleep(4.0)
        assert (vehicle.telemetry.ground_speed_m_s or 0) < 1.0
        await vehicle.return_home()
        await flight.heard(K.RETURNING)
        assert vehicle.telemetry.mode == "RTL"
        await vehicle.land()
        assert vehicle.telemetry.mode == "LAND"
        await flight.heard(K.DISARMED)
        told = flight.kinds()
        assert K.FAILSAFE not in told
        assert K.FINISHED not in told


async def test_a_rover_that_lands_halts_and_is_disarmed(air: SimpleNamespace) -> None:
    async with air.fly(ROVER) as flight:
        vehicle = flight.vehicle
        await flight.ready()
        await vehicle.launch(await vehicle.upload(air.mission(ROVER)))
        await flight.heard(K.STEP)
        await vehicle.land()
        assert vehicle.telemetry.armed is False
        assert vehicle.telemetry.mode == "HOLD"


async def test_a_long_mission_reads_back_whole(air: SimpleNamespace) -> None:
    async with air.fly(COPTER) as flight:
        await flight.ready()
        mission = air.mission(COPTER, extra=500)
        receipt = await flight.vehicle.upload(mission)
        assert receipt.digest == mission.digest()
        assert receipt.items > 500
        with pytest.raises(UploadFailed, match=r"NO_SPACE.*the vehicle keeps"):
            await flight.vehicle.upload(air.mission(COPTER, extra=900))
        assert flight.vehicle.telemetry.armed is False


async def test_refusals_say_why_and_leave_it_disarmed(air: SimpleNamespace) -> None:
    async with air.fly(COPTER, "--battery-s", "900") as flight:
        vehicle, mission = flight.vehicle, air.mission(COPTER)
        await flight.ready()
        with pytest.raises(UploadFailed, match="a mission for a rover on a copter"):
            await vehicle.upload(air.mission(ROVER))
        receipt = await vehicle.upload(mission)
        other = UploadReceipt("v2", receipt.digest, receipt.boot_id, receipt.items)
        with pytest.raises(LaunchRefused, match="of vehicle v2"):
            await vehicle.launch(other)
        stale = replace(receipt, boot_id="before")
        with pytest.raises(LaunchRefused, match="rebooted since"):
            await vehicle.launch(stale)
        with pytest.raises(LaunchRefused, match="does not hold the approved"):
            await vehicle.launch(replace(receipt, digest="0" * 64))
        far = replace(mission, home=air.place(40, 0))
        with pytest.raises(LaunchRefused, match="m from the planned home"):
            await vehicle.launch(await vehicle.upload(far))
        high = replace(mission, home_amsl_m=400.0)
        with pytest.raises(LaunchRefused, match="above the planned home"):
            await vehicle.launch(await vehicle.upload(high))
        assert vehicle.telemetry.armed is False
        assert K.ARMED not in flight.kinds()


async def test_nothing_is_uploaded_to_an_armed_vehicle(air: SimpleNamespace) -> None:
    async with air.fly(COPTER) as flight:
        vehicle, mission = flight.vehicle, air.mission(COPTER)
        await flight.ready()
        receipt = await vehicle.upload(mission)
        await vehicle.launch(receipt)
        with pytest.raises(UploadFailed, match="the vehicle is armed"):
            await vehicle.upload(mission)
        with pytest.raises(LaunchRefused, match="it is armed already"):
            await vehicle.launch(receipt)
        await vehicle.land()


async def test_the_pace_of_a_sped_up_vehicle_is_found_out(
    air: SimpleNamespace,
) -> None:
    clock = air.paced()
    async with air.fly(COPTER, options=LinkOptions(clock=clock)) as flight:
        await flight.ready()
        await flight.vehicle.launch(await flight.vehicle.upload(air.mission(COPTER)))
        await flight.heard(K.DISARMED)
        assert clock.speedup == pytest.approx(air.speedup, rel=0.25)
        assert K.FAILSAFE not in flight.kinds()


async def test_an_endpoint_where_nobody_answers(air: SimpleNamespace) -> None:
    nobody = FleetVehicle(
        VehicleId("v1"), COPTER, endpoint=f"tcp:127.0.0.1:{air.free_port()}"
    )
    async with air.flight(nobody, LinkOptions(clock=air.scaled(15.0))) as flight:
        await flight.clock.sleep(3.0)
        assert flight.vehicle.link is LinkState.CONNECTING
        (why,) = await flight.vehicle.ready()
        assert "refused" in why.lower()
        with pytest.raises(UploadFailed, match="no link"):
            await flight.vehicle.upload(air.mission(COPTER))


async def test_a_second_service_takes_up_what_is_flown(air: SimpleNamespace) -> None:
    """As after a crash: nothing but the mission itself is known."""
    async with air.fly(COPTER) as flight:
        first = flight.vehicle
        await flight.ready()
        mission = air.mission(COPTER)
        armed: list[bool | None] = []

        async def arming() -> None:
            armed.append(first.telemetry.armed)

        await first.launch(await first.upload(mission), arming=arming)
        assert armed == [False]  # asked before it was armed, once
        await flight.heard(K.DWELL_STARTED)
        first.approved = first.progress = None  # all that it knew is gone
        with pytest.raises(UploadFailed, match="items"):
            await first.adopt(air.mission(COPTER, extra=3))
        receipt = await first.adopt(mission)
        assert receipt.digest == mission.digest()
        flight.facts.clear()
        begun = await flight.heard(K.DWELL_STARTED)
        assert begun.seq == 3
        assert first.telemetry.purpose == "mission"
        await first.keep(3, 0.0)
        await flight.heard(K.FINISHED)


async def test_it_tells_where_it_broke_off(air: SimpleNamespace) -> None:
    async with air.fly(COPTER) as flight:
        await flight.ready()
        receipt = await flight.vehicle.upload(air.mission(COPTER))
        await flight.vehicle.launch(receipt)
        await flight.heard(K.DWELL_STARTED)
        await flight.vehicle.return_home()
        await flight.heard(K.DISARMED)
        broke_off = flight.vehicle.breakpoint
        assert broke_off is not None
        assert broke_off.seq == 3
        assert broke_off.dwell_done_s >= 0.0
