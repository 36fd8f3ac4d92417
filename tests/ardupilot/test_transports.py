"""The other way to connect: ArduPilot sends datagrams to us."""

import socket
from pathlib import Path

import pytest

from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import FleetVehicle, LinkState, VehicleKind
from patrolctl.domain.telemetry import EventKind
from patrolctl.mavlink import LinkOptions
from tests.ardupilot.conftest import (
    HOME,
    HOME_AMSL_M,
    PATIENT_S,
    Open,
    attended,
    dwell,
    go,
)
from tests.ardupilot.sitl import running

pytestmark = [pytest.mark.ardupilot, pytest.mark.timeout(120)]


def free_port() -> int:
    """A port for datagrams that nobody has now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_mission_over_udp(rover: Open, tmp_path: Path) -> None:
    port = free_port()
    where = (HOME.lat_deg, HOME.lon_deg, HOME_AMSL_M, 0.0)
    entry = FleetVehicle(
        VehicleId("v1"), VehicleKind.ROVER, endpoint=f"udpin:127.0.0.1:{port}"
    )
    async with (
        running(
            "rover",
            tmp_path / "sitl",
            where,
            {"FS_GCS_TIMEOUT": PATIENT_S},
            serial0=f"udpclient:127.0.0.1:{port}",
        ) as sitl,
        attended(sitl, entry, LinkOptions()) as flight,
    ):
        await flight.until(
            lambda: flight.vehicle.link is LinkState.LIVE, 30, "the link"
        )
        await flight.start(flight.mission(go(15, 0, 3.0), dwell(15, 10, 5)))
        await flight.event(EventKind.DWELL_ENDED, 60, seq=2)
        await flight.event(EventKind.FINISHED, 60)
        await flight.home_and_disarmed()
