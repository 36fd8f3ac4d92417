"""Extended short-time objective intelligibility.

Source: Jensen & Taal, IEEE/ACM TASLP 24(11), 2016, eqs. 1 to 8; constants of
Taal et al. 2011: 10 kHz, 256-sample frames, 15 third octaves from 150 Hz,
30 frames (384 ms), 40 dB of dynamic range.
"""

import numpy as np
import numpy.typing as npt
from scipy import signal

Floats = npt.NDArray[np.float64]
RATE_HZ, FRAME, FFT, BANDS, FIRST_HZ, SPAN, RANGE_DB = 10_000, 256, 512, 15, 150, 30, 40


def _third_octaves() -> Floats:
    bins_hz = np.linspace(0, RATE_HZ / 2, FFT // 2 + 1)
    bands = np.zeros((BANDS, len(bins_hz)))
    for k in range(BANDS):
        centre = FIRST_HZ * 2 ** (k / 3)
        low = np.argmin(np.abs(bins_hz - centre * 2 ** (-1 / 6)))
        high = np.argmin(np.abs(bins_hz - centre * 2 ** (1 / 6)))
        bands[k, low:high] = 1
    return bands


def _frames(x: Floats) -> Floats:
    starts = np.arange(0, len(x) - FRAME, FRAME // 2)
    window = np.hanning(FRAME + 2)[1:-1]
    return x[starts[:, None] + np.arange(FRAME)] * window


def _speaking(clean: Floats, other: Floats) -> tuple[Floats, Floats]:
    a, b = _frames(clean), _frames(other)
    level_db = 20 * np.log10(np.linalg.norm(a, axis=1) + 1e-12)
    keep = level_db > level_db.max() - RANGE_DB
    return _overlap(a[keep]), _overlap(b[keep])


def _overlap(frames: Floats) -> Floats:
    hop = FRAME // 2
    out = np.zeros(hop * (len(frames) - 1) + FRAME)
    for i, frame in enumerate(frames):
        out[i * hop : i * hop + FRAME] += frame
    return out


def _unit(x: Floats, axis: int) -> Floats:
    x = x - x.mean(axis=axis, keepdims=True)
    return np.asarray(x / (np.linalg.norm(x, axis=axis, keepdims=True) + 1e-12))


def estoi(clean: Floats, heard: Floats, rate_hz: int) -> float:
    """0 to 1: how much of clean speech is understood of what is heard."""
    a = signal.resample_poly(clean, RATE_HZ, rate_hz)
    b = signal.resample_poly(heard, RATE_HZ, rate_hz)
    a, b = _speaking(a, b)
    bands = _third_octaves()
    spectra = [
        np.sqrt(bands @ (np.abs(np.fft.rfft(_frames(x), FFT, axis=1)) ** 2).T)
        for x in (a, b)
    ]
    scores = []
    for end in range(SPAN, spectra[0].shape[1] + 1):
        parts = [s[:, end - SPAN : end] for s in spectra]
        x, y = (_unit(_unit(p, 1), 0) for p in parts)
        scores.append(np.sum(x * y) / SPAN)
    return float(np.mean(scores))
