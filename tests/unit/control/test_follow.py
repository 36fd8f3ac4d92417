from datetime import UTC, datetime

import pytest

from patrolctl.control.sorties.follow import Progress, follow
from patrolctl.domain.ids import SortieId, VehicleId
from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.mission import Mission, MissionStep, StepType
from patrolctl.domain.run import Phase
from patrolctl.domain.telemetry import EventKind, VehicleEvent
from patrolctl.geo import LatLon

HOME = LatLon(lat_deg=34.0, lon_deg=117.0)


def mission(kind: VehicleKind, *types: StepType) -> Mission:
    steps = tuple(MissionStep(n, t) for n, t in enumerate(types, 1))
    return Mission(SortieId("s"), kind, HOME, 30.0, steps)


FLIGHT = mission(
    VehicleKind.COPTER,
    StepType.TAKEOFF,
    StepType.GO,
    StepType.DWELL,
    StepType.RETURN_HOME,
)
PATROL = mission(
    VehicleKind.ROVER, StepType.GO, StepType.DWELL, StepType.JUMP, StepType.GO
)


def fact(kind: EventKind, seq: int | None = None, text: str = "") -> VehicleEvent:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    return VehicleEvent("f", when, VehicleId("v"), kind, text, seq)


@pytest.mark.parametrize("kind", list(EventKind))
def test_every_fact_is_taken_and_only_a_landing_ends(kind: EventKind) -> None:
    after, note = follow(fact(kind, 2), FLIGHT, Progress(step=1))
    assert after.ended is (kind is EventKind.DISARMED)
    assert note is None or note.text


@pytest.mark.parametrize("kind", list(EventKind))
def test_a_rover_ends_when_its_mission_does(kind: EventKind) -> None:
    after, _ = follow(fact(kind), PATROL, Progress(step=4))
    assert after.ended is (kind in {EventKind.DISARMED, EventKind.FINISHED})


def test_a_step_backwards_is_a_lap_only_where_there_is_a_jump() -> None:
    lap, note = follow(fact(EventKind.STEP, 1), PATROL, Progress(step=3))
    assert (lap.laps, lap.step) == (1, 1)
    assert note is not None
    assert note.text == "lap 1 done"
    back, _ = follow(fact(EventKind.STEP, 1), FLIGHT, Progress(step=3))
    assert back.laps == 0


def test_the_planned_way_home_is_no_cut() -> None:
    _, note = follow(fact(EventKind.STEP, 4), FLIGHT, Progress(step=3))
    assert note is not None
    assert note.phase is Phase.RETURNING
    after, note = follow(fact(EventKind.RETURNING), FLIGHT, Progress(step=4))
    assert note is not None
    assert note.cut is None
    assert after.cut is None


def test_coming_home_early_is_a_cut_and_the_first_reason_stays() -> None:
    first, note = follow(
        fact(EventKind.FAILSAFE, text="Battery 1 is low"), FLIGHT, Progress(step=2)
    )
    assert first.cut == "failsafe: Battery 1 is low"
    then, note = follow(fact(EventKind.RETURNING), FLIGHT, first)
    assert note is not None
    assert note.phase is Phase.RETURNING
    assert then.cut == first.cut
