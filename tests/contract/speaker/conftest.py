"""Every loudspeaker driver behind the port, each with what it drives."""

import asyncio
import hashlib
import http.server
import io
import socket
import struct
import sys
import threading
import wave
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from patrolctl.clock import SystemClock
from patrolctl.domain.ids import SpeakerId, VehicleId
from patrolctl.domain.machines import DjiAddress
from patrolctl.domain.sound import Clip, Cue, Playback, Priority, SpeakerPhase
from patrolctl.mqtt import open_mqtt, run_broker
from patrolctl.mqtt.dji import DjiOptions, open_dji

RATE_HZ = 16000


@dataclass
class Rig:
    """One speaker, its reports, and clips that it can fetch."""

    kind: str
    speaker: object
    clip_dir: Path

    def __post_init__(self) -> None:
        self.clock = SystemClock()
        self.heard: list[Playback] = []
        self.changed = asyncio.Event()

    async def listen(self) -> None:
        async for report in self.speaker.playbacks():
            self.heard.append(report)
            self.changed.set()

    def clip(self, seconds: float, tone: int = 100) -> Clip:
        out = io.BytesIO()
        with wave.open(out, "wb") as f:
            f.setnchannels(1)
            f.setsampwidth(2)
            f.setframerate(RATE_HZ)
            f.writeframes(struct.pack("<h", tone) * int(seconds * RATE_HZ))
        raw = out.getvalue()
        name = hashlib.sha256(raw).hexdigest()
        path = self.clip_dir / f"{name}.wav"
        path.write_bytes(raw)
        return Clip(name, str(path), seconds, RATE_HZ)

    async def play(
        self,
        key: str,
        clip: Clip,
        *,
        urgent: bool = False,
        repeats: int = 1,
        expires_s: float = 30.0,
    ) -> None:
        cue = Cue(f"cue-{key}", 1, clip.sha256, repeats, clip.duration_s)
        await self.speaker.play(
            cue,
            key=key,
            expires_utc=self.clock.utc() + timedelta(seconds=expires_s),
            priority=Priority.URGENT if urgent else Priority.NORMAL,
        )

    async def until(self, key: str, status: str, timeout_s: float = 15.0) -> Playback:
        async with asyncio.timeout(timeout_s):
            while True:
                for report in self.heard:
                    if report.key == key and report.status == status:
                        return report
                self.changed.clear()
                await self.changed.wait()

    def said(self, key: str) -> list[str]:
        """Statuses of a key, each fact once."""
        ids = {(r.id, r.status): str(r.status) for r in self.heard if r.key == key}
        return list(ids.values())

    @property
    def order(self) -> list[tuple[str, str]]:
        return [(r.key, str(r.status)) for r in self.heard]


@asynccontextmanager
async def process(*argv: str) -> AsyncIterator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *argv, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.terminate()
        await child.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def agent(url: str, folder: Path) -> tuple[str, ...]:
    return (
        "patrolctl", "agent",
        "--vehicle", "v1", "--speaker", "spk", "--site", "yard",
        "--mavlink", f"udpin:127.0.0.1:{free_port()}",
        "--mqtt", url,
        "--sink", f"file:{folder}/heard",
        "--cache", f"{folder}/cache",
        "--clip-dir", f"{folder}/clips",
    )  # fmt: skip


def simulator(url: str, folder: Path) -> tuple[str, ...]:
    return (
        "simulators", "speaker",
        "--id", "spk", "--vehicle", "v1", "--site", "yard",
        "--mqtt", url, "--clip-dir", f"{folder}/clips",
    )  # fmt: skip


DRIVERS = {"agent": agent, "simulator": simulator}


@asynccontextmanager
async def over_mqtt(kind: str, folder: Path) -> AsyncIterator[Rig]:
    clock = SystemClock()
    async with (
        run_broker(state_dir=folder / "broker") as broker,
        open_mqtt(broker.url, site_id="yard", clock=clock) as hub,
        process(*DRIVERS[kind](broker.url, folder)),
    ):
        await hub.ready()
        speaker = hub.speaker(SpeakerId("spk"), VehicleId("v1"))
        async with asyncio.timeout(20):
            while speaker.state.phase is SpeakerPhase.UNKNOWN:  # noqa: ASYNC110 - told
                await asyncio.sleep(0.02)
        yield Rig(kind, speaker, folder / "clips")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def clips_over_http(folder: Path) -> Iterator[str]:
    (folder / "www/api/v1").mkdir(parents=True)
    (folder / "www/api/v1/clips").symlink_to(folder / "clips")
    handler = partial(Quiet, directory=str(folder / "www"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


GATEWAY, AIRCRAFT = "7CTDM3D00BHB26", "1581F6Q8D23CU00A5N49"


@asynccontextmanager
async def dji(folder: Path, *faults: str) -> AsyncIterator[Rig]:
    address = DjiAddress(GATEWAY, AIRCRAFT)
    who = (SpeakerId("spk"), VehicleId("v1"), address)
    more = [part for fault in faults for part in ("--fault", fault)]
    with clips_over_http(folder) as base:
        options = DjiOptions(folder / "clips", base, folder / "keys.db")
        async with (
            run_broker(state_dir=folder / "broker") as broker,
            open_dji(
                broker.url, addresses=(who,), options=options, clock=SystemClock()
            ) as hub,
        ):
            await hub.ready()
            async with process(
                "simulators", "dji", "--gateway", GATEWAY, "--device", AIRCRAFT,
                "--mqtt", broker.url, *more,
            ) as dock:  # fmt: skip
                speaker = hub.speaker(*who)
                async with asyncio.timeout(20):
                    await dock.stdout.readline()  # READY
                    while (  # noqa: ASYNC110 - told
                        "no-state" not in faults
                        and speaker.state.phase is SpeakerPhase.UNKNOWN
                    ):
                        await asyncio.sleep(0.02)
                yield Rig("dji", speaker, folder / "clips")


@asynccontextmanager
async def opened(kind: str, folder: Path, *faults: str) -> AsyncIterator[Rig]:
    (folder / "clips").mkdir()
    rigs = dji(folder, *faults) if kind == "dji" else over_mqtt(kind, folder)
    async with rigs as one, asyncio.TaskGroup() as group:
        listening = group.create_task(one.listen())
        await asyncio.sleep(0)
        yield one
        listening.cancel()


@pytest.fixture
def open_rig(tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[Rig]]:
    return lambda kind, *faults: opened(kind, tmp_path, *faults)


@pytest.fixture(params=["agent", "simulator", "dji"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    async with opened(request.param, tmp_path) as one:
        yield one
