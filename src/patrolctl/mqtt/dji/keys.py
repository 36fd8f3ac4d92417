"""Keys that a DJI speaker was asked for, on disk before it is asked.

DJI's services know no idempotency key: what keeps a message from being said
twice, also after a restart of the service, is this.
"""

import sqlite3
from pathlib import Path

from patrolctl.domain.jsondoc import decode, encode
from patrolctl.domain.sound import Playback

REMEMBERED = 10_000


class Keys:
    """The latest report of each key; ``path`` None: in memory."""

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS played (key TEXT PRIMARY KEY, report BLOB)"
        )

    def keep(self, report: Playback) -> None:
        """Remember it."""
        self._db.execute(
            "INSERT OR REPLACE INTO played (key, report) VALUES (?, ?)",
            (report.key, encode(report)),
        )
        self._db.execute(
            "DELETE FROM played WHERE rowid <= (SELECT max(rowid) FROM played) - ?",
            (REMEMBERED,),
        )

    def forget(self, key: str) -> None:
        """It was not asked for after all."""
        self._db.execute("DELETE FROM played WHERE key = ?", (key,))

    def report(self, key: str) -> Playback | None:
        """The latest report of a key."""
        row = self._db.execute(
            "SELECT report FROM played WHERE key = ?", (key,)
        ).fetchone()
        return None if row is None else decode(row[0], Playback, source="keys")

    def close(self) -> None:
        """Close the file."""
        self._db.close()
