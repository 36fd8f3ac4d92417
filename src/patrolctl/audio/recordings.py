"""An uploaded recording instead of synthesis: WAV, FLAC, MP3 or OGG."""

import hashlib
import io

import numpy as np
import soundfile
from scipy import signal

from patrolctl.audio.clipstore import ClipStore
from patrolctl.audio.mastering import Mastering, master, trim_silence
from patrolctl.audio.synthesizer import LONGEST_CLIP_S, finish
from patrolctl.audio.wav import Sound
from patrolctl.domain.errors import InputError
from patrolctl.domain.jsondoc import encode
from patrolctl.domain.sound import Clip

LARGEST_BYTES = 50 * 2**20
SHORTEST_S = 0.3
RATE_HZ = 22050
_FORMATS = {"WAV", "WAVEX", "RF64", "FLAC", "MPEG", "MP3", "OGG"}
_RIGHT = "a WAV, FLAC, MP3 or OGG recording"
_BLOCK = 1 << 16
_SILENT = 10 ** (-50 / 20)


def import_recording(
    raw: bytes, store: ClipStore, *, name: str, mastering: Mastering | None = None
) -> Clip:
    """Master a recording like synthesized speech and keep it as a clip.

    Blocks: call it in a thread. The format is told by the bytes, never by
    the name, which only stands in the faults.

    Raises:
        InputError: no sound, too large, too long, too short or silent.
        SpeechFailed: the disk does not take it.
    """
    settings = mastering or Mastering()
    key = hashlib.sha256(
        encode((hashlib.sha256(raw).hexdigest(), settings, "recording/1"))
    ).hexdigest()
    known = store.find(key)
    if known is not None:
        return known
    sound = _mono(_decode(raw, name))
    loud = float(np.sqrt(np.mean(sound.samples**2))) if len(sound.samples) else 0.0
    if loud < _SILENT:
        raise InputError.one(name, "is silent", _RIGHT)
    return finish(store, master(trim_silence(sound), settings), 0.0, key)


def _decode(raw: bytes, name: str) -> Sound:
    """Read block by block, so that a small file cannot become a large array."""
    if len(raw) > LARGEST_BYTES:
        raise InputError.one(
            name, f"has {len(raw):,} bytes", f"at most {LARGEST_BYTES:,}"
        )
    try:
        with soundfile.SoundFile(io.BytesIO(raw)) as file:
            if file.format not in _FORMATS:
                raise InputError.one(name, f"is {file.format}", _RIGHT)
            if not 8000 <= file.samplerate <= 192_000 or file.channels > 8:
                raise InputError.one(name, "has an odd sample rate", _RIGHT)
            rate_hz, left = int(file.samplerate), int(file.samplerate * LONGEST_CLIP_S)
            blocks = []
            while len(block := file.read(_BLOCK, dtype="float64", always_2d=True)):
                blocks.append(block.mean(axis=1))
                left -= len(block)
                if left < 0:
                    raise InputError.one(
                        name, "is too long", f"at most {LONGEST_CLIP_S:.0f} s"
                    )
    except soundfile.SoundFileError:
        raise InputError.one(name, "holds no sound that can be read", _RIGHT) from None
    sound = Sound(np.concatenate(blocks) if blocks else np.zeros(0), rate_hz)
    if sound.duration_s < SHORTEST_S or not np.all(np.isfinite(sound.samples)):
        raise InputError.one(name, "holds no whole recording", _RIGHT)
    return sound


def _mono(sound: Sound) -> Sound:
    if sound.rate_hz == RATE_HZ:
        return sound
    divisor = int(np.gcd(RATE_HZ, sound.rate_hz))
    up, down = RATE_HZ // divisor, sound.rate_hz // divisor
    return Sound(np.asarray(signal.resample_poly(sound.samples, up, down)), RATE_HZ)
