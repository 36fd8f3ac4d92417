"""Real ArduPilot in software, behind a relay on loopback.

SITL's own TCP server listens on every interface, so it is started as a client
of ours instead: it connects to the relay, and so does the ground station. The
relay is also where the link can be cut, as a radio link is.
"""

import asyncio
import contextlib
import itertools
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from pymavlink.dialects.v20 import ardupilotmega as mavlink

SPEEDUP = float(os.environ.get("PATROLCTL_SITL_SPEEDUP", "10"))
BINARY = {"copter": "arducopter", "rover": "ardurover"}
MODEL = {"copter": "+", "rover": "rover"}
PARM_ENV = {"copter": "PATROLCTL_COPTER_PARM", "rover": "PATROLCTL_ROVER_PARM"}
FORWARD_BYTES = 65536
SIGNING_EPOCH = datetime(2015, 1, 1, tzinfo=UTC)  # MAVLink 2 signing
_instance = itertools.count(os.getpid() % 50 * 4)


def find(kind: str) -> tuple[Path, Path] | str:
    """Binary and parameter file of a kind, or one line that says what is missing."""
    found = shutil.which(BINARY[kind])
    if found is None:
        return f"{BINARY[kind]} is not on PATH"
    # The whole path: a reboot starts argv[0] again, without a search.
    binary = Path(found)
    named = os.environ.get(PARM_ENV[kind])
    parm = Path(named) if named else binary.with_name(f"{kind}.parm")
    if not parm.is_file():
        return f"no {parm} beside {binary.name} ({PARM_ENV[kind]} may name another)"
    return binary, parm


