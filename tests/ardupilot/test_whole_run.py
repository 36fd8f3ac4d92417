"""``patrolctl run`` from a plan to its evidence, on real ArduPilot.

Only the loudspeaker is simulated; broker, service, driver and autopilot are
the real ones, each a process of its own.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from patrolctl.mqtt import run_broker
from tests.ardupilot.sitl import running

pytestmark = [pytest.mark.ardupilot, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
MISSION = ROOT / "missions" / "quickstart"
# Slow enough for SITL to keep this speed on a busy machine: whoever is told a
# speed (service, loudspeaker) trusts it.
SPEEDUP = 5.0
PATIENT = {"FS_GCS_TIMEOUT": 60.0}


def environment(tmp_path: Path) -> dict[str, str]:
    """Of the commands."""
    return {
        **os.environ,
        "PATROLCTL_DATA_DIR": str(tmp_path / "data"),
        "PATROLCTL_SPEEDUP": f"{SPEEDUP:g}",
        "PATROLCTL_EPOCH_UTC": datetime.now(UTC).isoformat(),
    }


@asynccontextmanager
async def started(environ: dict[str, str], *words: str) -> AsyncIterator[Process]:
    """A process of our own, ended with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *words, stdout=PIPE, stderr=PIPE, env=environ, cwd=ROOT
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(10):
                    await process.communicate()
            except TimeoutError:
                process.kill()
                await process.communicate()


async def plan_to(kind: str, environ: dict[str, str], out: Path) -> None:
    """Write the plan of the command that plans."""
    words = ("patrolctl", "plan", kind, str(MISSION), "-o", str(out))
    more = ("--time-limit", "5") if kind == "drone" else ()
    async with started(environ, *words, *more) as process:
        _, err = await process.communicate()
    assert process.returncode == 0, err.decode()


@asynccontextmanager
async def speaker(
    environ: dict[str, str], mqtt: str, clip_dir: Path, state_dir: Path
) -> AsyncIterator[None]:
    """A simulated loudspeaker that has said it is ready."""
    epoch = datetime.fromisoformat(environ["PATROLCTL_EPOCH_UTC"]).timestamp()
    words = (
        *("simulators", "speaker", "--id", "horn", "--vehicle", "v1"),
        *("--site", "quickstart", "--mqtt", mqtt, "--clip-dir", str(clip_dir)),
        *("--state-dir", str(state_dir)),
        *("--speedup", f"{SPEEDUP:g}", "--epoch", f"{epoch:.6f}"),
    )
    async with started(environ, *words) as process:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            line = await process.stdout.readline()
        assert line.startswith(b"READY"), line
        yield


def _read(path: Path) -> dict[str, Any]:
    plan: dict[str, Any] = json.loads(path.read_text())
    return plan


async def whole_run(kind: str, work: str, tmp_path: Path) -> dict[str, Any]:
    """Plan, run, and the report of ``run --json``."""
    environ = environment(tmp_path)
    await plan_to(work, environ, tmp_path / "plan.json")
    plan = _read(tmp_path / "plan.json")
    home = plan["sorties"][0].get("home") or plan["home"]
    where = (home["lat_deg"], home["lon_deg"], home["amsl_m"], 0.0)
    clips = tmp_path / "data" / "clips"
    async with (
        run_broker(state_dir=tmp_path / "broker") as broker,
        running(kind, tmp_path / "sitl", where, PATIENT, speedup=SPEEDUP) as sitl,
        speaker(
            environ,
            f"mqtt://{broker.host}:{broker.port}",
            clips,
            tmp_path / "speaker",
        ),
        started(
            environ,
            *("patrolctl", "run", str(tmp_path / "plan.json"), "--json"),
            *("--vehicle", f"v1={sitl.relay.endpoint}", "--speaker", "horn=mqtt"),
            *("--mqtt", f"mqtt://{broker.host}:{broker.port}"),
            *("--simulated", "--authority", "test"),
        ) as process,
    ):
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()[-4000:] + str(sitl.other.texts)
        report: dict[str, Any] = json.loads(out)
        return report


async def test_a_flight_from_the_plan_to_the_evidence(
    copter: object, tmp_path: Path
) -> None:
    report = await whole_run("copter", "drone", tmp_path)
    assert report["phase"] == "FINISHED"
    summary = report["evidence"]["summary"]
    assert summary["playbacks"] == summary["playbacks_complete"] >= 1
    assert summary["reached"] == summary["reachable"] > 0


async def test_a_loop_from_the_plan_to_the_evidence(
    rover: object, tmp_path: Path
) -> None:
    report = await whole_run("rover", "loop", tmp_path)
    assert report["phase"] == "FINISHED"
    summary = report["evidence"]["summary"]
    assert summary["loops_completed"] == 1
    assert summary["playbacks"] == summary["playbacks_complete"] >= 1
    assert summary["reached"] == summary["reachable"] > 0


async def test_nobody_needs_to_tell_how_fast_a_simulator_runs(
    copter: object, tmp_path: Path
) -> None:
    """No PATROLCTL_SPEEDUP: our heartbeat keeps the simulator's time anyway."""
    environ = environment(tmp_path)
    del environ["PATROLCTL_SPEEDUP"], environ["PATROLCTL_EPOCH_UTC"]
    await plan_to("drone", environ, tmp_path / "plan.json")
    home = _read(tmp_path / "plan.json")["home"]
    where = (home["lat_deg"], home["lon_deg"], home["amsl_m"], 0.0)
    async with (
        running("copter", tmp_path / "sitl", where, PATIENT, speedup=SPEEDUP) as sitl,
        started(
            environ,
            *("patrolctl", "run", str(tmp_path / "plan.json"), "--json"),
            *("--vehicle", f"v1={sitl.relay.endpoint}"),
            *("--simulated", "--authority", "test"),
        ) as process,
    ):
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()[-4000:] + str(sitl.other.texts)
        assert json.loads(out)["phase"] == "FINISHED"
        assert not any("GCS Failsafe" in text for text in sitl.other.texts)
