"""Alerts of the Common Alerting Protocol, OASIS CAP 1.2 (July 2010)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CapStatus(StrEnum):
    """What an alert is for; only ACTUAL is meant for the public."""

    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    SYSTEM = "System"
    TEST = "Test"
    DRAFT = "Draft"


class CapMsgType(StrEnum):
    """What an alert does."""

    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"
    ACK = "Ack"
    ERROR = "Error"


@dataclass(frozen=True, slots=True)
class CapReference:
    """The triple by which alerts name each other (3.2.1)."""

    sender: str
    identifier: str
    sent_utc: datetime

    @property
    def key(self) -> str:
        """One alert's name; times that are equal are written equally."""
        return f"{self.sender},{self.identifier},{self.sent_utc.isoformat()}"


@dataclass(frozen=True, slots=True)
class CapCircle:
    """A circle; a radius of 0 is a point."""

    lat_deg: float
    lon_deg: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class CapArea:
    """Where; ``polygons`` are rings of (lat, lon) degrees as CAP writes them."""

    text: str
    polygons: tuple[tuple[tuple[float, float], ...], ...] = ()
    circles: tuple[CapCircle, ...] = ()


@dataclass(frozen=True, slots=True)
class CapInfo:
    """What is told in one language."""

    lang: str
    event: str
    headline: str = ""
    description: str = ""
    instruction: str = ""
    effective_utc: datetime | None = None
    expires_utc: datetime | None = None
    areas: tuple[CapArea, ...] = ()


@dataclass(frozen=True, slots=True)
class CapAlert:
    """One message."""

    name: CapReference
    status: CapStatus
    msg_type: CapMsgType
    scope: str
    references: tuple[CapReference, ...] = ()
    infos: tuple[CapInfo, ...] = ()


class CapResult(StrEnum):
    """What became of a message."""

    DRAFTED = "drafted"
    WITHDRAWN = "withdrawn"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class CapOutcome:
    """What became of a message, and why."""

    key: str
    result: CapResult
    why: str
    announcements: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CapRecord:
    """A message that was taken, and when."""

    alert: CapAlert
    outcome: CapOutcome
    taken_utc: datetime
    source: str
