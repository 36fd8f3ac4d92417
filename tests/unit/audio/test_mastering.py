"""The mastering chain and what it measures, on signals with known answers."""

import io
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from scipy import signal

from patrolctl.audio.mastering import Mastering, limit, master, trim_silence
from patrolctl.audio.measure import (
    OCTAVES_HZ,
    a_weighting_db,
    loudness_lufs,
    measure,
    octave_powers,
    true_peak,
)
from patrolctl.audio.wav import Samples, Sound, check_speech, wav_bytes
from patrolctl.domain.errors import SpeechFailed

RATE_HZ = 22050


def tone(freq_hz: float, seconds: float = 2.0, amplitude: float = 0.5) -> Samples:
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return amplitude * np.sin(2 * np.pi * freq_hz * t)


def speech_like(seconds: float = 4.0) -> Sound:
    """Pulses of a 120 Hz voice with syllables and pauses."""
    rng = np.random.default_rng(7)
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    voice = sum(np.cos(2 * np.pi * 120 * k * t) / k for k in range(1, 40))
    syllables = np.clip(np.sin(2 * np.pi * 4 * t), 0, None) ** 2
    phrases = (np.sin(2 * np.pi * 0.4 * t) > -0.6).astype(float)
    x = voice * syllables * phrases + 0.02 * rng.standard_normal(len(t)) * syllables
    return Sound(x / np.max(np.abs(x)) * 0.8, RATE_HZ)


def test_a_weighting_matches_the_table_of_the_standard() -> None:
    # IEC 61672-1:2013, table 3: 63 Hz −26.2, 125 −16.1, 1 k 0, 2 k +1.2, 8 k −1.1
    got = a_weighting_db(np.asarray([63.1, 125.9, 1000.0, 1995.3, 7943.3]))
    assert got == pytest.approx([-26.2, -16.1, 0.0, 1.2, -1.1], abs=0.1)


def test_loudness_of_the_reference_tone() -> None:
    # BS.1770: a 997 Hz sine at 0 dBFS in one channel is −3.01 LUFS.
    level = loudness_lufs(Sound(tone(997, amplitude=1.0), RATE_HZ))
    assert level == pytest.approx(-3.01, abs=0.15)


def test_octave_power_of_a_tone_lies_in_its_band() -> None:
    bands, weighted = octave_powers(tone(1000.0), RATE_HZ)
    assert OCTAVES_HZ[4] == pytest.approx(1000.0)
    assert bands[4] == pytest.approx(0.125, rel=0.01)
    assert bands.sum() == pytest.approx(0.125, rel=0.01)
    assert weighted == pytest.approx(0.125, rel=0.02)


def test_true_peak_sees_between_the_samples() -> None:
    t = np.arange(RATE_HZ) / RATE_HZ
    x = np.sin(2 * np.pi * RATE_HZ / 4 * t + np.pi / 4)  # samples only at ±0.707
    assert np.max(np.abs(x)) == pytest.approx(0.7071, abs=1e-3)
    assert true_peak(x) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("ceiling_dbtp", [-1.0, -3.0])
def test_limiter_keeps_the_ceiling(ceiling_dbtp: float) -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal(RATE_HZ) * 2
    out = limit(x, RATE_HZ, ceiling_dbtp, 0.005)
    assert 20 * np.log10(true_peak(out)) <= ceiling_dbtp + 1e-6


def between(x: Samples, times: int = 32) -> float:
    """Peak in dB, sampled far finer than the code under test does."""
    fine = signal.resample_poly(x, times, 1, window=("kaiser", 14.0))
    return 20 * float(np.log10(np.max(np.abs(fine))))


@pytest.mark.parametrize("ceiling_dbtp", [-1.0, -6.0])
def test_the_file_keeps_its_true_peak_between_the_samples(ceiling_dbtp: float) -> None:
    settings = replace(Mastering(), ceiling_dbtp=ceiling_dbtp)
    loud = master(speech_like(), settings)
    samples, _ = soundfile.read(io.BytesIO(wav_bytes(loud)))
    assert between(samples) <= ceiling_dbtp + 0.06
    assert between(samples) > ceiling_dbtp - 1.0


