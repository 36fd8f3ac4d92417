"""Tables of what runs leave behind."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from patrolctl.store.tables import metadata

gaps = Table(
    "gaps",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("opened_us", BigInteger, nullable=False, index=True),
    Column("state", String, nullable=False, index=True),
    Column("doc", LargeBinary, nullable=False),
)

exposures = Table(
    "exposures",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("site_id", String, nullable=False, index=True),
    Column("day", String, nullable=False),
    Column("doc", LargeBinary, nullable=False),
)

followed_runs = Table(
    "followed_runs",
    metadata,
    Column("run_id", String, primary_key=True),
)

alerts = Table(
    "alerts",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("doc", LargeBinary, nullable=False),
)
