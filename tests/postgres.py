"""A PostgreSQL server of the tests' own: one a session, a database a test.

Debian's server binaries are looked for; the server listens on a Unix socket
in a temporary directory only, belongs to nobody privileged, and ends with the
process that started it.
"""

import ctypes
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

ABSENT = (
    "no PostgreSQL server: install Debian's package `postgresql`"
    " (scripts/system-packages does so for root)"
)
PR_SET_PDEATHSIG = 1
START_S = 30.0


def binaries() -> Path | None:
    """The newest server's bin folder."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda p: int(p.parts[-3]),
    )
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    return Path(on_path).parent if on_path else None


def _die_with_parent() -> None:
    # After the user was changed: the kernel forgets it at that change.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


def _user() -> str | None:
    """Whom to run as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    names = {p.pw_name for p in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


class Server:
    """A running server; ``database()`` gives the address of an empty one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)

    def database(self) -> str:
        name = f"t{next(self._numbers)}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as db:
            db.execute(f"CREATE DATABASE {name} TEMPLATE template0")  # type: ignore[arg-type]
        return self._url(name)

    def _url(self, name: str) -> str:
        return f"postgresql://tester@/{name}?host={self._folder}"


@contextmanager
def running() -> Iterator[Server]:
    """A server for as long as the context lasts; skips where there is none."""
    folder_of_programs = binaries()
    if folder_of_programs is None:
        pytest.skip(ABSENT)
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="patrolctl-pg-", dir="/tmp"))
    try:
        if user is not None:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        data = folder / "data"
        as_user = {"user": user, "cwd": folder} if user else {"cwd": folder}
        subprocess.run(
            [folder_of_programs / "initdb", "-D", data, "-U", "tester", "-A", "trust",
             "--no-sync", "-E", "UTF8", "--locale=C"],
            check=True, capture_output=True, **as_user,
        )  # fmt: skip
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(folder),
            "fsync": "off",  # nothing here outlives the session
            "max_connections": "60",
            "shared_buffers": "16MB",
        }
        given = [x for k, v in settings.items() for x in ("-c", f"{k}={v}")]
        server = subprocess.Popen(
            [folder_of_programs / "postgres", "-D", data, *given],
            stdout=subprocess.DEVNULL,
            stderr=(folder / "log").open("wb"),
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no thread runs yet
            **as_user,
        )
        try:
            _await(server, folder)
            yield Server(folder)
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _await(server: "subprocess.Popen[bytes]", folder: Path) -> None:
    for _ in range(int(START_S / 0.05)):
        try:
            psycopg.connect(f"postgresql://tester@/postgres?host={folder}").close()
        except psycopg.OperationalError:
            assert server.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        else:
            return
    pytest.fail("PostgreSQL does not start")
