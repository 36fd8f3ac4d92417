"""The onboard agent as a process: real broker, MAVLink over TCP, no service."""

import asyncio
import hashlib
import io
import json
import struct
import sys
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as dialect

pytestmark = pytest.mark.broker
BASE = "patrolctl/v1/estate/speakers/spk"
HOME = (34.2, 117.2)
# Nine metres: more than a place is wide, and near enough to hop there at once
# without being taken for a receiver that lost its satellites.
STEP_DEG = 0.00008


def wav(seconds: float, tone: int) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(8000)
        f.writeframes(struct.pack("<h", tone) * int(seconds * 8000))
    return out.getvalue()


@dataclass
class Autopilot:
    """Tells where it is, five times a second, to whoever connects."""

    lat_deg: float = HOME[0]
    up_m: float = 0.0
    speed_m_s: float = 0.0
    port: int = 0
    heard: bytearray = field(default_factory=bytearray)

    def at(self, station: int) -> None:
        self.lat_deg, self.up_m = HOME[0] + station * STEP_DEG, 30.0

    def frames(self) -> bytes:
        mav = dialect.MAVLink(None, 7, 1)
        beat = dialect.MAVLink_heartbeat_message(2, 3, 0x80, 0, 4, 3)
        place = dialect.MAVLink_global_position_int_message(
            1, round(self.lat_deg * 1e7), round(HOME[1] * 1e7), 0,
            round(self.up_m * 1000), round(self.speed_m_s * 100), 0, 0, 0,
        )  # fmt: skip
        return bytes(beat.pack(mav)) + bytes(place.pack(mav))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Autopilot"]:
        async def serve(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            try:
                while not writer.is_closing():
                    writer.write(self.frames())
                    await writer.drain()
                    await asyncio.sleep(0.1)
            except (ConnectionError, asyncio.CancelledError):
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()


@dataclass
class Rig:
    folder: Path
    broker: Any
    witness: Any
    pilot: Autopilot
    process: asyncio.subprocess.Process | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sink: str | None = None

    async def start(self, *more: str) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "patrolctl", "agent",
            "--vehicle", "d1", "--speaker", "spk", "--site", "estate",
            "--mavlink", f"tcp:127.0.0.1:{self.pilot.port}",
            "--mqtt", self.broker.url,
            "--sink", self.sink or f"file:{self.folder}/log",
            "--cache", f"{self.folder}/cache",
            "--clip-dir", f"{self.folder}/clips",
            *more,
        )  # fmt: skip

    async def stop(self, *, kill: bool = False) -> int | None:
        if self.process is None:
            return None
        (self.process.kill if kill else self.process.terminate)()
        async with asyncio.timeout(15):
            code = await self.process.wait()
        self.process = None
        return code

    def clip(self, seconds: float, tone: int) -> str:
        raw = wav(seconds, tone)
        name = hashlib.sha256(raw).hexdigest()
        (self.folder / "clips" / f"{name}.wav").write_bytes(raw)
        return name

    def order(self, action: str, *, retain: bool = False, **more: object) -> None:
        now = self.now()
        body = {"id": "o", "ts_utc": now.isoformat(), "seq": 1, "action": action}
        expires = (now + timedelta(seconds=600)).isoformat()
        body |= {"expires_utc": expires} | more
        self.witness.publish(f"{BASE}/command", body, retain=retain)

    def play(self, key: str, sha256: str, **more: object) -> None:
        self.order("play", key=key, clip_sha256=sha256, repeats=1, **more)

    def sheet(self, cues: list[tuple[str, str]], url: str | None = None) -> None:
        self.order(
            "cue_sheet",
            run_id="r",
            sortie_id="s1",
            cues=[
                {
                    "cue_id": key.split(":")[1],
                    "seq": n,
                    "key": key,
                    "clip_sha256": sha256,
                    "clip_url": url and f"{url}/{sha256}.wav",
                    "duration_s": 0.5,
                    "repeats": 1,
                    "lat_deg": HOME[0] + n * STEP_DEG,
                    "lon_deg": HOME[1],
                    "up_m": 30.0,
                    "station": f"st{n}",
                }
                for n, (key, sha256) in enumerate(cues, 1)
            ],
        )

    async def state(self, phase: str) -> dict[str, Any]:
        async with asyncio.timeout(40):  # a busy machine starts slowly
            while True:
                states = self.witness.on("spk/state")
                if states and states[-1].payload["phase"] == phase:
                    return dict(states[-1].payload)
                await asyncio.sleep(0.02)

    async def reports(self, count: int) -> list[dict[str, Any]]:
        heard = await asyncio.to_thread(self.witness.wait, "spk/playback", count, 20.0)
        return [h.payload for h in heard]

    async def different(self, count: int) -> list[dict[str, Any]]:
        """Reports without those that came twice (QoS 1), once there are so many."""
        async with asyncio.timeout(20):
            while True:
                heard = {
                    h.payload["id"]: h.payload for h in self.witness.on("playback")
                }
                if len(heard) >= count:
                    return list(heard.values())
                await asyncio.sleep(0.02)

    def said(self) -> list[dict[str, Any]]:
        return [h.payload for h in self.witness.on("playback")]

    def sounds(self) -> list[int]:
        """First samples of every sound in the log, in order."""
        tones = []
        for path in sorted((self.folder / "log").glob("*.wav")):
            with suppress(EOFError), wave.open(str(path)) as f:  # begun this moment
                tones.append(struct.unpack("<h", (f.readframes(1) or b"\0\0")[:2])[0])
        return tones


