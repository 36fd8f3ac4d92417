"""Under SITL's speed-up everything keeps the vehicle's time."""

import os
from itertools import pairwise
from pathlib import Path

import pytest

from patrolctl.domain.telemetry import EventKind
from tests.ardupilot.conftest import Open, dwell

pytestmark = [pytest.mark.ardupilot, pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def _mavlink_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "MAVLINK20", "1")


def read_log(path: Path) -> tuple[list[float], list[float]]:
    """Vehicle's seconds of each of its own time stamps and of our heartbeats."""
    from pymavlink import mavutil  # noqa: PLC0415 - reads MAVLINK20 when imported

    log = mavutil.mavlink_connection(str(path))
    stamps: list[float] = []
    beats: list[float] = []
    while (message := log.recv_match()) is not None:
        if message.get_type() == "SYSTEM_TIME":
            stamps.append(message.time_boot_ms / 1000.0)
        elif message.get_type() == "HEARTBEAT" and message.get_srcSystem() == 255:
            beats.append(stamps[-1] if stamps else 0.0)
    return stamps, beats


async def test_the_heartbeat_beats_once_a_simulated_second(
    either: Open, tmp_path: Path
) -> None:
    async with either() as flight:
        await flight.start(flight.mission(dwell(10, 0, 25)))
        await flight.event(EventKind.DWELL_ENDED, 120)
        # Nobody told the driver how fast SITL runs.
        assert flight.pace > 2.0
        await flight.vehicle.return_home()
        await flight.home_and_disarmed()
    (path,) = (tmp_path / "tlog").glob("*.tlog")
    stamps, beats = read_log(path)
    begin_s, end_s = 50.0, stamps[-1]  # ready was after 42 s
    assert end_s - begin_s > 30.0
    during = [at for at in beats if begin_s <= at <= end_s]
    assert len(during) / (end_s - begin_s) == pytest.approx(1.0, abs=0.25)
    gaps = sorted(b - a for a, b in pairwise(during))
    assert gaps[len(gaps) * 9 // 10] < 2.5  # a busy machine stalls now and then
