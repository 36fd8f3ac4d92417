"""A real browser, and the services that it looks at, each its own process."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "src/patrolctl/web/static/index.html"
STARTING_S = 40

# When the tests are killed outright, what they started ends too.
LEASH = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []

# Software WebGL on a busy machine takes its time.
expect.set_options(timeout=20_000)

# SwiftShader draws WebGL without a graphics card; the rest keeps Chromium from
# looking for its maker's servers.
FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def missing(what: str) -> None:
    """CI must run everything; elsewhere a test says what it lacks."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        missing("no Chromium on PATH: see scripts/system-packages")
    if not STATIC.is_file():
        missing("the console is not built: run make console")
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield one
        one.close()


@dataclass
class Looked:
    """A page, and what went wrong on it."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


Open = Callable[..., Looked]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    contexts: list[BrowserContext] = []

    def opened(url: str, *, width: int = 1440, height: int = 900) -> Looked:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            locale="en-GB",
            reduced_motion="reduce",
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        looked = Looked(page)
        page.on("pageerror", lambda e: looked.errors.append(str(e)))
        page.on("request", lambda r: looked.requests.append(r.url))
        page.goto(url)
        return looked

    yield opened
    for context in contexts:
        context.close()


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@dataclass
class Server:
    """A service in a process of its own, that can be killed and started again."""

    command: list[str]
    port: int
    log: Path
    env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self, ready: str = "api/v1/sites") -> None:
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [*LEASH, *self.command],
                cwd=ROOT,
                env=os.environ | self.env,
                stdout=out,
                stderr=out,
            )
        for _ in range(STARTING_S * 10):
            if self.process.poll() is not None:
                break
            with contextlib.suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(f"{self.url}{ready}", timeout=2).close()
                return
            time.sleep(0.1)
        self.stop()
        pytest.fail(f"did not start: {self.log.read_text()[-2000:]}")

    def stop(self, *, kill: bool = False) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.kill() if kill else process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def ask(self, path: str) -> object:
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return json.load(answer)

    def post(self, path: str, body: object = None) -> None:
        request = urllib.request.Request(
            self.url + path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=5).close()

    def tell(self, **mischief: object) -> None:
        """Make the mock service misbehave."""
        self.post("mock", mischief)


def _mock(log: Path) -> Server:
    port = free_port()
    command = [sys.executable, "-m", "tests.browser.mock_service"]
    return Server([*command, "--port", str(port)], port, log)


@pytest.fixture(scope="session")
def mock_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = _mock(tmp_path_factory.mktemp("mock") / "log")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def mock(mock_process: Server) -> Server:
    """The mock service, slow enough to look at."""
    mock_process.post("mock/reset?speed=3")
    return mock_process


@pytest.fixture
def fast_mock(mock_process: Server) -> Server:
    """The mock service with runs that take seconds."""
    mock_process.post("mock/reset?speed=60")
    return mock_process


@pytest.fixture
def mortal_mock(tmp_path: Path) -> Iterator[Server]:
    """A mock service of the test's own, to be killed."""
    server = _mock(tmp_path / "log")
    server.start()
    yield server
    server.stop()
