"""The attention tone in front of an announcement."""

import numpy as np

from patrolctl.audio.wav import Sound

# Two falling notes, a major third apart, with their octave: within a horn's
# band, unlike the low gong of a public-address system.
_NOTES_HZ = (880.0, 698.5)
_NOTE_S = 0.45
_FADE_S = 0.01
_DECAY_S = 0.25
PAUSE_AFTER_S = 0.4


def chime(rate_hz: int) -> Sound:
    """Two decaying notes, 0.9 s, at half of full scale."""
    t = np.arange(int(_NOTE_S * rate_hz)) / rate_hz
    shape = np.exp(-t / _DECAY_S) * np.minimum(1.0, t / _FADE_S)
    shape *= np.minimum(1.0, (_NOTE_S - t) / _FADE_S)
    notes = [
        shape * (np.sin(2 * np.pi * f * t) + 0.4 * np.sin(4 * np.pi * f * t))
        for f in _NOTES_HZ
    ]
    whole = np.concatenate(notes)
    return Sound(whole / np.max(np.abs(whole)) * 0.5, rate_hz)
