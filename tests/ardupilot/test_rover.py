"""A rover on real ArduPilot."""

import pytest

from patrolctl.domain.errors import CommandFailed
from patrolctl.domain.mission import MissionStep, StepType
from patrolctl.domain.telemetry import EventKind
from tests.ardupilot.conftest import Open, dwell, go, rover_mission

pytestmark = [pytest.mark.ardupilot, pytest.mark.timeout(180)]

DWELLS = (EventKind.DWELL_STARTED, EventKind.DWELL_ENDED)


def loop(times: int) -> tuple[MissionStep, ...]:
    """Round a block with a station on the way, ``times`` more than once."""
    again = MissionStep(0, StepType.JUMP, jump_to=1, jump_times=times)
    return (go(20, 0, 3.0), go(20, 20), dwell(5, 20, 6), go(0, 10), again)


async def test_loops_to_their_end(rover: Open) -> None:
    async with rover() as flight:
        await flight.start(rover_mission(*loop(1)))
        await flight.event(EventKind.FINISHED, 300)
        await flight.until(
            lambda: flight.vehicle.telemetry.armed is False, 20, "disarming"
        )
        assert flight.away_m() < 6.0
        steps = [seq for _, seq in flight.kinds(EventKind.STEP)]
        assert steps == [1, 2, 3, 4, 1, 2, 3, 4, 6]
        assert [seq for _, seq in flight.kinds(*DWELLS)] == [3, 3, 3, 3]
        assert not flight.kinds(EventKind.FAILSAFE, EventKind.STALLED)
        assert flight.vehicle.telemetry.mode == "HOLD"
        up = flight.vehicle.telemetry.up_m
        assert up == pytest.approx(0.0, abs=1.0)


async def test_hold_and_resume_in_a_loop_keeps_its_speed(rover: Open) -> None:
    async with rover() as flight:
        await flight.start(rover_mission(go(60, 0, 2.0), go(60, 20)))
        await flight.until(lambda: flight.away_m() > 8, 60, "being on the leg")
        await flight.vehicle.hold()
        assert flight.vehicle.telemetry.mode == "HOLD"
        await flight.stands()
        await flight.sleep(10)
        assert flight.vehicle.telemetry.armed
        where_m = flight.away_m()
        await flight.sleep(5)
        assert flight.away_m() == pytest.approx(where_m, abs=0.5)
        await flight.vehicle.resume()
        fastest = 0.0

        def there() -> bool:
            nonlocal fastest
            fastest = max(fastest, flight.ground_speed_m_s)
            return flight.vehicle.telemetry.seq == 2

        await flight.until(there, 90, "the next step")
        assert fastest < 2.8  # the plan's 2 m/s, not the vehicle's default of 5
        await flight.vehicle.return_home()
        await flight.home_and_disarmed()


async def test_hold_and_resume_in_a_dwell_goes_on_where_it_was(rover: Open) -> None:
    async with rover() as flight:
        clock = flight.vehicle.clock
        await flight.start(rover_mission(dwell(20, 0, 15), go(20, 20)))
        await flight.event(EventKind.DWELL_STARTED, 60, seq=1)
        await flight.sleep(8)
        await flight.vehicle.hold()
        await flight.sleep(45)
        await flight.vehicle.resume()
        resumed_s = clock.monotonic_s()
        farthest = 0.0

        def over() -> bool:
            nonlocal farthest
            farthest = max(farthest, flight.away_m(20, 0))
            return bool(flight.kinds(EventKind.DWELL_ENDED))

        await flight.until(over, 60, "the dwell's end")
        assert 4 < clock.monotonic_s() - resumed_s < 14
        assert farthest < 5.0
        assert [seq for _, seq in flight.kinds(*DWELLS)] == [1, 1]
        await flight.event(EventKind.FINISHED, 150)


async def test_return_home(rover: Open) -> None:
    async with rover() as flight:
        await flight.start(rover_mission(dwell(25, 0, 60)))
        await flight.event(EventKind.DWELL_STARTED, 60, seq=1)
        await flight.vehicle.return_home()
        await flight.home_and_disarmed()
        assert not flight.kinds(EventKind.FAILSAFE)


