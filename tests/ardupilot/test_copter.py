"""A copter on real ArduPilot."""

import pytest

from patrolctl.domain.errors import CommandFailed
from patrolctl.domain.telemetry import EventKind
from tests.ardupilot.conftest import UP, Open, copter_mission, dwell, go

pytestmark = [pytest.mark.ardupilot, pytest.mark.timeout(180)]

DWELLS = (EventKind.DWELL_STARTED, EventKind.DWELL_ENDED)


async def test_a_mission_to_its_end(copter: Open) -> None:
    async with copter() as flight:
        await flight.start(
            copter_mission(go(20, 0, 5.0), dwell(20, 15, 8, 200), dwell(0, 15, 8, 100))
        )
        for seq, heading, place in ((3, 200, (20, 15)), (4, 100, (0, 15))):
            await flight.event(EventKind.DWELL_STARTED, 60, seq=seq)
            told = flight.vehicle.telemetry
            assert told.heading_deg == pytest.approx(heading, abs=12)
            assert told.up_m == pytest.approx(UP.value_m, abs=2.0)
            assert flight.away_m(*place) < 3.0
            await flight.event(EventKind.DWELL_ENDED, 60, seq=seq)
        await flight.event(EventKind.FINISHED, 120)
        await flight.home_and_disarmed()
        steps = [seq for _, seq in flight.kinds(EventKind.STEP)]
        assert steps == [1, 2, 3, 4, 5]
        assert [seq for _, seq in flight.kinds(*DWELLS)] == [3, 3, 4, 4]
        assert not flight.kinds(EventKind.FAILSAFE, EventKind.STALLED)
        # The clock followed the simulation, else the link would have been lost.
        assert len(flight.kinds(EventKind.LINK)) == 1


async def test_hold_and_resume_on_a_leg_keeps_its_speed(copter: Open) -> None:
    async with copter() as flight:
        await flight.start(copter_mission(go(60, 0, 3.0), go(60, 10)))
        await flight.event(EventKind.STEP, 60, seq=2)
        await flight.until(lambda: flight.away_m() > 15, 30, "being on the leg")
        await flight.vehicle.hold()
        assert flight.vehicle.telemetry.mode == "BRAKE"
        await flight.stands()
        where_m = flight.away_m()
        await flight.sleep(5)
        assert flight.away_m() == pytest.approx(where_m, abs=1.0)
        await flight.vehicle.resume()
        fastest = 0.0

        def there() -> bool:
            nonlocal fastest
            fastest = max(fastest, flight.ground_speed_m_s)
            return flight.vehicle.telemetry.seq == 3

        await flight.until(there, 60, "the next step")
        assert fastest < 4.0  # the plan's 3 m/s, not the vehicle's default of 10
        await flight.vehicle.return_home()
        await flight.home_and_disarmed()


async def test_hold_and_resume_in_the_take_off(copter: Open) -> None:
    async with copter() as flight:
        await flight.start(copter_mission(dwell(10, 0, 5, 90)))
        up = lambda: flight.vehicle.telemetry.up_m or 0.0  # noqa: E731
        await flight.until(lambda: up() > 3, 30, "being off the ground")
        await flight.vehicle.hold()
        await flight.sleep(6)
        held_at_m = up()
        assert held_at_m < 10  # it coasts on for about 4 m
        await flight.sleep(5)
        assert up() == pytest.approx(held_at_m, abs=1.0)
        assert flight.vehicle.telemetry.seq == 1
        await flight.vehicle.resume()
        await flight.event(EventKind.DWELL_STARTED, 60, seq=2)
        assert up() == pytest.approx(UP.value_m, abs=2.0)
        await flight.event(EventKind.FINISHED, 120)
        await flight.home_and_disarmed()


async def test_hold_and_resume_in_a_dwell_goes_on_where_it_was(copter: Open) -> None:
    async with copter() as flight:
        clock = flight.vehicle.clock
        await flight.start(copter_mission(dwell(20, 0, 15, 200)))
        await flight.event(EventKind.DWELL_STARTED, 60, seq=2)
        await flight.sleep(8)
        await flight.vehicle.hold()
        # Longer than the vehicle itself would have dwelt.
        await flight.sleep(45)
        assert flight.vehicle.telemetry.seq == 2
        await flight.vehicle.resume()
        resumed_s = clock.monotonic_s()
        await flight.sleep(3)
        assert flight.vehicle.telemetry.heading_deg == pytest.approx(200, abs=12)
        await flight.event(EventKind.DWELL_ENDED, 60, seq=2)
        assert 4 < clock.monotonic_s() - resumed_s < 14
        assert [seq for _, seq in flight.kinds(*DWELLS)] == [2, 2]
        await flight.event(EventKind.FINISHED, 120)
        await flight.home_and_disarmed()


async def test_a_dwell_lasts_as_long_as_it_is_kept(copter: Open) -> None:
    async with copter() as flight:
        clock = flight.vehicle.clock
        await flight.start(copter_mission(dwell(15, 0, 5, 200), dwell(15, 10, 60, 90)))
        await flight.event(EventKind.DWELL_STARTED, 60, seq=2)
        await flight.vehicle.keep(2, 50)  # the vehicle alone would leave after 22 s
        began_s = clock.monotonic_s()
        await flight.event(EventKind.DWELL_ENDED, 90, seq=2)
        assert 49 < clock.monotonic_s() - began_s < 56
        assert flight.away_m(15, 0) < 3.0
        await flight.event(EventKind.DWELL_STARTED, 60, seq=3)
        await flight.sleep(3)
        await flight.vehicle.keep(3, 0)
        began_s = clock.monotonic_s()
        await flight.event(EventKind.DWELL_ENDED, 60, seq=3)
        assert clock.monotonic_s() - began_s < 5
        await flight.home_and_disarmed()


