"""Upload and launch under random faults, thousands of times.

The launcher here is the shortest honest one that the protocol machines allow:
fence, mission, read-back, arm, look again, start, each once. What is held
against it is the vehicle's own account: what it held when it set off, and how
often it armed and started.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.mission import Mission
from patrolctl.mavlink.autopilots.ardupilot import ArduPilot
from patrolctl.mavlink.autopilots.base import Purpose, WireMission
from patrolctl.mavlink.command import CommandExchange, Order
from patrolctl.mavlink.exchange import Target
from patrolctl.mavlink.framing import encode
from patrolctl.mavlink.messages import Heartbeat
from patrolctl.mavlink.upload import FetchItems, SendItems
from patrolctl.mavlink.wire import Cmd, item_message
from simulators.build import copter, rover
from simulators.faults import LinkFaults
from simulators.items import Stored, store_item
from simulators.mission import State
from simulators.trouble import Trouble, plan
from simulators.vehicle import Vehicle
from simulators.wire import Framer

SMALL, LARGE = 80, 10_000
LOOK_AGAIN_S = 6.0  # a copter disarms by itself after 10 s on the ground
TROUBLES = (
    "reboot",
    "second-gcs",
    "second-gcs",
    "home-moved",
    "gps-loss",
    "battery-drain",
    "stall",
)


class Refused(Exception):
    """The launcher gave up, with the reason."""


@dataclass
class Launcher:
    """Uploads, verifies, arms and starts one mission."""

    desk: Any
    pilot: ArduPilot
    wire: WireMission
    target: Target
    arms: int = 0
    starts: int = 0
    started_s: float | None = None

    def launch(self) -> None:
        self.upload(1, self.wire.fence)
        self.order(Order(Cmd.DO_FENCE_ENABLE, (1.0,), repeatable=True), "fence")
        self.upload(0, self.wire.items)
        self.verify(30.0)
        self.order(self.pilot.set_mode(Purpose.ARM), "mode")
        self.arms += 1
        since = len(self.desk.heard)
        self.order(Order(Cmd.COMPONENT_ARM_DISARM, (1.0,)), "arm")
        self.confirm_armed(since)
        try:
            self.verify(LOOK_AGAIN_S)
        except Refused:
            disarm = Order(Cmd.COMPONENT_ARM_DISARM, (0.0,), repeatable=True)
            self.order(disarm, "disarm")
            raise
        self.starts += 1
        self.started_s = self.desk.now_s
        self.order(self.pilot.start(), "start")

    def upload(self, mission_type: int, items: Any) -> None:
        for _ in range(3):
            sent = self.desk.run(SendItems(items, mission_type, self.target))
            if sent.result.accepted or sent.result.unknown:
                return
            self.desk.wait(max(0.0, sent.quiet_until_s - self.desk.now_s) + 0.5)
        raise Refused(f"upload {sent.result.result}")

    def verify(self, limit_s: float) -> None:
        start_s = self.desk.now_s
        fetch = self.desk.run(FetchItems(0, self.target))
        got = fetch.result.items
        if not fetch.result.complete or len(got) != len(self.wire.items):
            raise Refused("read-back")
        pairs = zip(self.wire.items[1:], got[1:], strict=True)
        if any(self.pilot.difference(a, b) for a, b in pairs):
            raise Refused("read-back differs")
        if self.desk.now_s - start_s > limit_s:
            raise Refused("read-back too slow")

    def confirm_armed(self, since: int) -> None:
        def armed(message: Any) -> bool:
            return isinstance(message, Heartbeat) and bool(message.base_mode & 0x80)

        heard = [m for _, m in self.desk.heard[since:]]
        if not any(map(armed, heard)) and not self.desk.until(armed, 3.0):
            raise Refused("not armed")

    def order(self, order: Order, name: str) -> None:
        exchange = self.desk.run(CommandExchange(order, self.target))
        if exchange.result != "ACCEPTED":
            raise Refused(f"{name} {exchange.result}")


@dataclass
class Witness:
    """Looks at the vehicle's own memory at every step."""

    approved: list[Stored]
    wrong_at_s: list[float] = field(default_factory=list)
    overwritten_s: float | None = None
    set_off: bool = False

    def look(self, vehicle: Vehicle) -> None:
        moving = vehicle.armed and vehicle.mode == vehicle.auto_mode
        if moving and vehicle.mission.state is State.RUNNING and not self.set_off:
            self.set_off = True
            if vehicle.mission.items[1:] != self.approved:
                self.wrong_at_s.append(vehicle.now_s)
        if self.overwritten_s is None and any(
            item.alt_cm == 9000 or item.lat_e7 == FOREIGN_LAT
            for item in vehicle.mission.items
        ):
            self.overwritten_s = vehicle.now_s


