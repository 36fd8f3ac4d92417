"""From raw speech to what a horn loudspeaker makes intelligible far away.

A horn is limited by its peak, and is deaf below 300 Hz; the ear at 100 m
needs consonants. So: band-pass, pre-emphasis, compression, soft clip, a
look-ahead limiter with a true-peak ceiling, and a loudness target.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, signal

from patrolctl.audio.measure import loudness_lufs, oversampling, true_peak
from patrolctl.audio.wav import Samples, Sound

MOST_TURNS, NEAR_DB = 5, 0.2


@dataclass(frozen=True, slots=True)
class Mastering:
    """The settings; part of the cache key.

    ``loudness_lufs`` is aimed at from below the ceiling: a clip that cannot
    reach it without more than ``most_limiting_db`` of limiting stays softer.
    """

    low_hz: float = 300.0
    high_hz: float = 7000.0
    emphasis: float = 0.7
    ratio: float = 6.0
    threshold_db: float = -28.0
    attack_s: float = 0.004
    release_s: float = 0.080
    drive_db: float = 9.0
    ceiling_dbtp: float = -1.0
    loudness_lufs: float = -11.0
    most_limiting_db: float = 9.0
    lookahead_s: float = 0.005


def trim_silence(
    sound: Sound, *, below_db: float = -50.0, keep_s: float = 0.02
) -> Sound:
    """Cut silence at both ends, keeping a little so that nothing is bitten off."""
    size = max(1, sound.rate_hz // 100)
    count = len(sound.samples) // size
    if count == 0:
        return sound
    frames = sound.samples[: count * size].reshape(count, size)
    level = np.max(np.abs(frames), axis=1)
    heard = np.flatnonzero(level > np.max(level) * 10 ** (below_db / 20))
    if not len(heard):
        return sound
    keep = int(keep_s * sound.rate_hz)
    begin = max(0, int(heard[0]) * size - keep)
    end = min(len(sound.samples), (int(heard[-1]) + 1) * size + keep)
    return Sound(sound.samples[begin:end], sound.rate_hz)


def _band_pass(x: Samples, rate_hz: int, s: Mastering) -> Samples:
    high = min(s.high_hz, 0.45 * rate_hz)
    sos = signal.butter(4, [s.low_hz, high], "bandpass", fs=rate_hz, output="sos")
    return np.asarray(signal.sosfilt(sos, x), dtype=np.float64)


def _emphasise(x: Samples, amount: float) -> Samples:
    """First-order pre-emphasis, about +6 dB per octave above 1 kHz."""
    return np.asarray(signal.lfilter([1.0, -amount], [1.0], x), dtype=np.float64)


def _compress(x: Samples, rate_hz: int, s: Mastering) -> Samples:
    """Feed-forward compression of a peak-normalised signal.

    The gain is worked out on a 1 ms grid, where a loop over 30 s of speech
    costs 20 ms, and interpolated.
    """
    x = x / max(float(np.max(np.abs(x))), 1e-9)
    size = max(1, rate_hz // 1000)
    padded = np.pad(x, (0, -len(x) % size))
    level = np.sqrt(np.mean(padded.reshape(-1, size) ** 2, axis=1))
    over_db = np.maximum(0.0, 20 * np.log10(level + 1e-9) - s.threshold_db)
    wanted_db = (over_db * (1 - 1 / s.ratio)).tolist()
    step_s = size / rate_hz
    rise = float(np.exp(-step_s / s.attack_s))
    fall = float(np.exp(-step_s / s.release_s))
    now_db, cut_db = 0.0, []
    for want_db in wanted_db:
        keep = rise if want_db > now_db else fall
        now_db = keep * now_db + (1 - keep) * want_db
        cut_db.append(now_db)
    # Offline, the gain may come before the onset that asks for it.
    ahead = s.attack_s * rate_hz
    centres = np.arange(len(cut_db)) * size + size / 2 - ahead
    gain_db = -np.interp(np.arange(len(x)), centres, cut_db)
    return np.asarray(x * 10 ** (gain_db / 20), dtype=np.float64)


def _soft_clip(x: Samples, drive_db: float) -> Samples:
    x = x / max(float(np.max(np.abs(x))), 1e-9)
    drive = 10 ** (drive_db / 20)
    return np.asarray(np.tanh(x * drive) / np.tanh(drive), dtype=np.float64)


def limit(x: Samples, rate_hz: int, ceiling_dbtp: float, lookahead_s: float) -> Samples:
    """Look-ahead limiter: the true peak stays at or below the ceiling.

    The smallest gain within the look-ahead, smoothed over the same span, is
    never above the gain that each oversampled peak needs.
    """
    out = x * _limiting(_peaks(x, rate_hz), rate_hz, ceiling_dbtp, lookahead_s)
    return _capped(out, rate_hz, ceiling_dbtp)


def _peaks(x: Samples, rate_hz: int) -> Samples:
    """The largest of each sample and what lies between it and the next."""
    times = oversampling(rate_hz)
    fine = np.abs(signal.resample_poly(x, times, 1))
    return np.asarray(np.max(fine[: len(x) * times].reshape(-1, times), axis=1))


def _limiting(
    peaks: Samples, rate_hz: int, ceiling_dbtp: float, lookahead_s: float
) -> Samples:
    """The limiter's gain for each sample."""
    need = np.minimum(1.0, 10 ** (ceiling_dbtp / 20) / np.maximum(peaks, 1e-9))
    span = max(3, int(lookahead_s * rate_hz) | 1)
    held = ndimage.minimum_filter1d(need, 2 * span + 1)
    return np.asarray(ndimage.uniform_filter1d(held, span), dtype=np.float64)


def _capped(x: Samples, rate_hz: int, ceiling_dbtp: float) -> Samples:
    """The gain moves between samples, so the last 0.01 dB is set by measuring."""
    over = true_peak(x, rate_hz) / 10 ** (ceiling_dbtp / 20)
    return np.asarray(x / over if over > 1 else x, dtype=np.float64)


def master(sound: Sound, settings: Mastering | None = None) -> Sound:
    """The whole chain over finished speech (all languages, with pauses)."""
    s = settings or Mastering()
    rate_hz = sound.rate_hz
    x = _band_pass(sound.samples, rate_hz, s)
    x = _compress(_emphasise(x, s.emphasis), rate_hz, s)
    # Clipping makes harmonics outside of the band; filter them off again.
    x = _band_pass(_soft_clip(x, s.drive_db), rate_hz, s)
    return Sound(_at_target(x, rate_hz, s), rate_hz)


def _at_target(x: Samples, rate_hz: int, s: Mastering) -> Samples:
    """Raise and limit until the loudness is met; limiting takes some of it away.

    The oversampled peaks grow with the gain, so they are worked out once.
    """
    peaks = _peaks(x, rate_hz)
    full = 10 ** (s.ceiling_dbtp / 20) / max(float(np.max(peaks)), 1e-9)
    x, peaks = x * full, peaks * full
    gain_db, out = 0.0, x
    for _ in range(MOST_TURNS):
        gain = 10 ** (gain_db / 20)
        gains = _limiting(peaks * gain, rate_hz, s.ceiling_dbtp, s.lookahead_s)
        out = x * gain * gains
        short_db = s.loudness_lufs - loudness_lufs(Sound(out, rate_hz))
        wanted_db = float(np.clip(gain_db + short_db, -60.0, s.most_limiting_db))
        if abs(wanted_db - gain_db) < NEAR_DB:
            break
        gain_db = wanted_db
    return _capped(out, rate_hz, s.ceiling_dbtp)
