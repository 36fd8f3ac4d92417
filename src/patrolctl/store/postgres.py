"""An engine on a PostgreSQL database: time limits and a lock by name."""

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from patrolctl.domain.errors import InputError

SCHEMES = ("postgresql", "postgres")

# Advisory locks are numbers that everybody agrees on: "patr" and a count.
MIGRATING = 0x7061_7472_0001
CHAINING = 0x7061_7472_0002

# A database that hangs must not hang what follows vehicles: every statement
# fails within seconds, and facts wait in memory (see LiveFeed).
_OPTIONS = (
    "-c timezone=UTC -c statement_timeout=15000 -c lock_timeout=10000"
    " -c idle_in_transaction_session_timeout=60000"
)


def postgres_url(text_: str) -> URL:
    """The address as SQLAlchemy takes it.

    Raises:
        InputError: it is no PostgreSQL address; the password is not repeated.
    """
    try:
        url = make_url(text_)
    except ArgumentError:
        url = None
    if url is None or url.drivername not in SCHEMES or not url.database:
        raise InputError.one(
            "store_url",
            "is no address of a PostgreSQL database",
            "postgresql://user@host:5432/name",
        )
    return url.set(drivername="postgresql+psycopg")


def postgres_engine(url: URL) -> AsyncEngine:
    """The engine; nothing is opened yet."""
    return create_async_engine(
        url,
        pool_pre_ping=True,  # the server may have been restarted meanwhile
        pool_timeout=10,
        connect_args={
            "options": _OPTIONS,
            "connect_timeout": 5,
            "keepalives_idle": 10,
            "tcp_user_timeout": 10_000,
            "application_name": "patrolctl",
        },
    )


def hold(connection: Connection, lock: int) -> None:
    """Keep others out of what the lock stands for, until the commit.

    SQLite has one writer at a time anyway; there it does nothing.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:k)"), {"k": lock})


async def hold_async(connection: AsyncConnection, lock: int) -> None:
    """The same for an asyncio connection."""
    await connection.run_sync(hold, lock)
