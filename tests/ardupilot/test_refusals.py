"""What must keep a vehicle from starting, on real ArduPilot."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from patrolctl.domain.errors import LaunchRefused, UploadFailed
from patrolctl.domain.machines import LinkState
from patrolctl.domain.mission import Mission, UploadReceipt
from patrolctl.domain.telemetry import EventKind
from tests.ardupilot.conftest import Flight, Open, dwell, go, place

pytestmark = [pytest.mark.ardupilot, pytest.mark.timeout(120)]

FENCE, MISSION = 1, 0
NAV_LOITER_TIME = 19
Meddle = Callable[[Flight], Awaitable[None]]


def small(flight: Flight) -> Mission:
    """Something to fly."""
    return flight.mission(go(20, 0, 3.0), dwell(20, 15, 5))


async def uploaded(flight: Flight) -> UploadReceipt:
    """Ready to launch."""
    return await flight.upload(small(flight))


async def refused(flight: Flight, receipt: UploadReceipt) -> str:
    """Launch, which must fail and leave it disarmed; why."""
    with pytest.raises(LaunchRefused) as failure:
        await flight.vehicle.launch(receipt)
    assert failure.value.reasons
    await flight.sleep(3)
    assert flight.vehicle.telemetry.armed is False
    assert flight.away_m() < 3.0
    return "; ".join(failure.value.reasons)


async def _no_fence(flight: Flight) -> None:
    await flight.sitl.other.replace([], FENCE)


async def _another_fence(flight: Flight) -> None:
    items = await flight.sitl.other.items(FENCE)
    items[2].x += 500  # 5 m further out
    await flight.sitl.other.replace(items, FENCE)


async def _fence_off(flight: Flight) -> None:
    await flight.sitl.other.set_param("FENCE_ENABLE", 0)


async def _fence_without_action(flight: Flight) -> None:
    await flight.sitl.other.set_param("FENCE_ACTION", 0)


async def _no_gcs_failsafe(flight: Flight) -> None:
    await flight.sitl.other.set_param("FS_GCS_ENABLE", 0)


async def _moved_item(flight: Flight) -> None:
    items = await flight.sitl.other.items(MISSION)
    place = next(i for i in items[2:] if i.x != 0)
    place.x += 100  # one metre
    await flight.sitl.other.replace(items, MISSION)


async def _shorter(flight: Flight) -> None:
    items = await flight.sitl.other.items(MISSION)
    await flight.sitl.other.replace(items[:-1], MISSION)


MEDDLING: dict[Meddle, str] = {
    _no_fence: "fence",
    _another_fence: "fence",
    _fence_off: "FENCE_ENABLE",
    _fence_without_action: "FENCE_ACTION",
    _no_gcs_failsafe: "FS_GCS_ENABLE",
    _moved_item: "mission",
    _shorter: "mission",
}


async def test_what_another_station_changed_after_the_upload(either: Open) -> None:
    async with either() as flight:
        for meddle, said in MEDDLING.items():
            receipt = await uploaded(flight)
            await meddle(flight)
            why = await refused(flight, receipt)
            assert said in why, f"{meddle.__name__}: {why}"
        # Uploaded anew it is the approved mission again.
        await flight.start(small(flight))
        assert flight.vehicle.telemetry.mission_active


async def test_a_change_long_after_the_upload_is_told_at_once(either: Open) -> None:
    async with either() as flight:
        receipt = await uploaded(flight)
        await flight.sleep(10)
        await _shorter(flight)
        await flight.event(EventKind.MISSION_CHANGED, 10)
        assert "approved" in await refused(flight, receipt)


async def test_an_edit_in_flight_is_found(either: Open) -> None:
    """As many items as before, so nothing tells it; it is read back."""
    async with either() as flight:
        await flight.start(flight.mission(dwell(20, 0, 60), dwell(20, 15, 30)))
        await flight.event(EventKind.DWELL_STARTED, 60)
        items = await flight.sitl.other.items(MISSION)
        last = [i for i in items if i.command == NAV_LOITER_TIME][-1]
        last.y += 1000  # about ten metres
        await flight.sitl.other.replace(items, MISSION)
        told = await flight.event(EventKind.MISSION_CHANGED, 45)
        assert "position" in told.text
        await flight.vehicle.return_home()
        await flight.home_and_disarmed()


async def test_a_shorter_mission_in_flight_is_told(either: Open) -> None:
    async with either() as flight:
        await flight.start(flight.mission(go(40, 0, 3.0), dwell(40, 15, 30)))
        await flight.until(lambda: flight.away_m() > 8, 60, "being on the leg")
        await _shorter(flight)
        await flight.event(EventKind.MISSION_CHANGED, 10)
        await flight.vehicle.return_home()
        await flight.home_and_disarmed()


async def test_a_reboot_voids_the_receipt(either: Open) -> None:
    async with either() as flight:
        receipt = await uploaded(flight)
        await flight.sitl.other.reboot()
        await flight.event(EventKind.REBOOTED, 60)
        await flight.until(
            lambda: flight.vehicle.link is LinkState.LIVE, 30, "the link"
        )
        await flight.ready()
        assert "rebooted" in await refused(flight, receipt)
        await flight.start(small(flight))


async def test_the_reason_comes_after_the_refusal(either: Open) -> None:
    async with either() as flight:
        receipt = await uploaded(flight)
        # Its pre-arm bit still says yes; arming looks again and says no.
        await flight.sitl.other.set_param("BATT_ARM_VOLT", 20)
        assert "minimum arming voltage" in await refused(flight, receipt)


async def test_not_ready_tells_why(either: Open) -> None:
    async with either() as flight:
        # Minutes before GPS is used, the link has only just come up.
        reasons = await flight.vehicle.ready()
        assert any("position" in r or "pre-arm" in r for r in reasons), reasons


async def test_never_while_armed(either: Open) -> None:
    async with either() as flight:
        await flight.start(small(flight))
        with pytest.raises(UploadFailed, match="armed"):
            await flight.vehicle.upload(small(flight))
        assert flight.vehicle.telemetry.mission_active


async def test_home_that_is_elsewhere(either: Open) -> None:
    """The plan is for another place: nothing is armed."""
    async with either() as flight:
        receipt = await flight.upload(replace(small(flight), home=place(30, 0)))
        assert "from the planned home" in await refused(flight, receipt)


async def test_too_many_items(either: Open) -> None:
    async with either() as flight:
        await flight.ready()
        many = flight.mission(*(go(10 + n % 7, n % 11) for n in range(800)))
        with pytest.raises(UploadFailed, match="items"):
            await flight.vehicle.upload(many)
