"""A small fleet that outlives the service, and witnesses who are none of ours.

Two simulated copters and their loudspeakers run as processes of their own; a
broker stands between. The service is started, killed and started again. What
really happened is counted by a listener on each vehicle's own stream and by
what the loudspeakers publish.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as paho
from durable_proxy import Proxy
from pymavlink import mavutil

from patrolctl.clock import SystemClock
from patrolctl.config import load_brief
from patrolctl.domain.ids import PlanId
from patrolctl.domain.jsondoc import decode
from patrolctl.domain.plan import Plan
from patrolctl.store import open_store

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
DRONES = ("drone-1", "drone-2")
SECOND_DRONE = """
[[vehicle]]
id = "drone-2"
kind = "copter"
endpoint = "tcp:127.0.0.1:5761"
sysid = 3
launch = "launch-two"
[vehicle.speaker]
id = "speaker-3"
level_1m_db = 114
"""
SPEAKERS = {"drone-1": "speaker-1", "drone-2": "speaker-3"}
SYSIDS = {"drone-1": 1, "drone-2": 3}
PLACES = {"drone-1": (34.2148201, 117.3050151), "drone-2": (34.2148201, 117.3051400)}
ENDED = {"FINISHED", "ABORTED", "FAILED"}


def now_s() -> float:
    return time.monotonic()  # noqa: TID251 - real processes


def until(done, within_s: float, what: str = "it"):
    end_s = now_s() + within_s
    while not (found := done()):
        assert now_s() < end_s, f"{what} never came to be"
        time.sleep(0.05)
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def write_mission(folder: Path, endpoints: dict[str, str]) -> Path:
    """The quickstart with a second drone, without patrol and quiet hours."""
    mission = folder / "missions" / "court"
    shutil.rmtree(mission, ignore_errors=True)
    shutil.copytree(ROOT / "missions" / "quickstart", mission)
    text = (mission / "mission.toml").read_text()
    head, _, rest = text.partition('[[vehicle]]\nid = "patrol-1"')
    assert rest
    text = head + SECOND_DRONE
    text = text.replace("tcp:127.0.0.1:5760", endpoints.get("drone-1", "tcp:x:1"))
    text = text.replace("tcp:127.0.0.1:5761", endpoints.get("drone-2", "tcp:x:2"))
    (mission / "mission.toml").write_text(text)
    site = json.loads((mission / "site.geojson").read_text())
    for feature in site["features"]:
        feature["properties"].pop("quiet_hours", None)
    lat, lon = PLACES["drone-2"]
    site["features"].append(
        {
            "type": "Feature",
            "id": "launch-two",
            "properties": {"kind": "launch", "vehicle_kind": "copter"},
            "geometry": {"type": "Point", "coordinates": [lon, lat]},
        }
    )
    (mission / "site.geojson").write_text(json.dumps(site))
    return mission


def make_plan(folder: Path) -> Path:
    """Planned once by the command that plans; one sortie a drone."""
    out = folder / "plan.json"
    mission = write_mission(folder, {})
    words = ["plan", "drone", str(mission), "-o", str(out), "--drones", "2"]
    command = [sys.executable, "-m", "patrolctl", *words, "--time-limit", "3"]
    subprocess.run(command, check=True, capture_output=True)
    plan = json.loads(out.read_text())
    assert len(plan["sorties"]) == 2, "the plan has one sortie a drone"
    return out


@dataclass
class VehicleWitness:
    """Listens on a vehicle's own port: how often it armed and left the ground."""

    endpoint: str
    armed: int = 0
    takeoffs: int = 0
    up_m: float = 0.0
    ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        link = mavutil.mavlink_connection(
            self.endpoint, source_system=250, autoreconnect=False
        )
        was_armed = flying = False
        asked_s = 0.0
        while not self.ended.is_set():
            if now_s() - asked_s > 1.0:
                asked_s = now_s()
                link.mav.heartbeat_send(6, 8, 0, 0, 4)
                link.mav.command_long_send(0, 1, 511, 0, 33, 100_000, 0, 0, 0, 0, 0)
            message = link.recv_match(blocking=True, timeout=0.2)
            kind = None if message is None else message.get_type()
            if kind == "HEARTBEAT" and message.autopilot != 8:
                armed = bool(message.base_mode & 0x80)
                self.armed += armed and not was_armed
                was_armed = armed
            elif kind == "GLOBAL_POSITION_INT":
                self.up_m = message.relative_alt / 1000
                self.takeoffs += self.up_m > 3.0 and not flying
                flying = self.up_m > 1.5 if flying else self.up_m > 3.0
        link.close()


