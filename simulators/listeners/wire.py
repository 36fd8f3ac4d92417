"""The truth as it goes from simulators to listeners: JSON in UDP datagrams.

    {"kind": "pose", "vehicle": …, "utc_s": …, "lat_deg": …, …}
    {"kind": "played", "vehicle": …, "key": …, "begin_s": …, "end_s": …}

A message is told once for each time that it was said whole.
"""

import json
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass

from simulators.listeners.hall import Playing
from simulators.listeners.truth import Pose

LARGEST = 2048


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a vehicle truly was."""

    vehicle: str
    pose: Pose


Truth = Seen | Playing


def parse_address(text: str) -> tuple[str, int]:
    """``udp:host:port``.

    Raises:
        ValueError: it is none.
    """
    parts = text.split(":")
    if len(parts) != 3 or parts[0] != "udp" or not parts[2].isdigit():
        msg = f"{text!r} is not udp:host:port"
        raise ValueError(msg)
    return parts[1], int(parts[2])


def encode(truth: Truth) -> bytes:
    """One datagram."""
    if isinstance(truth, Seen):
        return json.dumps(
            {"kind": "pose", "vehicle": truth.vehicle, **asdict(truth.pose)}
        ).encode()
    return json.dumps({"kind": "played", **asdict(truth)}).encode()


def decode(data: bytes) -> Truth:
    """The truth in a datagram.

    Raises:
        ValueError: there is none.
    """
    try:
        fields = json.loads(data)
        kind = fields.pop("kind")
        if kind == "pose":
            return Seen(fields.pop("vehicle"), Pose(**fields))
        if kind == "played":
            return Playing(**fields)
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        msg = f"no truth in {data[:60]!r}"
        raise ValueError(msg) from fault
    msg = f"{kind!r} is neither pose nor played"
    raise ValueError(msg)


def sender(address: tuple[str, int]) -> Callable[[Truth], None]:
    """Sends truths; what nobody hears is lost, as in the air."""
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.settimeout(0.0)

    def send(truth: Truth) -> None:
        try:
            out.sendto(encode(truth), address)
        except (BlockingIOError, ConnectionRefusedError):
            return

    return send
