"""The tables of announcements, beside those of :mod:`tables`."""

from sqlalchemy import Column, Integer, LargeBinary, String, Table

from patrolctl.store.tables import metadata

announcements = Table(
    "announcements",
    metadata,
    Column("id", String, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("doc", LargeBinary, nullable=False),
)

announcement_clips = Table(
    "announcement_clips",
    metadata,
    Column("announcement_id", String, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("clip_sha256", String, primary_key=True),
)

cap_alerts = Table(
    "cap_alerts",
    metadata,
    Column("key", String, primary_key=True),
    Column("doc", LargeBinary, nullable=False),
)
