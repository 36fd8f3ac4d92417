"""What a clip measures: loudness, true peak, crest and octave spectrum."""

from dataclasses import dataclass

import numpy as np
import pyloudnorm
from scipy import fft, signal

from patrolctl.audio.wav import RATE_HZ, Samples, Sound

OCTAVES_HZ = tuple(1000.0 * 10 ** (0.3 * k) for k in range(-4, 4))
_FRAME_S = 0.1
# Frames within 25 dB of the loud ones are speech; the rest is pause.
_SPEAKING_DB = 25.0
_FLOOR_DB = -120.0
TRUE_PEAK_HZ = 192_000


@dataclass(frozen=True, slots=True)
class Measured:
    """Levels of a sound. Spectrum bands are 63 Hz to 8 kHz."""

    loudness_lufs: float
    peak_dbfs: float
    crest_db: float
    spectrum_db: tuple[float, ...]


def decibel(ratio: float) -> float:
    """20 lg, floored."""
    return 20 * float(np.log10(max(ratio, 10 ** (_FLOOR_DB / 20))))


def oversampling(rate_hz: int) -> int:
    """How often to sample between the samples: at least at 192 kHz.

    Source: ITU-R BS.1770-4, annex 2 (four times at 48 kHz; at 22,050 Hz four
    times would still miss 0.15 dB of a peak).
    """
    return max(4, -(-TRUE_PEAK_HZ // rate_hz))


def true_peak(samples: Samples, rate_hz: int = RATE_HZ) -> float:
    """Peak of the signal, between the samples too."""
    if not len(samples):
        return 0.0
    fine = signal.resample_poly(samples, oversampling(rate_hz), 1)
    return float(np.max(np.abs(fine)))


def loudness_lufs(sound: Sound) -> float:
    """Integrated, gated loudness (BS.1770-4)."""
    samples = sound.samples
    shortest = int(0.4 * sound.rate_hz) + 1
    if len(samples) < shortest:  # one gating block is 400 ms
        samples = np.pad(samples, (0, shortest - len(samples)))
    meter = pyloudnorm.Meter(sound.rate_hz)
    return max(_FLOOR_DB, float(meter.integrated_loudness(samples)))


def a_weighting_db(freq_hz: Samples) -> Samples:
    """A-weighting. Source: IEC 61672-1:2013, 5.5.7."""
    f2 = np.maximum(freq_hz, 1e-3) ** 2
    shape = (
        12194.0**2
        * f2**2
        / (
            (f2 + 20.6**2)
            * np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2))
            * (f2 + 12194.0**2)
        )
    )
    return np.asarray(20 * np.log10(np.maximum(shape, 1e-12)) + 2.0, dtype=np.float64)


def speaking(sound: Sound) -> Samples:
    """The samples of the frames in which somebody speaks."""
    size = max(1, int(_FRAME_S * sound.rate_hz))
    count = len(sound.samples) // size
    if count == 0:
        return sound.samples
    frames = sound.samples[: count * size].reshape(count, size)
    level_db = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    loud_db = float(np.percentile(level_db, 95))
    return np.asarray(frames[level_db > loud_db - _SPEAKING_DB].ravel())


def octave_powers(samples: Samples, rate_hz: int) -> tuple[Samples, float]:
    """Mean square per octave band, and A-weighted mean square of all bands.

    Args:
        samples: (n,) mono.
        rate_hz: their rate.

    Returns:
        (8,) powers of the bands 63 Hz to 8 kHz, and the A-weighted power.
    """
    spectrum = np.abs(fft.rfft(samples)) ** 2 * 2 / len(samples) ** 2
    freq_hz = fft.rfftfreq(len(samples), 1 / rate_hz)
    edge = 10**0.15
    bands = [
        float(np.sum(spectrum[(freq_hz >= f / edge) & (freq_hz < f * edge)]))
        for f in OCTAVES_HZ
    ]
    weighted = float(np.sum(spectrum * 10 ** (a_weighting_db(freq_hz) / 10)))
    return np.asarray(bands), weighted


def speech_level_db(sound: Sound) -> float:
    """A-weighted level while something sounds, dB re full scale."""
    _, weighted = octave_powers(speaking(sound), sound.rate_hz)
    return 10 * float(np.log10(max(weighted, 1e-12)))


def measure(sound: Sound, *, speech_from_s: float = 0.0) -> Measured:
    """Measure a clip; crest and spectrum only of what is spoken.

    Args:
        sound: the whole clip.
        speech_from_s: where the speech begins (after the chime).
    """
    begin = int(speech_from_s * sound.rate_hz)
    speech = speaking(Sound(sound.samples[begin:], sound.rate_hz))
    bands, weighted = octave_powers(speech, sound.rate_hz)
    level_db = 10 * np.log10(max(weighted, 1e-12))
    peak_db = decibel(true_peak(sound.samples, sound.rate_hz))
    spectrum = 10 * np.log10(np.maximum(bands, 1e-12)) - level_db
    return Measured(
        loudness_lufs=round(loudness_lufs(sound), 2),
        peak_dbfs=round(peak_db, 2),
        crest_db=round(peak_db - float(level_db), 2),
        spectrum_db=tuple(round(float(s), 2) for s in spectrum),
    )
