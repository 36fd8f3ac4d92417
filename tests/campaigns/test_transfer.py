"""Uploads and read-backs by the thousand.

The large sizes are marked ``campaign`` and print their counts; the small ones
run with every test.
"""

import random
from collections.abc import Callable
from typing import Any

import pytest

from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.mission import Mission
from patrolctl.mavlink.autopilots.ardupilot import ArduPilot
from patrolctl.mavlink.autopilots.base import WireMission
from patrolctl.mavlink.exchange import Target
from patrolctl.mavlink.framing import encode
from patrolctl.mavlink.upload import FetchItems, SendItems
from patrolctl.mavlink.wire import WireItem, item_message
from simulators.build import copter, rover
from simulators.faults import LinkFaults
from simulators.items import Stored, store_item
from simulators.trouble import Trouble, plan
from simulators.wire import Framer

SMALL, LARGE = 60, 10_000

sizes = pytest.mark.parametrize(
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


def lists_of(wire: WireMission) -> list[tuple[int, tuple[WireItem, ...]]]:
    return [(1, wire.fence), (2, wire.rally), (0, wire.items)]


def stored(items: tuple[WireItem, ...]) -> list[Stored]:
    """What ArduPilot keeps of a mission that reaches it whole, home left out."""
    framer, kept = Framer(), list[Stored]()
    for seq, item in enumerate(items):
        raw = encode(item_message(item, seq, 0, (1, 1)), seq=0, sysid=255, compid=190)
        kept += [store_item(packet.message) for packet in framer.push(raw)]
    return kept[1:]


def differences(
    pilot: ArduPilot, sent: tuple[WireItem, ...], got: tuple[WireItem, ...], first: int
) -> list[str]:
    if len(sent) != len(got):
        return [f"{len(got)} items instead of {len(sent)}"]
    pairs = zip(sent[first:], got[first:], strict=True)
    return [found for a, b in pairs if (found := pilot.difference(a, b))]


def vehicle_of(kind: VehicleKind) -> Any:
    make = copter if kind is VehicleKind.COPTER else rover
    vehicle = make(ready_scale=0)
    vehicle.advance(0.1)
    return vehicle


@sizes
def test_what_is_uploaded_is_what_is_read_back(
    size: int,
    rig: Any,
    target: Target,
    make_mission: Callable[..., Mission],
    capsys: pytest.CaptureFixture[str],
) -> None:
    items = 0
    for kind in (VehicleKind.COPTER, VehicleKind.ROVER):
        pilot = ArduPilot(kind)
        desk = rig(vehicle_of(kind))
        for seed in range(size // 2):
            wire = pilot.compile(make_mission(seed, kind))
            for mission_type, sent in lists_of(wire):
                upload = desk.run(SendItems(sent, mission_type, target))
                assert upload.result.accepted, (seed, upload.result)
                fetch = desk.run(
                    FetchItems(mission_type, target, window=pilot.fetch_window)
                )
                first = int(mission_type == 0)
                found = differences(pilot, sent, fetch.result.items, first)
                assert found == [], (kind, seed)
                items += len(sent)
    with capsys.disabled():
        print(f"\n{size} plans, {items} items uploaded and read back, 0 differences")


@sizes
def test_no_read_back_ever_matches_what_is_not_there(
    size: int,
    rig: Any,
    target: Target,
    make_mission: Callable[..., Mission],
    make_faults: Callable[[int], LinkFaults],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Under faults an upload may fail; it may never seem to have worked."""
    pilot = ArduPilot(VehicleKind.COPTER)
    verified = failed = 0
    for seed in range(size):
        vehicle = vehicle_of(VehicleKind.COPTER)
        dice = random.Random(seed)
        if dice.random() < 0.3:
            kind = dice.choice(("reboot", "second-gcs"))
            plan(vehicle, [Trouble(kind, vehicle.now_s + dice.uniform(0.0, 8.0))])
        desk = rig(vehicle, make_faults(seed), seed)
        wire = pilot.compile(make_mission(seed))
        upload = desk.run(SendItems(wire.items, 0, target))
        if upload.result.accepted or upload.result.unknown:
            fetch = desk.run(FetchItems(0, target, window=pilot.fetch_window))
            if fetch.result.complete and not differences(
                pilot, wire.items, fetch.result.items, 1
            ):
                verified += 1
                # The link may still hold an old copy of a message, but what
                # was read is what the vehicle holds at this moment, unless
                # somebody else has written since.
                if not _overwritten(vehicle):
                    assert vehicle.mission.items[1:] == stored(wire.items), seed
                continue
        failed += 1
    assert verified > size * 0.3
    assert failed > 0
    with capsys.disabled():
        print(f"\n{size} schedules: {verified} verified, {failed} not, 0 wrong")


def _overwritten(vehicle: Any) -> bool:
    """Whether the second ground station came after the read-back began."""
    return any(item.alt_cm == 9000 for item in vehicle.mission.items)
