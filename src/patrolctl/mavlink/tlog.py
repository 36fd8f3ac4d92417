"""A ``.tlog`` of both directions: 8-byte big-endian µs, then the frame."""

import struct
from datetime import UTC, datetime
from pathlib import Path

_STAMP = struct.Struct(">Q")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TlogWriter:
    """Appends frames; a full disk stops the log, never the vehicle."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=65536)
        self.path = path
        self.fault: str | None = None

    def write(self, raw: bytes, utc: datetime) -> None:
        """One frame."""
        if self.fault is not None:
            return
        elapsed = utc - _EPOCH
        stamp_us = (elapsed.days * 86400 + elapsed.seconds) * 1_000_000
        try:
            self._file.write(_STAMP.pack(stamp_us + elapsed.microseconds) + raw)
        except (OSError, ValueError) as e:
            self.fault = f"the flight log stopped: {e}"

    def flush(self) -> None:
        """Hand everything to the operating system."""
        if self.fault is not None:
            return
        try:
            self._file.flush()
        except (OSError, ValueError) as e:
            self.fault = f"the flight log stopped: {e}"

    def close(self) -> None:
        """Flush and close."""
        self.flush()
        try:
            self._file.close()
        except OSError as e:
            self.fault = f"the flight log stopped: {e}"
