"""Clips on the vehicle: fetched, verified by hash, kept within a bound."""

import hashlib
import logging
import os
import tempfile
import urllib.error
import urllib.request
import wave
from collections.abc import Collection
from pathlib import Path

from patrolctl.domain.errors import PatrolError

log = logging.getLogger(__name__)

LARGEST_CLIP_BYTES = 64 * 2**20
FETCH_S = 20.0


class ClipUnavailable(PatrolError):
    """A clip cannot be had, or is not what it is said to be."""


class ClipCache:
    """A folder of ``<sha256>.wav``.

    Args:
        folder: where they are kept.
        most_bytes: beyond it the ones unused for longest are removed.
        shared: a folder that the service writes into; looked at first.
    """

    def __init__(
        self, folder: Path, *, most_bytes: int, shared: Path | None = None
    ) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._shared = shared
        folder.mkdir(parents=True, exist_ok=True)
        for broken in folder.glob(".new-*"):
            broken.unlink(missing_ok=True)

    def cached(self) -> tuple[str, ...]:
        """Hashes of what is here."""
        return tuple(sorted(p.stem for p in self._folder.glob("*.wav")))

    def get(self, sha256: str, url: str | None, pinned: Collection[str] = ()) -> Path:
        """The clip's file, verified now; fetched when it is not here.

        Blocks. ``pinned`` are the clips that must not make room for it.

        Raises:
            ClipUnavailable: with the reason.
        """
        if len(sha256) != 64 or not all(c in "0123456789abcdef" for c in sha256):
            raise ClipUnavailable("the command names no clip")
        path = self._folder / f"{sha256}.wav"
        if path.exists() and _digest(path) == sha256:
            os.utime(path)
            return path
        path.unlink(missing_ok=True)
        raw = self._fetch(sha256, url)
        if hashlib.sha256(raw).hexdigest() != sha256:
            raise ClipUnavailable(f"clip {sha256[:12]} has a wrong hash")
        self._make_room(len(raw), {*pinned, sha256})
        self._write(path, raw)
        try:
            with wave.open(str(path)) as sound:
                if sound.getsampwidth() != 2 or sound.getnframes() == 0:
                    raise ClipUnavailable(f"clip {sha256[:12]} is not 16-bit sound")
        except (wave.Error, EOFError) as e:
            path.unlink(missing_ok=True)
            raise ClipUnavailable(f"clip {sha256[:12]} is no WAV file ({e})") from None
        return path

    def _fetch(self, sha256: str, url: str | None) -> bytes:
        if self._shared is not None:
            try:
                return (self._shared / f"{sha256}.wav").read_bytes()
            except OSError:
                pass
        if url is None:
            raise ClipUnavailable(f"clip {sha256[:12]} is not here and has no address")
        if not url.startswith(("http://", "https://")):
            raise ClipUnavailable(f"clip {sha256[:12]} has no http address")
        try:
            with urllib.request.urlopen(url, timeout=FETCH_S) as answer:
                raw: bytes = answer.read(LARGEST_CLIP_BYTES + 1)
        except (OSError, ValueError, urllib.error.URLError) as e:
            raise ClipUnavailable(f"clip {sha256[:12]}: {e}") from None
        if len(raw) > LARGEST_CLIP_BYTES:
            raise ClipUnavailable(f"clip {sha256[:12]} is too large")
        return raw

    def _make_room(self, size: int, pinned: Collection[str]) -> None:
        files = sorted(self._folder.glob("*.wav"), key=lambda p: p.stat().st_mtime)
        used = sum(p.stat().st_size for p in files)
        for path in files:
            if used + size <= self._most_bytes:
                return
            if path.stem not in pinned:
                used -= path.stat().st_size
                path.unlink(missing_ok=True)
                log.info("clip %s made room", path.stem[:12])

    def _write(self, path: Path, raw: bytes) -> None:
        try:
            handle, name = tempfile.mkstemp(dir=self._folder, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as f:
                    f.write(raw)
                    f.flush()
                    os.fsync(f.fileno())
                Path(name).replace(path)
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as e:
            raise ClipUnavailable(f"the disk does not take it ({e.strerror})") from None


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as f:
        while block := f.read(1 << 16):
            digest.update(block)
    return digest.hexdigest()
