"""The ground station's half of real ArduPilot recordings, played to the core.

What the core answers is compared with what ArduPilot answered.
"""

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from simulators.build import build
from simulators.config import VehicleConfig
from simulators.wire import Framer, Packet

FIXTURES = Path(__file__).parents[2] / "fixtures" / "ardupilot"
BOOT_OFFSET_S = 0.12  # the recorder met a vehicle that had just started
GCS = 255

ANSWERS = {
    "COMMAND_ACK": ("command", "result"),
    "MISSION_ACK": ("type", "mission_type"),
    "MISSION_REQUEST": ("seq", "mission_type"),
    "MISSION_COUNT": ("count", "mission_type"),
}
ITEM = ("seq", "frame", "command", "current", "autocontinue", "x", "y", "mission_type")
ITEM_FLOATS = ("param1", "param2", "param3", "param4", "z")
OUR_TEXTS = (
    "Mission",
    "Reached",
    "Arm:",
    "Arming",
    "Disarming",
    "Throttle",
    "Finished",
    "Flight plan",
    "Fence Indexed",
    "Failed to",
    "speed:",
)


def read_tlog(name: str) -> Iterable[tuple[float, Packet]]:
    data = (FIXTURES / name).read_bytes()
    framer, at, start_us = Framer(), 0, None
    while at + 8 < len(data):
        stamp_us = struct.unpack_from(">Q", data, at)[0]
        start_us = stamp_us if start_us is None else start_us
        at += 8
        signature = 13 if data[at] == 0xFD and data[at + 2] & 1 else 0
        length = (12 if data[at] == 0xFD else 8) + data[at + 1] + signature
        for packet in framer.push(data[at : at + length]):
            yield (stamp_us - start_us) / 1e6, packet
        at += length


