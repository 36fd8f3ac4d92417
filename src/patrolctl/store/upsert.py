"""INSERT … ON CONFLICT for both databases.

SQLite took the clause from PostgreSQL (sqlite.org/lang_upsert.html), and
SQLAlchemy's SQLite dialect compiles PostgreSQL's construct as it stands; the
store's tests run on both.
"""

from sqlalchemy.dialects.postgresql import insert as upsert

__all__ = ["upsert"]
