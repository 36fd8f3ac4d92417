"""Every route by role, keys, sessions, guesses, and who is removed meanwhile."""

import itertools
import re

import httpx
import pytest

from patrolctl.clock import ManualClock
from patrolctl.domain.users import Role, User
from patrolctl.web import Access
from patrolctl.web.guard import _while_granted

API = "/api/v1"
KEYS = {
    "v.1": User("v", "Vi", Role.VIEWER),
    "o.1": User("o", "Oh", Role.OPERATOR),
    "a.1": User("a", "Ay", Role.APPROVER),
}
RANK = [None, Role.VIEWER, Role.OPERATOR, Role.APPROVER]


class Few:
    """A directory in memory."""

    def __init__(self) -> None:
        self.on = True
        self.known = dict(KEYS)

    @property
    def users(self):
        return tuple(self.known.values())

    def find(self, key):
        return self.known.get(key)

    def stamp(self, user_id):
        return next((k for k, u in self.known.items() if u.id == user_id), None)


@pytest.fixture
def few() -> Few:
    return Few()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def access(few: Few, clock: ManualClock) -> Access:
    return Access(few, clock)


def bearer(key: str | None) -> dict[str, str]:
    return {} if key is None else {"authorization": f"Bearer {key}"}


def expected(method: str, path: str) -> Role | None:
    """Written apart from the code that decides it."""
    if not path.startswith(API) or path in {
        f"{API}/session",
        f"{API}/openapi.json",
        f"{API}/clips/{{sha256}}.wav",
        f"{API}/clips/{{sha256}}.pcm",
    }:
        return None
    if method == "GET":
        return Role.VIEWER
    if path == f"{API}/announcements/{{announcement_id}}/approve":
        return Role.APPROVER
    return Role.OPERATOR


def operations(app) -> list[tuple[str, str]]:
    paths = app.openapi()["paths"]
    return [(m.upper(), p) for p, found in paths.items() for m in found]


async def test_every_route_and_role(stage, access) -> None:
    async with stage.open(access=access):
        asked = operations(stage.app)
        assert len(asked) >= 35
        roles = zip(RANK, [None, *KEYS], strict=True)
        for (method, path), (role, key) in itertools.product(asked, list(roles)):
            real = re.sub(r"\{sha256\}", "0" * 64, path)
            real = re.sub(r"\{verb\}", "silence", real)
            real = re.sub(r"\{\w+\}", "none", real)
            body = {"json": {}} if method in {"POST", "PUT", "PATCH"} else {}
            answer = await stage.http.request(method, real, headers=bearer(key), **body)
            needs = expected(method, path)
            allowed = needs is None or (role is not None and role.may(needs))
            denied = answer.status_code in {401, 403}
            assert denied is not allowed, (method, path, role, answer.status_code)
            if denied:
                assert answer.status_code == (401 if role is None else 403)
                assert answer.headers["content-type"] == "application/problem+json"
                assert ("www-authenticate" in answer.headers) is (role is None)


async def test_who_did_it_stands_in_the_audit_log(stage, access) -> None:
    async with stage.open(access=access):
        done = await stage.http.post(f"{API}/fleet/silence", headers=bearer("o.1"))
        assert done.status_code == 202
        log = (await stage.http.get(f"{API}/audit", headers=bearer("v.1"))).json()
        assert log[0]["actor"] == "o"
        users = (await stage.http.get(f"{API}/users", headers=bearer("v.1"))).json()
        assert [u["id"] for u in users] == ["v", "o", "a"]
        assert "key" not in str(users)


async def test_a_session_from_log_in_to_log_out(stage, access, clock) -> None:
    async with stage.open(access=access):
        http = stage.http
        nobody = (await http.get(f"{API}/session")).json()
        assert nobody["log_in"] is True
        assert nobody["second_person"] is True
        assert nobody["user"] is None
        begun = await http.post(f"{API}/session", json={"key": "o.1"})
        assert begun.status_code == 201
        assert begun.json()["user"]["id"] == "o"
        cookie = begun.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "o.1" not in cookie
        assert (await http.get(f"{API}/runs")).status_code == 200
        assert (await http.post(f"{API}/fleet/silence")).status_code == 202
        foreign = {"origin": "http://evil.example"}
        answer = await http.post(f"{API}/fleet/silence", headers=foreign)
        assert answer.status_code == 403
        kept = http.cookies.get("patrolctl_session")
        assert (await http.delete(f"{API}/session")).json()["user"] is None
        http.cookies.set("patrolctl_session", kept)  # replayed
        assert (await http.get(f"{API}/runs")).status_code == 401
        log = (await http.get(f"{API}/audit", headers=bearer("v.1"))).json()
        assert [e["action"] for e in log][:3] == ["log out", "fleet silence", "log in"]