@pytest.fixture
async def rig(tmp_path: Path, mosquitto: Any, witness: Any) -> AsyncIterator[Rig]:
    (tmp_path / "clips").mkdir()
    async with Autopilot().listening() as pilot:
        one = Rig(tmp_path, mosquitto, witness(mosquitto.port), pilot)
        try:
            yield one
        finally:
            await one.stop(kill=True)


async def test_a_sortie_without_a_link_plays_each_cue_once_and_tells_later(
    rig: Rig,
) -> None:
    clips = [rig.clip(0.5, tone) for tone in (101, 102, 103)]
    await rig.start()
    await rig.state("idle")
    rig.sheet([(f"r:c{n}", sha) for n, sha in enumerate(clips, 1)])
    async with asyncio.timeout(10):
        while len((await rig.state("idle"))["cached"]) < 3:  # noqa: ASYNC110 - its report
            await asyncio.sleep(0.05)
    rig.broker.stop()  # the link is gone for the whole sortie
    rig.pilot.speed_m_s = 5.0
    rig.pilot.at(2)  # flown through on the way
    await asyncio.sleep(1.6)
    rig.pilot.speed_m_s = 0.0
    for station in (1, 2, 3):
        rig.pilot.at(station)
        async with asyncio.timeout(30):
            while len(rig.sounds()) < station:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
        await asyncio.sleep(2.0)  # to its end
    rig.pilot.at(1)
    await asyncio.sleep(2.4)
    rig.pilot.at(9)
    assert rig.sounds() == [101, 102, 103]
    rig.broker.start()
    reports = await rig.reports(6)
    ended = [r for r in reports if r["status"] == "completed"]
    assert [r["key"] for r in ended] == ["r:c1", "r:c2", "r:c3"]
    assert [r["station"] for r in ended] == ["st1", "st2", "st3"]
    assert all(r["complete"] and r["repeats_done"] == 1 for r in ended)
    assert all(r["run_id"] == "r" and r["vehicle_id"] == "d1" for r in ended)
    assert len({r["id"] for r in reports}) == 6
    assert await rig.stop() == 0
    assert rig.process is None


async def test_killed_during_a_clip_it_is_not_played_again(rig: Rig) -> None:
    sha256 = rig.clip(20.0, 111)
    await rig.start()
    await rig.state("idle")
    rig.sheet([("r:c1", sha256)])
    rig.pilot.at(1)
    await rig.state("playing")
    await asyncio.sleep(2.2)
    await rig.stop(kill=True)
    await asyncio.sleep(1.5)
    await rig.start()  # it still stands at the station, with the sheet on disk
    reports = await rig.different(2)
    assert [r["status"] for r in reports] == ["started", "cut"]
    assert reports[1]["reason"] == "agent restarted"
    # It ended when the process died, not when it was started again.
    begin, end = (
        datetime.fromisoformat(reports[1][f"{w}_utc"]) for w in ("start", "end")
    )
    assert 1.0 <= (end - begin).total_seconds() <= 3.3
    await asyncio.sleep(1.5)
    rig.play("r:c1", sha256)  # the service asks for the same key
    async with asyncio.timeout(15):
        while len([r for r in rig.said() if r["id"] == reports[1]["id"]]) < 2:  # noqa: ASYNC110 - paho's thread
            await asyncio.sleep(0.02)
    assert len(await rig.different(2)) == 2
    assert len(rig.sounds()) == 1


