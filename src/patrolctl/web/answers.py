"""Shapes that exist only in answers, and how answers are written.

Answers are the JSON of the domain's dataclasses, encoded by the same code
that stores them. The types here tell OpenAPI what that JSON looks like.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from fastapi import Response
from pydantic import BaseModel

from patrolctl.domain.announcements import Origin, Standing, Wording
from patrolctl.domain.jsondoc import encode
from patrolctl.domain.run import RunState
from patrolctl.domain.sound import Announcement
from patrolctl.domain.templates import FieldValue
from patrolctl.domain.users import Role
from patrolctl.domain.violation import Violation


def json(value: object, status: int = 200, **headers: str) -> Response:
    """Any domain value as a JSON answer."""
    raw = value if isinstance(value, bytes) else encode(value)
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(raw, status, headers=names, media_type="application/json")


def json_list(parts: list[bytes]) -> Response:
    """JSON values that are already encoded, as one list."""
    return json(b"[" + b",".join(parts) + b"]")


@dataclass(frozen=True, slots=True)
class Center:
    """A point."""

    lat_deg: float
    lon_deg: float


@dataclass(frozen=True, slots=True)
class SiteHead:
    """A site in the list; ``bounds`` are west, south, east, north."""

    id: str
    name: str
    buildings: int
    households: int
    center: Center
    bounds: tuple[float, float, float, float]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MissionHead:
    """A mission in the list."""

    id: str
    name: str
    site_id: str
    announcements: tuple[str, ...]
    vehicles: tuple[str, ...]
    schedules: tuple[str, ...]
    defaults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobAccepted:
    """A job was queued."""

    job_id: str


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What reports are signed with; the key is hex."""

    algorithm: str
    public_key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class CheckAnswer:
    """What the safety gate finds."""

    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class FleetAnswer:
    """Each vehicle's result: "ok" or the reason."""

    vehicles: dict[str, str]


@dataclass(frozen=True, slots=True)
class UrgentAnswer:
    """An urgent announcement; each vehicle's result: "ok" (told) or the reason.

    Its playbacks have keys ``urgent-{id}-{vehicle}``. ``advice`` tells of
    households that have had more than their share of today with it.
    """

    id: str
    vehicles: dict[str, str]
    advice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """It was taken on."""

    accepted: bool = True


@dataclass(frozen=True, slots=True)
class UserAnswer:
    """Who may use the service; ``actor`` is what the audit log says."""

    id: str
    name: str
    role: Role
    actor: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class SessionAnswer:
    """Who asks; ``user`` None: nobody is logged in.

    ``log_in`` says whether a log-in is needed at all, ``second_person`` that
    an announcement has to be approved by somebody who did not write it.
    """

    log_in: bool
    second_person: bool
    user: UserAnswer | None
    note: str


@dataclass(frozen=True, slots=True)
class RunAnswer(RunState):
    """A run with how far it is."""

    progress_ratio: float = 0.0


@dataclass(frozen=True, slots=True)
class ClipAnswer:
    """A rendered clip; its sound is at ``url``."""

    sha256: str
    url: str
    duration_s: float
    sample_rate_hz: int
    loudness_lufs: float | None
    peak_dbfs: float | None
    crest_db: float | None


@dataclass(frozen=True, slots=True)
class AnnouncementAnswer(Announcement):
    """An announcement, its standing, and the clip that it was rendered to.

    ``wordings`` are the texts as they were written, with their fields;
    ``utterances`` are what is said. ``open_fields`` are given with each plan.
    ``why_not`` says why it may not be said now (None: it may).
    """

    clip_sha256: str | None = None
    duration_s: float | None = None
    title: str = ""
    origin: Origin = Origin.MISSION
    standing: Standing = Standing.APPROVED
    why_not: str | None = None
    wordings: tuple[Wording, ...] = ()
    fields: tuple[FieldValue, ...] = ()
    open_fields: tuple[str, ...] = ()
    valid_from_utc: datetime | None = None
    valid_until_utc: datetime | None = None
    written_by: str | None = None
    written_utc: datetime | None = None
    approved_by: str | None = None
    approved_utc: datetime | None = None
    withdrawn_by: str | None = None
    withdrawn_utc: datetime | None = None
    reason: str | None = None
    areas: tuple[str, ...] = ()
    note: str = ""


class Feature(BaseModel):
    """A GeoJSON feature."""

    type: Literal["Feature"]
    id: str | int | None = None
    geometry: dict[str, object] | None
    properties: dict[str, object] | None


class FeatureCollection(BaseModel):
    """RFC 7946, features as in ``site.geojson``."""

    type: Literal["FeatureCollection"]
    features: list[Feature]


@dataclass(frozen=True, slots=True)
class Health:
    """The process answers."""

    status: str
    version: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether launches are possible; what is wrong by the name of the check."""

    ready: bool
    faults: dict[str, str]
