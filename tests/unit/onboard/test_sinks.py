"""ALSA and PulseAudio, through the programs that speak to them.

Stand-ins for ``aplay`` and ``pacat`` on PATH show what the programs are given
and how their troubles are told; the real ``aplay`` plays into ALSA's own
``null`` device, which needs no sound card.
"""

import asyncio
import os
import shutil
import struct
import wave
from pathlib import Path

import pytest

from patrolctl.clock import ManualClock, ScaledClock
from patrolctl.domain.errors import InputError
from patrolctl.onboard.player import Player
from patrolctl.onboard.sinks import SinkFailed, parse_sink
from patrolctl.onboard.upkeep import Heat, celsius

APLAY = shutil.which("aplay")


def clip(folder: Path, seconds: float = 0.5) -> Path:
    path = folder / "clip.wav"
    with wave.open(str(path), "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(8000)
        f.writeframes(struct.pack("<h", 1000) * int(seconds * 8000))
    return path


def stand_in(
    folder: Path, name: str, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program of that name in front of every other."""
    bin_dir = folder / "bin"
    bin_dir.mkdir(exist_ok=True)
    program = bin_dir / name
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_dir}:/usr/bin:/bin")


@pytest.mark.parametrize(
    ("sink", "program", "wanted"),
    [
        ("alsa:hw:CARD=amp", "aplay", "-q -D hw:CARD=amp -t raw -f S16_LE -r 8000"),
        ("alsa:default", "aplay", "-D default"),
        ("pulse", "pacat", "--playback --latency-msec=100 --rate=8000 --channels=1"),
    ],
)
async def test_every_sample_goes_to_the_program(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sink: str,
    program: str,
    wanted: str,
) -> None:
    body = f'echo "$*" > {tmp_path}/argv; exec cat > {tmp_path}/heard'
    stand_in(tmp_path, program, body, monkeypatch)
    clock = ScaledClock(10.0)
    player = Player(parse_sink(sink, clock.utc), clock)
    outcome = await player.play(clip(tmp_path), 2)
    assert outcome.complete
    assert (tmp_path / "heard").read_bytes() == struct.pack("<h", 1000) * 8000
    assert wanted in (tmp_path / "argv").read_text()


@pytest.mark.parametrize(
    ("sink", "program", "complaint"),
    [
        ("alsa:hw:9", "aplay", "aplay: main:830: audio open error: No such device"),
        ("pulse", "pacat", "Connection failure: Connection refused"),
    ],
)
async def test_a_missing_device_is_a_fault_of_the_clip_and_of_the_probe(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sink: str,
    program: str,
    complaint: str,
) -> None:
    stand_in(tmp_path, program, f'echo "{complaint}" >&2; exit 1', monkeypatch)
    clock = ScaledClock(10.0)
    one = parse_sink(sink, clock.utc)
    outcome = await Player(one, clock).play(clip(tmp_path, 2.0), 1)
    assert outcome.failed
    assert not outcome.complete
    assert complaint.rpartition(": ")[2] in (outcome.reason or "")
    with pytest.raises(SinkFailed, match=complaint.rpartition(": ")[2]):
        await one.probe()
    stand_in(tmp_path, program, "cat > /dev/null", monkeypatch)
    await one.probe()  # plugged in again


async def test_a_device_that_fails_in_the_middle_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = 'head -c 3000 > /dev/null; echo "aplay: write error: Gone" >&2; exit 1'
    stand_in(tmp_path, "aplay", body, monkeypatch)
    clock = ScaledClock(5.0)
    player = Player(parse_sink("alsa:default", clock.utc), clock)
    outcome = await player.play(clip(tmp_path, 3.0), 2)
    assert outcome.failed
    assert "Gone" in (outcome.reason or "")
    assert outcome.repeats_done == 0


async def test_stop_kills_the_program_with_what_it_had_buffered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = f"echo $$ > {tmp_path}/pid; exec cat > /dev/null"
    stand_in(tmp_path, "aplay", body, monkeypatch)
    clock = ScaledClock(1.0)
    player = Player(parse_sink("alsa:default", clock.utc), clock)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(player.play(clip(tmp_path, 30.0), 1), name="play")
        while not (tmp_path / "pid").exists() or not player.playing:  # noqa: ASYNC110 - a child's file
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        begin_s = clock.monotonic_s()
        player.stop("silenced")
        outcome = await task
    assert not outcome.complete
    assert not outcome.failed
    assert clock.monotonic_s() - begin_s < 1.0
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.skipif(APLAY is None, reason="alsa-utils is not installed")
async def test_the_real_aplay_and_a_device_that_exists_and_one_that_does_not(
    tmp_path: Path,
) -> None:
    clock = ScaledClock(1.0)
    null = parse_sink("alsa:null", clock.utc)
    await null.probe()
    assert (await Player(null, clock).play(clip(tmp_path), 1)).complete
    gone = parse_sink("alsa:hw:CARD=nowhere", clock.utc)
    with pytest.raises(SinkFailed, match="aplay"):
        await gone.probe()
    outcome = await Player(gone, clock).play(clip(tmp_path), 1)
    assert outcome.failed
    assert "aplay" in (outcome.reason or "")


def test_a_program_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for sink, package in (("alsa:default", "alsa-utils"), ("pulse", "pulseaudio")):
        with pytest.raises(InputError, match=f"install {package}"):
            parse_sink(sink, ManualClock().utc)


async def test_a_folder_that_takes_no_files_is_found_by_the_probe(
    tmp_path: Path,
) -> None:
    sink = parse_sink(f"file:{tmp_path}/log", ManualClock().utc)
    await sink.probe()
    (tmp_path / "log").rmdir()
    with pytest.raises(SinkFailed, match="takes no files"):
        await sink.probe()


def test_an_amplifier_is_hot_until_it_is_well_cooled() -> None:
    heat = Heat()
    told = [heat.ratio(d) for d in (25.0, 79.9, 80.0, 75.0, 70.0, 69.9, 75.0)]
    assert told == [1.0, 1.0, 0.5, 0.5, 0.5, 1.0, 1.0]


@pytest.mark.parametrize("text", ["", "warm", "9999999", "-80000"])
def test_what_is_no_temperature(text: str) -> None:
    with pytest.raises(ValueError, match=r"°C|invalid literal"):
        celsius(text)
    assert celsius("81500\n") == 81.5
