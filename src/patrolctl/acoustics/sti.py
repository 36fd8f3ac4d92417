"""Speech transmission index: IEC 60268-16:2011 (Ed. 4)."""

import numpy as np

from patrolctl.acoustics.bands import Floats

# Weights of male speech, 125 Hz to 8 kHz (table A.1, A.2).
_ALPHA = np.array([0.085, 0.127, 0.230, 0.233, 0.309, 0.224, 0.173])
_BETA = np.array([0.085, 0.078, 0.065, 0.011, 0.047, 0.095])
_THRESHOLD_DB = np.array([46.0, 27.0, 12.0, 6.5, 7.5, 8.0, 12.0])
_MODULATION_HZ = np.array(
    [0.63, 0.8, 1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0, 10.0, 12.5]
)
_CHUNK = 4096  # rows a pass: 4096 × 7 × 14 doubles stay in the cache


def masking_db(lower_band_db: Floats) -> Floats:
    """Masking of a band by the band below it, from that band's level.

    Source: IEC 60268-16:2011, A.4.2, by the level of band k − 1.
    """
    lower = np.asarray(lower_band_db)
    return np.select(
        [lower < 63.0, lower < 67.0, lower < 100.0],
        [0.5 * lower - 65.0, 1.8 * lower - 146.9, 0.5 * lower - 59.8],
        default=-10.0,
    )


def modulation_transfer(
    speech_db: Floats, noise_db: Floats, *, auditory: bool = True
) -> Floats:
    """What noise, masking and the threshold leave of the modulation.

    Args:
        speech_db: (n, 7) octave levels at the listener, 125 Hz to 8 kHz.
        noise_db: (n, 7) noise likewise.
        auditory: count masking and the reception threshold.

    Returns:
        (n, 7) ratio of speech intensity to all intensity.
    """
    speech = 10.0 ** (speech_db / 10.0)
    total = speech + 10.0 ** (noise_db / 10.0)
    if not auditory:
        return np.asarray(speech / total, dtype=np.float64)
    level = 10.0 * np.log10(total)
    masked = np.zeros_like(total)
    slope = masking_db(level[:, :-1])
    masked[:, 1:] = total[:, :-1] * 10.0 ** (slope / 10.0)
    threshold = 10.0 ** (_THRESHOLD_DB / 10.0)
    return np.asarray(speech / (total + masked + threshold), dtype=np.float64)


def _index(ratio: Floats, reverberation_s: float) -> Floats:
    room = (2.0 * np.pi * _MODULATION_HZ * reverberation_s / 13.8) ** 2
    m = ratio[:, :, None] / np.sqrt(1.0 + room)
    m = np.clip(m, 1e-12, 1.0 - 1e-12)
    snr = np.clip(10.0 * np.log10(m / (1.0 - m)), -15.0, 15.0)
    mti = np.mean((snr + 15.0) / 30.0, axis=2)
    redundant = np.sqrt(mti[:, :-1] * mti[:, 1:]) @ _BETA
    return np.asarray(np.minimum(mti @ _ALPHA - redundant, 1.0), dtype=np.float64)


def speech_transmission_index(
    speech_db: Floats,
    noise_db: Floats,
    reverberation_s: float,
    *,
    auditory: bool = True,
) -> Floats:
    """STI of male speech.

    Args:
        speech_db: (n, 8) octave levels at the listener, 63 Hz to 8 kHz
            (63 Hz does not count).
        noise_db: (n, 8) or (8,) noise at the listener.
        reverberation_s: reverberation time T of the listener's place.
        auditory: count masking and the reception threshold.

    Returns:
        (n,) 0 to 1.
    """
    speech = np.atleast_2d(speech_db)[:, 1:]
    noise = np.broadcast_to(np.atleast_2d(noise_db)[:, 1:], speech.shape)
    out = np.empty(len(speech))
    for i in range(0, len(speech), _CHUNK):
        part = slice(i, i + _CHUNK)
        ratio = modulation_transfer(speech[part], noise[part], auditory=auditory)
        out[part] = _index(ratio, reverberation_s)
    return out
