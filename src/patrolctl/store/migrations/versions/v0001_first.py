"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _documents() -> None:
    op.create_table(
        "plans",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("content_key", sa.String, index=True),
        sa.Column("head", sa.LargeBinary, nullable=False),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("created_us", sa.BigInteger, nullable=False, index=True),
        sa.Column("phase", sa.String, nullable=False),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "evidence",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )


def _facts() -> None:
    for table, owner in (("run_events", "run_id"), ("vehicle_events", "vehicle_id")):
        op.create_table(
            table,
            sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
            sa.Column("id", sa.String, nullable=False, unique=True),
            sa.Column(owner, sa.String, nullable=False, index=True),
            sa.Column("doc", sa.LargeBinary, nullable=False),
        )
    op.create_table(
        "playbacks",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("run_id", sa.String, index=True),
        sa.Column("start_us", sa.BigInteger, nullable=False),
        sa.Column("final", sa.Boolean, nullable=False),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "tracks",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("ts_us", sa.BigInteger, nullable=False),
        sa.Column("vehicle_id", sa.String, nullable=False),
        sa.Column("lat_deg", sa.Float, nullable=False),
        sa.Column("lon_deg", sa.Float, nullable=False),
        sa.Column("up_m", sa.Float, nullable=False),
        sa.Column("heading_deg", sa.Float, nullable=False),
    )
    op.create_index("tracks_by_time", "tracks", ["run_id", "ts_us"])


def _schedules_and_audit() -> None:
    op.create_table(
        "occurrences",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("schedule_id", sa.String, nullable=False),
        sa.Column("due_us", sa.BigInteger, nullable=False),
        sa.Column("claimed_us", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.String),
        sa.UniqueConstraint("schedule_id", "due_us"),
    )
    op.create_table(
        "paused_schedules",
        sa.Column("schedule_id", sa.String, primary_key=True),
    )
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("ts_us", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("detail", sa.String, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
    )


def upgrade() -> None:
    """Create everything."""
    _documents()
    _facts()
    _schedules_and_audit()


def downgrade() -> None:
    """Drop everything."""
    for table in (
        "audit",
        "paused_schedules",
        "occurrences",
        "tracks",
        "playbacks",
        "vehicle_events",
        "run_events",
        "evidence",
        "runs",
        "plans",
    ):
        op.drop_table(table)
