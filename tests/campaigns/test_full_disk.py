"""The real agent on a file system that really is full.

Needs root, for a small tmpfs; the unit tests make SQLite itself say that the
disk is full and need nothing.
"""

import asyncio
import hashlib
import io
import os
import struct
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.mqtt.conftest import Mosquitto, Witness
from tests.scenario.mqtt.test_agent import Autopilot, Rig

pytestmark = [pytest.mark.campaign, pytest.mark.broker]
DISK_KB = 2500


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    place = tmp_path / "cache"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_KB}k", "none", str(place)]
    if subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("this machine mounts no tmpfs")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path) -> Path:
    """To the last byte."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as f:
        for size in (65536, 4096, 512, 1):
            try:
                while True:
                    f.write(bytes(size))
            except OSError:
                continue
    return ballast


def large_clip(rig: Rig, tone: int) -> str:
    """Two seconds that are larger than what the agent keeps back."""
    out = io.BytesIO()
    with wave.open(out, "wb") as f:
        f.setnchannels(2)
        f.setsampwidth(2)
        f.setframerate(96_000)
        f.writeframes(struct.pack("<hh", tone, tone) * 2 * 96_000)
    name = hashlib.sha256(out.getvalue()).hexdigest()
    (rig.folder / "clips" / f"{name}.wav").write_bytes(out.getvalue())
    return name


async def told(rig: Rig, part: str | None) -> dict[str, Any]:
    async with asyncio.timeout(25):
        while True:
            states = rig.witness.on("spk/state")
            reason = states[-1].payload["reason"] if states else "none yet"
            if (part is None and reason is None) or (part and part in (reason or "")):
                return dict(states[-1].payload)
            await asyncio.sleep(0.05)


async def test_a_full_disk_is_told_and_no_report_is_lost(
    tmp_path: Path, small_disk: Path
) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "mosquitto").mkdir()
    broker = Mosquitto(tmp_path / "mosquitto")
    broker.start()
    try:
        async with Autopilot().listening() as pilot:
            with Witness(broker.port) as witness:
                rig = Rig(tmp_path, broker, witness, pilot)
                try:
                    await _fill_and_play(rig, small_disk)
                finally:
                    await rig.stop(kill=True)
    finally:
        broker.stop()


async def _fill_and_play(rig: Rig, disk: Path) -> None:
    first, second = rig.clip(0.4, 401), large_clip(rig, 402)
    await rig.start()
    await rig.state("idle")
    rig.play("r:before", first)
    await rig.different(2)
    ballast = fill(disk)
    # 1. Full: what is played is written in the reserve's space, and it is told.
    for n in range(12):
        rig.play(f"r:full{n}", first)
    await rig.different(2 + 24)
    await told(rig, "disk is full")
    # 2. A clip that does not fit is refused in words, and not played.
    rig.play("r:new", second)
    reports = await rig.different(2 + 25)
    assert (reports[-1]["status"], reports[-1]["key"]) == ("refused", "r:new")
    assert "No space left" in reports[-1]["reason"]
    # 3. Without a broker and without any room: nothing sounds unrecorded, and
    #    what is told waits.
    rig.broker.stop()
    ballast.unlink()
    fill(disk)
    assert rig.process is not None
    await asyncio.sleep(2.5)
    assert rig.process.returncode is None
    rig.broker.start()
    # 4. Room again: the fault goes, and the key that was refused may be played.
    (disk / "ballast").unlink()
    await told(rig, None)
    rig.play("r:new", second)
    reports = await rig.different(2 + 25 + 2)
    assert reports[-1]["status"] == "completed"
    keys = [r["key"] for r in reports if r["status"] == "completed"]
    assert len(keys) == len(set(keys)) == 14
    assert rig.sounds() == [401] * 13 + [402]
    assert (disk / "reserve").stat().st_size > 0
    print(f"\n14 messages on a disk of {DISK_KB} kB: {len(reports)} reports, none lost")
