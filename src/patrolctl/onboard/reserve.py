"""A little disk kept back, so that what was played can still be written down.

When the disk is full the agent must neither play without a record nor lose a
report. It gives up its reserve then, which holds thousands of records, tells
the fault, and takes the reserve back when there is room again.
"""

import errno
import logging
import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

log = logging.getLogger(__name__)

RESERVE_BYTES = 512 * 1024
# SQLite lets its log grow to 4 MB before it is used again from the beginning;
# with this one the reserve lasts for as long as it takes.
SMALL_LOG = "PRAGMA wal_autocheckpoint=32"
T = TypeVar("T")


class Reserve:
    """A file of zeros that stands for the space it takes.

    Args:
        path: the file.
        size: its bytes.
    """

    def __init__(self, path: Path, size: int = RESERVE_BYTES) -> None:
        self._path = path
        self._size = size
        self.refill()

    @property
    def whole(self) -> bool:
        """Whether the space is kept back now."""
        try:
            return self._path.stat().st_size == self._size
        except OSError:
            return False

    def refill(self) -> bool:
        """Take the space back, where there is some; whether it is kept now."""
        if self.whole:
            return True
        try:
            with self._path.open("wb") as f:
                f.write(bytes(self._size))  # a sparse file would keep nothing back
                f.flush()
                os.fsync(f.fileno())
        except OSError:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
            return False
        return True

    def release(self) -> bool:
        """Give the space up; whether there was any."""
        try:
            had = self._path.stat().st_size
            self._path.unlink()
        except OSError:
            return False
        log.warning("the disk is full; %d bytes kept back are used now", had)
        return had > 0


def is_full(error: sqlite3.Error | OSError) -> bool:
    """Whether an error says that there is no room."""
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    # An I/O error is how SQLite tells of a full disk while it writes its log.
    return "full" in str(error) or "disk I/O error" in str(error)


def with_room(reserve: Reserve | None, write: Callable[[], T]) -> T:
    """Write; where the disk is full, once more in the reserve's space."""
    try:
        return write()
    except (sqlite3.Error, OSError) as e:
        if reserve is None or not is_full(e) or not reserve.release():
            raise
    return write()
