"""A rendered clip as the Opus file that DJI's megaphone action plays."""

import hashlib
import io
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from patrolctl.domain.errors import InputError

# DJI WPML, megaphoneFileBitrate: only value 4, 32 kbit/s, is supported.
BITRATE_ENUM = 4
_BITRATE = 32_000
_RATE_HZ = 48_000
_LOWEST, _HIGHEST = 6_000, 256_000  # libsndfile maps its compression to these


@dataclass(frozen=True, slots=True)
class MegaphoneFile:
    """An audio file inside the KMZ; ``data`` None: it is to be added by hand."""

    name: str
    md5: str
    data: bytes | None


def megaphone_file(clip_sha256: str | None, wav: Path | None) -> MegaphoneFile:
    """Encode the clip, or only name the file that is missing.

    Args:
        clip_sha256: digest of the plan's clip, if it was rendered.
        wav: the clip's WAV file, if there is one.

    Raises:
        InputError: the WAV cannot be read, or is not the plan's clip.
    """
    name = f"{(clip_sha256 or 'announcement')[:16]}.opus"
    if wav is None:
        return MegaphoneFile(name, "", None)
    try:
        raw = wav.read_bytes()
    except OSError as e:
        what = f"cannot be read ({e.strerror or e})"
        raise InputError.one(str(wav), what, "the clip's WAV file") from None
    digest = hashlib.sha256(raw).hexdigest()
    if clip_sha256 is not None and digest != clip_sha256:
        what = f"is not the plan's clip (sha256 {digest[:16]}…)"
        raise InputError.one(str(wav), what, f"the WAV with {clip_sha256[:16]}…")
    data = _opus(raw, wav)
    # MD5 is what DJI asks for; it guards against a torn copy, not an attacker.
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return MegaphoneFile(f"{digest[:16]}.opus", md5, data)


def _opus(raw: bytes, wav: Path) -> bytes:
    try:
        sound, rate_hz = soundfile.read(
            io.BytesIO(raw), dtype="float32", always_2d=True
        )
    except soundfile.LibsndfileError as e:
        raise InputError.one(str(wav), f"is no WAV file ({e})", "a WAV") from None
    mono = sound.mean(axis=1)
    common = gcd(int(rate_hz), _RATE_HZ)
    mono = resample_poly(mono, _RATE_HZ // common, int(rate_hz) // common)
    out = io.BytesIO()
    soundfile.write(
        out,
        np.clip(mono, -1.0, 1.0).astype(np.float32),
        _RATE_HZ,
        format="OGG",
        subtype="OPUS",
        compression_level=1.0 - (_BITRATE - _LOWEST) / (_HIGHEST - _LOWEST),
    )
    return out.getvalue()
