"""Schedules made in the service, and how far each occurrence is."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables and widen that of the occurrences."""
    for table, key in (("schedules", "id"), ("holidays", "name")):
        op.create_table(
            table,
            sa.Column(key, sa.String, primary_key=True),
            sa.Column("doc", sa.LargeBinary, nullable=False),
        )
    op.create_table(
        "schedule_marks",
        sa.Column("schedule_id", sa.String, primary_key=True),
        sa.Column("since_us", sa.BigInteger, nullable=False),
    )
    with op.batch_alter_table("occurrences") as batch:
        # What there is was seen through, or lost, by an earlier version.
        batch.add_column(
            sa.Column("state", sa.String, nullable=False, server_default="done")
        )
        batch.add_column(
            sa.Column("manual", sa.Boolean, nullable=False, server_default=sa.false())
        )
        batch.add_column(sa.Column("node", sa.String))
        batch.add_column(sa.Column("beat_us", sa.BigInteger))
    op.create_index("ix_occurrences_state", "occurrences", ["state"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_occurrences_state", "occurrences")
    with op.batch_alter_table("occurrences") as batch:
        for column in ("state", "manual", "node", "beat_us"):
            batch.drop_column(column)
    for table in ("schedule_marks", "holidays", "schedules"):
        op.drop_table(table)
