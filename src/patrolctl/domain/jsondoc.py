"""JSON of the domain's dataclasses, with faults that name their place."""

from datetime import datetime
from typing import TypeVar

import msgspec

from patrolctl.domain.errors import InputError

T = TypeVar("T")


def encode(value: object, *, indent: int | None = None) -> bytes:
    """Encode dataclasses, enums, tuples and aware datetimes.

    The bytes depend on the value alone (fields in their declared order), so
    they may be hashed.
    """
    raw = msgspec.json.encode(value)
    return msgspec.json.format(raw, indent=indent) if indent else raw


def decode(raw: bytes, kind: type[T], *, source: str) -> T:
    """Decode into ``kind``.

    Raises:
        InputError: not JSON, or a field is missing or of the wrong type; the
            fault names ``source`` and the path of the field.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as e:
        what, _, path = str(e).partition(" - at ")
        place = f"{source}: {path.strip('`')}" if path else source
        raise InputError.one(place, what) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        raise InputError.one(
            source, f"is not JSON ({e})", "one JSON document"
        ) from None


def utc_text(when: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and a Z."""
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
