"""Clips on disk: WAVs by the hash of their bytes, found by what was asked.

``<sha256>.wav`` is the sound, ``<sha256>.json`` what it measures, and
``asked/<key>`` names the clip that a request led to. Files are written beside
and renamed, so that a reader sees all of a file or none of it.
"""

import hashlib
import os
import tempfile
from dataclasses import replace
from pathlib import Path

from patrolctl.domain.errors import InputError, SpeechFailed
from patrolctl.domain.jsondoc import decode, encode
from patrolctl.domain.sound import Clip


class ClipStore:
    """A directory of clips."""

    def __init__(self, clip_dir: Path) -> None:
        self.clip_dir = clip_dir
        self._asked = clip_dir / "asked"

    def find(self, key: str) -> Clip | None:
        """The clip of an earlier request, if it is still whole."""
        try:
            sha256 = (self._asked / key).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return self.clip(sha256)

    def clip(self, sha256: str) -> Clip | None:
        """A clip by its hash; None where it is missing or damaged."""
        if len(sha256) != 64 or not sha256.isalnum():
            return None
        wav = self.clip_dir / f"{sha256}.wav"
        try:
            clip = decode(
                wav.with_suffix(".json").read_bytes(), Clip, source=f"clip {sha256}"
            )
            whole = hashlib.sha256(wav.read_bytes()).hexdigest() == sha256
        except (OSError, InputError):
            return None
        return replace(clip, path=str(wav)) if whole else None

    def clips(self) -> tuple[Clip, ...]:
        """All whole clips, newest first."""
        if not self.clip_dir.is_dir():
            return ()
        files = sorted(
            self.clip_dir.glob("*.json"), key=lambda p: p.stat().st_mtime, reverse=True
        )
        found = (self.clip(p.stem) for p in files)
        return tuple(c for c in found if c is not None)

    def keep(self, clip: Clip, raw: bytes, key: str | None = None) -> Clip:
        """Keep the WAV's bytes and what they measure; returns it with its path.

        Raises:
            SpeechFailed: the disk does not take it.
        """
        wav = self.clip_dir / f"{clip.sha256}.wav"
        clip = replace(clip, path=str(wav))
        try:
            self._asked.mkdir(parents=True, exist_ok=True)
            _write(wav, raw)
            _write(wav.with_suffix(".json"), encode(replace(clip, path="")))
            if key is not None:
                _write(self._asked / key, clip.sha256.encode())
        except OSError as e:
            raise SpeechFailed(
                f"the clip cannot be kept in {self.clip_dir}: {e}"
            ) from e
        return clip


def _write(path: Path, raw: bytes) -> None:
    """Write beside, flush to disk, rename."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as f:
            f.write(raw)
            f.flush()
            os.fsync(f.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
