"""A simulated copter flies, the real agent follows it, and the link is gone.

The copter is a process that speaks MAVLink on two ports: one for the ground
station of this test, one for the agent. The broker is stopped after launch and
comes back after landing; in between the agent is killed during a clip.
"""

import asyncio
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from patrolctl.clock import ScaledClock
from patrolctl.domain.evidence import TrackPoint
from patrolctl.domain.ids import SortieId, VehicleId
from patrolctl.domain.machines import FleetVehicle, VehicleKind
from patrolctl.domain.mission import Fence, Mission, MissionStep, StepType
from patrolctl.domain.telemetry import EventKind
from patrolctl.mavlink import LinkOptions
from tests.contract.mavlink.conftest import (
    HOME,
    flight,
    free_port,
    place,
    simulator,
    up,
)
from tests.scenario.mqtt.test_agent import Rig

pytestmark = pytest.mark.broker
SPEEDUP = 8.0
UP_M = 15.0
STATIONS = {1: (25.0, 0.0), 2: (25.0, 25.0), 3: (0.0, 25.0)}
CLIP_S = 8.0
# As long as a busy machine may take to start an agent; let go on when it has.
LONGEST_DWELL_S = 120.0
DWELLS = {1: 4, 2: 6, 3: 8}


def mission() -> Mission:
    """Take-off, three stations, one of them passed on the way, and home."""
    steps = [MissionStep(1, StepType.TAKEOFF, place(0, 0), up(UP_M))]

    def add(kind: StepType, where: tuple[float, float], **more: float) -> None:
        seq = len(steps) + 1
        steps.append(MissionStep(seq, kind, place(*where), up(UP_M), **more))  # type: ignore[arg-type]  # by name

    add(StepType.GO, STATIONS[2], speed_m_s=5.0)  # flown through, not stood at
    for where in STATIONS.values():
        add(StepType.GO, where, speed_m_s=5.0)
        add(StepType.DWELL, where, duration_s=LONGEST_DWELL_S)
    steps.append(MissionStep(len(steps) + 1, StepType.RETURN_HOME))
    ring = tuple(place(n, e) for n, e in ((-60, -60), (90, -60), (90, 90), (-60, 90)))
    return Mission(
        SortieId("s1"), VehicleKind.COPTER, HOME, 30.0, tuple(steps),
        Fence(ring, (), up(40)), (), up(UP_M),
    )  # fmt: skip


def cues(clips: list[str]) -> list[dict[str, object]]:
    return [
        {
            "cue_id": f"c{n}", "seq": n, "key": f"r:c{n}", "clip_sha256": sha256,
            "clip_url": None, "duration_s": CLIP_S, "repeats": 1, "up_m": UP_M,
            "lat_deg": place(*STATIONS[n]).lat_deg,
            "lon_deg": place(*STATIONS[n]).lon_deg, "station": f"st{n}",
        }
        for n, sha256 in enumerate(clips, 1)
    ]  # fmt: skip


def off_m(track: list[TrackPoint], at: datetime, station: int) -> float:
    """How far the vehicle was from a station at a time, by its own track."""
    there = min(track, key=lambda p: abs((p.ts_utc - at).total_seconds()))
    want = place(*STATIONS[station])
    north = (there.lat_deg - want.lat_deg) * 111_195
    scale = math.cos(math.radians(want.lat_deg))
    east = (there.lon_deg - want.lon_deg) * 111_195 * scale
    return math.hypot(north, east, there.up_m - UP_M)


async def sounding(rig: Rig, count: int) -> None:
    """Wait for a sound to begin; without a link only the log tells."""
    async with asyncio.timeout(60):
        while len(rig.sounds()) < count:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


async def test_a_whole_flight_without_a_link_and_a_kill_in_the_middle(
    tmp_path: Path, mosquitto: Any, witness: Any
) -> None:
    epoch = datetime.now(UTC) - timedelta(seconds=5)
    clock = ScaledClock(SPEEDUP, epoch_utc=epoch)
    same = ["--speedup", str(SPEEDUP), "--epoch", str(epoch.timestamp())]
    (tmp_path / "clips").mkdir()
    companion = free_port()
    pilot = SimpleNamespace(port=companion)
    rig = Rig(tmp_path, mosquitto, witness(mosquitto.port), pilot, now=clock.utc)  # type: ignore[arg-type]  # its port is all that is asked for
    clips = [rig.clip(CLIP_S, tone) for tone in (301, 302, 303)]
    listen = ["--listen", f"tcp:127.0.0.1:{companion}"]
    patience = ["--param", "FS_GCS_TIMEOUT=120"]
    track: list[TrackPoint] = []
    async with simulator(VehicleKind.COPTER, *listen, *same, *patience) as port:
        entry = FleetVehicle(
            VehicleId("d1"), VehicleKind.COPTER, endpoint=f"tcp:127.0.0.1:{port}"
        )
        options = LinkOptions(clock=clock, tlog_dir=tmp_path, state_dir=tmp_path)
        try:
            await rig.start(*same)
            await rig.state("idle")
            rig.order("cue_sheet", run_id="r", sortie_id="s1", cues=cues(clips))
            async with asyncio.timeout(15):
                while len((await rig.state("idle"))["cached"]) < 3:  # noqa: ASYNC110 - its report
                    await asyncio.sleep(0.05)
            async with flight(entry, options) as copter:
                await copter.ready()
                await copter.vehicle.launch(await copter.vehicle.upload(mission()))
                rig.broker.stop()
                await sounding(rig, 1)
                await clock.sleep(CLIP_S + 2.0)
                await copter.vehicle.keep(DWELLS[1], 0)
                await sounding(rig, 2)
                await clock.sleep(3.0)
                await rig.stop(kill=True)  # in the middle of the second
                await rig.start(*same)
                await copter.vehicle.keep(DWELLS[2], 0)
                await sounding(rig, 3)
                await clock.sleep(CLIP_S + 2.0)
                await copter.vehicle.keep(DWELLS[3], 0)
                await copter.heard(EventKind.LANDED, 300)
                track = list(copter.vehicle.track())
            rig.broker.start()
            reports = await rig.different(6)
            await asyncio.sleep(0.5)
            assert len(await rig.different(6)) == 6
        finally:
            await rig.stop(kill=True)
    assert rig.sounds() == [301, 302, 303]
    told = {(r["key"], r["status"]): r for r in reports}
    assert set(told) == {
        ("r:c1", "started"),
        ("r:c1", "completed"),
        ("r:c2", "started"),
        ("r:c2", "cut"),
        ("r:c3", "started"),
        ("r:c3", "completed"),
    }
    cut = told["r:c2", "cut"]
    assert cut["reason"] == "agent restarted"
    length = datetime.fromisoformat(cut["end_utc"]) - datetime.fromisoformat(
        cut["start_utc"]
    )
    assert length < timedelta(seconds=CLIP_S)
    for number, end in ((1, "completed"), (2, "cut"), (3, "completed")):
        report = told[f"r:c{number}", end]
        assert report["station"] == f"st{number}"
        for when in ("start_utc", "end_utc"):
            at = datetime.fromisoformat(report[when])
            assert off_m(track, at, number) < 5.0
