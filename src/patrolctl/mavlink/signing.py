"""MAVLink 2 signing, verified here rather than by pymavlink.

pymavlink stores a stream's timestamp before it has checked the hash, lets
its callback rescue badly signed frames, and forgets replay state on restart
(mavlink.md, Link, faults 1 and 2). Here nothing changes before the hash is
right, and what was accepted stays refused after a crash too: a limit ahead
of the accepted timestamps is on disk before frames up to it are accepted.
Source: mavlink-devguide, message signing.
"""

import hashlib
import hmac
import json
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from patrolctl.clock import Clock
from patrolctl.domain.errors import InputError
from patrolctl.mavlink.framing import SIGNATURE_LEN, Frame

EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
UNITS_PER_S = 100_000
NEW_STREAM_BEHIND = 60 * UNITS_PER_S
# A stream's limit on disk runs this far ahead of what was accepted. After a
# crash frames up to it are refused, so this long we may be deaf.
LIMIT_AHEAD = 5 * UNITS_PER_S
SENT_AHEAD = 60 * UNITS_PER_S
MAX_TIMESTAMP = 2**48 - 1

Stream = tuple[int, int, int]


def read_key(path: Path) -> bytes:
    """The 32-byte key: raw, or 64 hex digits, or a passphrase's SHA-256.

    Raises:
        InputError: it cannot be read or is empty.
    """
    try:
        raw = path.read_bytes()
    except OSError as e:
        raise InputError.one(f"signing key {path}", str(e.strerror)) from None
    text = raw.strip()
    if not text:
        raise InputError.one(f"signing key {path}", "is empty", "32 bytes or a phrase")
    if len(raw) == 32:
        return raw
    if re.fullmatch(rb"[0-9a-fA-F]{64}", text):
        return bytes.fromhex(text.decode())
    return hashlib.sha256(text).digest()


def signature_of(key: bytes, frame_without: bytes) -> bytes:
    """The six bytes: SHA-256 of key, frame, link id and timestamp."""
    return hashlib.sha256(key + frame_without).digest()[:6]


@dataclass(slots=True)
class SigningState:
    """Timestamps that outlive the process."""

    path: Path
    sent: int = 0
    limits: dict[Stream, int] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> "SigningState":
        """From disk; nothing there means nothing was ever accepted.

        Raises:
            InputError: there is a file that cannot be understood. Starting
                afresh would open the door to replays.
        """
        try:
            raw = path.read_text()
        except FileNotFoundError:
            return cls(path)
        try:
            document = json.loads(raw)
            limits = {}
            for name, limit in document["streams"].items():
                system, component, link = (int(part) for part in name.split(":"))
                limits[system, component, link] = int(limit)
            return cls(path, int(document["sent"]), limits)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError.one(
                f"signing state {path}",
                "cannot be read",
                "the file as it was written, or a new key on both sides",
            ) from None

    def save(self) -> None:
        """Atomically, and on the disk when this returns."""
        streams = {":".join(map(str, k)): v for k, v in self.limits.items()}
        text = json.dumps({"sent": self.sent, "streams": streams})
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        with new.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)


class Signer:
    """Signs what we send and judges what we receive, for one vehicle."""

    def __init__(
        self, key: bytes, state: SigningState, clock: Clock, *, link_id: int = 0
    ) -> None:
        self._key = key
        self._state = state
        self._clock = clock
        self._link_id = link_id
        self._timestamp = max(self._now(), state.sent)
        self._seen: dict[Stream, int] = {}
        self.refused: dict[str, int] = {}

    def _now(self) -> int:
        elapsed = self._clock.utc() - EPOCH
        return int(elapsed.total_seconds() * UNITS_PER_S)

    def sign(self, raw: bytes) -> bytes:
        """The frame, made with the signed flag, and its signature."""
        self._timestamp = max(self._timestamp + 1, self._now())
        if self._timestamp >= self._state.sent:
            # Reserve ahead, so that a crash never makes us repeat one.
            self._state.sent = self._timestamp + SENT_AHEAD
            self._state.save()
        body = raw + bytes((self._link_id,)) + self._timestamp.to_bytes(6, "little")
        return body + signature_of(self._key, body)

    def refusal(self, frame: Frame) -> str | None:
        """Why a frame is refused; None: it is genuine and new."""
        reason = self._refusal(frame)
        if reason is not None:
            self.refused[reason] = self.refused.get(reason, 0) + 1
        return reason

    def _refusal(self, frame: Frame) -> str | None:
        if frame.version != 2:
            return "MAVLink 1"
        if len(frame.signature) != SIGNATURE_LEN:
            return "unsigned"
        told = frame.signature[-6:]
        if not hmac.compare_digest(told, signature_of(self._key, frame.raw[:-6])):
            return "bad signature"
        timestamp = int.from_bytes(frame.signature[1:7], "little")
        stream = (frame.sysid, frame.compid, frame.signature[0])
        if not self._is_new(stream, timestamp):
            return "replayed"
        self._accept(stream, timestamp)
        return None

    def _is_new(self, stream: Stream, timestamp: int) -> bool:
        seen = self._seen.get(stream)
        if seen is not None:
            return timestamp > seen
        limit = self._state.limits.get(stream)
        if limit is not None:
            return timestamp > limit
        return timestamp >= self._timestamp - NEW_STREAM_BEHIND

    def _accept(self, stream: Stream, timestamp: int) -> None:
        self._seen[stream] = timestamp
        if timestamp > self._state.limits.get(stream, -1):
            ahead = min(timestamp + LIMIT_AHEAD, MAX_TIMESTAMP)
            self._state.limits[stream] = ahead
            self._state.save()
        if timestamp < MAX_TIMESTAMP - SENT_AHEAD:
            self._timestamp = max(self._timestamp, timestamp)

    def close(self) -> None:
        """Put the exact timestamps down: an orderly end costs no deafness."""
        self._state.sent = self._timestamp + 1
        self._state.limits.update(self._seen)
        self._state.save()
