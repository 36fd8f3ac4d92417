"""Facts that a broker has not acknowledged yet, in order, on disk.

A fact is never dropped and the service never waits for a broker, so what
cannot be sent has to go somewhere that is not memory. One SQLite table holds
it: only the window in flight is ever loaded. With a file of its own it also
survives the process (the onboard agent's reports).
"""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

URGENT, NORMAL = 0, 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    priority INTEGER NOT NULL,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    retain INTEGER NOT NULL,
    expiry_s INTEGER
);
CREATE INDEX IF NOT EXISTS outbox_order ON outbox (priority, id);
"""


@dataclass(frozen=True, slots=True)
class Message:
    """One message at QoS 1."""

    topic: str
    payload: bytes
    retain: bool = False
    expiry_s: int | None = None
    priority: int = NORMAL


class Outbox:
    """The queue. Used from one thread only.

    Args:
        path: its file; None: a temporary one that SQLite removes by itself.
        durable: flush each message to disk before :meth:`put` returns.
    """

    def __init__(self, path: Path | None = None, *, durable: bool = False) -> None:
        # The name "" is a private temporary database, kept in memory up to the
        # cache size and spilt to disk beyond it (sqlite.org/inmemorydb.html).
        self._db = sqlite3.connect("" if path is None else path, isolation_level=None)
        if path is not None:
            self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
        self._db.execute("PRAGMA cache_size=-4096")
        self._db.executescript(_SCHEMA)
        self._size = int(self._db.execute("SELECT count(*) FROM outbox").fetchone()[0])

    def __len__(self) -> int:
        return self._size

    def put(self, message: Message) -> None:
        """Append; urgent messages overtake the others."""
        self._db.execute(
            "INSERT INTO outbox (priority, topic, payload, retain, expiry_s)"
            " VALUES (?, ?, ?, ?, ?)",
            (
                message.priority,
                message.topic,
                message.payload,
                message.retain,
                message.expiry_s,
            ),
        )
        self._size += 1

    def head(self, count: int, skip: set[int]) -> list[tuple[int, Message]]:
        """The next ``count`` messages that are not in ``skip``."""
        rows = self._db.execute(
            "SELECT id, priority, topic, payload, retain, expiry_s FROM outbox"
            " ORDER BY priority, id LIMIT ?",
            (count + len(skip),),
        )
        fresh = [
            (row[0], Message(row[2], row[3], bool(row[4]), row[5], row[1]))
            for row in rows
            if row[0] not in skip
        ]
        return fresh[:count]

    def done(self, row: int) -> None:
        """Forget an acknowledged message."""
        gone = self._db.execute("DELETE FROM outbox WHERE id = ?", (row,)).rowcount
        self._size -= gone

    def withdraw(self, topic: str, part: bytes, keep: set[int]) -> int:
        """Forget a topic's messages that contain ``part``, except ``keep``."""
        found = self._db.execute(
            "SELECT id FROM outbox WHERE topic = ? AND instr(payload, ?)", (topic, part)
        )
        rows = [row for (row,) in found.fetchall() if row not in keep]
        for row in rows:
            self.done(row)
        return len(rows)

    def close(self) -> None:
        """Close the file; what is in it stays."""
        self._db.close()
