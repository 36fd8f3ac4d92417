"""What was played, on disk before the first sample sounds.

The key of a cue is written and flushed before playing begins, so that a
restart at any moment never plays it twice; a key whose end was not written is
a clip that was cut when the agent died.
"""

import sqlite3
from pathlib import Path

from patrolctl.domain.jsondoc import decode, encode
from patrolctl.domain.sound import Playback

_SCHEMA = """
CREATE TABLE IF NOT EXISTS played (
    key TEXT PRIMARY KEY,
    report BLOB NOT NULL,
    ended INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value BLOB NOT NULL);
"""
# Keys older than these many are forgotten; they belong to runs long ended.
REMEMBERED = 100_000


class Ledger:
    """Played keys and the current cue sheet."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)

    def begin(self, report: Playback) -> bool:
        """Claim the report's key; False: it was claimed before."""
        claimed = self._db.execute(
            "INSERT OR IGNORE INTO played (key, report, ended) VALUES (?, ?, 0)",
            (report.key, encode(report)),
        ).rowcount
        return claimed == 1

    def end(self, report: Playback) -> None:
        """Keep how the key ended."""
        self._db.execute(
            "UPDATE played SET report = ?, ended = 1 WHERE key = ?",
            (encode(report), report.key),
        )
        self._db.execute(
            "DELETE FROM played WHERE rowid <= (SELECT max(rowid) FROM played) - ?",
            (REMEMBERED,),
        )

    def report(self, key: str) -> Playback | None:
        """The latest report of a key."""
        row = self._db.execute(
            "SELECT report FROM played WHERE key = ?", (key,)
        ).fetchone()
        return None if row is None else decode(row[0], Playback, source="ledger")

    def unfinished(self) -> tuple[Playback, ...]:
        """Reports whose end was never written."""
        rows = self._db.execute("SELECT report FROM played WHERE ended = 0")
        return tuple(decode(r[0], Playback, source="ledger") for r in rows)

    def keep(self, name: str, value: bytes) -> None:
        """Keep a document by name."""
        self._db.execute(
            "INSERT OR REPLACE INTO kept (name, value) VALUES (?, ?)", (name, value)
        )

    def kept(self, name: str) -> bytes | None:
        """The document of that name."""
        row = self._db.execute(
            "SELECT value FROM kept WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def close(self) -> None:
        """Close the file."""
        self._db.close()