async def test_return_home_is_no_failsafe(copter: Open) -> None:
    async with copter() as flight:
        await flight.start(copter_mission(dwell(25, 0, 60, 200)))
        await flight.event(EventKind.DWELL_STARTED, 60, seq=2)
        await flight.vehicle.return_home()
        told = await flight.event(EventKind.RETURNING, 5)
        assert told.text == ""
        ended = await flight.event(EventKind.DWELL_ENDED, 5, seq=2)
        assert "cut" in ended.text
        await flight.home_and_disarmed()
        assert not flight.kinds(EventKind.FAILSAFE)


async def test_land_here(copter: Open) -> None:
    async with copter() as flight:
        await flight.start(copter_mission(go(60, 0, 4.0)))
        await flight.until(lambda: flight.away_m() > 20, 60, "being on the leg")
        await flight.vehicle.land()
        await flight.until(
            lambda: flight.vehicle.telemetry.armed is False, 90, "disarming"
        )
        assert flight.away_m() > 15
        assert flight.kinds(EventKind.LANDED)
        assert not flight.kinds(EventKind.FAILSAFE)


async def test_stop_then_home(copter: Open) -> None:
    async with copter() as flight:
        await flight.start(copter_mission(go(60, 0, 5.0)))
        await flight.until(lambda: flight.away_m() > 15, 60, "being on the leg")
        await flight.vehicle.stop()
        await flight.stands()
        assert flight.vehicle.telemetry.mode == "BRAKE"
        assert flight.away_m() < 40
        await flight.vehicle.return_home()
        await flight.home_and_disarmed()


async def test_skip_to_a_station(copter: Open) -> None:
    async with copter() as flight:
        await flight.start(
            copter_mission(go(60, 0, 4.0), dwell(60, 20, 30), dwell(10, 10, 6, 135))
        )
        await flight.until(lambda: flight.away_m() > 10, 60, "being on the leg")
        await flight.vehicle.skip_to(4)
        await flight.event(EventKind.DWELL_STARTED, 60, seq=4)
        assert flight.away_m(10, 10) < 3.0
        assert flight.vehicle.telemetry.heading_deg == pytest.approx(135, abs=12)
        with pytest.raises(CommandFailed, match="no step 9"):
            await flight.vehicle.skip_to(9)
        await flight.event(EventKind.FINISHED, 120)
        await flight.home_and_disarmed()
        assert not any(seq == 3 for _, seq in flight.kinds(*DWELLS))


async def test_battery_change_resumes_at_its_station(copter: Open) -> None:
    mission = copter_mission(dwell(15, 0, 5, 90), dwell(15, 15, 20, 180))
    async with copter() as flight:
        await flight.start(mission)
        await flight.event(EventKind.DWELL_STARTED, 60, seq=3)
        await flight.sleep(6)
        await flight.vehicle.return_home()
        await flight.home_and_disarmed()
        left = flight.vehicle.breakpoint
        assert left is not None
        assert left.seq == 3
        assert 5 < left.dwell_done_s < 12

        await flight.sitl.other.reboot()  # which a change of batteries is
        await flight.event(EventKind.REBOOTED, 60)
        seen = len(flight.events)
        await flight.start(mission)
        await flight.event(EventKind.STEP, 60, seq=2, after=seen)
        await flight.vehicle.skip_to(left.seq)
        await flight.event(EventKind.DWELL_STARTED, 60, seq=3, after=seen)
        await flight.vehicle.keep(3, 20 - left.dwell_done_s)
        await flight.event(EventKind.FINISHED, 120, after=seen)
        await flight.home_and_disarmed()
        again = [(e.kind, e.seq) for e in flight.events[seen:] if e.kind in DWELLS]
        assert again == [(kind, 3) for kind in DWELLS]


async def test_hold_before_it_has_left_the_ground(copter: Open) -> None:
    """It disarms by itself then; resuming says so instead of pretending."""
    async with copter() as flight:
        await flight.start(copter_mission(go(10, 0)))
        await flight.vehicle.hold()
        await flight.until(
            lambda: flight.vehicle.telemetry.armed is False, 30, "disarming"
        )
        with pytest.raises(CommandFailed, match="not armed"):
            await flight.vehicle.resume()


async def test_a_breached_fence_is_never_left_by_itself(copter: Open) -> None:
    async with copter() as flight:
        await flight.start(copter_mission(go(70, 0, 5.0), fence_m=40))
        await flight.event(EventKind.FENCE, 60)
        told = await flight.event(EventKind.FAILSAFE, 10)
        assert "fence" in told.text.lower()
        assert flight.vehicle.telemetry.mode == "RTL"
        with pytest.raises(CommandFailed, match="failsafe"):
            await flight.vehicle.resume()
        await flight.home_and_disarmed()
        seen = [e.text for e in flight.events if e.kind is EventKind.MODE]
        assert seen[-1] == "RTL"
