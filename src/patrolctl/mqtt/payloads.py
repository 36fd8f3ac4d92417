"""The JSON in the messages: an envelope and the domain's fields.

Every payload has ``id`` (unique; a repeated one changes nothing), ``ts_utc``
and ``seq`` (counts within its topic since the service started). Where the
domain's own ``seq`` means the mission step it is called ``item``.
"""

from datetime import datetime
from uuid import uuid4

import msgspec

from patrolctl.domain.alerts import Alert
from patrolctl.domain.gaps import GapHead
from patrolctl.domain.machines import FleetVehicle, VehicleKind, VehicleProfile
from patrolctl.domain.run import RunEvent, RunState
from patrolctl.domain.sound import Playback, Priority, SpeakerState
from patrolctl.domain.telemetry import Telemetry, VehicleEvent

POSITION_FIELDS = (
    "vehicle_id",
    "lat_deg",
    "lon_deg",
    "amsl_m",
    "up_m",
    "heading_deg",
    "ground_speed_m_s",
    "climb_m_s",
)


class Envelope(msgspec.Struct, kw_only=True):
    """What all payloads begin with."""

    id: str
    ts_utc: datetime
    seq: int


class ConnectionPayload(Envelope, kw_only=True):
    """``service/connection``."""

    state: str
    version: str


class LinkPayload(Envelope, kw_only=True):
    """``vehicles/{id}/connection``."""

    vehicle_id: str
    link: str


class FactsheetPayload(Envelope, kw_only=True):
    """``vehicles/{id}/factsheet``; no endpoint and no key: they are ours."""

    vehicle_id: str
    kind: VehicleKind
    autopilot: str
    sysid: int
    profile: VehicleProfile
    speaker_id: str | None


class CommandPayload(Envelope, kw_only=True):
    """``speakers/{id}/command``."""

    action: str
    key: str | None = None
    expires_utc: datetime | None = None
    clip_sha256: str | None = None
    clip_url: str | None = None
    duration_s: float | None = None
    repeats: int | None = None
    priority: Priority = Priority.NORMAL
    cue_id: str | None = None
    station: str | None = None
    run_id: str | None = None
    volume_ratio: float | None = None
    talk_id: str | None = None


class SheetCue(msgspec.Struct, kw_only=True):
    """One cue of a cue sheet, with the place where it is due.

    With an end it is played on the straight way from there to it.
    """

    cue_id: str
    seq: int
    key: str
    clip_sha256: str
    clip_url: str | None
    duration_s: float
    repeats: int
    lat_deg: float
    lon_deg: float
    up_m: float
    station: str | None = None
    heading_deg: float | None = None
    end_lat_deg: float | None = None
    end_lon_deg: float | None = None
    end_up_m: float | None = None


class SheetPayload(Envelope, kw_only=True):
    """``speakers/{id}/command`` with ``action: cue_sheet``."""

    action: str
    run_id: str
    sortie_id: str
    expires_utc: datetime
    cues: list[SheetCue]


def new_id() -> str:
    """A fresh unique id."""
    return str(uuid4())


def _fields(value: object, drop: tuple[str, ...] = ()) -> dict[str, object]:
    built = msgspec.to_builtins(value, builtin_types=(datetime,))
    return {k: v for k, v in built.items() if k not in drop}


def telemetry_payload(
    sample: Telemetry, sortie: str | None, *, seq: int
) -> dict[str, object]:
    """``vehicles/{id}/state``."""
    fields = _fields(sample, drop=("seq", "ts_utc"))
    return {
        "id": new_id(),
        "ts_utc": sample.ts_utc,
        "seq": seq,
        **fields,
        "item": sample.seq,
        "sortie": sortie,
    }


def position_payload(sample: Telemetry, *, seq: int) -> dict[str, object]:
    """``vehicles/{id}/position``."""
    place = {name: getattr(sample, name) for name in POSITION_FIELDS}
    return {"id": new_id(), "ts_utc": sample.ts_utc, "seq": seq, **place}


def vehicle_event_payload(event: VehicleEvent, *, seq: int) -> dict[str, object]:
    """``vehicles/{id}/events``; the id is the event's own."""
    fields = _fields(event, drop=("id", "seq", "ts_utc"))
    return {
        "id": event.id,
        "ts_utc": event.ts_utc,
        "seq": seq,
        **fields,
        "item": event.seq,
    }


def run_event_payload(event: RunEvent, *, seq: int) -> dict[str, object]:
    """``runs/{id}/events``; the id is the event's own."""
    fields = _fields(event, drop=("id", "ts_utc"))
    return {"id": event.id, "ts_utc": event.ts_utc, "seq": seq, **fields}


def run_state_payload(
    state: RunState, event: RunEvent, *, seq: int
) -> dict[str, object]:
    """``runs/{id}/state``: the run's own id is ``run_id``."""
    fields = _fields(state, drop=("id",))
    return {
        "id": new_id(),
        "ts_utc": event.ts_utc,
        "seq": seq,
        "run_id": state.id,
        **fields,
        "progress_ratio": round(state.progress_ratio, 4),
    }


def alert_payload(alert: Alert, *, seq: int) -> dict[str, object]:
    """``alerts``; the id is the alert's own."""
    fields = _fields(alert, drop=("id", "ts_utc"))
    return {"id": alert.id, "ts_utc": alert.ts_utc, "seq": seq, **fields}


def gap_payload(head: GapHead, *, ts_utc: datetime, seq: int) -> dict[str, object]:
    """``gaps/{id}/state``: the gap's own id is ``run_id``."""
    fields = _fields(head, drop=("id",))
    return {
        "id": new_id(),
        "ts_utc": ts_utc,
        "seq": seq,
        "run_id": head.id,
        **fields,
    }


def factsheet_payload(
    entry: FleetVehicle, *, ts_utc: datetime, seq: int
) -> FactsheetPayload:
    """``vehicles/{id}/factsheet``."""
    return FactsheetPayload(
        id=new_id(),
        ts_utc=ts_utc,
        seq=seq,
        vehicle_id=entry.id,
        kind=entry.kind,
        autopilot=entry.autopilot,
        sysid=entry.sysid,
        profile=entry.profile,
        speaker_id=entry.speaker_id,
    )


def playback_payload(
    playback: Playback, *, run_id: str | None, ts_utc: datetime, seq: int
) -> dict[str, object]:
    """``speakers/{id}/playback``."""
    return {
        **_fields(playback),
        "ts_utc": ts_utc,
        "seq": seq,
        "run_id": run_id,
    }


def speaker_state_payload(
    state: SpeakerState, *, ts_utc: datetime, seq: int
) -> dict[str, object]:
    """``speakers/{id}/state``."""
    return {"id": new_id(), "ts_utc": ts_utc, "seq": seq, **_fields(state)}


def encode(payload: object) -> bytes:
    """JSON; times as RFC 3339 with a Z."""
    return msgspec.json.encode(payload)
