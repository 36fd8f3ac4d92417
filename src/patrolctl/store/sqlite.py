"""An engine on one SQLite file: pragmas and locking."""

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from patrolctl.store.database import WRITES


def sqlite_engine(path: Path) -> AsyncEngine:
    """The engine; nothing is opened yet."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")

    def on_connect(connection: sqlite3.Connection, record: object) -> None:
        del record
        # SQLAlchemy, not the driver, begins transactions (see on_begin).
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            # FULL also flushes the WAL at each commit: what returned survives
            # a power cut (sqlite.org/pragma.html#pragma_synchronous).
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=5000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def on_begin(connection: Connection) -> None:
        # A transaction that reads and then writes must own the write lock
        # from its start: SQLite cannot upgrade a stale snapshot.
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine.sync_engine, "connect", on_connect)
    event.listen(engine.sync_engine, "begin", on_begin)
    return engine
