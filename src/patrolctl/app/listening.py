"""The service's socket, bound before anything else is started or loaded."""

import socket

from patrolctl.domain.errors import InputError


class PortTaken(InputError):
    """The address cannot be listened on."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket, before anything else is started.

    Raises:
        PortTaken: with what may be done about it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as e:
        listener.close()
        why = e.strerror.lower() if isinstance(e, OSError) and e.strerror else str(e)
        raise PortTaken.one(
            f"port {port} on {host}", why, "another one with --port"
        ) from None
    listener.settimeout(0.0)
    return listener


def address(listener: socket.socket) -> str:
    """The URL of a bound socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
