"""What was played, on disk before the first sample sounds.

The key of a cue is written and flushed before playing begins, so that a
restart at any moment never plays it twice; a key whose end was not written is
a clip that was cut when the agent died. How far it had come stands in a small
file beside, which is not flushed: a killed process leaves it behind all the
same, and only a loss of power takes it.
"""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from patrolctl.domain.errors import InputError
from patrolctl.domain.jsondoc import decode, encode
from patrolctl.domain.sound import Playback
from patrolctl.onboard.reserve import SMALL_LOG, Reserve, with_room

_SCHEMA = """
CREATE TABLE IF NOT EXISTS played (
    key TEXT PRIMARY KEY,
    report BLOB NOT NULL,
    ended INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS untold (key TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value BLOB NOT NULL);
"""
# Keys older than these many are forgotten; they belong to runs long ended.
REMEMBERED = 100_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far a key had come."""

    key: str
    utc: datetime
    repeats_done: int


class Ledger:
    """Played keys and the current cue sheet.

    Args:
        path: its file.
        reserve: space that is given up when the disk is full; None: none.
    """

    def __init__(self, path: Path, reserve: Reserve | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._progress = path.with_name("playing.json")
        self._reserve = reserve
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(SMALL_LOG)
        self._db.executescript(_SCHEMA)
        # Ends that the disk did not take yet, and that are true all the same.
        self._owed: dict[str, Playback] = {}

    def begin(self, report: Playback) -> bool:
        """Claim the report's key; False: it was claimed before.

        Raises:
            sqlite3.Error: the disk does not take it: it must not be played.
        """
        self.settle()
        claim = "INSERT OR IGNORE INTO played (key, report, ended) VALUES (?, ?, 0)"
        row = (report.key, encode(report))
        return self._write(lambda: self._db.execute(claim, row).rowcount) == 1

    def end(self, report: Playback) -> None:
        """Keep how the key ended; never raises, it has sounded already."""
        self._owed[report.key] = report
        self.settle()

    def settle(self) -> bool:
        """Write the ends that are owed, as far as the disk takes them."""
        try:
            for report in list(self._owed.values()):
                self._write(partial(self._end, report))
                del self._owed[report.key]
        except sqlite3.Error:
            return False
        return True

    def _end(self, report: Playback) -> None:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(
                "UPDATE played SET report = ?, ended = 1 WHERE key = ?",
                (encode(report), report.key),
            )
            self._db.execute(
                "INSERT OR REPLACE INTO untold (key) VALUES (?)", (report.key,)
            )
            self._db.execute(
                "DELETE FROM played WHERE rowid <= (SELECT max(rowid) FROM played) - ?",
                (REMEMBERED,),
            )

    def told(self, key: str) -> None:
        """The report of the key's end has gone to the outbox."""
        with suppress(sqlite3.Error):  # then it is told twice, under one id
            self._db.execute("DELETE FROM untold WHERE key = ?", (key,))

    def untold(self) -> tuple[Playback, ...]:
        """Ends that were written and not told when the agent died."""
        rows = self._db.execute(
            "SELECT report FROM played JOIN untold USING (key) WHERE ended = 1"
        )
        return tuple(decode(r[0], Playback, source="ledger") for r in rows)

    def report(self, key: str) -> Playback | None:
        """The latest report of a key."""
        if key in self._owed:
            return self._owed[key]
        row = self._db.execute(
            "SELECT report FROM played WHERE key = ?", (key,)
        ).fetchone()
        return None if row is None else decode(row[0], Playback, source="ledger")

    def unfinished(self) -> tuple[Playback, ...]:
        """Reports whose end was never written, as far as they had come."""
        rows = self._db.execute("SELECT report FROM played WHERE ended = 0")
        reports = [decode(r[0], Playback, source="ledger") for r in rows]
        progress = self._last_progress()
        return tuple(
            replace(r, end_utc=progress.utc, repeats_done=progress.repeats_done)
            if progress is not None and progress.key == r.key
            else replace(r, end_utc=r.start_utc)
            for r in reports
            if r.key not in self._owed
        )

    def progress(self, key: str, utc: datetime, repeats_done: int) -> None:
        """Note how far a key has come; called about once a second."""
        with suppress(OSError):
            beside = self._progress.with_suffix(".new")
            beside.write_bytes(encode(_Progress(key, utc, repeats_done)))
            beside.replace(self._progress)

    def _last_progress(self) -> _Progress | None:
        try:
            raw = self._progress.read_bytes()
            return decode(raw, _Progress, source="progress")
        except (OSError, InputError):
            return None

    def keep(self, name: str, value: bytes) -> None:
        """Keep a document by name.

        Raises:
            sqlite3.Error: the disk does not take it.
        """
        keep = "INSERT OR REPLACE INTO kept (name, value) VALUES (?, ?)"
        self._write(lambda: self._db.execute(keep, (name, value)))

    def kept(self, name: str) -> bytes | None:
        """The document of that name."""
        row = self._db.execute(
            "SELECT value FROM kept WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _write(self, write: Callable[[], T]) -> T:
        return with_room(self._reserve, write)
