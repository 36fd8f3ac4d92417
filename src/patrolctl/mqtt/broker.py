"""A broker on loopback for those who have none.

mosquitto as a supervised child when it is on PATH; otherwise amqtt inside of
this process, which has no MQTT 5 and whose ACLs leak retained messages: it
listens on loopback only and says so.
"""

import asyncio
import contextlib
import ctypes
import getpass
import logging
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from patrolctl.domain.errors import PatrolError
from patrolctl.mqtt.accounts import (
    SERVICE,
    Account,
    acl_text,
    password_line,
    private,
)

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
START_S = 10.0
STOP_S = 3.0
FIRST_RESTART_S, LONGEST_RESTART_S = 0.2, 5.0
PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class BrokerFailed(PatrolError):
    """No broker could be started."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class TlsListener:
    """A listener for others, besides our own on loopback.

    ``client_ca`` set: clients need a certificate of that authority too.
    """

    host: str
    port: int
    cert: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where our broker listens, and what it is."""

    host: str
    port: int
    kind: Literal["mosquitto", "in-process"]
    accounts: tuple[Account, ...] = ()

    @property
    def url(self) -> str:
        """For ``open_mqtt``: the service's, where there are accounts."""
        return self.url_of(SERVICE)

    def url_of(self, name: str) -> str:
        """The URL of one account; of anybody where there are none."""
        who = next((f"{a.credentials}@" for a in self.accounts if a.name == name), "")
        return f"mqtt://{who}{self.host}:{self.port}"


def _die_with(parent_pid: int) -> None:
    """Between fork and exec: have the kernel kill us when the parent is gone.

    A service that was killed could not stop its broker, and the next one
    would start another beside it.
    """
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it went before the line above
        os._exit(1)


def mosquitto_path() -> str | None:
    """mosquitto, also where Debian puts it outside of a user's PATH."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


@asynccontextmanager
async def run_broker(
    *,
    port: int = 0,
    state_dir: Path,
    mosquitto: bool | None = None,
    accounts: tuple[Account, ...] = (),
    tls: TlsListener | None = None,
) -> AsyncIterator[BrokerAddress]:
    """Run a broker on loopback while the context is open.

    Args:
        port: 0 takes a free one.
        state_dir: for its configuration, retained messages and sessions.
        mosquitto: True insists on it, False on the one inside this process;
            None takes mosquitto where there is one.
        accounts: who may do what; none: anybody on this machine, anything.
        tls: a second listener for other machines; it needs accounts.

    Raises:
        BrokerFailed: the port is in use, or it does not start.
    """
    port = _claim(port)
    program = mosquitto_path() if mosquitto is not False else None
    if program is not None:
        config = _write_configuration(port, state_dir, accounts, tls)
        async with _mosquitto(program, port, config):
            yield BrokerAddress(LOOPBACK, port, "mosquitto", accounts)
        return
    if mosquitto or tls is not None:
        raise BrokerFailed("mosquitto is not installed (apt-get install mosquitto)")
    log.warning("no mosquitto: the broker runs inside this process, loopback only")
    async with _in_process(port):
        yield BrokerAddress(LOOPBACK, port, "in-process")


def _claim(port: int) -> int:
    """A port that is free now.

    Raises:
        BrokerFailed: somebody listens on it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except (OSError, OverflowError) as e:
            raise BrokerFailed(f"MQTT port {port} on {LOOPBACK}: {e}") from None
        return int(probe.getsockname()[1])


def _guarded(state_dir: Path, accounts: tuple[Account, ...]) -> tuple[str, ...]:
    """Passwords and rights, in files that only we may read."""
    if not accounts:
        return ("allow_anonymous true",)
    passwords, rights = state_dir / "passwords", state_dir / "rights"
    private(passwords, "\n".join(password_line(a) for a in accounts) + "\n")
    private(rights, acl_text(accounts))
    return (
        "allow_anonymous false",
        f"password_file {passwords.resolve()}",
        f"acl_file {rights.resolve()}",
    )


def _secured(tls: TlsListener | None) -> tuple[str, ...]:
    if tls is None:
        return ()
    for file in (tls.cert, tls.key, tls.client_ca):
        if file is not None and not file.is_file():
            raise BrokerFailed(f"the broker's TLS: {file} does not exist")
    lines = [
        f"listener {tls.port} {tls.host}",
        f"certfile {tls.cert.resolve()}",
        f"keyfile {tls.key.resolve()}",
        "tls_version tlsv1.2",
    ]
    if tls.client_ca is not None:
        lines += [f"cafile {tls.client_ca.resolve()}", "require_certificate true"]
    return tuple(lines)