async def test_a_session_ends_by_itself_and_with_its_operator(
    stage, access, few, clock
) -> None:
    async with stage.open(access=access):
        http = stage.http
        await http.post(f"{API}/session", json={"key": "o.1"})
        del few.known["o.1"]
        assert (await http.get(f"{API}/runs")).status_code == 401
        few.known["o.1"] = KEYS["o.1"]
        await http.post(f"{API}/session", json={"key": "o.1"})
        assert (await http.get(f"{API}/runs")).status_code == 200
        few.known["o.1"] = User("o", "Oh", Role.VIEWER)
        few.known["o.2"] = few.known.pop("o.1")  # another key: sessions end
        assert (await http.get(f"{API}/runs")).status_code == 401
        await http.post(f"{API}/session", json={"key": "a.1"})
        await clock.advance(12 * 3600.0, step_s=3600.0)
        assert (await http.get(f"{API}/runs")).status_code == 401


async def test_guesses_are_slowed_down_but_not_the_others(stage, access, clock) -> None:
    async with stage.open(access=access):
        http = stage.http
        for n in range(5):
            answer = await http.post(f"{API}/session", json={"key": f"o.bad{n}"})
            assert answer.status_code == 401
        answer = await http.post(f"{API}/session", json={"key": "o.1"})
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 30
        answer = await http.get(f"{API}/runs", headers=bearer("o.1"))
        assert answer.status_code == 429
        answer = await http.get(f"{API}/runs", headers=bearer("a.1"))
        assert answer.status_code == 200
        await clock.advance(31.0, step_s=1.0)
        answer = await http.post(f"{API}/session", json={"key": "o.1"})
        assert answer.status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer"},
        {"authorization": "Bearer " + "x" * 5000},
        {"authorization": "Basic bzox"},
        {"cookie": "patrolctl_session="},
        {"cookie": 'patrolctl_session="\\'},
        {"cookie": "=;;=,"},
    ],
)
async def test_odd_credentials(stage, access, headers) -> None:
    async with stage.open(access=access):
        answer = await stage.http.get(f"{API}/runs", headers=headers)
        assert answer.status_code == 401


async def test_open_service_says_so(stage) -> None:
    async with stage.open():
        told = (await stage.http.get(f"{API}/session")).json()
        assert told["log_in"] is False
        assert told["second_person"] is False
        assert told["user"]["actor"] == "local operator"
        assert "no log-in" in told["note"]
        again = await stage.http.post(f"{API}/session", json={"key": "x"})
        assert again.status_code == 201
        assert "set-cookie" not in again.headers


async def socket(app, path: str, key: str | None) -> list[str]:
    """What is sent to one who connects and leaves."""
    headers = [(b"host", b"127.0.0.1:8080")]
    headers += [(k.encode(), v.encode()) for k, v in bearer(key).items()]
    scope = {"type": "websocket", "path": path, "headers": headers}
    scope |= {"query_string": b"", "client": ("127.0.0.1", 1), "scheme": "ws"}
    coming = ["websocket.connect", "websocket.disconnect"]
    sent: list[str] = []

    async def receive() -> dict[str, object]:
        return {"type": coming.pop(0), "code": 1000}

    async def send(message) -> None:
        sent.append(message["type"] + str(message.get("code", "")))

    await app(scope, receive, send)
    return sent


async def test_the_live_socket(stage, access) -> None:
    async with stage.open(access=access):
        live = f"{API}/live"
        assert await socket(stage.app, live, None) == ["websocket.close1008"]
        assert await socket(stage.app, live, "x.1") == ["websocket.close1008"]
        assert (await socket(stage.app, live, "v.1"))[:2] == [
            "websocket.accept",
            "websocket.send",
        ]
        other = f"{API}/whatever"
        assert await socket(stage.app, other, "v.1") == ["websocket.close1008"]


async def test_who_is_removed_loses_the_socket(access, few) -> None:
    sent = []

    async def send(message) -> None:
        sent.append(message)

    grant = access.who(httpx.Headers(bearer("v.1")), "x")
    sending = _while_granted(send, lambda: access.still(grant))
    await sending({"type": "websocket.send", "text": "1"})
    del few.known["v.1"]
    with pytest.raises(RuntimeError):
        await sending({"type": "websocket.send", "text": "2"})
    assert [m["type"] for m in sent] == ["websocket.send", "websocket.close"]
