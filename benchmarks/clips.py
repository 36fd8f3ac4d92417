"""A thousand clips by four workers: all there, all whole, none mixed up.

What a clip says is found out without the code that made it: espeak-ng called
directly (one process, one text after another, no mastering) says every text
once more, and each clip is compared with all of these. The nearest must be
its own text's, and it must last as long.
"""

import asyncio
import hashlib
import itertools
import json
import random
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from patrolctl.audio import EspeakSynthesizer, espeak
from patrolctl.audio.languages import voice_for
from patrolctl.audio.normalize import normalize
from patrolctl.domain.ids import AnnouncementId
from patrolctl.domain.sound import Announcement, Clip, Utterance

CLIPS, WORKERS, ALONE = 1000, 4, 25
RATE_HZ, EDGE_S = 22050, 0.1
HOP, BANDS, SHIFTS = 220, 24, 6
_DIRECT = Path(__file__).with_name("_espeak_direct.py")
Floats = npt.NDArray[np.float32]


def orders() -> list[Announcement]:
    """Texts that differ from each other in few words; seeded."""
    draw = random.Random(20)
    texts: dict[tuple[str, str], None] = {}
    while len(texts) < CLIPS:
        block, gate, hour = draw.randint(1, 30), draw.randint(1, 9), draw.randint(7, 20)
        room = draw.randint(1, 30) * 100 + draw.randint(1, 8)
        texts[
            draw.choice(
                [
                    ("zh", f"请{block}号楼{room}室的居民{hour}:30到{gate}号门做检测。"),
                    ("zh", f"{hour}点，{block}号楼{room}室，请到{gate}号门。"),
                    ("yue", f"請{block}號樓{room}室嘅居民{hour}:30到{gate}號門。"),
                    ("en", f"Room {room} in block {block}, come to gate {gate}."),
                ]
            )
        ] = None
    return [
        Announcement(AnnouncementId(f"n{n}"), (Utterance(*text),), chime=False)
        for n, text in enumerate(texts)
    ]


async def rendered(
    synthesizer: EspeakSynthesizer, all_: list[Announcement]
) -> list[Clip]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(synthesizer.render(o), name=str(o.id)) for o in all_]
    return [t.result() for t in tasks]


