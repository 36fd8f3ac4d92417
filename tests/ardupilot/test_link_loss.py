"""The link is cut, on real ArduPilot."""

import pytest

from patrolctl.domain.errors import CommandFailed
from patrolctl.domain.machines import LinkState, VehicleKind
from patrolctl.domain.telemetry import EventKind
from tests.ardupilot.conftest import Flight, Open, dwell, go

pytestmark = [pytest.mark.ardupilot, pytest.mark.timeout(180)]

# A cut of 3 s is to be three real quarters of a second at least.
SPEEDUP = 4.0


async def cut(flight: Flight, for_s: float) -> None:
    """Cut the stream and let it be opened again."""
    flight.sitl.relay.cut()
    await flight.until(
        lambda: flight.vehicle.link is LinkState.LOST, 3, "noticing the end"
    )
    await flight.sleep(for_s)
    await flight.sitl.relay.mend()
    await flight.until(lambda: flight.vehicle.link is LinkState.LIVE, 20, "the link")


async def test_three_seconds_change_nothing(either: Open) -> None:
    async with either(speedup=SPEEDUP, FS_GCS_TIMEOUT=10) as flight:
        await flight.start(flight.mission(go(50, 0, 4.0), dwell(50, 10, 5)))
        await flight.until(lambda: flight.away_m() > 8, 60, "being on the leg")
        await cut(flight, 3)
        await flight.event(EventKind.FINISHED, 200)
        assert flight.kinds(EventKind.DWELL_STARTED, EventKind.DWELL_ENDED)
        assert not flight.kinds(EventKind.FAILSAFE, EventKind.REBOOTED)


async def test_twenty_seconds_bring_it_home(either: Open) -> None:
    async with either(speedup=SPEEDUP, FS_GCS_TIMEOUT=5) as flight:
        await flight.start(flight.mission(go(70, 0, 2.0), dwell(70, 10, 5)))
        await flight.until(lambda: flight.away_m() > 15, 60, "being on the leg")
        await cut(flight, 20)
        await flight.event(EventKind.FAILSAFE, 10)
        mode = flight.vehicle.telemetry.mode
        copter = flight.vehicle.entry.kind is VehicleKind.COPTER
        assert mode == ("RTL" if copter else "HOLD")
        with pytest.raises(CommandFailed, match="failsafe"):
            await flight.vehicle.resume()
        await flight.sleep(5)
        assert flight.vehicle.telemetry.mode == mode
        if not copter:  # the operator may call it home
            await flight.vehicle.return_home()
        await flight.home_and_disarmed()
        assert not flight.kinds(EventKind.FINISHED, EventKind.REBOOTED)


async def test_a_silent_stream_is_noticed_too(either: Open) -> None:
    """Nothing arrives, but nothing ends either: as behind a dead radio."""
    async with either(speedup=SPEEDUP, FS_GCS_TIMEOUT=5) as flight:
        await flight.start(flight.mission(go(70, 0, 2.0)))
        await flight.until(lambda: flight.away_m() > 8, 60, "being on the leg")
        flight.sitl.relay.mute = True
        await flight.until(
            lambda: flight.vehicle.link is LinkState.LOST, 15, "noticing the silence"
        )
        flight.sitl.relay.mute = False
        await flight.until(
            lambda: flight.vehicle.link is LinkState.LIVE, 20, "the link"
        )
        await flight.event(EventKind.FAILSAFE, 10)
