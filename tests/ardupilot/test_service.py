"""``patrolctl serve`` on real ArduPilot: a schedule's run, and a killed service.

The loudspeaker is the real agent, on the autopilot's second port, playing into
a file: it says each message at its station whether or not the service lives.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import sys
import urllib.error
import urllib.request
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from patrolctl.clock import running_beside
from patrolctl.config import load_brief
from patrolctl.mqtt import run_broker
from tests.ardupilot.sitl import Sitl, running

pytestmark = [pytest.mark.ardupilot, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "missions" / "quickstart"
FAST, SLOW = 5.0, 2.0
# The service is away for some seconds of a busy machine: that is not the loss
# of the link that this is about.
PATIENT = {"FS_GCS_TIMEOUT": 600.0}
SOON = timedelta(seconds=60)  # real ones


def _ask(url: str, method: str = "GET", body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method)
    request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


@dataclass(frozen=True)
class Member:
    """One of the quickstart's vehicles, and what its schedule is to do with it."""

    id: str
    speaker: str
    other: str
    endpoint: str
    launch: str
    work: str


MEMBERS = {
    "copter": Member(
        "drone-1",
        "speaker-1",
        "patrol-1",
        "tcp:127.0.0.1:5760",
        "launch-court",
        "drone",
    ),
    "rover": Member(
        "patrol-1", "speaker-2", "drone-1", "tcp:127.0.0.1:5770", "launch-gate", "loop"
    ),
}


def write_mission(folder: Path, who: Member, endpoint: str, due: datetime) -> Path:
    """The quickstart with one vehicle alone, due once, and no quiet hours."""
    court = folder / "missions" / "court"
    shutil.copytree(QUICKSTART, court)
    text = (court / "mission.toml").read_text()
    other = rf'\[\[vehicle\]\]\nid = "{who.other}".*?(?=\[\[(?:vehicle|schedule)\]\])'
    text = re.sub(other, "", text, flags=re.S)
    text = text.replace(who.endpoint, endpoint).replace("sysid = 2", "sysid = 1")
    text = text.replace('["drone", "loop"]', f'["{who.work}"]')
    text = text.replace("FREQ=DAILY", "FREQ=DAILY;COUNT=1")
    local = due.astimezone(ZoneInfo("Asia/Shanghai")).replace(tzinfo=None)
    text = text.replace("2026-01-05T08:00:00", local.isoformat(timespec="seconds"))
    (court / "mission.toml").write_text(text)
    site = (court / "site.geojson").read_text()
    site = re.sub(r', "quiet_hours": "[^"]*"', "", site)
    (court / "site.geojson").write_text(site)
    return court.parent


