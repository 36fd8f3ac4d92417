"""Announcements with their versions and clips, and alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "announcements",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "announcement_clips",
        sa.Column("announcement_id", sa.String, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("clip_sha256", sa.String, primary_key=True),
    )
    op.create_table(
        "cap_alerts",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("cap_alerts", "announcement_clips", "announcements"):
        op.drop_table(table)
