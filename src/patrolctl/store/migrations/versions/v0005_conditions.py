"""Closed airspace and entered weather."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TABLES = (("no_fly_notices", "id"), ("entered_weather", "site_id"))


def upgrade() -> None:
    """Create the tables."""
    for table, key in TABLES:
        op.create_table(
            table,
            sa.Column(key, sa.String, primary_key=True),
            sa.Column("doc", sa.LargeBinary, nullable=False),
        )


def downgrade() -> None:
    """Drop them."""
    for table, _ in TABLES:
        op.drop_table(table)
