"""DJI's envelope and the fields of the speaker methods. Pure.

Source: DJI Cloud API 1.15, Dock to Cloud, "PSDK Function" and "Aircraft
Properties" (``psdk_widget_values``).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import TypeVar
from uuid import uuid4

import msgspec

from patrolctl.domain.errors import PatrolError

AUDIO_PROGRESS = "speaker_audio_play_start_progress"
# Both words for a success occur.
SUCCEEDED = frozenset({"ok", "success"})
GOING_ON = frozenset({"in_progress", "sent"})
# What the speaker plays: headerless PCM, mono, 16 bit.
PCM_RATE_HZ = 16_000


class DjiFailed(PatrolError):
    """The dock or its speaker did not do what it was asked."""

    exit_code = 5


class SystemState(IntEnum):
    """``speaker.system_state``."""

    IDLE = 0
    TRANSMITTING = 1
    PLAYING = 2
    ABNORMAL = 3
    CONVERTING_TEXT = 4
    DOWNLOADING = 99


class _Progress(msgspec.Struct):
    percent: float | None = None
    step_key: str | None = None


class _Output(msgspec.Struct):
    psdk_index: int | None = None
    status: str | None = None
    md5: str | None = None
    progress: _Progress | None = None


class _Result(msgspec.Struct):
    result: int = 0
    output: _Output | None = None


class _Speaker(msgspec.Struct):
    system_state: int | None = None
    play_volume: int | None = None
    play_file_md5: str | None = None


class _Widget(msgspec.Struct):
    psdk_index: int
    speaker: _Speaker | None = None


class _State(msgspec.Struct):
    psdk_widget_values: list[_Widget] | None = None


class _Message(msgspec.Struct):
    tid: str | None = None
    bid: str | None = None
    method: str | None = None
    need_reply: int | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """A service that we ask for; ``tid`` finds its answer."""

    tid: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a call; ``result`` 0 is good."""

    tid: str
    result: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the start of a file is."""

    psdk_index: int
    md5: str | None
    step: str | None
    status: str | None
    result: int

    @property
    def begun(self) -> bool:
        """Whether it sounds now: DJI tells no later step than this."""
        return self.step == "play" and self.failure is None

    @property
    def failure(self) -> str | None:
        """What went wrong, in DJI's words."""
        if self.result != 0:
            return f"result {self.result}"
        known = self.status is None or self.status in SUCCEEDED | GOING_ON
        return None if known else f"status {self.status}"


def call(
    method: str, data: dict[str, object], *, gateway_sn: str, now_utc: datetime
) -> Call:
    """Envelope a service."""
    tid = str(uuid4())
    envelope = {
        "tid": tid,
        "bid": str(uuid4()),
        "timestamp": int(now_utc.timestamp() * 1000),
        "gateway": gateway_sn,
        "method": method,
        "data": data,
    }
    return Call(tid, msgspec.json.encode(envelope))


def _decode(raw: bytes | msgspec.Raw, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def reply_of(payload: bytes) -> Reply | None:
    """A ``services_reply``; None: it is none."""
    message = _decode(payload, _Message)
    if message is None or message.tid is None:
        return None
    result = _decode(message.data, _Result)
    return None if result is None else Reply(message.tid, result.result)


def progress_of(payload: bytes) -> Progress | None:
    """An audio progress event; None: another event."""
    message = _decode(payload, _Message)
    if message is None or message.method != AUDIO_PROGRESS:
        return None
    data = _decode(message.data, _Result)
    if data is None or data.output is None or data.output.psdk_index is None:
        return None
    out = data.output
    step = None if out.progress is None else out.progress.step_key
    return Progress(data.output.psdk_index, out.md5, step, out.status, data.result)


def answer_to(payload: bytes, now_utc: datetime) -> bytes | None:
    """What goes to ``events_reply``; None: no answer is wanted."""
    message = _decode(payload, _Message)
    if message is None or not message.need_reply:
        return None
    return msgspec.json.encode(
        {
            "tid": message.tid,
            "bid": message.bid,
            "timestamp": int(now_utc.timestamp() * 1000),
            "method": message.method,
            "data": {"result": 0},
        }
    )


def speaker_state_of(payload: bytes, psdk_index: int) -> int | None:
    """The speaker's ``system_state`` in an aircraft's ``state``, if it is there."""
    message = _decode(payload, _Message)
    state = None if message is None else _decode(message.data, _State)
    for widget in (state and state.psdk_widget_values) or ():
        if widget.psdk_index == psdk_index and widget.speaker is not None:
            return widget.speaker.system_state
    return None
