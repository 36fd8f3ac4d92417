"""Opening the database: pragmas, locking and migration."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from patrolctl.clock import Clock
from patrolctl.domain.errors import StoreFailed
from patrolctl.store.database import WRITES, SqlStore

MIGRATIONS = Path(__file__).parent / "migrations"


def _engine(path: Path) -> AsyncEngine:
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


def migrate(connection: Connection) -> None:
    """Bring the tables to the newest revision."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@asynccontextmanager
async def open_store(path: Path, clock: Clock) -> AsyncIterator[SqlStore]:
    """Open (and create or migrate) the database file.

    Raises:
        StoreFailed: the file cannot be opened, is no database, or comes from
            a newer version of patrolctl.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise StoreFailed(f"{path}: {e.strerror}") from None
    engine = _engine(path)
    try:
        try:
            async with engine.connect() as base:
                connection = await base.execution_options(**{WRITES: True})
                async with connection.begin():
                    await connection.run_sync(migrate)
        except DBAPIError as e:
            raise StoreFailed(f"{path}: {e.orig}") from None
        except CommandError as e:
            raise StoreFailed(f"{path}: {e} (made by a newer patrolctl?)") from None
        yield SqlStore(engine, clock)
    finally:
        await engine.dispose()
