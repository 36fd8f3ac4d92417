"""``kill -9`` of the service at every record of a run, and at random times.

Each trial is a whole run of two drones over real sockets: the service dies, is
started again, and an operator resumes whatever waits for him. Counted by the
vehicles' own streams and by the loudspeakers, not by the service.

    PATROLCTL_KILLS=200 pytest -s -m campaign tests/campaigns/test_kills.py
"""

import contextlib
import importlib.util
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.error
from collections import Counter
from pathlib import Path

import pytest

KILLS = int(os.environ.get("PATROLCTL_KILLS", "10"))
# Every n-th record; 1 for all of them.
STRIDE = int(os.environ.get("PATROLCTL_KILL_STRIDE", "6"))
# Which times; several processes with several seeds share a campaign.
SEED = int(os.environ.get("PATROLCTL_KILL_SEED", "4"))
DURABLE = Path(__file__).parents[1] / "scenario" / "durable"

pytestmark = [pytest.mark.campaign, pytest.mark.broker, pytest.mark.timeout(0)]


def load(name: str) -> object:
    key = f"durable_{name}"
    if key not in sys.modules:
        path = DURABLE / f"{name}.py"
        spec = importlib.util.spec_from_file_location(key, path)
        sys.modules[key] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[key])
    return sys.modules[key]


load("proxy")
stages = load("stage")


class Tally:
    """What became of all trials."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []

    def judge(self, stage, run: dict, resumed: int, what: str) -> None:
        announced, launches = stage.announced(), stage.launches()
        self.counts["trials"] += 1
        self.counts[f"runs {run['phase']}"] += 1
        self.counts["asked the operator"] += resumed > 0
        self.counts["launches"] += sum(launches.values())
        self.counts["messages"] += sum(announced.values())
        self.counts["messages missed"] += sum(
            s["cues"] - len(s["cues_done"]) for s in run["sorties"]
        )
        self.counts["duplicate messages"] += sum(n - 1 for n in announced.values())
        # More than one departure only where the operator resumed.
        spare = sum(launches.values()) - len(launches)
        self.counts["duplicate launches"] += max(0, spare - resumed)
        if max(announced.values(), default=0) > 1 or spare > resumed:
            self.wrong.append(f"{what}: {launches} {announced} resumed {resumed}")
        if not proved(stage, run["id"]):
            self.wrong.append(f"{what}: no evidence")
        stage.check_database()
        # A campaign of hours that is broken off has told what it saw.
        print(f"{what}: {run['phase']}, let go on {resumed}", flush=True)

    def tell(self, title: str) -> None:
        lines = [f"{n:6d}  {what}" for what, n in sorted(self.counts.items())]
        print("\n".join(["", title, *lines, *self.wrong]), flush=True)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")):
        pytest.skip("mosquitto is not installed")
    return stages.make_plan(tmp_path_factory.mktemp("plan"))


@pytest.fixture
def trials(tmp_path: Path, plan: Path) -> object:
    """Runs one trial after the other."""
    tally = Tally()

    def trial(what: str, kill_at: int | None = None, after_s: float = 0.0) -> int:
        folder = tmp_path / "stage"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        one = stages.Stage(folder, plan)
        try:
            one.open()
            one.serve(**({} if kill_at is None else {"KILL_AT": f"{kill_at}"}))
            run_id = begun(one)
            if kill_at is None:
                time.sleep(after_s)
                one.kill()
            else:
                die(one, run_id)
            records = recorded(one)
            if one.dead:
                one.serve()
            run, resumed = one.see_through(run_id, 240)
            tally.judge(one, run, resumed, what)
        finally:
            one.close()
        return records

    trial.tally = tally
    return trial


def proved(stage, run_id: str) -> bool:
    """Whether evidence comes, for a run that has ended."""

    def there() -> bool:
        with contextlib.suppress(urllib.error.HTTPError):
            return bool(stage.ask(f"/evidence/{run_id}"))
        return False

    try:
        return stages.until(there, 60, "the evidence")
    except AssertionError:
        return False


def begun(stage) -> str:
    """The run's id, also when the service died in the launch itself."""
    try:
        return stage.launch()
    except OSError:
        # Its socket closes a moment before its process is gone.
        stages.until(lambda: stage.dead, 10, "its death")
        with sqlite3.connect(stage.database) as db:
            return db.execute("SELECT id FROM runs").fetchone()[0]


def die(stage, run_id: str) -> None:
    """Until it is dead, or the run has ended without it."""

    def over() -> bool:
        if stage.dead:
            return True
        try:
            return stage.run(run_id)["phase"] in stages.ENDED
        except OSError:
            return stage.dead

    stages.until(over, 180, "its death")
    try:
        stage.service.wait(0.5)
    except subprocess.TimeoutExpired:
        return


def recorded(stage) -> int:
    with sqlite3.connect(stage.database) as db:
        return db.execute("SELECT count(*) FROM run_events").fetchone()[0]


def test_killed_at_every_record(trials) -> None:
    n, most = 1, 400
    while n <= most:
        records = trials(f"record {n}", kill_at=n)
        if records < n:
            break  # the run had ended before
        n += STRIDE
    trials.tally.tell(f"kill -9 at every {STRIDE}. record")
    assert not trials.tally.wrong


def test_killed_at_random_times(trials) -> None:
    dice = random.Random(SEED)
    for n in range(KILLS):
        after_s = dice.uniform(0.0, 14.0)
        trials(f"kill {n} after {after_s:.2f} s", after_s=after_s)
    trials.tally.tell(f"kill -9 at {KILLS} random times")
    assert not trials.tally.wrong
