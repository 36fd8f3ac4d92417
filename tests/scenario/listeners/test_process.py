"""``python -m simulators listeners`` beside a simulated copter that tells."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from patrolctl.domain.jsondoc import encode
from patrolctl.domain.plan import PlanKind
from simulators.listeners.hall import Playing
from simulators.listeners.wire import encode as truth
from simulators.listeners.wire import parse_address, sender

ROOT = Path(__file__).parents[3]
SITE = ROOT / "missions" / "quickstart" / "site.geojson"


@pytest.fixture
def simulator():
    """Starts simulators and gives their READY line."""
    started = []

    def start(*words: str) -> tuple[subprocess.Popen[str], str]:
        child = subprocess.Popen(
            [sys.executable, "-m", "simulators", *words],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        started.append(child)
        assert child.stdout is not None
        return child, child.stdout.readline()

    yield start
    for child in started:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        child.communicate()


def test_it_hears_a_copter_in_another_process(sample, simulator, tmp_path):
    _, plan = sample("quickstart", PlanKind.DRONE)
    file = tmp_path / "plan.json"
    file.write_bytes(encode(plan))
    out = tmp_path / "heard.jsonl"
    listeners, ready = simulator(
        "listeners", "--site", str(SITE), "--plan", str(file), "--out", str(out)
    )
    assert ready.startswith(f"READY listeners {len(plan.receivers)} udp:")
    where = ready.split()[-1]
    name = plan.sorties[0].vehicle
    epoch = time.time()  # noqa: TID251 - shared with another process
    # It stands on the ground in the court: heard by the lower floors alone.
    simulator(
        "copter", "--listen", "tcp:127.0.0.1:0", "--truth", where, "--name", name,
        "--lat", repr(plan.home.lat_deg), "--lon", repr(plan.home.lon_deg), "--amsl",
        repr(plan.home.amsl_m), "--speedup", "20", "--epoch", repr(epoch),
    )  # fmt: skip
    tell = sender(parse_address(where))
    real_s = time.time() - epoch  # noqa: TID251
    begin = epoch + 20 * real_s + 10
    tell(Playing("k1", name, begin, begin + 20))
    tell(Playing("k2", "nobody", begin, begin + 20))
    lines: list[str] = []
    end = time.monotonic() + 30  # noqa: TID251
    while not lines and time.monotonic() < end:  # noqa: TID251
        time.sleep(0.1)
        lines = out.read_text().splitlines()
    listeners.send_signal(signal.SIGTERM)
    assert listeners.wait(10) == 0
    told = [json.loads(line) for line in out.read_text().splitlines()]
    first, second, totals = told
    assert (first["key"], first["why_not"]) == ("k1", None)
    assert 0 < len(first["heard"]) < len(plan.receivers)
    assert {"microphone", "sti", "level_db", "in_view"} <= set(first["heard"][0])
    assert second["key"] == "k2"
    assert "no poses" in second["why_not"]
    assert totals["messages"] == 2
    assert totals["messages_without_track"] == 1
    assert truth(Playing("k", "v", 0.0, 1.0)).startswith(b'{"kind": "played"')


def test_a_wrong_site_is_told(simulator, tmp_path):
    child = subprocess.run(
        [sys.executable, "-m", "simulators", "listeners", "--site",
         str(tmp_path / "no.geojson"), "--plan", str(tmp_path / "no.json")],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert child.returncode == 2
    assert "No such file" in child.stderr
