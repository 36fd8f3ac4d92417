"""Parameters, sans-IO: read one, or set one and hear it back.

Setting is confirmed by the PARAM_VALUE that follows; a vehicle answers
nothing to a name that it does not know (mavlink.md), so a timeout reads
"missing". Both may be repeated: the same value twice does no harm.
"""

import struct
from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import Enum

from patrolctl.mavlink.exchange import Target, Timing
from patrolctl.mavlink.messages import Message, ParamRequestRead, ParamSet, ParamValue
from patrolctl.mavlink.wire import same_number

REAL32 = 9
_INT_LAYOUT = {1: "<B3x", 2: "<b3x", 3: "<H2x", 4: "<h2x", 5: "<I", 6: "<i"}


class Encoding(Enum):
    """How integers travel in PARAM_VALUE's float.

    ArduPilot casts them (C_CAST); PX4 keeps their bytes (BYTEWISE), see
    MAV_PROTOCOL_CAPABILITY_PARAM_ENCODE_*.
    """

    C_CAST = "c-cast"
    BYTEWISE = "bytewise"

    def unpack(self, value: float, kind: int) -> float:
        """The number that the vehicle means."""
        layout = _INT_LAYOUT.get(kind)
        if self is Encoding.C_CAST or layout is None:
            return value
        return float(struct.unpack(layout, struct.pack("<f", value))[0])

    def pack(self, value: float, kind: int) -> float:
        """The float to send."""
        layout = _INT_LAYOUT.get(kind)
        if self is Encoding.C_CAST or layout is None:
            return value
        packed: float = struct.unpack("<f", struct.pack(layout, int(value)))[0]
        return packed


def name_bytes(name: str) -> bytes:
    """A parameter name as the wire has it: 16 bytes, zero-padded."""
    raw = name.encode("ascii")
    if not 0 < len(raw) <= 16:
        msg = f"parameter name {name!r} is not 1 to 16 characters"
        raise ValueError(msg)
    return raw.ljust(16, b"\0")


class _Repeated(ABC):
    """Asks again a few times; what is asked is harmless to repeat."""

    def __init__(self, target: Target, encoding: Encoding, timing: Timing) -> None:
        self._target = target
        self._encoding = encoding
        self._timing = timing
        self.given_up = False
        self.deadline_s = 0.0
        self._tries = 0

    @property
    @abstractmethod
    def done(self) -> bool:
        """Whether there is an answer, or none will be waited for."""

    @abstractmethod
    def _messages(self) -> Sequence[Message]: ...

    def start(self, now_s: float) -> Sequence[Message]:
        """Ask."""
        self.deadline_s = now_s + self._timing.reply_s
        return self._messages()

    def on_time(self, now_s: float) -> Sequence[Message]:
        """Ask again, a few times."""
        if self.done or now_s < self.deadline_s:
            return []
        self._tries += 1
        if self._tries > min(3, self._timing.retries):
            self.given_up = True
            return []
        return self.start(now_s)


class ReadParam(_Repeated):
    """Reads one; ``value`` None after ``done``: the vehicle has none.

    Several names are alternatives of which a release knows one: all are asked
    for at once, because an unknown one costs the whole timeout in silence.
    ``name`` is then the one that was answered.
    """

    def __init__(
        self,
        names: str | Sequence[str],
        target: Target,
        encoding: Encoding,
        timing: Timing | None = None,
    ) -> None:
        super().__init__(target, encoding, timing or Timing())
        names = (names,) if isinstance(names, str) else tuple(names)
        self.name = names[0]
        self._names = {name_bytes(name): name for name in names}
        self.value: float | None = None
        self.kind = REAL32

    @property
    def done(self) -> bool:
        """Whether it was read, or given up."""
        return self.value is not None or self.given_up

    def _messages(self) -> Sequence[Message]:
        vehicle = self._target.vehicle
        return [ParamRequestRead(-1, *vehicle, raw) for raw in self._names]

    def on_message(self, message: Message, now_s: float) -> Sequence[Message]:
        """Take the value."""
        del now_s
        if isinstance(message, ParamValue) and not self.done:
            name = self._names.get(message.param_id)
            if name is not None:
                self.name, self.kind = name, message.param_type
                self.value = self._encoding.unpack(message.param_value, self.kind)
        return []


class WriteParam(_Repeated):
    """Sets one whose type was read before; done when it is heard back."""

    def __init__(
        self,
        read: ReadParam,
        value: float,
        target: Target,
        encoding: Encoding,
        timing: Timing | None = None,
    ) -> None:
        super().__init__(target, encoding, timing or Timing())
        self.name = read.name
        self._raw = name_bytes(read.name)
        self._kind = read.kind
        self._value = value
        self.confirmed = False
        self.heard: float | None = None

    @property
    def done(self) -> bool:
        """Whether it was confirmed, or given up."""
        return self.confirmed or self.given_up

    def _messages(self) -> Sequence[Message]:
        value = self._encoding.pack(self._value, self._kind)
        return [ParamSet(value, *self._target.vehicle, self._raw, self._kind)]

    def on_message(self, message: Message, now_s: float) -> Sequence[Message]:
        """Hear it back."""
        del now_s
        if isinstance(message, ParamValue) and message.param_id == self._raw:
            self.heard = self._encoding.unpack(message.param_value, message.param_type)
            self.confirmed = same_number(self._value, self.heard, 1e-6)
        return []
