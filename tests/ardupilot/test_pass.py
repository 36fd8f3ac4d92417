"""A pass on real ArduPilot: the nose held across the way, the speed kept."""

from dataclasses import dataclass, replace
from statistics import fmean

import pytest

from patrolctl.domain.mission import MissionStep, StepType
from patrolctl.domain.telemetry import EventKind
from patrolctl.geo import LatLon
from tests.ardupilot.conftest import (
    FRAME,
    UP,
    Flight,
    Open,
    copter_mission,
    dwell,
    go,
    place,
)

pytestmark = [pytest.mark.ardupilot, pytest.mark.timeout(180)]

SPEED_M_S = 4.0
LENGTH_M = 90.0
NOSE_DEG = 0.0
HOLD_S = 3.0
START, STOP = (20.0, -45.0), (20.0, 45.0)  # a way to the east, looking north
STAND, PASS, END = 3, 4, 5  # steps of the mission


def passing(hold_s: float = HOLD_S) -> tuple[MissionStep, ...]:
    """To the start, the pass, and on at another speed."""
    stand = replace(dwell(*START, hold_s, NOSE_DEG), leaves_s=hold_s)
    way = MissionStep(
        0, StepType.PASS, place(*STOP), UP, heading_deg=NOSE_DEG, speed_m_s=SPEED_M_S
    )
    there = replace(go(*START, 8.0), heading_deg=NOSE_DEG)
    return there, stand, way, dwell(*STOP, 3.0, NOSE_DEG), go(0, 20, 8.0)


@dataclass(frozen=True)
class Sample:
    """One look at the vehicle, in its own seconds."""

    time_s: float
    along_m: float
    beside_m: float
    nose_deg: float
    speed_m_s: float


def look(flight: Flight) -> Sample:
    """Where it is along the pass now."""
    t = flight.vehicle.telemetry
    east, north = FRAME.point_en(LatLon(lat_deg=t.lat_deg, lon_deg=t.lon_deg))
    nose = (t.heading_deg - NOSE_DEG + 180.0) % 360.0 - 180.0
    now_s = flight.vehicle.clock.monotonic_s()
    return Sample(
        now_s, east - START[1], north - START[0], nose, flight.ground_speed_m_s
    )


async def watched(flight: Flight, until: EventKind, seq: int) -> list[Sample]:
    """Everything seen from now on until an event."""
    seen: list[Sample] = []

    def over() -> bool:
        seen.append(look(flight))
        return any(e.kind is until and e.seq == seq for e in flight.events)

    await flight.until(over, 120, f"{until} {seq}")
    return seen


def on_the_way(seen: list[Sample]) -> list[Sample]:
    """Those well away from both ends."""
    found = [s for s in seen if 8.0 < s.along_m < LENGTH_M - 8.0]
    assert len(found) > 20
    return found


async def test_the_nose_and_the_speed_are_kept_along_a_pass(copter: Open) -> None:
    async with copter() as flight:
        await flight.start(copter_mission(*passing()))
        await flight.event(EventKind.DWELL_STARTED, 60, seq=STAND)
        stood_s = flight.vehicle.clock.monotonic_s()
        seen = await watched(flight, EventKind.DWELL_STARTED, END)
        way = on_the_way(seen)
        print({
            "nose_deg": max(abs(s.nose_deg) for s in way),
            "beside_m": max(abs(s.beside_m) for s in way),
            "speed_m_s": (min(s.speed_m_s for s in way), max(s.speed_m_s for s in way)),
            "sets_off_s": next(s for s in seen if s.along_m > 1.0).time_s - stood_s,
        })  # fmt: skip
        assert max(abs(s.nose_deg) for s in way) < 5.0
        assert max(abs(s.beside_m) for s in way) < 1.0
        speeds = [s.speed_m_s for s in way]
        assert fmean(speeds) == pytest.approx(SPEED_M_S, rel=0.02)
        assert max(speeds) < SPEED_M_S * 1.05
        # It set off by itself, HOLD_S after it had come to rest.
        off = next(s for s in seen if s.along_m > 1.0)
        assert 0.5 < off.time_s - stood_s < HOLD_S + 2.5
        await flight.event(EventKind.DWELL_ENDED, 60, seq=END)
        await flight.home_and_disarmed()


async def test_it_sets_off_when_it_is_let_go(copter: Open) -> None:
    async with copter() as flight:
        await flight.start(copter_mission(*passing()))
        await flight.event(EventKind.DWELL_STARTED, 60, seq=STAND)
        await flight.vehicle.keep(STAND, 60)  # the loudspeaker is not ready yet
        await flight.sleep(12)
        assert flight.vehicle.telemetry.seq == STAND
        assert flight.away_m(*START) < 2.0
        await flight.vehicle.keep(STAND, 0)
        let_go_s = flight.vehicle.clock.monotonic_s()
        seen = await watched(flight, EventKind.STEP, END)
        # The planner reckons with 2.3 s at most until it begins to move.
        off = next(s for s in seen if s.along_m > 0.3)
        print({"let_go_s": off.time_s - let_go_s})
        assert off.time_s - let_go_s < 2.3
        assert max(abs(s.nose_deg) for s in on_the_way(seen)) < 5.0
        await flight.vehicle.return_home()
        await flight.home_and_disarmed()