async def test_halt_for_good(rover: Open) -> None:
    async with rover() as flight:
        await flight.start(rover_mission(go(60, 0, 4.0)))
        await flight.until(lambda: flight.away_m() > 20, 60, "being on the leg")
        await flight.vehicle.land()
        assert flight.vehicle.telemetry.armed is False
        assert flight.vehicle.telemetry.mode == "HOLD"
        assert flight.ground_speed_m_s < 0.3  # never disarmed while it rolls
        assert flight.away_m() > 15


async def test_stop_then_home(rover: Open) -> None:
    async with rover() as flight:
        await flight.start(rover_mission(go(60, 0, 4.0)))
        await flight.until(lambda: flight.away_m() > 15, 60, "being on the leg")
        await flight.vehicle.stop()
        await flight.stands()
        assert flight.vehicle.telemetry.mode == "HOLD"
        await flight.vehicle.return_home()
        await flight.home_and_disarmed()


async def test_skip_to_a_station(rover: Open) -> None:
    async with rover() as flight:
        await flight.start(
            rover_mission(go(60, 0, 4.0), dwell(60, 20, 30), dwell(15, 10, 6))
        )
        await flight.until(lambda: flight.away_m() > 10, 60, "being on the leg")
        await flight.vehicle.skip_to(3)
        await flight.event(EventKind.DWELL_STARTED, 60, seq=3)
        assert flight.away_m(15, 10) < 6.0
        with pytest.raises(CommandFailed, match="no step 9"):
            await flight.vehicle.skip_to(9)
        await flight.event(EventKind.FINISHED, 120)
        assert not any(seq == 2 for _, seq in flight.kinds(*DWELLS))


async def test_battery_change_resumes_at_its_station(rover: Open) -> None:
    mission = rover_mission(dwell(15, 0, 5), dwell(15, 15, 20))
    async with rover() as flight:
        await flight.start(mission)
        await flight.event(EventKind.DWELL_STARTED, 60, seq=2)
        await flight.sleep(6)
        await flight.vehicle.return_home()
        await flight.home_and_disarmed()
        left = flight.vehicle.breakpoint
        assert left is not None
        assert left.seq == 2

        await flight.sitl.other.reboot()
        await flight.event(EventKind.REBOOTED, 60)
        seen = len(flight.events)
        await flight.start(mission)
        await flight.vehicle.skip_to(left.seq)
        await flight.event(EventKind.DWELL_STARTED, 60, seq=2, after=seen)
        await flight.vehicle.keep(2, 20 - left.dwell_done_s)
        await flight.event(EventKind.FINISHED, 120, after=seen)
        again = [(e.kind, e.seq) for e in flight.events[seen:] if e.kind in DWELLS]
        assert again == [(kind, 2) for kind in DWELLS]


async def test_a_silent_stall_at_the_fence_is_noticed(rover: Open) -> None:
    """Its avoidance stops it in front of the fence, and it says nothing."""
    async with rover() as flight:
        await flight.start(rover_mission(go(60, 0, 4.0), fence_m=30))
        told = await flight.event(EventKind.STALLED, 120)
        assert told.seq == 1
        assert flight.vehicle.telemetry.mode == "AUTO"
        await flight.vehicle.return_home()
        await flight.home_and_disarmed()


async def test_a_breached_fence_is_never_left_by_itself(rover: Open) -> None:
    async with rover(AVOID_ENABLE=0) as flight:
        await flight.start(rover_mission(go(70, 0, 4.0), fence_m=30))
        await flight.event(EventKind.FENCE, 60)
        await flight.event(EventKind.FAILSAFE, 10)
        mode = flight.vehicle.telemetry.mode
        assert mode in ("HOLD", "RTL")
        with pytest.raises(CommandFailed, match="failsafe"):
            await flight.vehicle.resume()
        await flight.sleep(15)
        assert flight.vehicle.telemetry.mode == mode
        await flight.vehicle.return_home()
        await flight.home_and_disarmed()
