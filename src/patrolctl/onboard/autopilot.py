"""Follows the autopilot's own stream: where are we, are we moving.

Any number of listeners may hang on a vehicle's companion port; this one only
says that it is there and asks for positions.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import serial

from patrolctl.clock import Clock
from patrolctl.domain.errors import InputError
from patrolctl.onboard.frames import Beat, Fix, Scanner, ask_for_position, heartbeat
from patrolctl.onboard.trust import Trust

log = logging.getLogger(__name__)

HEARTBEAT_S = 1.0
POSITION_EVERY_S = 0.2
STALE_S = 3.0
RETRY_S = 2.0
_RIGHT = "tcp:host:port, udp:host:port, udpin:host:port or serial:/dev/…:baud"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the autopilot is heard."""

    scheme: str
    place: str
    number: int

    def __str__(self) -> str:
        return f"{self.scheme}:{self.place}:{self.number}"


def parse_endpoint(text: str) -> Endpoint:
    """Read an endpoint.

    Raises:
        InputError: naming what would be right.
    """
    scheme, _, rest = text.partition(":")
    place, _, number = rest.rpartition(":")
    known = scheme in {"tcp", "udp", "udpin", "serial"}
    if not known or not place or not (number.isascii() and number.isdecimal()):
        raise InputError.one(f"endpoint {text!r}", "is none", _RIGHT)
    if scheme != "serial" and not 0 < int(number) < 65536:
        raise InputError.one(f"endpoint {text!r}", "has no such port", "1 to 65535")
    return Endpoint(scheme, place.strip("[]"), int(number))


@dataclass(slots=True)
class Whereabouts:
    """The latest of what the autopilot told, and when (clock seconds)."""

    fix: Fix | None = None
    fix_s: float = float("-inf")
    armed: bool = False
    sysid: int | None = None
    compid: int | None = None
    ground: bool = False


class Autopilot:
    """Keeps :class:`Whereabouts` current and calls back on each position.

    Args:
        endpoint: where it is heard.
        clock: stamps and waits.
        sysid: the only vehicle believed; None: the only one that is heard.
        on_fix: called with every position.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Clock,
        *,
        sysid: int | None,
        on_fix: Callable[[Whereabouts], None],
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._on_fix = on_fix
        self._seq = 0
        self._named = sysid is not None
        self._several = False
        self._trust = Trust()
        self.now = Whereabouts(sysid=sysid)
        self.trouble: str | None = "not heard yet"

    async def follow(self) -> None:
        """Stay on the stream for ever."""
        while True:
            try:
                async with (
                    _open(self._endpoint) as pipe,
                    asyncio.TaskGroup() as group,
                ):
                    group.create_task(self._speak(pipe), name="mavlink-out")
                    group.create_task(self._listen(pipe), name="mavlink-in")
            except* (OSError, EOFError, serial.SerialException) as failed:
                why = str(failed.exceptions[0]) or "the stream ended"
                if self.trouble != why:
                    log.warning("%s: %s", self._endpoint, why)
                self.trouble = why
            await self._clock.sleep(RETRY_S)

    async def _listen(self, pipe: "Pipe") -> None:
        scanner = Scanner(datagrams=pipe.datagrams)
        while True:
            for fact in scanner.feed(await pipe.read()):
                self._take(fact)

    def _take(self, fact: Beat | Fix) -> None:
        now = self.now
        if isinstance(fact, Beat):
            self._beat(fact)
        if self._several or (fact.sysid, fact.compid) != (now.sysid, now.compid):
            return
        self.trouble = None
        if isinstance(fact, Beat):
            now.armed, now.ground = fact.armed, fact.ground
            return
        if not self._trust.believes(fact, self._clock.monotonic_s()):
            # It stands nowhere that we know of until it has made up its mind.
            self.trouble, now.fix = "its position jumped", None
            return
        now.fix = replace(fact, up_m=None) if now.ground else fact
        now.fix_s = self._clock.monotonic_s()
        self._on_fix(now)

    def _beat(self, beat: Beat) -> None:
        """Learn whom to follow; two to choose from are none."""
        now = self.now
        if now.sysid is None:
            now.sysid = beat.sysid
        if now.sysid == beat.sysid and now.compid is None:
            now.compid = beat.compid
        if self._named or now.sysid == beat.sysid or self._several:
            return
        self._several = True
        now.fix, now.armed = None, False
        self.trouble = (
            f"vehicles {now.sysid} and {beat.sysid} are heard: say which (--sysid)"
        )
        log.warning("%s: %s", self._endpoint, self.trouble)

    async def _speak(self, pipe: "Pipe") -> None:
        while True:
            sysid = self.now.sysid
            if sysid is not None or pipe.speaks_first:
                await pipe.write(heartbeat(seq=self._next(), sysid=sysid or 1))
            silent_s = self._clock.monotonic_s() - self.now.fix_s
            if sysid is not None and silent_s > STALE_S:
                await pipe.write(
                    ask_for_position(
                        seq=self._next(), sysid=sysid, every_s=POSITION_EVERY_S
                    )
                )
            await self._clock.sleep(HEARTBEAT_S)

    def _next(self) -> int:
        self._seq = (self._seq + 1) & 0xFF
        return self._seq


class Pipe:
    """An open stream or socket."""

    datagrams = False
    speaks_first = False

    async def read(self) -> bytes:
        """The next bytes; raises when it ended."""
        raise NotImplementedError

    async def write(self, data: bytes) -> None:
        """Send, as far as there is somebody to send to."""
        raise NotImplementedError


class _StreamPipe(Pipe):
    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        data = await self._reader.read(4096)
        if not data:
            raise EOFError("the autopilot closed the connection")
        return data

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()


class _Datagrams(asyncio.DatagramProtocol, Pipe):
    """One UDP socket; the first peer that is heard is the only one believed."""

    datagrams = True

    def __init__(self, *, speaks_first: bool) -> None:
        self.speaks_first = speaks_first
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(256)
        self._transport: asyncio.DatagramTransport | None = None
        self._peer: object = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.DatagramTransport):
            self._transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._peer = self._peer or addr
        if addr == self._peer and not self._queue.full():
            self._queue.put_nowait(data)

    async def read(self) -> bytes:
        return await self._queue.get()

    async def write(self, data: bytes) -> None:
        if self._transport is None:
            return
        if self.speaks_first:
            self._transport.sendto(data)
        elif self._peer is not None:
            self._transport.sendto(data, self._peer)  # type: ignore[arg-type]  # as received


class _SerialPipe(Pipe):
    def __init__(self, port: serial.Serial) -> None:
        self._port = port

    async def read(self) -> bytes:
        return bytes(await asyncio.to_thread(self._read))

    def _read(self) -> bytes:
        return bytes(self._port.read(max(1, self._port.in_waiting)))

    async def write(self, data: bytes) -> None:
        await asyncio.to_thread(self._port.write, data)


@asynccontextmanager
async def _open(endpoint: Endpoint) -> AsyncIterator[Pipe]:
    place, number = endpoint.place, endpoint.number
    if endpoint.scheme == "serial":
        port = await asyncio.to_thread(serial.Serial, place, number, timeout=0.2)
        try:
            yield _SerialPipe(port)
        finally:
            port.close()
    elif endpoint.scheme == "tcp":
        reader, writer = await asyncio.open_connection(place, number)
        try:
            yield _StreamPipe(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
    else:
        calls = endpoint.scheme == "udp"
        transport, pipe = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Datagrams(speaks_first=calls),
            local_addr=None if calls else (place, number),
            remote_addr=(place, number) if calls else None,
        )
        try:
            yield pipe
        finally:
            transport.close()
