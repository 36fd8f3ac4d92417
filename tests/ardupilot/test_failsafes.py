"""Failsafes of real ArduPilot: recognised, and never left by us."""

import pytest

from patrolctl.domain.errors import CommandFailed
from patrolctl.domain.telemetry import EventKind
from tests.ardupilot.conftest import Open, copter_mission, dwell, rover_mission

pytestmark = [pytest.mark.ardupilot, pytest.mark.timeout(120)]


async def test_a_low_battery_brings_a_copter_home(copter: Open) -> None:
    async with copter(BATT_FS_LOW_ACT=2, BATT_LOW_VOLT=10.5) as flight:
        await flight.start(copter_mission(dwell(20, 0, 60, 90)))
        await flight.event(EventKind.DWELL_STARTED, 60, seq=2)
        await flight.sitl.other.set_param("SIM_BATT_VOLTAGE", 9.5)
        told = await flight.event(EventKind.FAILSAFE, 40)
        assert "battery" in told.text.lower()
        await flight.until(
            lambda: flight.vehicle.telemetry.mode == "RTL", 5, "the way home"
        )
        ended = await flight.event(EventKind.DWELL_ENDED, 5, seq=2)
        assert "cut" in ended.text
        with pytest.raises(CommandFailed, match="failsafe"):
            await flight.vehicle.resume()
        await flight.home_and_disarmed()
        left = flight.vehicle.breakpoint
        assert left is not None
        assert left.seq == 2


async def test_without_gps_a_copter_lands(copter: Open) -> None:
    async with copter() as flight:
        await flight.start(copter_mission(dwell(20, 0, 60, 90)))
        await flight.event(EventKind.DWELL_STARTED, 60, seq=2)
        await flight.sitl.other.set_param("SIM_GPS1_ENABLE", 0)
        await flight.event(EventKind.FAILSAFE, 60)
        assert flight.vehicle.telemetry.mode == "LAND"
        with pytest.raises(CommandFailed, match="failsafe"):
            await flight.vehicle.resume()
        await flight.until(
            lambda: flight.vehicle.telemetry.armed is False, 90, "disarming"
        )


async def test_a_low_battery_halts_a_rover(rover: Open) -> None:
    async with rover(BATT_FS_LOW_ACT=2, BATT_LOW_VOLT=10.5) as flight:
        await flight.start(rover_mission(dwell(20, 0, 60)))
        await flight.event(EventKind.DWELL_STARTED, 60, seq=1)
        await flight.sitl.other.set_param("SIM_BATT_VOLTAGE", 9.5)
        told = await flight.event(EventKind.FAILSAFE, 40)
        assert "battery" in told.text.lower()
        await flight.until(
            lambda: flight.vehicle.telemetry.mode == "HOLD", 5, "the halt"
        )
        with pytest.raises(CommandFailed, match="failsafe"):
            await flight.vehicle.resume()
        await flight.sleep(10)
        assert flight.vehicle.telemetry.mode == "HOLD"