async def test_retained_expired_repeated_and_broken_commands(rig: Rig) -> None:
    sha256 = rig.clip(0.3, 121)
    rig.order("play", retain=True, key="r:old", clip_sha256=sha256, repeats=1)
    await rig.start()
    await rig.state("idle")
    rig.play("r:late", sha256, expires_utc="2020-01-01T00:00:00Z")
    rig.witness.publish(f"{BASE}/command", {"action": "play"})
    rig.witness.publish(f"{BASE}/command", ["not", "a", "command"])
    rig.play("r:wrong", "0" * 64)
    rig.play("r:once", sha256)
    await rig.reports(4)
    rig.play("r:once", sha256)
    reports = await rig.reports(5)
    by_key = [(r["key"], r["status"], r["reason"]) for r in reports]
    assert by_key[0] == ("r:late", "refused", "expired")
    assert by_key[1][:2] == ("r:wrong", "refused")
    assert by_key[2][:2] == ("r:once", "started")
    assert by_key[3][:2] == ("r:once", "completed")
    assert by_key[4][:2] == ("r:once", "completed")  # told again, not played again
    assert reports[4]["id"] == reports[3]["id"]
    assert rig.sounds() == [121]


async def test_silence_is_immediate_and_mutes_the_sheet(rig: Rig) -> None:
    long_one, short_one = rig.clip(20.0, 131), rig.clip(0.3, 132)
    await rig.start()
    await rig.state("idle")
    rig.sheet([("r:c1", long_one), ("r:c2", short_one)])
    rig.pilot.at(1)
    await rig.state("playing")
    rig.order("silence")
    reports = await rig.reports(2)
    assert reports[1]["status"] == "cut"
    assert reports[1]["reason"] == "silenced"
    rig.pilot.at(2)
    await asyncio.sleep(1.8)
    assert rig.sounds() == [131]


async def test_a_clip_that_cannot_be_had_is_a_visible_fault(rig: Rig) -> None:
    await rig.start()
    await rig.state("idle")
    rig.order("prepare", clip_sha256="1" * 64)
    state = await rig.state("fault")
    assert "111111" in state["reason"]


async def test_an_agent_that_dies_is_told(rig: Rig) -> None:
    await rig.start()
    await rig.state("idle")
    await rig.stop(kill=True)
    state = await rig.state("unknown")
    assert state["reason"] == "connection broken"


async def test_memory_stays_below_eighty_megabytes(rig: Rig) -> None:
    sha256 = rig.clip(30.0, 141)
    await rig.start()
    await rig.state("idle")
    rig.play("r:m", sha256)
    await rig.state("playing")
    await asyncio.sleep(0.5)
    assert rig.process is not None
    status = Path(f"/proc/{rig.process.pid}/status").read_text()  # noqa: ASYNC240
    resident_mb = int(status.split("VmHWM:")[1].split()[0]) / 1024
    assert resident_mb < 80
    maps = Path(f"/proc/{rig.process.pid}/maps").read_text()  # noqa: ASYNC240
    for heavy in ("numpy", "scipy", "shapely", "highs"):
        assert heavy not in maps


async def test_bad_options_are_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "played.db").write_bytes(b"no database" * 1000)
    for wrong in (
        ("--cache", str(tmp_path / "torn")),
        ("--mavlink", "nowhere"),
        ("--mqtt", "http://x"),
        ("--sink", "radio"),
    ):
        options = {
            "--vehicle": "d1",
            "--mavlink": "tcp:127.0.0.1:9",
            "--mqtt": "mqtt://127.0.0.1:9",
            "--sink": f"file:{tmp_path}/log",
            "--cache": str(tmp_path / "cache"),
        } | dict([wrong])
        argv = [part for pair in options.items() for part in pair]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "patrolctl", "agent", *argv,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, err = await process.communicate()
        assert process.returncode == 2, json.dumps(wrong)
        assert len(err.decode().strip().splitlines()) == 1
