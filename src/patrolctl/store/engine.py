"""Opening the database, wherever it is, and migrating it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from patrolctl.clock import Clock
from patrolctl.domain.errors import StoreFailed
from patrolctl.store.database import WRITES, SqlStore
from patrolctl.store.postgres import MIGRATING, hold, postgres_engine, postgres_url
from patrolctl.store.sqlite import sqlite_engine

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(connection: Connection) -> None:
    """Bring the tables to the newest revision; nodes do so one by one."""
    hold(connection, MIGRATING)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _engine(where: Path | str) -> tuple[AsyncEngine, str]:
    """The engine, and the place as it may be told (its password as ***)."""
    if isinstance(where, str):
        url = postgres_url(where)
        told = url.set(drivername="postgresql", query={}).render_as_string()
        return postgres_engine(url), told
    try:
        where.parent.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise StoreFailed(f"{where}: {e.strerror}") from None
    return sqlite_engine(where), str(where)


def _first_line(error: DBAPIError) -> str:
    return (str(error.orig).strip().splitlines() or ["no answer"])[0]


@asynccontextmanager
async def open_store(where: Path | str, clock: Clock) -> AsyncIterator[SqlStore]:
    """Open (and create or migrate) the database.

    Args:
        where: a SQLite file, or the address of a PostgreSQL database such as
            ``postgresql://user@host/name``.
        clock: stamps what is kept.

    Raises:
        StoreFailed: it cannot be opened, is no database, or comes from a
            newer version of patrolctl.
        InputError: the address is none.
    """
    engine, place = _engine(where)
    try:
        try:
            async with engine.connect() as base:
                connection = await base.execution_options(**{WRITES: True})
                async with connection.begin():
                    await connection.run_sync(migrate)
        except DBAPIError as e:
            raise StoreFailed(f"{place}: {_first_line(e)}") from None
        except CommandError as e:
            raise StoreFailed(f"{place}: {e} (made by a newer patrolctl?)") from None
        yield SqlStore(engine, clock)
    finally:
        await engine.dispose()
