"""Who may ask: no other site's pages, and nobody under a foreign name.

The service has no log-in; it listens on loopback and whoever can open a
connection there is the operator. A browser on the same machine could be
made to ask on behalf of any page it shows, so unsafe methods and the live
socket must come from our own pages (Origin, else Sec-Fetch-Site), and the
Host must be a name of ours (DNS rebinding). Programs send neither header
and pass. As in Go's net/http CrossOriginProtection.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from patrolctl.web.problems import problem

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"content-security-policy",
        # MapLibre starts its worker from a blob and styles its elements inline.
        b"default-src 'self'; worker-src 'self' blob:; img-src 'self' data: blob:; "
        b"style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
    ),
)


def _hostname(netloc: str) -> str | None:
    try:
        return urlsplit(f"//{netloc}").hostname
    except ValueError:
        return None


class Guard:
    """ASGI middleware over HTTP and WebSocket alike.

    Args:
        app: the application.
        hosts: names besides loopback's under which we are addressed.
        origins: further origins whose pages may use the API.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: tuple[str, ...] = (),
        origins: tuple[str, ...] = (),
    ) -> None:
        self._app = app
        self._hosts = LOOPBACK | {h.lower() for h in hosts}
        self._origins = frozenset(origins)

    def refusal(self, scope: Scope) -> str | None:
        """Why this must not pass, or None."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _hostname(host) not in self._hosts:
            return f"host {host[:80]!r} is not a name of this service"
        if scope["type"] == "http" and scope["method"] in SAFE:
            return None
        origin = headers.get("origin")
        if origin is not None:
            ours = {f"http://{host}", f"https://{host}"} | self._origins
            return None if origin in ours else f"origin {origin[:80]!r} is not ours"
        site = headers.get("sec-fetch-site", "none")
        if site in {"none", "same-origin"}:
            return None
        return f"the request comes from a {site[:20]} page"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through or refuse, a socket before it is accepted."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        reason = self.refusal(scope)
        if reason is None:
            await self._app(scope, receive, _with_headers(scope, send))
        elif scope["type"] == "websocket":
            await receive()  # websocket.connect
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
        else:
            await problem(403, "forbidden", reason)(scope, receive, send)


def _with_headers(scope: Scope, send: Send) -> Send:
    if scope["type"] != "http":
        return send

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message.setdefault("headers", [])
            if isinstance(headers, list):
                headers.extend(SECURITY_HEADERS)
        await send(message)

    return sending
