"""Clips: fetched by URL or from a folder, checked, measured, kept."""

import hashlib
import struct
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

MAX_BYTES = 64 * 1024 * 1024
TIMEOUT_S = 10.0


class ClipUnavailable(Exception):
    """The clip cannot be had, or is not what it is said to be."""


def wav_duration_s(data: bytes) -> float:
    """Playing time of a RIFF WAVE file.

    Raises:
        ClipUnavailable: it is none.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        msg = "not a WAV file"
        raise ClipUnavailable(msg)
    at, byte_rate, sound_bytes = 12, 0, 0
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if name == b"fmt " and at + 20 <= len(data):
            byte_rate = struct.unpack_from("<I", data, at + 16)[0]
        elif name == b"data":
            sound_bytes = min(size, len(data) - at - 8)
        at += 8 + size + size % 2
    if byte_rate == 0 or sound_bytes == 0:
        msg = "a WAV file without sound"
        raise ClipUnavailable(msg)
    return float(sound_bytes / byte_rate)


@dataclass(slots=True)
class ClipCache:
    """Clips by their hash; ``folder`` is where files are looked for first."""

    folder: Path | None = None
    durations_s: dict[str, float] = field(default_factory=dict)

    def fetch(self, sha256: str, url: str | None) -> float:
        """Get, check and keep a clip; gives its playing time.

        Raises:
            ClipUnavailable: with the reason.
        """
        known = self.durations_s.get(sha256)
        if known is not None:
            return known
        data = self._read(sha256, url)
        actual = hashlib.sha256(data).hexdigest()
        if actual != sha256:
            msg = f"clip {sha256[:12]}… has the hash {actual[:12]}…"
            raise ClipUnavailable(msg)
        duration_s = wav_duration_s(data)
        self.durations_s[sha256] = duration_s
        return duration_s

    def drop(self, sha256: str) -> None:
        """Forget a clip."""
        self.durations_s.pop(sha256, None)

    def _read(self, sha256: str, url: str | None) -> bytes:
        path = None if self.folder is None else self.folder / f"{sha256}.wav"
        if path is not None and path.is_file():
            return path.read_bytes()
        if not url:
            msg = f"clip {sha256[:12]}… has no URL and is in no folder"
            raise ClipUnavailable(msg)
        return _download(url)


def _download(url: str) -> bytes:
    if not url.startswith(("http://", "https://")):
        msg = f"{url!r} is not an HTTP URL"
        raise ClipUnavailable(msg)
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
            data = bytes(answer.read(MAX_BYTES + 1))
    except (OSError, ValueError) as fault:
        msg = f"{url}: {fault}"
        raise ClipUnavailable(msg) from fault
    if len(data) > MAX_BYTES:
        msg = f"{url}: larger than {MAX_BYTES} bytes"
        raise ClipUnavailable(msg)
    return data