def test_the_loudness_target_is_met_where_the_ceiling_lets_it() -> None:
    for target in (-26.0, -20.0):
        loud = master(speech_like(), replace(Mastering(), loudness_lufs=target))
        assert loudness_lufs(loud) == pytest.approx(target, abs=0.3)
    # What would take more limiting than allowed stays softer.
    squeezed = replace(Mastering(), loudness_lufs=0.0, most_limiting_db=6.0)
    assert loudness_lufs(master(speech_like(), squeezed)) < -6.0


def test_the_level_going_in_makes_no_difference() -> None:
    raw = speech_like()
    soft = Sound(raw.samples * 0.01, raw.rate_hz)
    assert master(soft).samples == pytest.approx(master(raw).samples, abs=1e-3)


def test_the_spectrum_adds_up_to_the_level_it_is_relative_to() -> None:
    # The planner takes rated peak − crest as LAeq and the bands relative to it.
    levels = measure(master(speech_like()))
    weights = a_weighting_db(np.asarray(OCTAVES_HZ))
    total = np.sum(10 ** ((np.asarray(levels.spectrum_db) + weights) / 10))
    assert 10 * np.log10(total) == pytest.approx(0.0, abs=0.2)


def test_crest_is_peak_over_level_while_speaking() -> None:
    # A sine has 3.01 dB between its peak and its RMS; silence around it is no
    # speech and must not make the level smaller.
    pause = np.zeros(RATE_HZ)
    sound = Sound(np.concatenate([pause, tone(1000.0), pause]), RATE_HZ)
    assert measure(sound).crest_db == pytest.approx(3.01, abs=0.15)
    chimed = Sound(np.concatenate([tone(880.0), tone(1000.0)]), RATE_HZ)
    assert measure(chimed, speech_from_s=2.0).spectrum_db[4] == pytest.approx(
        0.0, abs=0.1
    )


def test_a_soft_last_consonant_is_not_trimmed() -> None:
    rng = np.random.default_rng(1)
    hiss = rng.standard_normal(RATE_HZ // 5) * 0.5 * 10 ** (-40 / 20)
    quiet = np.zeros(RATE_HZ)
    word = np.concatenate([quiet, tone(500.0, 1.0), hiss, quiet])
    kept = trim_silence(Sound(word, RATE_HZ))
    assert kept.duration_s == pytest.approx(1.24, abs=0.03)


def test_limiter_leaves_soft_sound_alone() -> None:
    x = tone(500.0, amplitude=0.3)
    assert limit(x, RATE_HZ, -1.0, 0.005) == pytest.approx(x)


def test_mastering_gains_loudness_at_the_same_peak_and_cuts_the_bass() -> None:
    raw = speech_like()
    loud = master(raw)
    assert len(loud.samples) == len(raw.samples)
    before, after = measure(raw), measure(loud)
    assert after.peak_dbfs <= Mastering().ceiling_dbtp + 0.05
    assert before.crest_db - after.crest_db >= 4.5
    assert after.spectrum_db[0] < -40
    assert after.loudness_lufs <= Mastering().loudness_lufs + 0.5


def test_silence_is_trimmed_and_speech_kept() -> None:
    quiet = np.zeros(RATE_HZ)
    sound = Sound(np.concatenate([quiet, tone(500.0, 1.0), quiet]), RATE_HZ)
    assert trim_silence(sound).duration_s == pytest.approx(1.04, abs=0.03)


@pytest.mark.parametrize(
    ("samples", "words", "why"),
    [
        (np.zeros(0), 3, "empty"),
        (np.zeros(RATE_HZ), 3, "silence"),
        (np.sign(tone(200.0)), 3, "clips"),
        (tone(200.0, 0.2), 30, "not plausible"),
        (tone(200.0, 20.0), 2, "not plausible"),
    ],
)
def test_bad_speech_is_refused(samples: Samples, words: int, why: str) -> None:
    with pytest.raises(SpeechFailed, match=why):
        check_speech(Sound(samples, RATE_HZ), words=words)


def test_good_speech_passes() -> None:
    check_speech(speech_like(), words=12)
