"""Two real flights replayed through the ingest: view and progress."""

from types import SimpleNamespace

import pytest

from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.mission import StepType
from patrolctl.domain.telemetry import EventKind
from patrolctl.geo import Altitude, Datum
from patrolctl.mavlink.autopilots.ardupilot import ArduPilot
from patrolctl.mavlink.autopilots.base import StepOnWire, WireMission
from patrolctl.mavlink.facts import Fact
from patrolctl.mavlink.identity import Finding, Identity
from patrolctl.mavlink.messages import (
    GlobalPositionInt,
    Heartbeat,
    MissionItemInt,
    SystemTime,
    decode,
)
from patrolctl.mavlink.progress import Progress
from patrolctl.mavlink.state import View
from patrolctl.mavlink.wire import item_of, latlon


def uploaded(world: SimpleNamespace, name: str) -> WireMission:
    """The recorded mission, one step an item that moves."""
    items = {}
    for _, frame in world.recorded(name):
        message = decode(frame.msg_id, frame.payload)
        ours = frame.sysid == 255 and isinstance(message, MissionItemInt)
        if ours and message.mission_type == 0:
            items[message.seq] = item_of(message)
    kinds = {22: StepType.TAKEOFF, 16: StepType.GO, 19: StepType.DWELL}
    kinds[20] = StepType.RETURN_HOME
    steps, first = [], 1
    for seq in range(1, len(items)):
        item = items[seq]
        if item.command not in kinds:
            continue
        steps.append(
            StepOnWire(
                seq=seq,
                type=kinds[item.command],
                first=first,
                last=seq,
                position=latlon(item.x, item.y),
                altitude=Altitude(item.z, Datum.HOME),
                duration_s=item.params[0],
            )
        )
        first = seq + 1
    return WireMission(
        tuple(items[n] for n in range(len(items))), (), (), tuple(steps), True
    )


def replay(
    world: SimpleNamespace, name: str, kind: VehicleKind
) -> tuple[View, Progress, list[tuple[float, Fact]]]:
    view = View(VehicleId("v"), ArduPilot(kind))
    identity = Identity(None, ArduPilot(kind))
    progress = Progress(uploaded(world, name), kind)
    facts: list[tuple[float, Fact]] = []
    heard = 0
    for at_s, frame in world.recorded(name):
        message = decode(frame.msg_id, frame.payload)
        if frame.sysid != 1 or message is None:
            continue
        heard += 1
        if isinstance(message, Heartbeat):
            identity.on_heartbeat(message)
        if isinstance(message, SystemTime | GlobalPositionInt):
            found = identity.on_stamp(message.time_boot_ms, frame.seq, heard, at_s)
            assert found is Finding.SAME_BOOT
        found_facts = [*view.apply(message, at_s), *view.tick(at_s)]
        found_facts += progress.update(view, at_s)
        facts += [(at_s, fact) for fact in found_facts]
    assert identity.conflict is None
    return view, progress, facts


def of(facts: list[tuple[float, Fact]], kind: EventKind) -> list[tuple[float, Fact]]:
    return [(at_s, fact) for at_s, fact in facts if fact.kind is kind]


def seqs(facts: list[tuple[float, Fact]], kind: EventKind) -> list[int | None]:
    return [fact.seq for _, fact in of(facts, kind)]


def test_the_copter_flies_its_mission_from_take_off_to_disarming(
    world: SimpleNamespace,
) -> None:
    view, progress, facts = replay(world, "copter_mission", VehicleKind.COPTER)
    assert seqs(facts, EventKind.STEP) == [1, 2, 4, 6, 7, 8]
    assert len(of(facts, EventKind.STARTED)) == 1
    assert len(of(facts, EventKind.ARMED)) == 1
    assert seqs(facts, EventKind.DWELL_STARTED) == [6]
    (began, _), (ended, _) = (
        of(facts, EventKind.DWELL_STARTED)[0],
        of(facts, EventKind.DWELL_ENDED)[0],
    )
    assert 5.5 <= ended - began <= 8.0  # LOITER_TIME of 6 s
    assert [f.kind for _, f in facts if f.kind in (EventKind.LANDED,)] == [
        EventKind.LANDED
    ]
    assert progress.finished
    assert of(facts, EventKind.FAILSAFE) == []
    assert of(facts, EventKind.STALLED) == []
    assert of(facts, EventKind.HOME_MOVED) == []
    assert view.armed is False
    assert view.battery_ratio == pytest.approx(0.72)
    assert view.on_ground
    assert view.home is not None
    assert view.home_amsl_m == pytest.approx(30.1, abs=0.5)


def test_the_reason_that_came_after_the_ack_is_kept(world: SimpleNamespace) -> None:
    view, _, _ = replay(world, "copter_mission", VehicleKind.COPTER)
    assert "AUTO mode not armable" in view.refusals_since(0.0)
    assert "Accels inconsistent" in view.refusals_since(0.0)


def test_readiness_waits_for_the_position_estimate(world: SimpleNamespace) -> None:
    """PREARM was true at 24 s, arming would have failed until 42 s."""
    pilot = ArduPilot(VehicleKind.COPTER)
    view, prearm_s, ready_s = View(VehicleId("v"), pilot), None, None
    for at_s, frame in world.recorded("copter_mission"):
        message = decode(frame.msg_id, frame.payload)
        if frame.sysid != 1 or message is None:
            continue
        view.apply(message, at_s)
        if view.prearm_ok and prearm_s is None:
            prearm_s = at_s
        if not pilot.unready(view.health) and ready_s is None:
            ready_s = at_s
    assert prearm_s is not None
    assert ready_s is not None
    assert prearm_s < 25.0
    assert 41.0 < ready_s < 43.0


def test_the_rover_drives_three_rounds_and_completes(world: SimpleNamespace) -> None:
    _, progress, facts = replay(world, "rover_loop", VehicleKind.ROVER)
    steps = seqs(facts, EventKind.STEP)
    assert steps == [1, 3, 4, 1, 3, 4, 1, 3, 4, 7]
    assert seqs(facts, EventKind.DWELL_STARTED) == [4, 4, 4]
    for (began, _), (ended, _) in zip(
        of(facts, EventKind.DWELL_STARTED),
        of(facts, EventKind.DWELL_ENDED),
        strict=True,
    ):
        assert 2.0 <= ended - began <= 5.0
    assert progress.finished
    assert len(of(facts, EventKind.FINISHED)) == 1
    # HOLD and RTL came from the recording's operator, whom we did not know.
    assert [f.text[:17] for _, f in of(facts, EventKind.FAILSAFE)] == [
        "mode: changed to ",
        "mode: changed to ",
    ]
    assert of(facts, EventKind.STALLED) == []


def test_a_rover_has_no_height_of_its_own(world: SimpleNamespace) -> None:
    view, _, _ = replay(world, "rover_loop", VehicleKind.ROVER)
    assert view.position is not None
    assert view.position.up_m == 0.0
    assert view.position.amsl_m == pytest.approx(30.0, abs=2.0)
