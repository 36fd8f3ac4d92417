"""Who may ask: no other site's pages, nobody under a foreign name, and by role.

A browser could be made to ask on behalf of any page it shows, so unsafe
methods and the live socket must come from our own pages (Origin, else
Sec-Fetch-Site), and the Host must be a name of ours (DNS rebinding). Programs
send neither header and pass. As in Go's net/http CrossOriginProtection.

Where operators are configured, everything under ``/api/v1`` also needs an
access key or a session with the role that :func:`access.needed` names. A
socket is looked at before it is accepted, and again with all that is sent.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from patrolctl.web.access import GRANT, Access, Denied, Grant, needed
from patrolctl.web.problems import problem

POLICY_VIOLATION = 1008
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
        access: who may ask for what.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: tuple[str, ...] = (),
        origins: tuple[str, ...] = (),
        access: Access | None = None,
    ) -> None:
        self._app = app
        self._access = access or Access()
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

    def grant(self, scope: Scope) -> Grant | Denied | None:
        """Who asks, or why not; None: it is open, and nobody we know asks."""
        role = needed(scope)
        client = scope.get("client")
        who = self._access.who(Headers(scope=scope), client[0] if client else "-")
        if isinstance(who, Denied):
            return None if role is None else who
        if role is not None and not who.user.role.may(role):
            why = f"{who.user.id} is {who.user.role}: this needs {role}"
            return Denied(403, "forbidden", why)
        return who

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through or refuse, a socket before it is accepted."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        reason = self.refusal(scope)
        grant = (
            self.grant(scope) if reason is None else Denied(403, "forbidden", reason)
        )
        if isinstance(grant, Denied):
            await _deny(grant, scope, receive, send)
            return
        scope[GRANT] = grant
        if scope["type"] == "websocket" and grant is not None:
            send = _while_granted(send, lambda: self._access.still(grant))
        await self._app(scope, receive, _with_headers(scope, send))


async def _deny(denied: Denied, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()  # websocket.connect
        close = {"type": "websocket.close", "code": POLICY_VIOLATION}
        await send({**close, "reason": denied.why})
        return
    answer = problem(denied.status, denied.slug, denied.why, headers=denied.headers)
    await answer(scope, receive, _with_headers(scope, send))


def _while_granted(send: Send, still: Callable[[], bool]) -> Send:
    """Sending that ends the socket of one who was removed or logged out."""

    async def sending(message: Message) -> None:
        if still():
            await send(message)
            return
        if message["type"] != "websocket.close":
            close = {"type": "websocket.close", "code": POLICY_VIOLATION}
            await send({**close, "reason": "no longer allowed: log in again"})
        raise RuntimeError("the watcher is no longer allowed")

    return sending


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
