"""What runs leave behind: gaps, exposure, alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "gaps",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("opened_us", sa.BigInteger, nullable=False, index=True),
        sa.Column("state", sa.String, nullable=False, index=True),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "exposures",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("site_id", sa.String, nullable=False, index=True),
        sa.Column("day", sa.String, nullable=False),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "followed_runs",
        sa.Column("run_id", sa.String, primary_key=True),
    )
    op.create_table(
        "alerts",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("alerts", "followed_runs", "exposures", "gaps"):
        op.drop_table(table)
