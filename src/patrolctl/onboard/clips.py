"""Clips on the vehicle: fetched, verified by hash, kept within a bound."""

import hashlib
import http.client
import io
import logging
import os
import tempfile
import threading
import time
import urllib.request
import wave
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from patrolctl.domain.errors import PatrolError

log = logging.getLogger(__name__)

LARGEST_CLIP_BYTES = 64 * 2**20
FETCH_S, STALL_S = 20.0, 5.0


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
        # A clip may be fetched ahead while another is wanted at once.
        self._writing = threading.Lock()
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
        if _is_whole(path, sha256):
            return path
        raw = self._fetch(sha256, url)
        if hashlib.sha256(raw).hexdigest() != sha256:
            raise ClipUnavailable(f"clip {sha256[:12]} has a wrong hash")
        _check_wav(raw, sha256)
        with self._writing:
            # Somebody else may have brought it meanwhile, and play it already.
            if not _is_whole(path, sha256):
                self._make_room(len(raw), path, pinned)
                self._write(path, raw)
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
            return _download(url)
        except (OSError, ValueError, http.client.HTTPException) as e:
            raise ClipUnavailable(f"clip {sha256[:12]}: {e}") from None

    def _make_room(self, size: int, new: Path, pinned: Collection[str]) -> None:
        """Remove what was unused for longest until ``size`` bytes of ``new`` fit."""
        files = sorted(
            (p.stat().st_mtime, p.stat().st_size, p)
            for p in self._folder.glob("*.wav")
            if p != new  # a damaged one is written over
        )
        used = sum(length for _, length, _ in files)
        for _, length, path in files:
            if used + size <= self._most_bytes:
                return
            if path.stem not in pinned:
                used -= length
                path.unlink(missing_ok=True)
                log.info("clip %s made room", path.stem[:12])
        if used + size > self._most_bytes:
            raise ClipUnavailable(
                f"the cache of {self._most_bytes / 1e6:.1f} MB is too small for "
                "the clips that are needed at once"
            )

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
            raise ClipUnavailable(
                f"clip {path.stem[:12]}: the disk does not take it ({e.strerror})"
            ) from None


def _is_whole(path: Path, sha256: str) -> bool:
    """Whether the file is what it is called; a used one becomes younger."""
    try:
        if _digest(path) != sha256:
            return False
    except OSError:
        return False
    with suppress(OSError):  # a disk that has become read-only
        os.utime(path)
    return True


def _download(url: str) -> bytes:
    """All of it within FETCH_S: one that drips does not hold a thread for ever."""
    # A real transfer in real seconds, whatever the simulated clock does.
    end_s = time.monotonic() + FETCH_S  # noqa: TID251
    got = bytearray()
    with urllib.request.urlopen(url, timeout=STALL_S) as answer:
        while block := answer.read(1 << 16):
            got += block
            if len(got) > LARGEST_CLIP_BYTES:
                raise ValueError(f"more than {LARGEST_CLIP_BYTES:,} bytes")
            if time.monotonic() > end_s:  # noqa: TID251
                raise ValueError(f"not here after {FETCH_S:g} s")
    return bytes(got)


def _check_wav(raw: bytes, sha256: str) -> None:
    """Refuse what the player could not play, before it is kept.

    Raises:
        ClipUnavailable: with the reason.
    """
    try:
        with wave.open(io.BytesIO(raw)) as sound:
            if sound.getsampwidth() != 2 or sound.getnframes() == 0:
                raise ClipUnavailable(f"clip {sha256[:12]} is not 16-bit sound")
            whole = len(sound.readframes(sound.getnframes()))
            if whole != sound.getnframes() * sound.getnchannels() * 2:
                raise ClipUnavailable(f"clip {sha256[:12]} is cut short")
    except (wave.Error, EOFError) as e:
        raise ClipUnavailable(f"clip {sha256[:12]} is no WAV file ({e})") from None


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as f:
        while block := f.read(1 << 16):
            digest.update(block)
    return digest.hexdigest()