FOREIGN_LAT = copter().frame.to_e7(200.0, 200.0)[0]


def kept(wire: WireMission) -> list[Stored]:
    framer, items = Framer(), list[Stored]()
    for seq, item in enumerate(wire.items):
        raw = encode(item_message(item, seq, 0, (1, 1)), seq=0, sysid=255, compid=190)
        items += [store_item(packet.message) for packet in framer.push(raw)]
    return items[1:]


def one_schedule(
    seed: int,
    rig: Any,
    target: Target,
    make_mission: Callable[..., Mission],
    make_faults: Callable[[int], LinkFaults],
) -> tuple[str, Launcher, Witness, Vehicle]:
    dice = random.Random(seed)
    kind = dice.choice((VehicleKind.COPTER, VehicleKind.COPTER, VehicleKind.ROVER))
    vehicle = (copter if kind is VehicleKind.COPTER else rover)(ready_scale=0)
    vehicle.advance(0.1)
    if dice.random() < 0.5:
        at_s = dice.uniform(0.2, 15.0)
        plan(vehicle, [Trouble(dice.choice(TROUBLES), at_s, 0.05)])
    pilot = ArduPilot(kind)
    wire = pilot.compile(make_mission(seed, kind))
    desk = rig(vehicle, make_faults(seed), seed)
    witness = Witness(kept(wire))
    desk.watch = witness.look
    launcher = Launcher(desk, pilot, wire, target)
    try:
        launcher.launch()
        outcome = "started"
    except Refused as refused:
        outcome = str(refused)
    desk.wait(3.0)
    return outcome, launcher, witness, vehicle


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(SMALL, id="small"),
        pytest.param(
            LARGE,
            id="large",
            marks=[pytest.mark.campaign, pytest.mark.timeout(3600)],
        ),
    ],
)
def test_a_vehicle_only_ever_starts_what_was_approved(
    size: int,
    rig: Any,
    target: Target,
    make_mission: Callable[..., Mission],
    make_faults: Callable[[int], LinkFaults],
    capsys: pytest.CaptureFixture[str],
) -> None:
    outcomes: Counter[str] = Counter()
    set_off = raced = twice = 0
    for seed in range(size):
        outcome, launcher, witness, vehicle = one_schedule(
            seed, rig, target, make_mission, make_faults
        )
        outcomes[outcome] += 1
        set_off += witness.set_off
        if witness.wrong_at_s:
            # Only what was written while the order was on its way can be
            # missed: no ground station can see it before it happens.
            at_s, start_s = witness.overwritten_s, launcher.started_s
            assert at_s is not None, f"seed {seed}: wrong mission, {outcome}"
            assert start_s is not None, f"seed {seed}: started unasked"
            late_s = make_faults(seed).delay_s + make_faults(seed).jitter_s + 0.31
            assert at_s > start_s - late_s, f"seed {seed}: missed an overwrite"
            raced += 1
        effects = Counter(what for _, what in vehicle.effects)
        twice += effects["armed"] > launcher.arms
        twice += effects["mode AUTO"] > launcher.starts
    assert twice == 0
    assert outcomes["started"] > size * 0.1
    assert len(outcomes) > 5, "faults must bite"
    with capsys.disabled():
        print(
            f"\n{size} schedules: {set_off} set off with the approved mission, "
            f"{raced} overwritten while START was on its way, 0 executed twice; "
            + ", ".join(f"{n} {what}" for what, n in outcomes.most_common(8))
        )
