"""The real agent in trouble: a bad web server, heat, no device, restarts."""

import asyncio
import hashlib
import struct
import threading
import wave
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.mqtt.test_agent import Autopilot, Rig, wav

pytestmark = pytest.mark.broker


@pytest.fixture
async def rig(tmp_path: Path, mosquitto: Any, witness: Any) -> AsyncIterator[Rig]:
    (tmp_path / "clips").mkdir()
    async with Autopilot().listening() as pilot:
        one = Rig(tmp_path, mosquitto, witness(mosquitto.port), pilot)
        try:
            yield one
        finally:
            await one.stop(kill=True)


class Files:
    """A web server of clips, whose bytes a test may change."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        files, asked = self.files, self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                raw = files.get(self.path)
                self.send_response(404 if raw is None else 200)
                self.send_header("Content-Length", str(len(raw or b"")))
                self.end_headers()
                self.wfile.write(raw or b"")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def web() -> Iterator[Files]:
    files = Files()
    thread = threading.Thread(target=files.server.serve_forever, args=(0.02,))
    thread.start()
    yield files
    files.server.shutdown()
    thread.join()
    files.server.server_close()


async def when(rig: Rig, told: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first state that is as wanted, from now on."""
    async with asyncio.timeout(20):
        while True:
            states = rig.witness.on("spk/state")
            if states and told(states[-1].payload):
                return dict(states[-1].payload)
            await asyncio.sleep(0.02)


async def test_a_clip_with_another_hash_is_never_played_and_told(
    rig: Rig, web: Files
) -> None:
    right, wrong = wav(0.5, 201), wav(0.5, 202)
    name = hashlib.sha256(right).hexdigest()
    web.files[f"/{name}.wav"] = wrong
    await rig.start()
    await rig.state("idle")
    rig.sheet([("r:c1", name)], web.url)
    fault = await rig.state("fault")
    assert "wrong hash" in fault["reason"]
    rig.pilot.at(1)
    (refused,) = await rig.different(1)
    assert (refused["status"], refused["key"]) == ("refused", "r:c1")
    assert "wrong hash" in refused["reason"]
    await asyncio.sleep(1.0)
    assert rig.sounds() == []
    assert len(await rig.different(1)) == 1  # told once, not at every position
    web.files[f"/{name}.wav"] = right
    rig.pilot.at(3)
    await asyncio.sleep(1.0)  # seen to leave
    rig.order("prepare", clip_sha256=name, clip_url=f"{web.url}/{name}.wav")
    await when(rig, lambda s: s["phase"] == "idle" and name in s["cached"])
    rig.pilot.at(1)  # another visit
    reports = await rig.different(3)
    assert [r["status"] for r in reports[1:]] == ["started", "completed"]
    assert rig.sounds() == [201]


async def test_a_hot_amplifier_turns_the_volume_down_and_tells(rig: Rig) -> None:
    sha256 = rig.clip(3.0, 1000)
    heat = rig.folder / "temperature"
    heat.write_text("45000\n")
    await rig.start("--amplifier-temperature", str(heat))
    await rig.state("idle")
    rig.play("r:warm", sha256)
    await rig.state("playing")
    heat.write_text("91000\n")
    hot = await when(rig, lambda s: "amplifier hot" in (s["reason"] or ""))
    assert "91 °C" in hot["reason"]
    await rig.different(2)
    after = await rig.state("fault")
    assert "amplifier hot" in after["reason"]
    rig.play("r:hot", sha256)
    await rig.different(4)
    (first, second) = sorted((rig.folder / "log").glob("*.wav"))
    assert _levels(first)[0] == 1000
    assert set(_levels(second)) == {500}
    heat.write_text("75000\n")  # cooler, and not cool yet
    await asyncio.sleep(2.5)
    assert "amplifier hot" in rig.witness.on("spk/state")[-1].payload["reason"]
    heat.write_text("60000\n")
    assert (await rig.state("idle"))["reason"] is None


def _levels(path: Path) -> list[int]:
    with wave.open(str(path)) as f:
        raw = f.readframes(f.getnframes())
    return list(struct.unpack(f"<{len(raw) // 2}h", raw))


async def test_a_missing_device_is_told_before_it_is_needed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    bin_dir = rig.folder / "bin"
    bin_dir.mkdir()
    aplay = bin_dir / "aplay"
    device = rig.folder / "device"
    aplay.write_text(
        f'#!/bin/sh\nif [ ! -e {device} ]; then echo "No such device" >&2; exit 1; fi\n'
        f"exec cat >> {device}\n"
    )
    aplay.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_dir}:/usr/bin:/bin")
    sha256 = rig.clip(0.5, 77)
    rig.sink = "alsa:hw:7"
    await rig.start("--speedup", "5")
    fault = await rig.state("fault")
    assert "No such device" in fault["reason"]
    rig.play("r:deaf", sha256)
    reports = await rig.different(2)
    assert [r["status"] for r in reports] == ["started", "cut"]
    assert "No such device" in reports[1]["reason"]
    device.touch()  # plugged in
    assert (await rig.state("idle"))["reason"] is None
    device.write_bytes(b"")
    rig.play("r:heard", sha256)
    reports = await rig.different(4)
    assert reports[3]["status"] == "completed"
    assert struct.pack("<h", 77) * 4000 in device.read_bytes()


async def test_a_broker_restarted_during_a_clip_changes_nothing(rig: Rig) -> None:
    sha256 = rig.clip(3.0, 221)
    await rig.start()
    await rig.state("idle")
    rig.play("r:c1", sha256)
    await rig.state("playing")
    rig.broker.stop()
    await asyncio.sleep(0.5)
    rig.broker.start()
    reports = await rig.different(2)
    assert [r["status"] for r in reports] == ["started", "completed"]
    assert reports[1]["start_utc"] == reports[0]["start_utc"]
    assert reports[1]["end_utc"] > reports[1]["start_utc"]
    assert rig.sounds() == [221]
    await asyncio.sleep(0.5)
    assert len(await rig.different(2)) == 2


async def test_reports_of_a_former_life_are_sent_when_the_link_is_back(
    rig: Rig,
) -> None:
    clips = [rig.clip(0.4, tone) for tone in (231, 232)]
    await rig.start()
    await rig.state("idle")
    rig.sheet([(f"r:c{n}", sha) for n, sha in enumerate(clips, 1)])
    await when(rig, lambda s: len(s["cached"]) == 2 and s["phase"] == "idle")
    rig.broker.stop()
    rig.pilot.at(1)
    await _sounded(rig, 1)
    await rig.stop()  # and started again, still without a broker
    await rig.start()
    await asyncio.sleep(1.0)
    rig.pilot.at(2)
    await _sounded(rig, 2)
    await rig.stop(kill=True)
    await rig.start()
    rig.broker.start()
    reports = await rig.different(4)
    assert [(r["key"], r["status"]) for r in reports] == [
        ("r:c1", "started"),
        ("r:c1", "completed"),
        ("r:c2", "started"),
        ("r:c2", "completed"),
    ]
    assert rig.sounds() == [231, 232]


async def _sounded(rig: Rig, count: int) -> None:
    async with asyncio.timeout(15):
        while len(rig.sounds()) < count:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    await asyncio.sleep(1.2)  # to its end