@dataclass
class Story:
    """What a vehicle said, reduced to what a ground station acts on."""

    answers: list[tuple[Any, ...]] = field(default_factory=list)
    items: list[tuple[Any, ...]] = field(default_factory=list)
    floats: list[tuple[float, ...]] = field(default_factory=list)
    reached: list[tuple[float, int]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    changes: dict[str, list[tuple[float, Any]]] = field(default_factory=dict)

    def hear(self, time_s: float, message: Any) -> None:
        kind = message.get_type()
        if kind in ANSWERS:
            values = [getattr(message, name) for name in ANSWERS[kind]]
            self.answers.append((kind, *values))
        elif kind == "MISSION_ITEM_INT":
            self.answers.append((kind, message.seq, message.mission_type))
            self.items.append(tuple(getattr(message, name) for name in ITEM))
            self.floats.append(tuple(getattr(message, n) for n in ITEM_FLOATS))
        elif kind == "MISSION_ITEM_REACHED":
            self.reached.append((time_s, message.seq))
        elif kind == "STATUSTEXT" and message.text.startswith(OUR_TEXTS):
            self.texts.append(message.text)
        else:
            self._watch(time_s, kind, message)

    def _watch(self, time_s: float, kind: str, m: Any) -> None:
        value: Any = None
        if kind == "HEARTBEAT":
            value = (m.base_mode, m.custom_mode, m.system_status)
        elif kind == "MISSION_CURRENT":
            value = (m.seq, m.total, m.mission_state, m.mission_mode)
        elif kind == "EXTENDED_SYS_STATE":
            value = m.landed_state
        elif kind == "EKF_STATUS_REPORT":
            value = m.flags & 0x490
        elif kind == "SYS_STATUS":
            value = bool(m.onboard_control_sensors_health & 0x10000000)
        seen = self.changes.setdefault(kind, [])
        if value is not None and (not seen or seen[-1][1] != value):
            seen.append((time_s, value))

    def lasting(self, kind: str) -> list[Any]:
        """Values that held for more than one heartbeat."""
        times = [time_s for time_s, _ in self.changes[kind]]
        held = [b - a for a, b in zip(times, [*times[1:], math.inf], strict=True)]
        values = self.values(kind)
        return [v for v, s in zip(values, held, strict=True) if s > 1.1 or s < 0.5]

    def values(self, kind: str) -> list[Any]:
        return [value for _, value in self.changes[kind]]


def play(name: str, config: VehicleConfig) -> tuple[Story, Story]:
    """(what ArduPilot said, what the core says to the same questions)."""
    theirs, ours = Story(), Story()
    vehicle = build(config)
    vehicle.open_link("gcs", trusted=True)
    framer, end_s = Framer(), 0.0

    def listen() -> None:
        for packet in framer.push(vehicle.transmit("gcs")):
            ours.hear(vehicle.now_s, packet.message)

    for time_s, packet in read_tlog(name):
        now_s = end_s = time_s + BOOT_OFFSET_S
        if packet.message.get_srcSystem() != GCS:
            theirs.hear(now_s, packet.message)
            continue
        while vehicle.now_s < now_s:
            vehicle.advance(min(now_s, vehicle.now_s + 0.05))
            listen()
        vehicle.receive("gcs", packet.raw)
        listen()
    while vehicle.now_s < end_s:
        vehicle.advance(vehicle.now_s + 0.05)
        listen()
    return theirs, ours


@pytest.fixture(scope="module")
def copter() -> tuple[Story, Story]:
    fence = {"FENCE_TYPE": 4.0}
    return play("copter_mission.tlog", VehicleConfig(param_overrides=fence))


@pytest.fixture(scope="module")
def rover() -> tuple[Story, Story]:
    return play("rover_loop.tlog", VehicleConfig(kind="rover"))


@pytest.mark.parametrize("which", ["copter", "rover"])
class TestBoth:
    def stories(self, request: pytest.FixtureRequest, which: str) -> Any:
        return request.getfixturevalue(which)

    def test_every_answer_is_the_same(
        self, request: pytest.FixtureRequest, which: str
    ) -> None:
        theirs, ours = self.stories(request, which)
        assert len(ours.answers) > 30
        assert ours.answers == theirs.answers

    def test_every_item_is_read_back_as_ardupilot_does(
        self, request: pytest.FixtureRequest, which: str
    ) -> None:
        theirs, ours = self.stories(request, which)
        assert ours.items == theirs.items
        for seq, (mine, real) in enumerate(
            zip(ours.floats, theirs.floats, strict=True)
        ):
            home = ours.items[seq][0] == 0 and ours.items[seq][-1] == 0
            if not home:  # its height is what the barometer made of it
                assert mine == real

    def test_items_are_reached_in_the_same_order(
        self, request: pytest.FixtureRequest, which: str
    ) -> None:
        theirs, ours = self.stories(request, which)
        assert [seq for _, seq in ours.reached] == [seq for _, seq in theirs.reached]

    def test_the_mission_state_changes_alike(
        self, request: pytest.FixtureRequest, which: str
    ) -> None:
        theirs, ours = self.stories(request, which)
        assert ours.values("MISSION_CURRENT") == theirs.values("MISSION_CURRENT")

    def test_heartbeats_change_alike(
        self, request: pytest.FixtureRequest, which: str
    ) -> None:
        theirs, ours = self.stories(request, which)
        assert ours.lasting("HEARTBEAT")[1:] == theirs.lasting("HEARTBEAT")[1:]

    def test_it_becomes_ready_as_late(
        self, request: pytest.FixtureRequest, which: str
    ) -> None:
        theirs, ours = self.stories(request, which)
        for kind in ("SYS_STATUS", "EKF_STATUS_REPORT"):
            assert ours.values(kind)[-1] == theirs.values(kind)[-1]
            assert ours.changes[kind][-1][0] == pytest.approx(
                theirs.changes[kind][-1][0], abs=1.0
            )

    def test_it_says_the_same_words(
        self, request: pytest.FixtureRequest, which: str
    ) -> None:
        theirs, ours = self.stories(request, which)
        assert ours.texts == theirs.texts

    def test_it_takes_about_as_long(
        self, request: pytest.FixtureRequest, which: str
    ) -> None:
        theirs, ours = self.stories(request, which)
        mine, real = ours.reached[-1][0] - 43.0, theirs.reached[-1][0] - 43.0
        assert math.isclose(mine, real, rel_tol=0.3)


def test_the_copter_lands_as_the_real_one(copter: tuple[Story, Story]) -> None:
    theirs, ours = copter
    assert ours.values("EXTENDED_SYS_STATE") == theirs.values("EXTENDED_SYS_STATE")
