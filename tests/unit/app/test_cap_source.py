"""Alerts asked for over HTTP: a document, a feed, and a server that fails."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from patrolctl.app.cap_source import CapPoll, CapSource, fetched
from patrolctl.clock import ManualClock
from patrolctl.domain.errors import InputError
from patrolctl.formats.cap import LARGEST_BYTES

ALERT = b'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"/>'
FEED = b"""<feed xmlns="http://www.w3.org/2005/Atom">
<entry><link href="/new"/></entry><entry><link href="/old"/></entry></feed>"""


class Web(ThreadingHTTPServer):
    """Answers what it is told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, tuple[int, bytes]] = {}
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Web

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status, body = self.server.pages.get(self.path, (404, b""))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", body.decode())
        self.end_headers()
        if status != 302:
            self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join(5)
    server.server_close()


class Alerts:
    """Keeps what it takes."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.source_fault: str | None = None
        self.bad: set[str] = set()

    async def take(self, raw: bytes, source: str, actor: str) -> None:
        assert actor == "poll"
        if source in self.bad:
            raise InputError.one(source, "is bad")
        self.taken.append(source)


def polling(web: Web, alerts: Alerts) -> CapPoll:
    return CapPoll(CapSource(f"{web.url}/feed", 60.0), alerts, ManualClock())


async def test_a_document(web: Web) -> None:
    alerts = Alerts()
    web.pages["/feed"] = 200, ALERT
    await polling(web, alerts).ask()
    assert alerts.taken == [f"{web.url}/feed"]
    assert alerts.source_fault is None


async def test_a_feed_is_read_oldest_first_and_each_once(web: Web) -> None:
    alerts = Alerts()
    web.pages |= {"/feed": (200, FEED), "/new": (200, ALERT), "/old": (200, ALERT)}
    poll = polling(web, alerts)
    alerts.bad.add(f"{web.url}/old")
    await poll.ask()
    assert alerts.taken == [f"{web.url}/new"]  # one that is bad stops none
    assert "is bad" in (alerts.source_fault or "")
    alerts.bad.clear()
    await poll.ask()
    await poll.ask()
    assert alerts.taken == [f"{web.url}/new", f"{web.url}/old"]
    assert web.asked.count("/new") == 1
    assert alerts.source_fault is None


async def test_faults_are_told_and_end(web: Web, caplog) -> None:
    alerts = Alerts()
    poll = polling(web, alerts)
    await poll.ask()
    await poll.ask()
    assert "404" in (alerts.source_fault or "")
    assert len([r for r in caplog.records if r.levelname == "WARNING"]) == 1
    web.pages["/feed"] = 200, ALERT
    await poll.ask()
    assert alerts.source_fault is None


def test_redirects_stay_on_the_web_and_answers_are_small(web: Web) -> None:
    web.pages["/a"] = 302, b"file:///etc/passwd"
    web.pages["/b"] = 302, b"/c"
    web.pages["/c"] = 200, b"here"
    web.pages["/big"] = 200, b" " * (LARGEST_BYTES + 1)
    assert fetched(f"{web.url}/b") == b"here"
    with pytest.raises(InputError, match="cannot be asked"):
        fetched(f"{web.url}/a")
    with pytest.raises(InputError, match="too large"):
        fetched(f"{web.url}/big")
    with pytest.raises(InputError, match="cannot be asked"):
        fetched("http://127.0.0.1:1/")
