"""The tables as they are now; ``migrations`` is how they came to be.

Times are integer microseconds of UTC, so that they sort and compare as what
they are. Documents are the JSON of the domain's dataclasses; columns beside
them exist only to find them.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    false,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

metadata = MetaData()

plans = Table(
    "plans",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("content_key", String, index=True),
    Column("head", LargeBinary, nullable=False),
    Column("doc", LargeBinary, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String, primary_key=True),
    Column("created_us", BigInteger, nullable=False, index=True),
    Column("phase", String, nullable=False),
    Column("doc", LargeBinary, nullable=False),
)

run_events = Table(
    "run_events",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("run_id", String, nullable=False, index=True),
    Column("doc", LargeBinary, nullable=False),
)

vehicle_events = Table(
    "vehicle_events",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("vehicle_id", String, nullable=False, index=True),
    Column("doc", LargeBinary, nullable=False),
)

tracks = Table(
    "tracks",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String, nullable=False),
    Column("ts_us", BigInteger, nullable=False),
    Column("vehicle_id", String, nullable=False),
    Column("lat_deg", Float, nullable=False),
    Column("lon_deg", Float, nullable=False),
    Column("up_m", Float, nullable=False),
    Column("heading_deg", Float, nullable=False),
    Index("tracks_by_time", "run_id", "ts_us"),
)

playbacks = Table(
    "playbacks",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("run_id", String, index=True),
    Column("start_us", BigInteger, nullable=False),
    Column("final", Boolean, nullable=False),
    Column("doc", LargeBinary, nullable=False),
)

evidence = Table(
    "evidence",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("doc", LargeBinary, nullable=False),
)

occurrences = Table(
    "occurrences",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("schedule_id", String, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("claimed_us", BigInteger, nullable=False),
    Column("outcome", String),
    Column("state", String, nullable=False, server_default="done", index=True),
    Column("manual", Boolean, nullable=False, server_default=false()),
    Column("node", String),
    Column("beat_us", BigInteger),
    UniqueConstraint("schedule_id", "due_us"),
)

paused_schedules = Table(
    "paused_schedules",
    metadata,
    Column("schedule_id", String, primary_key=True),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("ts_us", BigInteger, nullable=False),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("sha256", String, nullable=False),
)


def to_us(when: datetime) -> int:
    """Microseconds since 1970 of an aware time."""
    return (when - EPOCH) // timedelta(microseconds=1)


def from_us(value_us: int) -> datetime:
    """The aware UTC time of :func:`to_us`."""
    return EPOCH + timedelta(microseconds=value_us)