def spoken_directly(all_: list[Announcement]) -> list[Floats]:
    asked = []
    for order in all_:
        (one,) = order.utterances
        voice = voice_for(one.lang, espeak.data_dir())
        text = normalize(one.text, voice.lang)
        asked.append({"voice": voice.name, "rate_wpm": voice.rate_wpm, "text": text})
    raw = subprocess.run(
        [sys.executable, str(_DIRECT)],
        input=json.dumps(asked).encode(),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    sounds, at = [], 0
    for _ in asked:
        (count,) = struct.unpack_from("<I", raw, at)
        samples = np.frombuffer(raw, "<i2", count, at + 4)
        sounds.append(samples.astype(np.float32) / 32768)
        at += 4 + 2 * count
    assert at == len(raw)
    return sounds


def begin_and_end(x: Floats) -> tuple[int, int]:
    """The first and the last hop that is within 45 dB of the loudest."""
    count = len(x) // HOP
    peaks = np.abs(x[: count * HOP]).reshape(count, HOP).max(axis=1)
    loud = np.flatnonzero(peaks > peaks.max() * 10 ** (-45 / 20))
    return int(loud[0]), int(loud[-1]) + 1


def pattern(x: Floats, frames: int, shift: int = 0) -> Floats:
    """Which bands sound when: (frames, BANDS), free of level and colour."""
    first, last = begin_and_end(x)
    x = np.pad(x, SHIFTS * HOP)[(first + SHIFTS + shift) * HOP :]
    x = x[: (last - first) * HOP]
    starts = np.arange(0, len(x) - 2 * HOP, HOP)[:frames]
    cuts = x[starts[:, None] + np.arange(2 * HOP)] * np.hanning(2 * HOP)
    power = np.abs(np.fft.rfft(cuts, axis=1)) ** 2
    freq_hz = np.fft.rfftfreq(2 * HOP, 1 / RATE_HZ)
    edges = np.geomspace(350, 6500, BANDS + 1)
    bands = [
        power[:, (freq_hz >= a) & (freq_hz < b)].sum(axis=1)
        for a, b in itertools.pairwise(edges)
    ]
    level = np.log10(np.stack(bands, axis=1) + 1e-9)
    # Mastering changes how loud a frame is and how all of them are coloured;
    # what is left is the sound itself.
    loud = level.max(axis=1)
    voiced = loud > np.percentile(loud, 95) - 3.0
    level = level - level.mean(axis=1, keepdims=True)
    level = (level - level[voiced].mean(axis=0)) * voiced[:, None]
    out = np.zeros((frames, BANDS), np.float32)
    out[: len(level)] = level
    return np.asarray(out / np.linalg.norm(out), np.float32)


def compare(clips: list[Clip], direct: list[Floats], texts: list[str]) -> None:
    sounds = [soundfile.read(c.path, dtype="float32")[0] for c in clips]
    wanted_s = [np.subtract(*begin_and_end(d)[::-1]) * HOP / RATE_HZ for d in direct]
    got_s = [np.subtract(*begin_and_end(s)[::-1]) * HOP / RATE_HZ for s in sounds]
    off_s = np.abs(np.subtract(got_s, wanted_s))
    frames = max(len(d) for d in direct) // HOP
    ours = np.stack([pattern(s, frames).ravel() for s in sounds])
    likeness = np.full((len(ours), len(ours)), -1.0, np.float32)
    # Compression moves the moment at which a first consonant is loud enough.
    for shift in range(-SHIFTS, SHIFTS + 1):
        theirs = np.stack([pattern(d, frames, shift).ravel() for d in direct])
        np.maximum(likeness, ours @ theirs.T, out=likeness)
    own = np.diag(likeness).copy()
    nearest = likeness.argmax(axis=1)
    np.fill_diagonal(likeness, -1)
    lead = own - likeness.max(axis=1)
    right = int(np.sum(nearest == np.arange(len(clips))))
    print(
        f"  as long as espeak-ng called directly, within 50 ms: "
        f"{int(np.sum(off_s <= 0.05))} of {len(clips)} "
        f"(worst {off_s.max() * 1000:.0f} ms)"
    )
    for n in np.flatnonzero(nearest != np.arange(len(clips))):
        print(f"  {texts[n]} sounds more like {texts[nearest[n]]}")
    print(
        f"  nearest to their own text among {len(clips)}: {right} of {len(clips)} "
        f"(likeness at least {own.min():.2f}, lead over the next at least "
        f"{lead.min():.3f}); with another text: {len(clips) - right}"
    )


def checked(folder: Path, clips: list[Clip]) -> None:
    files = {p.stem: p for p in folder.glob("*.wav")}
    whole = sum(
        c.sha256 in files
        and hashlib.sha256(files[c.sha256].read_bytes()).hexdigest() == c.sha256
        for c in clips
    )
    info = [soundfile.info(c.path) for c in clips]
    pairs = list(zip(info, clips, strict=True))
    empty = sum(i.frames == 0 or (c.loudness_lufs or -99) < -40 for i, c in pairs)
    length = sum(abs(i.duration - c.duration_s) < 1e-3 for i, c in pairs)
    print(
        f"  present with the hash they are named by: {whole}; different: "
        f"{len({c.sha256 for c in clips})}; empty or silent: {empty}; "
        f"as long as stated: {length}"
    )


async def again(all_: list[Announcement], clips: list[Clip]) -> None:
    some = random.Random(7).sample(range(CLIPS), ALONE)
    with tempfile.TemporaryDirectory() as other:
        alone = EspeakSynthesizer(Path(other), workers=1)
        made = [await alone.render(all_[n]) for n in some]
    same = sum(m.sha256 == clips[n].sha256 for m, n in zip(made, some, strict=True))
    print(f"  rendered once more alone, same bytes: {same} of {ALONE}")


async def campaign(folder: Path) -> None:
    all_ = orders()
    begin_s = time.perf_counter()
    clips = await rendered(EspeakSynthesizer(folder, workers=WORKERS), all_)
    spent_s = time.perf_counter() - begin_s
    print(
        f"{CLIPS} clips by {WORKERS} workers: {spent_s:.0f} s, "
        f"{spent_s / CLIPS * 1000:.0f} ms each"
    )
    checked(folder, clips)
    compare(clips, spoken_directly(all_), [o.utterances[0].text for o in all_])
    await again(all_, clips)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(campaign(Path(folder)))
