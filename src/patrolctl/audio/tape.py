"""Live talk as Ogg Opus files (RFC 7845), packets as they came."""

import hashlib
import re
import struct
from pathlib import Path
from typing import BinaryIO

from patrolctl.domain.errors import StoreFailed
from patrolctl.domain.opus import packet_samples
from patrolctl.ports.tape import TapeEnd

RATE_HZ = 48_000
PRE_SKIP = 312  # libopus' look-ahead at 48 kHz; what Chromium's encoder is
_PAGE = struct.Struct("<4sBBqIII")
_SHA = re.compile(r"[0-9a-f]{64}")


def _crc_table() -> tuple[int, ...]:
    table = []
    for n in range(256):
        value = n << 24
        for _ in range(8):
            carry = value & 0x80000000
            value = ((value << 1) ^ (0x04C11DB7 if carry else 0)) & 0xFFFFFFFF
        table.append(value)
    return tuple(table)


_CRC = _crc_table()


def _crc(data: bytes) -> int:
    """Ogg's CRC: polynomial 04C11DB7, nothing reflected (RFC 3533, 6)."""
    value = 0
    for byte in data:
        value = ((value << 8) & 0xFFFFFFFF) ^ _CRC[(value >> 24) ^ byte]
    return value


class OggTape:
    """One recording; one packet a page, so that a cut file is whole so far."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._path = folder / f".new-{name}.ogg"
        self._serial = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
        self._pages = 0
        self._granule = PRE_SKIP
        self._digest = hashlib.sha256()
        try:
            self._file: BinaryIO = self._path.open("wb")
        except OSError as e:
            raise StoreFailed(f"{folder}: {e.strerror}") from None
        head = struct.pack("<8sBBHIhB", b"OpusHead", 1, 1, PRE_SKIP, RATE_HZ, 0, 0)
        self._page(head, 0, flags=2)
        vendor = b"patrolctl"
        tags = struct.pack("<8sI", b"OpusTags", len(vendor)) + vendor + bytes(4)
        self._page(tags, 0)

    def _page(self, packet: bytes, granule: int, *, flags: int = 0) -> None:
        lacing = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
        head = (b"OggS", 0, flags, granule, self._serial, self._pages)
        body = bytes([len(lacing)]) + lacing + packet
        crc = _crc(_PAGE.pack(*head, 0) + body)
        page = _PAGE.pack(*head, crc) + body
        self._pages += 1
        self._digest.update(page)
        try:
            self._file.write(page)
        except OSError as e:
            raise StoreFailed(f"{self._folder}: {e.strerror}") from None

    def add(self, packet: bytes) -> None:
        """Append one packet."""
        self._granule += packet_samples(packet)
        self._page(packet, self._granule)

    def close(self) -> TapeEnd:
        """Finish it under its digest."""
        self._page(b"", self._granule, flags=4)
        sha256 = self._digest.hexdigest()
        path = self._folder / f"{sha256}.ogg"
        try:
            self._file.close()
            self._path.replace(path)
        except OSError as e:
            raise StoreFailed(f"{self._folder}: {e.strerror}") from None
        return TapeEnd(sha256, path, (self._granule - PRE_SKIP) / RATE_HZ)

    def discard(self) -> None:
        """Keep nothing."""
        self._file.close()
        self._path.unlink(missing_ok=True)


class OggTapes:
    """A folder of ``<sha256>.ogg``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, name: str) -> OggTape:
        """Begin a recording; ``name`` is that of a file."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise StoreFailed(f"{self._folder}: {e.strerror}") from None
        return OggTape(self._folder, name)

    def find(self, sha256: str) -> Path | None:
        """The file of a finished recording."""
        path = self._folder / f"{sha256}.ogg"
        return path if _SHA.fullmatch(sha256) and path.is_file() else None