@dataclass
class SpeakerWitness:
    """Hears what the loudspeakers publish, with a session that survives."""

    port: int
    reports: dict[str, dict] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, "witness")
        self.client.on_connect = lambda c, *_: c.subscribe(
            "patrolctl/v1/+/speakers/+/playback", 1
        )
        self.client.on_message = self._heard
        self.client.connect("127.0.0.1", self.port)
        self.client.loop_start()

    def _heard(self, _c, _d, message) -> None:
        report = json.loads(message.payload)
        self.reports[report["id"]] = report

    def of(self, status: str) -> list[dict]:
        return [r for r in tuple(self.reports.values()) if r["status"] == status]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class Stage:
    """Everything but the service runs from the first line on."""

    def __init__(
        self,
        folder: Path,
        plan: Path,
        *,
        speedup: int = 20,
        agent: bool = False,
        store_url: str | None = None,
    ) -> None:
        self.store_url = store_url
        self.folder = folder
        self.plan = plan
        self.speedup = speedup
        self.epoch = datetime.now(UTC)
        self.data = folder / "data"
        self.log = folder / "serve.log"
        self.children: list[subprocess.Popen] = []
        self.service: subprocess.Popen | None = None
        self.url = ""
        self.lives = 0
        self.broker_port = free_port()
        self.agent = agent

    # -- what outlives the service

    def open(self) -> None:
        self._broker()
        self.proxy = Proxy(self.broker_port)
        endpoints, companions, witnesses = {}, {}, {}
        for name in DRONES:
            ports = self._copter(name)
            endpoints[name], companions[name], witnesses[name] = ports
        self.mission = write_mission(self.folder, endpoints)
        self.site_id = load_brief(self.mission).site.id
        self.vehicles = {n: VehicleWitness(w) for n, w in witnesses.items()}
        self.speakers = SpeakerWitness(self.broker_port)
        for name in DRONES:
            (self._agent if self.agent else self._speaker)(name, companions[name])
        asyncio.run(self._store_plan())

    def _broker(self) -> None:
        program = shutil.which("mosquitto") or shutil.which(
            "mosquitto", path="/usr/sbin"
        )
        config = self.folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.broker_port} 127.0.0.1\nallow_anonymous true\n"
            "max_queued_messages 0\n"
        )
        command = [str(program), "-c", str(config)]
        self.children.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        until(self._listens, 10, "the broker")

    def _listens(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.broker_port), 0.2).close()
            return True
        return False

    def _start(self, *words: str) -> str:
        pace = ["--speedup", f"{self.speedup}"]
        pace += ["--epoch", f"{self.epoch.timestamp()}"]
        child = subprocess.Popen(
            [sys.executable, "-m", "simulators", *words, *pace],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.children.append(child)
        line = child.stdout.readline()
        assert line.startswith("READY"), line
        return line

    def _copter(self, name: str) -> list[str]:
        lat, lon = PLACES[name]
        place = ["--lat", f"{lat}", "--lon", f"{lon}", "--amsl", "36"]
        patience = ["--param", f"FS_GCS_TIMEOUT={min(120, 6 * self.speedup)}"]
        listen = ["--listen", "tcp:127.0.0.1:0"] * 3
        sysid = ["--sysid", f"{SYSIDS[name]}", "--ready-scale", "0"]
        return self._start("copter", *listen, *sysid, *place, *patience).split()[-3:]

    def _speaker(self, name: str, companion: str) -> None:
        who = ["--id", SPEAKERS[name], "--vehicle", name, "--site", self.site_id]
        where = ["--mqtt", f"mqtt://127.0.0.1:{self.broker_port}"]
        where += ["--clip-dir", str(self.data / "clips"), "--mavlink", companion]
        state = ["--state-dir", str(self.folder / "speakers")]
        self._start("speaker", *who, *where, *state)

    def _agent(self, name: str, companion: str) -> None:
        """The real one."""
        words = [name, SPEAKERS[name], self.site_id, companion]
        words += [f"mqtt://127.0.0.1:{self.broker_port}", str(self.folder)]
        words += [str(self.data / "clips"), f"{self.speedup}"]
        words += [f"{self.epoch.timestamp()}"]
        log = (self.folder / f"agent-{name}.log").open("w")
        command = [sys.executable, str(HERE / "hasty_agent.py"), *words]
        self.children.append(subprocess.Popen(command, stderr=log, stdout=log))

    async def _store_plan(self) -> None:
        plan = decode(self.plan.read_bytes(), Plan, source="plan")
        self.data.mkdir(parents=True, exist_ok=True)
        place = self.store_url or self.database
        async with open_store(place, SystemClock()) as store:
            await store.save_plan(PlanId("p1"), plan)

    @property
    def database(self) -> Path:
        return self.data / "patrolctl.db"

    def close(self) -> None:
        self.kill()
        for witness in getattr(self, "vehicles", {}).values():
            witness.ended.set()
            witness.thread.join(3)
        if hasattr(self, "speakers"):
            self.speakers.close()
        if hasattr(self, "proxy"):
            self.proxy.close()
        for child in self.children:
            child.terminate()
        for child in self.children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(5)
            child.kill()
            child.wait()

    # -- the service

    def serve(self, **dies: str) -> None:
        """Start it; with ``KILL_ON``/``KILL_AT`` it is killed at that record."""
        config = self.folder / "patrolctl.toml"
        config.write_text(
            f'data_dir = "{self.data}"\nmissions_dir = "{self.mission.parent}"\n'
            f'mqtt_url = "mqtt://127.0.0.1:{self.proxy.port}"\nport = 0\n'
            f"speedup = {self.speedup}\nepoch_utc = {self.epoch.isoformat()}\n"
            + (f'store_url = "{self.store_url}"\n' if self.store_url else "")
        )
        self.lives += 1
        log = self.log.with_suffix(f".{self.lives}.log")
        with log.open("w") as out:
            self.service = subprocess.Popen(
                [sys.executable, str(HERE / "mortal.py"), "serve", "--config", config],
                stdout=out,
                stderr=out,
                env={**os.environ, **dies},
            )
        found = until(lambda: self._address(log), 120, "the service")
        self.url = found[0]

    def _address(self, log: Path):
        text = log.read_text()
        assert self.service.poll() is None or "console at" in text, text[-3000:]
        return re.search(r"http://127[^,\s]+", text.partition("console at")[2])

    def kill(self) -> None:
        """As hard as it gets."""
        if self.service is not None:
            with contextlib.suppress(ProcessLookupError):
                self.service.send_signal(signal.SIGKILL)
            self.service.wait()

    @property
    def dead(self) -> bool:
        return self.service.poll() is not None

    def ask(self, path: str, method: str = "GET", body: object = None):
        data = None if body is None else json.dumps(body).encode()
        url = self.url + "/api/v1" + path
        request = urllib.request.Request(url, data=data, method=method)
        request.add_header("content-type", "application/json")
        with urllib.request.urlopen(request, timeout=90) as answer:
            return json.load(answer)

    def launch(self) -> str:
        vehicles = lambda: self.ask("/vehicles")  # noqa: E731
        until(
            lambda: all(v["telemetry"]["link"] == "LIVE" for v in vehicles()),
            60,
            "links",
        )
        until(lambda: len(self.ask("/clips")) == 1, 60, "the clip")
        return self.ask("/runs", "POST", {"plan_id": "p1"})["id"]

    until = staticmethod(until)

    def holds_sheets(self, run_id: str) -> bool:
        """Whether both loudspeakers said that they hold their cues."""
        texts = [e["text"] for e in self.ask(f"/runs/{run_id}/events")]
        return sum("holds its cue sheet" in t for t in texts) == len(DRONES)

    def run(self, run_id: str) -> dict:
        return self.ask(f"/runs/{run_id}")

    def see_through(self, run_id: str, within_s: float = 120) -> tuple[dict, int]:
        """To the end, with an operator who resumes whatever waits for him.

        Or to the death of the service; the run is then empty. The number is
        that of sorties that he let go on.
        """
        resumed = 0

        def ended():
            nonlocal resumed
            try:
                run = self.run(run_id)
                if run["phase"] in ENDED:
                    return run
                if waiting := self._waits(run):
                    resumed += waiting  # also when one of them did not obey
                    self.ask(f"/runs/{run_id}/resume", "POST")
                    time.sleep(1.0)
            except urllib.error.HTTPError as e:
                if e.code not in {404, 409, 502}:
                    raise
            except OSError:
                if self.dead:
                    return {"phase": "DEAD"}
            return None

        return until(ended, within_s, "the end of the run"), resumed

    @staticmethod
    def _waits(run: dict) -> int:
        """How many sorties wait for the operator; one word lets all of them go."""
        if run["parked"] is not None:
            return len(run["sorties"])
        return sum(
            s["waits"] is not None or s["phase"] == "HELD" for s in run["sorties"]
        )

    # -- what must be true afterwards

    def announced(self) -> dict[str, int]:
        """How often each message was played to its end."""
        counts: dict[str, int] = {}
        for report in self.speakers.of("completed"):
            counts[report["cue_id"]] = counts.get(report["cue_id"], 0) + 1
        return counts

    def launches(self) -> dict[str, int]:
        """How often each was armed: a failsafe may lift one that just lands."""
        return {name: v.armed for name, v in self.vehicles.items()}

    def check_database(self) -> None:
        with contextlib.closing(sqlite3.connect(self.database)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert db.execute("PRAGMA foreign_key_check").fetchall() == []