def _write_configuration(
    port: int,
    state_dir: Path,
    accounts: tuple[Account, ...],
    tls: TlsListener | None,
) -> Path:
    if tls is not None and not accounts:
        raise BrokerFailed("a broker for other machines needs accounts")
    state_dir.mkdir(parents=True, exist_ok=True)
    config = state_dir / "mosquitto.conf"
    text = "\n".join(
        (
            # Started by root it would become its own user, who cannot write
            # into our directory; for anybody else the line has no effect.
            f"user {getpass.getuser()}",
            f"listener {port} {LOOPBACK}",
            *_secured(tls),
            *_guarded(state_dir, accounts),
            "persistence true",
            f"persistence_location {state_dir.resolve()}/",
            "autosave_interval 1",
            "autosave_on_changes true",
            "max_queued_messages 10000",
            "max_packet_size 1048576",
            "persistent_client_expiration 1d",
            "log_dest stderr",
            "log_type error",
            "log_type warning",
            "",
        )
    )
    config.write_text(text, encoding="utf-8")
    return config


@asynccontextmanager
async def _mosquitto(program: str, port: int, config: Path) -> AsyncIterator[None]:
    keeper = _Keeper(program, config, port)
    await keeper.start()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(keeper.supervise(), name="mosquitto")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.shield(keeper.stop())


class _Keeper:
    """Starts mosquitto, starts it again when it dies, stops it."""

    def __init__(self, program: str, config: Path, port: int) -> None:
        self._argv = (program, "-c", str(config))
        self._port = port
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it listens."""
        parent_pid = os.getpid()
        process = await asyncio.create_subprocess_exec(
            *self._argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            preexec_fn=lambda: _die_with(parent_pid),
        )
        self._process = process
        try:
            async with asyncio.timeout(START_S):
                while not await _listens(self._port):
                    if process.returncode is not None:
                        raise BrokerFailed(await _last_words(process))
                    await asyncio.sleep(0.02)
        except TimeoutError:
            await self.stop()
            raise BrokerFailed(f"mosquitto did not listen in {START_S:g} s") from None

    async def supervise(self) -> None:
        """Watch it; a broker that died comes back."""
        delay_s = FIRST_RESTART_S
        while True:
            process = self._process
            if process is not None:
                async with asyncio.TaskGroup() as group:
                    reader = group.create_task(_read_log(process), name="mosquitto-log")
                    code = await process.wait()
                    await reader
                log.error("mosquitto ended (%s); starting it again", code)
            await asyncio.sleep(delay_s)
            delay_s = min(LONGEST_RESTART_S, delay_s * 2)
            try:
                await self.start()
                delay_s = FIRST_RESTART_S
            except BrokerFailed as e:
                log.error("mosquitto: %s", e)  # noqa: TRY400 - no defect of ours
                self._process = None

    async def stop(self) -> None:
        """Ask it to end, then make it."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def _last_words(process: asyncio.subprocess.Process) -> str:
    err = b"" if process.stderr is None else await process.stderr.read(4096)
    text = err.decode(errors="replace").strip().replace("\n", "; ")
    return f"mosquitto ended ({process.returncode}): {text or 'no message'}"


async def _read_log(process: asyncio.subprocess.Process) -> None:
    if process.stderr is None:
        return
    async for line in process.stderr:
        log.info("mosquitto: %s", line.decode(errors="replace").strip()[:500])


@asynccontextmanager
async def _in_process(port: int) -> AsyncIterator[None]:
    # Imported where it is used: the onboard agent must not pay for it.
    from amqtt.broker import Broker  # noqa: PLC0415
    from amqtt.errors import AMQTTError  # noqa: PLC0415

    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"{LOOPBACK}:{port}"}},
        "plugins": {
            "amqtt.plugins.authentication.AnonymousAuthPlugin": {
                "allow_anonymous": True
            },
        },
    }
    logging.getLogger("amqtt").setLevel(logging.ERROR)
    logging.getLogger("transitions").setLevel(logging.ERROR)
    broker = Broker(config)
    try:
        await broker.start()
    except AMQTTError as e:
        raise BrokerFailed(f"the in-process broker: {e}") from None
    try:
        yield
    finally:
        await asyncio.shield(broker.shutdown())
