"""Clips as DJI's speakers want them: headerless 16 kHz mono 16-bit PCM."""

import hashlib
import os
import wave
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from patrolctl.mqtt.dji.wire import PCM_RATE_HZ, DjiFailed


@dataclass(frozen=True, slots=True)
class PcmFile:
    """A converted clip."""

    path: Path
    md5: str
    duration_s: float


def to_pcm(wav: Path) -> PcmFile:
    """Convert a clip's WAV; the PCM stands beside it and is kept. Blocks.

    Raises:
        DjiFailed: there is no such clip, or it is no 16-bit WAV.
    """
    out = wav.with_suffix(".pcm")
    try:
        raw = out.read_bytes() if out.exists() else _converted(wav)
        if not out.exists():
            fresh = out.with_suffix(f".new-{os.getpid()}")
            fresh.write_bytes(raw)
            fresh.replace(out)
    except (OSError, wave.Error, EOFError) as e:
        raise DjiFailed(f"clip {wav.stem[:12]}: {e}") from None
    # MD5 is what DJI's protocol names a file by; it guards nothing here.
    md5 = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    return PcmFile(out, md5, len(raw) / 2 / PCM_RATE_HZ)


def _converted(wav: Path) -> bytes:
    with wave.open(str(wav)) as sound:
        if sound.getsampwidth() != 2 or sound.getnframes() == 0:
            raise DjiFailed(f"clip {wav.stem[:12]} is not 16-bit sound")
        rate_hz = sound.getframerate()
        samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
        mono = samples.reshape(-1, sound.getnchannels()).mean(axis=1)
    if rate_hz != PCM_RATE_HZ:
        common = gcd(rate_hz, PCM_RATE_HZ)
        mono = resample_poly(mono, PCM_RATE_HZ // common, rate_hz // common)
    whole = np.clip(np.rint(mono), -32768, 32767).astype("<i2")
    return bytes(whole.tobytes())
