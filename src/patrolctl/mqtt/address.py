"""``mqtt://user:password@host:port`` taken apart, and its certificates read."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from patrolctl.domain.errors import InputError

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_FILES = ("ca", "cert", "key")
RIGHT = (
    "mqtt://host:port or mqtts://user:password@host:port"
    "?ca=FILE&cert=FILE&key=FILE (each file optional, cert with key)"
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a broker is, who we are to it, and how it is trusted.

    ``ca`` None: the system's authorities. ``cert`` and ``key`` are ours, where
    the broker asks for a client certificate.
    """

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


def parse_address(url: str) -> Address:
    """Parse a broker's URL and see that its certificates can be used.

    Raises:
        InputError: no such URL, or a file that is none; the password is not
            repeated.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InputError.one("MQTT URL", "has no usable port", RIGHT) from None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise InputError.one("MQTT URL", "is not usable", RIGHT)
    if parts.path.strip("/") or parts.fragment:
        raise InputError.one("MQTT URL", "has a path", RIGHT)
    files = _files(parts.query)
    address = Address(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        tls=parts.scheme == "mqtts",
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        ca=files.get("ca"),
        cert=files.get("cert"),
        key=files.get("key"),
    )
    if files and not address.tls:
        raise InputError.one("MQTT URL", "has certificates without mqtts", RIGHT)
    if address.tls:
        tls_context(address)
    return address


def _files(query: str) -> dict[str, Path]:
    found = parse_qs(query, keep_blank_values=True)
    if strangers := sorted(set(found) - set(_FILES)):
        raise InputError.one("MQTT URL", f"has the option {strangers[0][:20]}", RIGHT)
    files = {name: Path(values[-1]).expanduser() for name, values in found.items()}
    if ("cert" in files) != ("key" in files):
        raise InputError.one("MQTT URL", "has one of cert and key only", RIGHT)
    return files


def tls_context(address: Address) -> ssl.SSLContext:
    """How we trust the broker, and who we say that we are.

    Raises:
        InputError: a file is missing or holds no certificate.
    """
    place = "MQTT URL"
    try:
        place = f"CA file {address.ca}"
        context = ssl.create_default_context(cafile=address.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if address.cert is not None:
            place = f"client certificate {address.cert}"
            context.load_cert_chain(address.cert, address.key)
    except (OSError, ssl.SSLError) as e:
        what = e.strerror or type(e).__name__
        raise InputError.one(place, f"cannot be used ({what})", "a PEM file") from None
    return context
