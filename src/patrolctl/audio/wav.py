"""WAV in and out, and whether raw speech is usable."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from scipy import signal

from patrolctl.domain.errors import SpeechFailed

Samples = npt.NDArray[np.float64]

# Every clip's: espeak-ng's own, and more than a horn's 7 kHz ask for.
RATE_HZ = 22050

# Nobody speaks a word (in Chinese a syllable) faster than 40 ms or, pauses
# included, slower than 3 s: outside of it the file and the text do not match.
_SHORTEST_WORD_S = 0.04
_LONGEST_WORD_S = 3.0
_SILENT_DBFS = -50.0
_CLIPPED_RATIO = 0.001


@dataclass(frozen=True, slots=True)
class Sound:
    """Mono samples, full scale ±1."""

    samples: Samples
    rate_hz: int

    @property
    def duration_s(self) -> float:
        """Length."""
        return len(self.samples) / self.rate_hz


def read_wav(path: Path) -> Sound:
    """Read a file as mono.

    Raises:
        SpeechFailed: missing, empty or no sound file.
    """
    try:
        samples, rate_hz = soundfile.read(path, dtype="float64", always_2d=True)
    except (OSError, soundfile.SoundFileError) as e:
        raise SpeechFailed(f"the voice wrote no usable file ({e})") from None
    return Sound(samples.mean(axis=1), int(rate_hz))


def resampled(sound: Sound, rate_hz: int = RATE_HZ) -> Sound:
    """The same sound at another rate."""
    if sound.rate_hz == rate_hz:
        return sound
    divisor = int(np.gcd(rate_hz, sound.rate_hz))
    up, down = rate_hz // divisor, sound.rate_hz // divisor
    return Sound(np.asarray(signal.resample_poly(sound.samples, up, down)), rate_hz)


def wav_bytes(sound: Sound) -> bytes:
    """16-bit PCM WAV."""
    out = io.BytesIO()
    soundfile.write(out, sound.samples, sound.rate_hz, "PCM_16", format="WAV")
    return out.getvalue()


def check_speech(sound: Sound, *, words: int) -> None:
    """Refuse speech that is empty, silent, clipped or not as long as it must be.

    Raises:
        SpeechFailed: with the measured figure.
    """
    if not len(sound.samples):
        raise SpeechFailed("the voice wrote an empty file")
    peak = float(np.max(np.abs(sound.samples)))
    rms = float(np.sqrt(np.mean(sound.samples**2)))
    if 20 * np.log10(max(rms, 1e-9)) < _SILENT_DBFS:
        raise SpeechFailed("the voice wrote silence")
    flat = _flat_ratio(sound.samples, peak)
    if peak >= 32766 / 32768 and flat > _CLIPPED_RATIO:
        raise SpeechFailed(f"the voice clips ({flat:.1%} of its samples)")
    shortest, longest = words * _SHORTEST_WORD_S, words * _LONGEST_WORD_S + 1.0
    if not shortest <= sound.duration_s <= longest:
        raise SpeechFailed(
            f"{words} words in {sound.duration_s:.1f} s is not plausible "
            f"({shortest:.1f} to {longest:.1f} s)"
        )


def _flat_ratio(samples: Samples, peak: float) -> float:
    """Share of samples that sit at the peak together with a neighbour."""
    at_peak = np.abs(samples) >= peak * (1 - 1e-6)
    return float(np.mean(at_peak[1:] & at_peak[:-1])) if len(samples) > 1 else 0.0
