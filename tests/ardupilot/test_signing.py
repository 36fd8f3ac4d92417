"""Signed MAVLink 2 with real ArduPilot, whose code is not ours."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from patrolctl.domain.errors import UploadFailed
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import FleetVehicle, LinkState, VehicleKind
from patrolctl.domain.telemetry import EventKind
from patrolctl.mavlink import LinkOptions
from tests.ardupilot.conftest import HOME, HOME_AMSL_M, Flight, Open, attended, go
from tests.ardupilot.sitl import Sitl, running

pytestmark = [pytest.mark.ardupilot, pytest.mark.timeout(120)]

PHRASE = b"a phrase for the tests"
WHERE = (HOME.lat_deg, HOME.lon_deg, HOME_AMSL_M, 0.0)


@dataclass
class Signing:
    """A rover that has been given the key, and ways to connect to it."""

    sitl: Sitl
    folder: Path

    @asynccontextmanager
    async def connect(self, phrase: bytes | None) -> AsyncIterator[Flight]:
        key_file = self.folder / "key"
        if phrase is not None:
            key_file.write_bytes(phrase)
        entry = FleetVehicle(
            VehicleId("v1"),
            VehicleKind.ROVER,
            endpoint=self.sitl.relay.endpoint,
            signing_key_file=None if phrase is None else str(key_file),
        )
        options = LinkOptions(state_dir=self.folder)
        async with attended(self.sitl, entry, options) as flight:
            yield flight


@asynccontextmanager
async def signing(folder: Path) -> AsyncIterator[Signing]:
    parameters = {"FS_GCS_TIMEOUT": 20.0}
    async with running(
        "rover", folder / "sitl", WHERE, parameters, swapped=True
    ) as sitl:
        await sitl.other.expect(lambda m: m.get_type() == "HEARTBEAT")
        await sitl.other.set_key(hashlib.sha256(PHRASE).digest())
        yield Signing(sitl, folder)


async def live(flight: Flight) -> None:
    await flight.until(lambda: flight.vehicle.link is LinkState.LIVE, 30, "the link")


async def test_both_sign_and_a_mission_is_driven(rover: Open, tmp_path: Path) -> None:
    async with signing(tmp_path) as vehicle:
        async with vehicle.connect(PHRASE) as flight:
            await live(flight)
            await flight.start(flight.mission(go(15, 0, 3.0)))
            await flight.event(EventKind.FINISHED, 120)
            await flight.home_and_disarmed()
        # The next session goes on from the timestamp that was kept.
        async with vehicle.connect(PHRASE) as flight:
            await live(flight)
            await flight.upload(flight.mission(go(15, 0, 3.0)))


async def test_without_the_key_it_is_told_nothing(rover: Open, tmp_path: Path) -> None:
    async with signing(tmp_path) as vehicle, vehicle.connect(None) as flight:
        await live(flight)
        await flight.sleep(20)
        assert any("identified" in why for why in await flight.vehicle.ready())
        with pytest.raises(UploadFailed):
            await flight.vehicle.upload(flight.mission(go(15, 0)))


async def test_a_wrong_key_hears_nothing(rover: Open, tmp_path: Path) -> None:
    async with signing(tmp_path) as vehicle, vehicle.connect(b"another") as flight:
        await flight.sleep(5)  # real ones here: no clock was heard
        assert flight.vehicle.link is LinkState.CONNECTING