@dataclass
class Relay:
    """One serial port of the autopilot: its stream and one ground station's.

    ``tap`` sees every chunk that comes from the autopilot.
    """

    tap: Callable[[bytes], None] = lambda chunk: None
    mute: bool = False
    attached: asyncio.Event = field(default_factory=asyncio.Event)
    _autopilot: asyncio.StreamWriter | None = None
    _station: asyncio.StreamWriter | None = None
    _inner: asyncio.Server | None = None
    _outer: asyncio.Server | None = None
    _port: int = 0

    async def __aenter__(self) -> "Relay":
        self._inner = await asyncio.start_server(self._on_autopilot, "127.0.0.1", 0)
        await self.mend()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cut()
        for server in (self._inner, self._outer):
            if server is not None:
                server.close()
        if self._autopilot is not None:
            self._autopilot.close()

    @property
    def serial(self) -> str:
        """What SITL is given for its serial port."""
        assert self._inner is not None
        return f"tcpclient:127.0.0.1:{self._inner.sockets[0].getsockname()[1]}"

    @property
    def endpoint(self) -> str:
        """Where the ground station connects."""
        return f"tcp:127.0.0.1:{self._port}"

    def cut(self) -> None:
        """The ground station's stream ends and cannot be opened again."""
        if self._outer is not None:
            self._outer.close()
            self._outer = None
        if self._station is not None:
            self._station.transport.abort()
            self._station = None

    async def mend(self) -> None:
        """The ground station may connect again, at the same port."""
        self._outer = await asyncio.start_server(
            self._on_station, "127.0.0.1", self._port
        )
        self._port = self._outer.sockets[0].getsockname()[1]

    async def _on_autopilot(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._autopilot = writer
        self.attached.set()
        with contextlib.suppress(OSError):
            while chunk := await reader.read(FORWARD_BYTES):
                self.tap(chunk)
                if self._station is not None and not self.mute:
                    self._station.write(chunk)
        writer.close()
        if self._station is not None:  # a reboot ends the stream
            self._station.close()
            self._station = None

    async def _on_station(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self._station is not None:  # SITL serves one client a port
            writer.close()
            return
        self._station = writer
        with contextlib.suppress(OSError):
            while chunk := await reader.read(FORWARD_BYTES):
                if self._autopilot is not None and not self.mute:
                    self._autopilot.write(chunk)
        writer.close()
        if self._station is writer:
            self._station = None


class OtherStation:
    """A second ground station, with another's code: pymavlink's.

    It is on the autopilot's second serial port, and everything that it does
    is what QGroundControl or Mission Planner might do meanwhile.
    """

    def __init__(self, relay: Relay, sysid: int = 254) -> None:
        self._relay = relay
        self.heard: dict[str, mavlink.MAVLink_message] = {}
        self.values: dict[str, float] = {}
        self.texts: list[str] = []
        self.armings = 0
        self._armed = False
        self._waiting: list[tuple[Callable[..., bool], asyncio.Future[object]]] = []
        self._mav = mavlink.MAVLink(self, srcSystem=sysid, srcComponent=190)
        self._mav.robust_parsing = True
        relay.tap = self._on_chunk

    @property
    def endpoint(self) -> str:
        """Where somebody else may join it on its port."""
        return self._relay.endpoint

    def write(self, frame: bytes) -> None:
        """Called by pymavlink to send."""
        writer = self._relay._autopilot
        if writer is not None:
            writer.write(bytes(frame))

    def _on_chunk(self, chunk: bytes) -> None:
        for message in self._mav.parse_buffer(chunk) or []:
            name = message.get_type()
            self.heard[name] = message
            if name == "PARAM_VALUE":
                self.values[message.param_id] = message.param_value
            elif name == "STATUSTEXT":
                self.texts.append(message.text)
            elif (
                name == "HEARTBEAT"
                and message.autopilot == mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA
            ):
                armed = bool(message.base_mode & mavlink.MAV_MODE_FLAG_SAFETY_ARMED)
                self.armings += armed and not self._armed
                self._armed = armed
            for fits, future in tuple(self._waiting):
                if not future.done() and fits(message):
                    future.set_result(message)

    async def expect(
        self, fits: Callable[..., bool], within_s: float = 5.0
    ) -> mavlink.MAVLink_message:
        """The next message that fits."""
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        entry = (fits, future)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(within_s):
                return await future
        finally:
            self._waiting.remove(entry)

    async def command(self, number: int, *params: float) -> int:
        """COMMAND_LONG; its MAV_RESULT."""
        filled = (*params, *([0.0] * (7 - len(params))))
        self._mav.command_long_send(1, 1, number, 0, *filled)
        ack = await self.expect(
            lambda m: m.get_type() == "COMMAND_ACK" and m.command == number
        )
        return int(ack.result)

    async def set_param(self, name: str, value: float) -> None:
        """PARAM_SET, confirmed."""
        self._mav.param_set_send(1, 1, name.encode(), value, 9)
        await self.expect(
            lambda m: (
                m.get_type() == "PARAM_VALUE"
                and m.param_id == name
                and abs(m.param_value - value) < 1e-3
            )
        )

    async def get_param(self, name: str) -> float:
        """PARAM_REQUEST_READ."""
        self._mav.param_request_read_send(1, 1, name.encode(), -1)
        told = await self.expect(
            lambda m: m.get_type() == "PARAM_VALUE" and m.param_id == name
        )
        return float(told.param_value)

    async def items(self, kind: int = 0) -> list[mavlink.MAVLink_message]:
        """The stored mission, fence or rally points."""
        self._mav.mission_request_list_send(1, 1, kind)
        told = await self.expect(
            lambda m: m.get_type() == "MISSION_COUNT" and m.mission_type == kind
        )
        found = []
        for seq in range(told.count):
            self._mav.mission_request_int_send(1, 1, seq, kind)
            item = await self.expect(
                lambda m, seq=seq: (
                    m.get_type() == "MISSION_ITEM_INT"
                    and m.seq == seq
                    and m.mission_type == kind
                )
            )
            found.append(item)
        return found

    async def replace(
        self, items: list[mavlink.MAVLink_message], kind: int = 0
    ) -> None:
        """Upload items; returns at the ACK."""
        self._mav.mission_count_send(1, 1, len(items), kind)
        while True:
            asked = await self.expect(
                lambda m: (
                    (
                        m.get_type() in ("MISSION_REQUEST", "MISSION_REQUEST_INT")
                        and m.mission_type == kind
                    )
                    or (m.get_type() == "MISSION_ACK" and m.mission_type == kind)
                )
            )
            if asked.get_type() == "MISSION_ACK":
                assert asked.type == 0, asked
                return
            item = items[asked.seq]
            item.target_system = item.target_component = 1
            item.seq = asked.seq
            self._mav.send(item)

    async def set_key(self, key: bytes) -> None:
        """SETUP_SIGNING, in force on every link at once."""
        since = datetime.now(UTC) - SIGNING_EPOCH
        units = round(since.total_seconds() * 1e5)  # of 10 µs
        self._mav.setup_signing_send(1, 1, key, units)
        await asyncio.sleep(0.2)  # there is no answer

    async def reboot(self) -> None:
        """PREFLIGHT_REBOOT_SHUTDOWN; returns when the stream comes back."""
        self._relay.attached.clear()
        self._mav.command_long_send(1, 1, 246, 0, 1, 0, 0, 0, 0, 0, 0)
        async with asyncio.timeout(20):
            await self._relay.attached.wait()


@dataclass(frozen=True)
class Sitl:
    """A running autopilot."""

    kind: str
    pid: int
    relay: Relay
    other: OtherStation
    folder: Path


def _log(folder: Path) -> BinaryIO:
    return (folder / "sitl.log").open("ab")


def _write(folder: Path, parameters: dict[str, float]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    more = folder / "more.parm"
    more.write_text("".join(f"{k} {v}\n" for k, v in parameters.items()))
    return more


@asynccontextmanager
async def running(
    kind: str,
    folder: Path,
    home: tuple[float, float, float, float],
    parameters: dict[str, float] | None = None,
    *,
    speedup: float = SPEEDUP,
    swapped: bool = False,
    serial0: str | None = None,
) -> AsyncIterator[Sitl]:
    """Start one in its own folder; it is killed by its pid at the end.

    Our link is its first serial port, ``swapped`` its second: only the first
    takes unsigned frames when a signing key is set. ``serial0`` connects the
    first one elsewhere, past the relay.
    """
    found = find(kind)
    assert not isinstance(found, str), found
    binary, parm = found
    more = _write(folder, parameters or {})
    async with Relay() as relay, Relay() as second:
        arguments = (
            *("--model", MODEL[kind], "--speedup", f"{speedup:g}"),
            *("--home", ",".join(f"{v:.7f}" for v in home)),
            *("-I", str(next(_instance) % 200), "--rc-in-port", "0"),
            *("--defaults", f"{parm},{more}"),
            *("--serial0", serial0 or relay.serial, "--serial1", second.serial),
            *("--serial2", "none"),
        )
        with _log(folder) as log:
            process = await asyncio.create_subprocess_exec(
                str(binary), *arguments, cwd=folder, stdout=log, stderr=log
            )
        try:
            async with asyncio.timeout(20):
                if serial0 is None:
                    await relay.attached.wait()
                await second.attached.wait()
            ours, others = (second, relay) if swapped else (relay, second)
            yield Sitl(kind, process.pid, ours, OtherStation(others), folder)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
