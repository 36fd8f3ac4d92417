"""``patrolctl serve`` with simulated vehicles behind real sockets."""

import contextlib
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from patrolctl.config import load_brief

ROOT = Path(__file__).parents[3]
QUICKSTART = ROOT / "missions" / "quickstart"
SPEEDUP = 20


def ask(url: str, path: str, method: str = "GET", body: object = None) -> object:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data=data, method=method)
    request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


class Simulators:
    """The quickstart's vehicles and speakers, as somebody else would run them."""

    def __init__(self) -> None:
        self.epoch = datetime.now(UTC)
        self.children: list[subprocess.Popen[str]] = []

    def start(self, *words: str) -> str:
        epoch_s = f"{self.epoch.timestamp()}"
        pace = ["--speedup", f"{SPEEDUP}", "--epoch", epoch_s]
        child = subprocess.Popen(
            [sys.executable, "-m", "simulators", *words, *pace],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.children.append(child)
        assert child.stdout is not None
        line = child.stdout.readline()
        assert line.startswith("READY"), line
        return line.split()[-1]

    def end(self) -> None:
        for child in self.children:
            child.terminate()
        for child in self.children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(5)
            child.kill()
            child.communicate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def write_mission(tmp_path: Path, endpoints: dict[str, str]) -> Path:
    """The quickstart with these endpoints, and without its quiet hours."""
    folder = tmp_path / "missions" / "court"
    shutil.copytree(QUICKSTART, folder)
    mission = (folder / "mission.toml").read_text()
    for old, new in endpoints.items():
        assert old in mission
        mission = mission.replace(old, new)
    (folder / "mission.toml").write_text(mission)
    site = json.loads((folder / "site.geojson").read_text())
    for feature in site["features"]:
        feature["properties"].pop("quiet_hours", None)
    (folder / "site.geojson").write_text(json.dumps(site))
    return folder.parent


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[str]:
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed")
    port = free_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen([program, "-c", config], stderr=subprocess.DEVNULL)
    yield f"mqtt://127.0.0.1:{port}"
    process.terminate()
    process.wait(5)


@pytest.fixture
def simulators() -> Iterator[Simulators]:
    found = Simulators()
    yield found
    found.end()


@pytest.mark.broker
def test_a_schedule_run_now_flies_drives_and_proves(
    patrolctl, broker: str, simulators: Simulators, tmp_path: Path
) -> None:
    # As the demo does: a busy machine pauses for longer than 5 s at this speed.
    patience = ["--param", f"FS_GCS_TIMEOUT={5 * SPEEDUP}"]
    listen = ["--listen", "tcp:127.0.0.1:0", "--amsl", "36", *patience]
    drone = simulators.start(
        "copter", *listen, "--sysid", "1", "--lat", "34.2148201", "--lon", "117.3050151"
    )
    car = simulators.start(
        "rover", *listen, "--sysid", "2", "--lat", "34.2144155", "--lon", "117.3050492"
    )
    missions = write_mission(
        tmp_path, {"tcp:127.0.0.1:5760": drone, "tcp:127.0.0.1:5770": car}
    )
    for number, vehicle in ((1, "drone-1"), (2, "patrol-1")):
        name = ["--id", f"speaker-{number}", "--vehicle", vehicle]
        simulators.start(
            "speaker", *name, "--site", site_id(missions / "court"), "--mqtt", broker
        )
    config = tmp_path / "patrolctl.toml"
    config.write_text(
        f'data_dir = "{tmp_path / "data"}"\nmissions_dir = "{missions}"\n'
        f'mqtt_url = "{broker}"\nport = 0\nspeedup = {SPEEDUP}\n'
        f"epoch_utc = {simulators.epoch.isoformat()}\n"
    )
    serve = patrolctl("serve", "--config", str(config))
    line = serve.until("console at http", 90)
    url = re.search(r"http://[^,\s]+", line)[0]
    until(lambda: all_live(url), 60)
    assert ask(url, "/readyz") == {"ready": True, "faults": {}}
    ask(url, "/api/v1/schedules/every-morning/run_now", "POST")
    until(lambda: len(ended_runs(url)) == 2, 110)
    runs = ended_runs(url)
    told = [(r["phase"], r["reason"]) for r in runs]
    assert {r["phase"] for r in runs} == {"FINISHED"}, told
    assert {r["schedule_id"] for r in runs} == {"every-morning"}
    assert {r["authority"] for r in runs} == {"Sample (fictional)"}
    until(lambda: all(evidence(url, r["id"]) for r in runs), 20)
    proofs = [evidence(url, r["id"])["summary"] for r in runs]
    assert sum(p["reached"] for p in proofs) > 0
    assert sum(p["loops_completed"] for p in proofs) == 1
    (schedule,) = ask(url, "/api/v1/schedules")
    assert schedule["recent"][0]["outcome"].count("launched as run-") == 2
    serve.signal(signal.SIGTERM)
    assert serve.finish(20)[0] == 143
    assert serve.none_left()


def site_id(folder: Path) -> str:
    return load_brief(folder).site.id


def until(done, within_s: float) -> None:
    end_s = time.monotonic() + within_s  # noqa: TID251 - real processes
    while not done():
        assert time.monotonic() < end_s, "it never came to be"  # noqa: TID251
        time.sleep(0.2)


def all_live(url: str) -> bool:
    vehicles = ask(url, "/api/v1/vehicles")
    return all(v["telemetry"]["link"] == "LIVE" for v in vehicles)


def ended_runs(url: str) -> list[dict]:
    ended = {"FINISHED", "ABORTED", "FAILED"}
    return [r for r in ask(url, "/api/v1/runs") if r["phase"] in ended]


def evidence(url: str, run_id: str) -> dict | None:
    """None while the run is not proved yet (404)."""
    with contextlib.suppress(urllib.error.HTTPError):
        return ask(url, f"/api/v1/evidence/{run_id}")
    return None


def test_settings_that_cannot_be_used(patrolctl, tmp_path: Path) -> None:
    config = tmp_path / "patrolctl.toml"
    config.write_text('port = "many"\ncolour = "red"\n')
    code, _, err = patrolctl("serve", "--config", str(config)).finish(30)
    assert code == 2
    assert "Traceback" not in err
    assert len(err.splitlines()) == 2
