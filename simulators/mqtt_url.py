"""``mqtt://`` and ``mqtts://user:password@host:port?ca=FILE&cert=FILE&key=FILE``."""

import ssl
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from paho.mqtt import client as paho

PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker is and how a client is let in."""

    host: str
    port: int
    user: str | None = None
    password: str | None = None
    context: ssl.SSLContext | None = None

    def prepare(self, client: paho.Client) -> None:
        """Give a client its name and certificates, before it connects."""
        if self.user is not None:
            client.username_pw_set(self.user, self.password)
        if self.context is not None:
            client.tls_set_context(self.context)


def parse(url: str) -> Broker:
    """Take a URL apart.

    Raises:
        ValueError: it is none; the password is not repeated.
        OSError: a certificate file cannot be read.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        msg = f"{url.rpartition('@')[2]!r} is not mqtt://host:port or mqtts://…"
        raise ValueError(msg)
    context = None
    if parts.scheme == "mqtts":
        files = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        context = ssl.create_default_context(cafile=files.get("ca"))
        if "cert" in files:
            context.load_cert_chain(files["cert"], files.get("key"))
    return Broker(
        parts.hostname,
        parts.port or PORTS[parts.scheme],
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        context,
    )
