"""Commands on the wire, understood or refused."""

import json
from dataclasses import dataclass
from datetime import datetime

NORMAL, URGENT = "normal", "urgent"

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Order:
    """A play command that was understood."""

    key: str
    clip_sha256: str
    clip_url: str | None
    repeats: int
    expires_s: float
    cue_id: str | None = None
    station: str | None = None
    run_id: str | None = None
    priority: str = NORMAL

    @property
    def urgent(self) -> bool:
        """Whether it comes before normal ones."""
        return self.priority == URGENT


class BadCommand(Exception):
    """A command that cannot be understood."""


def bad(reason: str) -> None:
    """Refuse a command."""
    raise BadCommand(reason)


def parse(payload: bytes) -> Json:
    """The JSON object in a message; raises BadCommand."""
    try:
        command = json.loads(payload)
    except ValueError as fault:
        msg = "not JSON"
        raise BadCommand(msg) from fault
    if not isinstance(command, dict):
        bad("not an object")
    return dict(command)


def text(command: Json, name: str) -> str:
    """A field that must be there; raises BadCommand."""
    value = command.get(name)
    if not isinstance(value, str) or not value:
        bad(f"{name} is missing")
    return str(value)


def optional(command: Json, name: str) -> str | None:
    """A field that may be missing."""
    value = command.get(name)
    return None if value is None else str(value)


def url_of(command: Json) -> str | None:
    """Where the clip is."""
    return optional(command, "clip_url")


def moment(command: Json, name: str) -> float:
    """A time that must be there, in Unix seconds; raises BadCommand."""
    try:
        when = datetime.fromisoformat(text(command, name))
    except ValueError as fault:
        msg = f"{name} is not a time"
        raise BadCommand(msg) from fault
    if when.tzinfo is None:
        bad(f"{name} has no time zone")
    return when.timestamp()


def order_of(command: Json) -> Order:
    """A play command; raises BadCommand."""
    repeats = command.get("repeats", 1)
    if not isinstance(repeats, int) or isinstance(repeats, bool) or repeats < 1:
        bad(f"repeats {repeats!r} is not a number above 0")
    expires_s = moment(command, "expires_utc")
    priority = optional(command, "priority") or NORMAL
    if priority not in (NORMAL, URGENT):
        bad(f"priority {priority!r} is neither normal nor urgent")
    return Order(
        key=text(command, "key"),
        clip_sha256=text(command, "clip_sha256"),
        clip_url=url_of(command),
        repeats=int(str(repeats)),
        expires_s=expires_s,
        cue_id=optional(command, "cue_id"),
        station=optional(command, "station"),
        run_id=optional(command, "run_id"),
        priority=priority,
    )
