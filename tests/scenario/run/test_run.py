"""``patrolctl run`` on simulated vehicles behind real sockets."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SPEEDUP = "20"


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quickstart's patrol, planned by the command that plans."""
    out = tmp_path_factory.mktemp("plan") / "plan.json"
    mission = str(ROOT / "missions" / "quickstart")
    words = [sys.executable, "-m", "patrolctl", "plan", "loop", mission, "-o", str(out)]
    subprocess.run(words, check=True, capture_output=True)
    return out


@pytest.fixture
def rover() -> Iterator[str]:
    """The endpoint of a rover at the quickstart's gate."""
    place = ["--lat", "34.2144155", "--lon", "117.3050492", "--amsl", "36"]
    options = ["--sysid", "7", "--speedup", SPEEDUP, "--param", "FS_GCS_TIMEOUT=100"]
    words = ["rover", "--listen", "tcp:127.0.0.1:0", *place, *options]
    child = subprocess.Popen(
        [sys.executable, "-m", "simulators", *words],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert child.stdout is not None
    yield child.stdout.readline().split()[-1]
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(5)
    child.kill()
    child.communicate()


def run(patrolctl, plan: Path, endpoint: str):
    words = ["run", str(plan), "--vehicle", f"car@7={endpoint}", "--json"]
    return patrolctl(*words, "--authority", "order 7", PATROLCTL_SPEEDUP=SPEEDUP)


def test_a_plan_file_is_driven_to_the_end(patrolctl, plan: Path, rover: str) -> None:
    code, out, err = run(patrolctl, plan, rover).finish(110)
    assert code == 0, err
    report = json.loads(out)
    assert report["phase"] == "FINISHED"
    assert [s["vehicle_id"] for s in report["sorties"]] == ["car"]
    summary = report["evidence"]["summary"]
    assert summary["loops_completed"] == 1
    assert summary["playbacks"] == summary["reached"] == 0
    assert "car has no loudspeaker (--speaker): it goes silently" in err


def test_ctrl_c_calls_home_and_waits(patrolctl, plan: Path, rover: str) -> None:
    command = run(patrolctl, plan, rover)
    command.until("step 3", 90)
    command.signal(signal.SIGINT)
    code, out, err = command.finish(60)
    assert code == 5, err
    assert "calling the vehicles home" in err
    report = json.loads(out)
    assert report["phase"] == "ABORTED"
    assert report["sorties"][0]["cut"] == "return_home by operator"
    assert command.none_left()


def test_a_held_run_asks_and_is_answered_on_standard_input(
    patrolctl, plan: Path, rover: str
) -> None:
    words = ["run", str(plan), "--vehicle", f"car@7={rover}", "--json"]
    command = patrolctl(
        *words, "--when-held", "ask", stdin=True, PATROLCTL_SPEEDUP=SPEEDUP
    )
    command.until("step 3", 90)
    command.type("hold")
    command.until("waits: ", 90)
    command.until("type resume, home or land", 90)
    command.type("perhaps")
    command.until("'perhaps' is no answer", 90)
    command.type("resume")
    code, out, err = command.finish(110)
    assert code == 0, err
    assert json.loads(out)["phase"] == "FINISHED"
    assert "resume by the terminal" in err


def test_a_vehicle_that_cannot_be_reached(patrolctl, plan: Path) -> None:
    code, out, err = run(patrolctl, plan, "tcp:127.0.0.1:9").finish(60)
    assert (code, out) == (5, "")
    lines = [line for line in err.splitlines() if "loudspeaker" not in line]
    where = "car: not heard at tcp:127.0.0.1:9 in 20 s"
    assert lines == [f"{where}: no link (Connection refused)"]


def test_another_sites_file(patrolctl, plan: Path) -> None:
    site = ROOT / "missions" / "xuzhou-estate" / "site.geojson"
    words = ["run", str(plan), "--vehicle", "car=tcp:127.0.0.1:9", "--site", str(site)]
    code, _, err = patrolctl(*words).finish(60)
    assert code == 2
    assert "the site that the plan was made for" in err