@dataclass
class Stage:
    """A vehicle, a loudspeaker and a broker; the service comes and goes."""

    sitl: Sitl
    environ: dict[str, str]

    @asynccontextmanager
    async def service(self) -> AsyncIterator[tuple[Process, str]]:
        """A running service and where it answers."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "patrolctl", "serve"),
            stdout=DEVNULL,
            stderr=PIPE,
            env=self.environ,
            cwd=ROOT,
        )
        lines: list[str] = []
        url: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def read() -> None:
            assert process.stderr is not None
            async for raw in process.stderr:
                lines.append(raw.decode())
                found = re.search(r"http://127\.0\.0\.1:\d+", lines[-1])
                if found and not url.done():
                    url.set_result(found[0])

        try:
            async with running_beside(read(), "log"):
                async with asyncio.timeout(60):
                    where = await url
                yield process, f"{where}/api/v1"
        except BaseException:
            print("".join(lines)[-6000:])
            raise
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGTERM)
                try:
                    async with asyncio.timeout(15):
                        await process.wait()
                except TimeoutError:
                    process.kill()
            await process.wait()


async def until(
    look: Callable[[], Any], within_s: float, what: str, every_s: float = 0.3
) -> Any:
    """What ``look`` finds at last; within real seconds."""
    async with asyncio.timeout(within_s):
        while True:
            found = None
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                found = await asyncio.to_thread(look)
            if found:
                return found
            await asyncio.sleep(every_s)
    pytest.fail(what)


def _evidence(url: str) -> Any:
    for run in _ask(f"{url}/runs"):
        assert not any(s["waits"] for s in run["sorties"]), run
        if run["phase"] in ("FINISHED", "ABORTED", "FAILED"):
            return run, _ask(f"{url}/evidence/{run['id']}")
    return None


@asynccontextmanager
async def staged(
    tmp_path: Path, speedup: float, kind: str = "copter"
) -> AsyncIterator[Stage]:
    """Everything but the service."""
    who, epoch = MEMBERS[kind], datetime.now(UTC)
    site = load_brief(QUICKSTART).site
    point = next(x for x in site.launches if x.id == who.launch)
    home = site.frame.point_latlon(point.east_m, point.north_m)
    ground_m = site.ground_amsl_m
    where = (home.lat_deg, home.lon_deg, ground_m, 0.0)
    async with (
        run_broker(state_dir=tmp_path / "broker") as broker,
        running(kind, tmp_path / "sitl", where, PATIENT, speedup=speedup) as sitl,
    ):
        due = epoch + SOON * speedup
        missions = write_mission(tmp_path, who, sitl.relay.endpoint, due)
        site_id = load_brief(missions / "court").site.id
        environ = {
            **os.environ,
            "PATROLCTL_DATA_DIR": str(tmp_path / "data"),
            "PATROLCTL_MISSIONS_DIR": str(missions),
            "PATROLCTL_MQTT_URL": f"mqtt://{broker.host}:{broker.port}",
            "PATROLCTL_PORT": "0",
            "PATROLCTL_SPEEDUP": f"{speedup:g}",
            "PATROLCTL_EPOCH_UTC": epoch.isoformat(),
        }
        speaker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "patrolctl", "agent", "--vehicle", who.id),
            *("--speaker", who.speaker, "--site", site_id),
            *("--mavlink", sitl.other.endpoint),
            *("--mqtt", environ["PATROLCTL_MQTT_URL"]),
            *("--sink", f"file:{tmp_path / 'heard'}"),
            *("--cache", str(tmp_path / "agent")),
            *("--speedup", f"{speedup:g}", "--epoch", f"{epoch.timestamp():.6f}"),
            stdout=DEVNULL,
            cwd=ROOT,
        )
        try:
            yield Stage(sitl, environ)
        finally:
            with contextlib.suppress(ProcessLookupError):
                speaker.terminate()
            await speaker.wait()


def _complete(sitl: Sitl, evidence: Any) -> None:
    summary = evidence["summary"]
    missed = Counter(r["reason"] for r in evidence["receivers"] if not r["reached"])
    assert summary["reached"] == summary["reachable"] > 0, missed
    assert summary["playbacks"] == summary["playbacks_complete"] >= 1
    assert sitl.other.armings == 1


async def test_a_scheduled_run_ends_with_its_evidence(tmp_path: Path) -> None:
    async with staged(tmp_path, FAST) as stage, stage.service() as (_, url):
        run, evidence = await until(
            lambda: _evidence(url), 300, "no evidence of the scheduled run"
        )
        assert run["phase"] == "FINISHED", run
        assert run["schedule_id"] is not None
        _complete(stage.sitl, evidence)


@pytest.mark.parametrize("kind", ["copter", "rover"])
async def test_a_killed_service_follows_what_it_finds_under_way(
    kind: str, tmp_path: Path
) -> None:
    async with staged(tmp_path, SLOW, kind) as stage:
        async with stage.service() as (process, url):

            def speaking() -> bool:
                runs = _ask(f"{url}/runs")
                events = runs and _ask(f"{url}/runs/{runs[0]['id']}/events")
                return any("played to the end" in e["text"] for e in events or ())

            await until(speaking, 260, "it never spoke")
            process.kill()
            await process.wait()
        async with stage.service() as (_, url):
            run, evidence = await until(
                lambda: _evidence(url), 200, "no evidence after the restart"
            )
            assert run["phase"] == "FINISHED", run
            _complete(stage.sitl, evidence)
