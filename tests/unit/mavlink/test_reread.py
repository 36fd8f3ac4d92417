"""An edit by another station that keeps the number of items tells itself to nobody."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from patrolctl.clock import ManualClock
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import FleetVehicle, VehicleKind
from patrolctl.domain.mission import UploadReceipt
from patrolctl.domain.telemetry import EventKind, VehicleEvent
from patrolctl.mavlink.autopilots.ardupilot import ArduPilot
from patrolctl.mavlink.cockpit import Approved
from patrolctl.mavlink.facts import Fact
from patrolctl.mavlink.messages import StatusText
from patrolctl.mavlink.options import LinkOptions
from patrolctl.mavlink.upload import FetchItems, FetchResult
from patrolctl.mavlink.vehicle import MavlinkVehicle


class Rig:
    """A vehicle that holds an approved mission, and what it would send back."""

    def __init__(self, world: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = ManualClock()
        entry = FleetVehicle(VehicleId("v1"), VehicleKind.COPTER, "tcp:127.0.0.1:1")
        pilot = ArduPilot(VehicleKind.COPTER)
        self.vehicle = MavlinkVehicle(entry, LinkOptions(clock=self.clock), pilot, None)
        mission = world.copter_mission()
        self.wire = pilot.compile(mission)
        receipt = UploadReceipt("v1", mission.digest(), self.vehicle.boot_id, 9)
        self.vehicle.approved = Approved(receipt, mission, self.wire)
        self.stored = FetchResult("ACCEPTED", self.wire.items)
        self.reads = 0
        self.told: list[VehicleEvent] = []

        async def run(exchange: FetchItems) -> FetchItems:
            self.reads += 1
            exchange.result = self.stored
            return exchange

        monkeypatch.setattr(self.vehicle._link, "run", run)

    async def during(self, seconds: float) -> list[str]:
        """Let time pass; the changes that were told."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self.vehicle.edits.reread()),
                group.create_task(self._listen()),
            ]
            await asyncio.sleep(0)
            await self.clock.advance(seconds, step_s=1.0)
            for task in tasks:
                task.cancel()
        changed = EventKind.MISSION_CHANGED
        return [event.text for event in self.told if event.kind is changed]

    async def _listen(self) -> None:
        async for event in self.vehicle.events():
            self.told.append(event)


@pytest.fixture
def rig(world: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(world, monkeypatch)


async def test_what_was_approved_stays_approved(rig: Rig) -> None:
    assert await rig.during(100) == []
    assert rig.reads == 3
    assert rig.vehicle.approved is not None


async def test_an_edit_of_one_item_is_told_once(rig: Rig) -> None:
    items = list(rig.wire.items)
    at = next(n for n, item in enumerate(items) if n > 1 and item.x)
    items[at] = replace(items[at], x=items[at].x + 100)
    rig.stored = FetchResult("ACCEPTED", tuple(items))
    (text,) = await rig.during(100)
    assert f"item {at}" in text
    assert "position" in text
    assert rig.vehicle.approved is None


async def test_a_reading_that_fails_says_nothing_about_the_mission(rig: Rig) -> None:
    rig.stored = FetchResult("TIMEOUT")
    assert await rig.during(100) == []
    assert rig.vehicle.approved is not None


@pytest.mark.parametrize(
    ("text", "what"),
    [("Flight plan received", "mission"), ("Fence Indexed OK", "fence")],
)
async def test_an_upload_that_is_announced(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, text: str, what: str
) -> None:
    told: list[Fact] = []
    monkeypatch.setattr(rig.vehicle, "tell", told.append)
    message = StatusText(severity=6, text=text.encode(), id=0, chunk_seq=0)
    async with rig.vehicle.edits.upload():
        pass  # at 0 s
    rig.vehicle.edits.hear(message, 1.0)  # may be the echo of our own
    assert told == []
    rig.vehicle.edits.hear(message, 10.0)
    assert [fact.kind for fact in told] == [EventKind.MISSION_CHANGED]
    assert what in told[0].text
    assert rig.vehicle.approved is None
