"""The loudspeaker as a process, against a real broker."""

import asyncio
import hashlib
import io
import json
import shutil
import socket
import sys
import threading
import wave
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(
        shutil.which("mosquitto") is None and not Path("/usr/sbin/mosquitto").exists(),
        reason="mosquitto is not installed",
    ),
]

BASE = "patrolctl/v1/site/speakers/s1"
SPEEDUP = 20.0


def wav_of(seconds: float) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        out.writeframes(b"\1\0" * round(16000 * seconds))
    return file.getvalue()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[int]:
    port = free_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    process = await asyncio.create_subprocess_exec(
        binary, "-c", str(config), stderr=asyncio.subprocess.DEVNULL
    )
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        await asyncio.sleep(0.05)
    yield port
    process.terminate()
    await process.wait()


@pytest.fixture
def clip(tmp_path: Path) -> Iterator[tuple[str, str]]:
    data = wav_of(4.0)
    sha = hashlib.sha256(data).hexdigest()
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / f"{sha}.wav").write_bytes(data)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    handler = partial(Quiet, directory=str(tmp_path / "www"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield sha, f"http://127.0.0.1:{server.server_port}/{sha}.wav"
    server.shutdown()
    server.server_close()


class Desk:
    """A control desk on the broker."""

    def __init__(self, port: int) -> None:
        self.heard: asyncio.Queue[tuple[str, dict[str, object], bool]]
        self.heard = asyncio.Queue()
        self.seen: list[tuple[str, dict[str, object]]] = []
        loop = asyncio.get_running_loop()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)

        def on_message(_c: object, _u: object, message: paho.MQTTMessage) -> None:
            leaf = message.topic.rsplit("/", 1)[1]
            entry = (leaf, json.loads(message.payload), bool(message.retain))
            loop.call_soon_threadsafe(self.heard.put_nowait, entry)

        self.client.on_message = on_message
        self.client.connect("127.0.0.1", port)
        self.client.subscribe([(f"{BASE}/playback", 1), (f"{BASE}/state", 1)])
        self.client.loop_start()

    async def next(self, leaf: str, **wanted: object) -> dict[str, object]:
        async with asyncio.timeout(20):
            while True:
                topic, payload, _ = await self.heard.get()
                self.seen.append((topic, payload))
                if topic == leaf and wanted.items() <= payload.items():
                    return payload

    def order(self, *, retain: bool = False, **command: object) -> None:
        data = json.dumps(command).encode()
        self.client.publish(f"{BASE}/command", data, qos=1, retain=retain)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


async def test_a_speaker_process_plays_what_it_is_told(
    broker: int, clip: tuple[str, str], tmp_path: Path
) -> None:
    sha, url = clip
    desk = Desk(broker)
    epoch = datetime.now(UTC).timestamp()

    def play(key: str, **more: object) -> dict[str, object]:
        expires = datetime.now(UTC) + timedelta(hours=1)
        base: dict[str, object] = {
            "action": "play",
            "key": key,
            "expires_utc": expires.isoformat(),
            "clip_sha256": sha,
            "clip_url": url,
            "repeats": 1,
        }
        return {**base, **more}

    desk.order(retain=True, **play("old"))
    args = ["speaker", "--id", "s1", "--vehicle", "v1", "--site", "site"]
    args += ["--mqtt", f"mqtt://127.0.0.1:{broker}", "--speedup", str(SPEEDUP)]
    args += ["--epoch", str(epoch), "--state-dir", str(tmp_path / "state")]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators", *args, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            line = await process.stdout.readline()
        assert line.startswith(b"READY speaker s1")
        await desk.next("state", phase="idle")
        desk.order(action="prepare", clip_sha256=sha, clip_url=url)
        await desk.next("state", phase="idle", cached=[sha])
        desk.order(**play("k1"))
        desk.order(**play("k1"))
        await desk.next("playback", key="k1", status="started")
        done = await desk.next("playback", key="k1", status="completed")
        start = datetime.fromisoformat(str(done["start_utc"]))
        end = datetime.fromisoformat(str(done["end_utc"]))
        assert end - start == timedelta(seconds=4)
        desk.order(**play("k2", repeats=100))
        await desk.next("playback", key="k2", status="started")
        desk.order(action="silence")
        cut = await desk.next("playback", key="k2", status="cut")
        assert cut["complete"] is False
        keys = {p["key"] for topic, p in desk.seen if topic == "playback"}
        assert keys == {"k1", "k2"}, "the retained command was never executed"
    finally:
        process.terminate()
        assert await process.wait() == 0
        desk.close()


async def test_a_speaker_without_a_broker_says_so(tmp_path: Path) -> None:
    port = free_port()
    args = [
        "speaker",
        "--id",
        "s1",
        "--site",
        "x",
        "--mqtt",
        f"mqtt://127.0.0.1:{port}",
    ]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators", *args, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert errors.count(b"\n") == 1, errors.decode()
    assert b"refused" in errors
