"""Announcements: what mastering gains, and how fast clips are made.

Mastered and raw speech leave the same loudspeaker, so they have the same peak
(114 dB at 1 m). At each distance both get the air's absorption and the same
traffic noise; STI comes from their levels, ESTOI from the sound itself, with
the clean raw speech as its reference.
"""

import asyncio
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks._estoi import estoi
from patrolctl.acoustics.air import STANDARD_AIR, absorption_db_m
from patrolctl.acoustics.bands import MIDBANDS_HZ
from patrolctl.acoustics.facade import outdoor_noise_db
from patrolctl.acoustics.sti import speech_transmission_index
from patrolctl.audio import (
    ClipSynthesizer,
    EspeakSynthesizer,
    PiperSynthesizer,
    espeak,
)
from patrolctl.audio.languages import voice_for
from patrolctl.audio.mastering import Mastering, master, trim_silence
from patrolctl.audio.measure import (
    Measured,
    a_weighting_db,
    measure,
    octave_powers,
    true_peak,
)
from patrolctl.audio.normalize import normalize
from patrolctl.audio.wav import Samples, Sound
from patrolctl.config import load_settings
from patrolctl.domain.ids import AnnouncementId
from patrolctl.domain.sound import Announcement, Utterance

PEAK_1M_DB = 114.0
NOISE_DB = 60.0
DISTANCES_M = (25, 50, 75, 100, 150)
TEXTS = {
    "zh": "各位居民请注意，今天上午九点到十一点三十分，请到三号楼采样点做检测。",
    "yue": "各位居民請注意，今日上午九點至十一點半，請到三號樓檢測。",
    "en": "Attention please. Residents of block B, please come to gate three.",
}


def spoken(lang: str) -> Sound:
    voice = voice_for(lang, espeak.data_dir())
    text = normalize(TEXTS[lang], lang)
    return trim_silence(asyncio.run(espeak.speak(text, voice)).sound)


def shaped(samples: Samples, rate_hz: int, gain_db: Samples) -> Samples:
    """Samples with a gain per octave band, between bands interpolated."""
    freq_hz = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    log_hz = np.log(np.maximum(freq_hz, 20.0))
    gain = np.interp(log_hz, np.log(MIDBANDS_HZ), gain_db)
    return np.fft.irfft(np.fft.rfft(samples) * 10 ** (gain / 20), len(samples))


def noise_like(count: int, rate_hz: int) -> Samples:
    """Traffic noise at NOISE_DB; full scale is the loudspeaker's peak at 1 m."""
    white = np.random.default_rng(1).standard_normal(count)
    bands, _ = octave_powers(white, rate_hz)
    shape = outdoor_noise_db(NOISE_DB) - 10 * np.log10(bands)
    noise = shaped(white, rate_hz, shape - PEAK_1M_DB)
    spectrum = np.abs(np.fft.rfft(noise)) ** 2 * 2 / count**2
    weight_db = a_weighting_db(np.fft.rfftfreq(count, 1 / rate_hz))
    level_db = 10 * np.log10(np.sum(spectrum * 10 ** (weight_db / 10)))
    return noise * 10 ** ((NOISE_DB - PEAK_1M_DB - level_db) / 20)


def at_distance(sound: Sound, distance_m: float) -> Samples:
    """At full peak, after spreading and the air; full scale is 114 dB peak."""
    full = sound.samples / true_peak(sound.samples)
    loss_db = -20 * np.log10(distance_m) - absorption_db_m(STANDARD_AIR) * distance_m
    return shaped(full, sound.rate_hz, loss_db)


def sti_at(levels: Measured, distance_m: float) -> float:
    speech_db = PEAK_1M_DB - levels.crest_db + np.asarray(levels.spectrum_db)
    speech_db = speech_db - 20 * np.log10(distance_m)
    speech_db = speech_db - absorption_db_m(STANDARD_AIR) * distance_m
    noise_db = outdoor_noise_db(NOISE_DB)
    return float(speech_transmission_index(speech_db, noise_db, 0.8)[0])


