"""Endpoint texts: ``tcp:host:port``, ``udp:…``, ``udpin:…``, ``serial:…``."""

from dataclasses import dataclass
from typing import Literal

from patrolctl.domain.errors import InputError

Scheme = Literal["tcp", "udp", "udpin", "serial"]

RIGHT = (
    "tcp:host:port, udp:host:port (either side), udpin:host:port (we listen) "
    "or serial:/dev/…:baud"
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a vehicle is. ``place`` is a host or a device path."""

    scheme: Scheme
    place: str
    number: int

    @property
    def datagrams(self) -> bool:
        """Whether bytes come in datagrams."""
        return self.scheme in ("udp", "udpin")

    def __str__(self) -> str:
        return f"{self.scheme}:{self.place}:{self.number}"


def parse_endpoint(text: str) -> Endpoint:
    """Read an endpoint.

    Raises:
        InputError: naming what is wrong and what would be right.
    """
    scheme, _, rest = text.partition(":")
    place, _, number_text = rest.rpartition(":")
    match scheme:
        case "tcp" | "udp" | "udpin" | "serial":
            pass
        case _:
            raise InputError.one(f"endpoint {text!r}", "unknown kind", RIGHT)
    if not place or not number_text.isascii() or not number_text.isdecimal():
        raise InputError.one(f"endpoint {text!r}", "is incomplete", RIGHT)
    number = int(number_text)
    if scheme != "serial" and not 0 < number < 65536:
        raise InputError.one(f"endpoint {text!r}", "port out of range", "1 to 65535")
    return Endpoint(scheme, place.strip("[]"), number)
