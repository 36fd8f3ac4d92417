"""Who asks: access keys, sessions, and how often somebody may guess."""

import hashlib
import math
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Protocol

from starlette.datastructures import Headers

from patrolctl.clock import Clock, SystemClock
from patrolctl.domain.users import LOCAL, Role, User

COOKIE = "patrolctl_session"
GRANT = "patrolctl.grant"  # where the guard leaves it in the scope
SESSION_S = 12 * 3600.0
MOST_SESSIONS = 1000
LONGEST_KEY = 200
# Guessing 256 random bits is hopeless anyway; this keeps a broken client or a
# probe from filling the log and the processor.
GUESSES, GUESS_WINDOW_S = 5, 30.0
MOST_GUESSERS = 10_000


class Directory(Protocol):
    """Who may log in."""

    @property
    def on(self) -> bool:
        """Whether a log-in is needed."""
        ...

    @property
    def users(self) -> tuple[User, ...]:
        """Everybody who may log in."""
        ...

    def find(self, key: str) -> User | None:
        """Whose key this is."""
        ...

    def stamp(self, user_id: str) -> str | None:
        """Changes when the user's key or role does; None: removed."""
        ...


class Nobody:
    """No operators are configured: no log-in."""

    on = False
    users: tuple[User, ...] = ()

    def find(self, key: str) -> User | None:
        """Nobody's."""
        del key
        return None

    def stamp(self, user_id: str) -> str | None:
        """Nobody's."""
        del user_id
        return None


@dataclass(frozen=True, slots=True)
class Grant:
    """Who asks, and what the right to ask hangs on."""

    user: User
    stamp: str | None = None
    session: str | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """Why not; ``wait_s`` says when it may be tried again."""

    status: int
    slug: str
    why: str
    wait_s: float | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What HTTP wants told with it."""
        found = {"www-authenticate": "Bearer"} if self.status == 401 else {}
        if self.wait_s is not None:
            found["retry-after"] = str(math.ceil(self.wait_s))
        return found


OPEN = Grant(LOCAL)
_NO_KEY = Denied(
    401, "unauthorized", "an access key is needed: log in, or send a bearer key"
)
_WRONG = Denied(401, "unauthorized", "the access key is not known")
_OVER = Denied(401, "unauthorized", "the session has ended: log in again")


class Throttle:
    """Counts failures of one client; too many and it has to wait."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: dict[str, deque[float]] = {}

    def wait_s(self, client: str) -> float:
        """How long the client has to wait; 0: not at all."""
        failures = self._failures.get(client)
        if failures is None or len(failures) < GUESSES:
            return 0.0
        return max(0.0, failures[0] + GUESS_WINDOW_S - self._clock.monotonic_s())

    def failed(self, client: str) -> None:
        """Count one."""
        now_s = self._clock.monotonic_s()
        failures = self._failures.pop(client, deque(maxlen=GUESSES))
        failures.append(now_s)
        self._failures[client] = failures  # the latest are at the end
        while len(self._failures) > MOST_GUESSERS:
            del self._failures[next(iter(self._failures))]


@dataclass(frozen=True, slots=True)
class _Session:
    grant: Grant
    until_s: float


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Access:
    """Grants and denies by key or session.

    Args:
        directory: who may log in.
        clock: real time, whatever the vehicles' time does.
    """

    def __init__(
        self, directory: Directory | None = None, clock: Clock | None = None
    ) -> None:
        self._directory = directory or Nobody()
        self._clock = clock or SystemClock()
        self._throttle = Throttle(self._clock)
        self._sessions: dict[str, _Session] = {}

    @property
    def on(self) -> bool:
        """Whether a log-in is needed."""
        return self._directory.on

    @property
    def users(self) -> tuple[User, ...]:
        """Everybody who may use the service."""
        return self._directory.users if self.on else (LOCAL,)

    def who(self, headers: Headers, client: str) -> Grant | Denied:
        """Who sent these headers."""
        if not self.on:
            return OPEN
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._by_key(key.strip(), client)
        token = _cookie(headers)
        return _NO_KEY if token is None else self._by_session(token)

    def _by_key(self, key: str, client: str) -> Grant | Denied:
        # By the claimed id too: one who guesses must not lock out the others
        # behind the same proxy.
        claimed = f"{client} {key.partition('.')[0][:40]}"
        wait_s = self._throttle.wait_s(claimed)
        if wait_s > 0:
            why = f"too many wrong keys: wait {wait_s:.0f} s"
            return Denied(429, "too-many-requests", why, wait_s)
        user = self._directory.find(key) if len(key) <= LONGEST_KEY else None
        if user is None:
            self._throttle.failed(claimed)
            return _WRONG
        return Grant(user, self._directory.stamp(user.id))

    def _by_session(self, token: str) -> Grant | Denied:
        session = self._sessions.get(_digest(token))
        if session is None or not self.still(session.grant):
            return _OVER
        return session.grant

    def log_in(self, key: str, client: str) -> tuple[str, Grant] | Denied:
        """A session's token for a key."""
        granted = self._by_key(key, client)
        if isinstance(granted, Denied):
            return granted
        token = secrets.token_urlsafe(32)
        name = _digest(token)
        grant = Grant(granted.user, granted.stamp, name)
        until_s = self._clock.monotonic_s() + SESSION_S
        self._sessions[name] = _Session(grant, until_s)
        while len(self._sessions) > MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        return token, grant

    def log_out(self, grant: Grant) -> None:
        """End a session; a key has none."""
        if grant.session is not None:
            self._sessions.pop(grant.session, None)

    def still(self, grant: Grant) -> bool:
        """Whether what was granted still is."""
        if not self.on:
            return grant == OPEN
        if grant.stamp is None or self._directory.stamp(grant.user.id) != grant.stamp:
            return False
        if grant.session is None:
            return True
        session = self._sessions.get(grant.session)
        return session is not None and self._clock.monotonic_s() < session.until_s


def _cookie(headers: Headers) -> str | None:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return None if morsel is None else morsel.value


def needed(scope: Mapping[str, object]) -> Role | None:
    """The role that a request needs; None: it is open to everybody.

    Whatever is not named here needs an operator, so that a new route is
    closed until somebody thought about it.
    """
    path, method = str(scope["path"]), str(scope.get("method", ""))
    if not path.startswith("/api/v1/"):
        return None  # the console's files, health, metrics, the contracts
    rest = path.removeprefix("/api/v1/")
    if scope["type"] == "websocket":
        return Role.VIEWER if rest == "live" else Role.OPERATOR
    looks = method in {"GET", "HEAD", "OPTIONS"}
    # Loudspeakers fetch clips by the hash of what they will say anyway.
    is_clip = rest.startswith("clips/") and rest.endswith((".wav", ".pcm"))
    if rest in {"session", "openapi.json"} or (looks and is_clip):
        return None
    if looks:
        return Role.VIEWER
    is_approval = rest.startswith("announcements/") and rest.endswith("/approve")
    return Role.APPROVER if is_approval else Role.OPERATOR
