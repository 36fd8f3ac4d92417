"""Schedules made in the service, holidays, and since when each is watched."""

from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from patrolctl.store.tables import metadata

schedules = Table(
    "schedules",
    metadata,
    Column("id", String, primary_key=True),
    Column("doc", LargeBinary, nullable=False),
)

holidays = Table(
    "holidays",
    metadata,
    Column("name", String, primary_key=True),
    Column("doc", LargeBinary, nullable=False),
)

schedule_marks = Table(
    "schedule_marks",
    metadata,
    Column("schedule_id", String, primary_key=True),
    Column("since_us", BigInteger, nullable=False),
)
