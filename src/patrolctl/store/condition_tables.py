"""Closed airspace and entered weather."""

from sqlalchemy import Column, LargeBinary, String, Table

from patrolctl.store.tables import metadata

no_fly_notices = Table(
    "no_fly_notices",
    metadata,
    Column("id", String, primary_key=True),
    Column("doc", LargeBinary, nullable=False),
)

entered_weather = Table(
    "entered_weather",
    metadata,
    Column("site_id", String, primary_key=True),
    Column("doc", LargeBinary, nullable=False),
)
