"""The database: SQLite or PostgreSQL through SQLAlchemy Core."""

from patrolctl.store.database import SqlStore
from patrolctl.store.engine import open_store

__all__ = ["SqlStore", "open_store"]
