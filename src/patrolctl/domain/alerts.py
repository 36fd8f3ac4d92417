"""What somebody should look at, pushed to whoever subscribed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AlertKind(StrEnum):
    """What it is about."""

    RUN_BROKE_OFF = "run_broke_off"
    VEHICLE = "vehicle"
    GAP_OPENED = "gap_opened"
    GAP_CLOSED = "gap_closed"
    GAP_REMINDER = "gap_reminder"
    EXPOSURE = "exposure"
    AIRSPACE = "airspace"


class AlertLevel(StrEnum):
    """How urgent it is."""

    URGENT = "urgent"
    NOTICE = "notice"
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert; ``id`` is unique, and stable for the fact that it tells."""

    id: str
    ts_utc: datetime
    site_id: str
    kind: AlertKind
    level: AlertLevel
    text: str
    run_id: str | None = None
    vehicle_id: str | None = None
