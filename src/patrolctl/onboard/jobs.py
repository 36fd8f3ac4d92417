"""Something to be played, whether it was commanded or is due by its place."""

from dataclasses import dataclass
from datetime import datetime

from patrolctl.domain.sound import Priority
from patrolctl.mqtt.payloads import CommandPayload, SheetCue, SheetPayload


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be played.

    ``expires_utc`` None: due by place, not time. ``place`` is where it
    belongs, as far as the loaded sheet tells.
    """

    key: str
    clip_sha256: str
    clip_url: str | None
    repeats: int
    cue_id: str | None
    station: str | None
    run_id: str | None
    expires_utc: datetime | None
    priority: Priority = Priority.NORMAL
    place: SheetCue | None = None


def run_of(key: str) -> str | None:
    """The run's id, in front of the key's first colon."""
    return key.partition(":")[0] if ":" in key else None


def commanded(order: CommandPayload, sheet: SheetPayload | None) -> Job | None:
    """What a ``play`` command asks for; None: it lacks what it needs."""
    if not (order.key and order.clip_sha256 and order.expires_utc):
        return None
    cues = () if sheet is None else sheet.cues
    # Under whatever key (a second try has one of its own) it belongs there.
    place = next((c for c in cues if c.cue_id == order.cue_id), None)
    return Job(
        key=order.key,
        clip_sha256=order.clip_sha256,
        clip_url=order.clip_url,
        repeats=max(1, order.repeats or 1),
        cue_id=order.cue_id,
        station=order.station,
        run_id=order.run_id or run_of(order.key),
        expires_utc=order.expires_utc,
        priority=order.priority,
        place=place,
    )


def placed(cue: SheetCue, run_id: str) -> Job:
    """What a cue of the sheet asks for when its place is reached."""
    return Job(
        key=cue.key,
        clip_sha256=cue.clip_sha256,
        clip_url=cue.clip_url,
        repeats=cue.repeats,
        cue_id=cue.cue_id,
        station=cue.station,
        run_id=run_id,
        expires_utc=None,
        place=cue,
    )