def reach_m(levels: Measured, sti_min: float = 0.5) -> float:
    ranges = np.arange(2.0, 400.0, 1.0)
    heard = [r for r in ranges if sti_at(levels, r) >= sti_min]
    return float(max(heard, default=0.0))


def intelligibility() -> None:
    gains = []
    print(f"same peak ({PEAK_1M_DB:g} dB), traffic {NOISE_DB:g} dB(A), outdoors")
    for lang in TEXTS:
        raw = spoken(lang)
        loud = master(raw)
        flat = master(raw, replace(Mastering(), ratio=1.0, drive_db=0.1))
        a, b, c = measure(raw), measure(loud), measure(flat)
        print(
            f"{lang}: crest {a.crest_db:.1f} -> {b.crest_db:.1f} dB, LAeq at equal "
            f"peak {a.crest_db - b.crest_db:+.1f} dB, reach for STI 0.5 "
            f"{reach_m(a):.0f} -> {reach_m(b):.0f} m "
            f"(without compression {reach_m(c):.0f} m)"
        )
        noise = noise_like(len(raw.samples), raw.rate_hz)
        for distance_m in DISTANCES_M:
            scores = [
                estoi(raw.samples, at_distance(s, distance_m) + noise, raw.rate_hz)
                for s in (raw, loud)
            ]
            gains.append((distance_m, scores[1] - scores[0]))
            sti = [sti_at(levels, distance_m) for levels in (a, b)]
            print(
                f"  {distance_m:4} m  ESTOI {scores[0]:.2f} -> {scores[1]:.2f} "
                f"({scores[1] - scores[0]:+.2f})  STI {sti[0]:.2f} -> {sti[1]:.2f} "
                f"({sti[1] - sti[0]:+.2f})"
            )
    for distance_m in DISTANCES_M:
        here = [gain for d, gain in gains if d == distance_m]
        print(f"all languages at {distance_m:3} m: ESTOI {np.mean(here):+.2f}")


def cpu_s() -> float:
    """Of this process and of the children that have ended."""
    used = [
        resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    return sum(u.ru_utime + u.ru_stime for u in used)


def verdict(spent_s: float, limit_s: float) -> str:
    return f"{'within' if spent_s < limit_s else 'MISSES'} {limit_s:g} s"


async def rendering(name: str, synthesizer: ClipSynthesizer, utterances: int) -> None:
    """One announcement of three languages, first and from the cache."""
    first_s, again_s, spent_s = [], [], []
    for turn in range(3):  # each with another text: the first time three times
        texts = list(TEXTS.items())[-utterances:]
        three = Announcement(
            AnnouncementId("three"),
            tuple(
                Utterance(lang, f"{text * (2 if lang == 'en' else 1)} {turn + 1}.")
                for lang, text in texts
            ),
        )
        begin_s, before_s = time.perf_counter(), cpu_s()
        clip = await synthesizer.render(three)
        first_s.append(time.perf_counter() - begin_s)
        spent_s.append(cpu_s() - before_s)
        for _ in range(5):
            begin_s = time.perf_counter()
            await synthesizer.render(three)
            again_s.append(time.perf_counter() - begin_s)
    first, again = float(np.median(first_s)), float(np.median(again_s))
    print(
        f"{name}, {utterances} languages, {clip.duration_s:.0f} s of sound: "
        f"{first:.2f} s rendered and mastered ({verdict(first, 2.0)}; "
        f"{np.median(spent_s):.2f} s of CPU), "
        f"{again * 1000:.1f} ms from the cache ({verdict(again, 0.01)}); "
        f"{clip.loudness_lufs} LUFS, peak {clip.peak_dbfs} dBTP"
    )


async def speed(folder: Path) -> None:
    await rendering("espeak-ng", EspeakSynthesizer(folder), 3)
    models = load_settings(None).voice_models
    if not models:
        print("no neural voice is configured (PATROLCTL_VOICE_MODELS)")
        return
    names = ", ".join(m.stem for m in models)
    await rendering(f"with {names}", PiperSynthesizer(folder, models), 3)


def main() -> None:
    intelligibility()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(speed(Path(folder)))
