"""``mqtt://user:password@host:port`` taken apart."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from patrolctl.domain.errors import InputError

_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a broker is, and who we are to it."""

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


def parse_address(url: str) -> Address:
    """Parse a broker's URL.

    Raises:
        InputError: no such URL; the password is not repeated.
    """
    right = "mqtt://host:port or mqtts://user:password@host:port"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InputError.one("MQTT URL", "has no usable port", right) from None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise InputError.one("MQTT URL", "is not usable", right)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise InputError.one("MQTT URL", "has a path or query", right)
    return Address(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        tls=parts.scheme == "mqtts",
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )
