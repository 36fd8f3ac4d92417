"""Pinning, identity, junk, ends of streams, heartbeats, on real sockets."""

import asyncio
import contextlib
import os
import random
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from patrolctl.clock import ScaledClock, SystemClock
from patrolctl.domain.errors import UploadFailed
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import FleetVehicle, LinkState, VehicleKind
from patrolctl.domain.telemetry import EventKind
from patrolctl.mavlink import LinkOptions, Pulse
from patrolctl.mavlink.framing import Scanner, encode
from patrolctl.mavlink.messages import (
    AutopilotVersion,
    CommandAck,
    CommandLong,
    GlobalPositionInt,
    Heartbeat,
    Message,
    decode,
)

FAST = 10.0
REAL = SystemClock()
COPTER = VehicleKind.COPTER
Send = Callable[[bytes], None]


@dataclass
class Fake:
    """The least that passes for a vehicle: beats, moves, tells its uid."""

    uid: int = 77
    boot_s: float = 60.0
    rate_hz: float = 5.0
    heard: list[Message] = field(default_factory=list)
    seq: int = 0
    scanner: Scanner = field(default_factory=lambda: Scanner(datagrams=True))
    born_s: float = field(default_factory=REAL.monotonic_s)

    def pack(self, message: Message) -> bytes:
        raw = encode(message, seq=self.seq, sysid=1, compid=1)
        self.seq += 1
        return raw

    def position(self) -> GlobalPositionInt:
        boot_s = self.boot_s + (REAL.monotonic_s() - self.born_s) * FAST
        where = (342044000, 1172857000, 30_000, 0, 0, 0, 0, 0)
        return GlobalPositionInt(int(boot_s * 1000), *where)

    def take(self, data: bytes, answer: Send) -> None:
        for frame in self.scanner.feed(data):
            message = decode(frame.msg_id, frame.payload)
            if message is None:
                continue
            self.heard.append(message)
            if isinstance(message, CommandLong):
                answer(self.pack(CommandAck(message.command, 0, 0, 0, 255, 190)))
                if message.command == 512 and message.param1 == 148:
                    none = b"\0" * 8
                    version = AutopilotVersion(
                        0, self.uid, 0, 0, 0, 0, 0, 0, none, none, none, b"\0" * 18
                    )
                    answer(self.pack(version))

    async def live(self, send: Send) -> None:
        for n in range(100_000):
            if n % int(self.rate_hz) == 0:
                send(self.pack(Heartbeat(0, 2, 3, 81, 3, 3)))
            send(self.pack(self.position()))
            await asyncio.sleep(1.0 / self.rate_hz / FAST)


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, fake: Fake, to: tuple[str, int]) -> None:
        self.fake, self.to, self.got = fake, to, 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.got += 1
        self.fake.take(data, self.send)

    def send(self, data: bytes) -> None:
        self.transport.sendto(data, self.to)


class _Listening(_Udp):
    """A vehicle that answers whoever talks to it."""

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.to = addr
        super().datagram_received(data, addr)


@asynccontextmanager
async def _datagrams(fake: Fake, peer: _Udp, port: int) -> AsyncIterator[_Udp]:
    loop = asyncio.get_running_loop()
    where = ("127.0.0.1", port)
    transport, _ = await loop.create_datagram_endpoint(lambda: peer, local_addr=where)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(fake.live(peer.send))
        try:
            yield peer
        finally:
            task.cancel()
            transport.close()


def udp_vehicle(fake: Fake, port: int) -> AbstractAsyncContextManager[_Udp]:
    """One that sends to a port."""
    return _datagrams(fake, _Udp(fake, ("127.0.0.1", port)), 0)


def listening_vehicle(fake: Fake, port: int) -> AbstractAsyncContextManager[_Udp]:
    """One that is spoken to at a port."""
    return _datagrams(fake, _Listening(fake, ("127.0.0.1", 9)), port)


def entry(endpoint: str, uid: int | None = None) -> FleetVehicle:
    return FleetVehicle(VehicleId("v1"), COPTER, endpoint=endpoint, uid=uid)


@asynccontextmanager
async def served(*fakes: Fake) -> AsyncIterator[tuple[int, list[asyncio.StreamWriter]]]:
    """Airframes that share one TCP stream, as behind one telemetry radio."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        writers.append(out)
        async with asyncio.TaskGroup() as group:
            lives = [group.create_task(fake.live(out.write)) for fake in fakes]
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(4096):
                    for fake in fakes:
                        fake.take(data, out.write)
            for life in lives:
                life.cancel()
        out.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], writers
    finally:
        server.close()
        for writer in writers:
            writer.close()


def orders(heard: list[Message]) -> list[int]:
    """Commands other than asking for messages."""
    sent = [m.command for m in heard if isinstance(m, CommandLong)]
    return [c for c in sent if c not in (511, 512)]


# -- pinning -----------------------------------------------------------------


async def test_a_stranger_hears_nothing_and_changes_nothing(
    air: SimpleNamespace,
) -> None:
    port = air.free_port()
    options = LinkOptions(clock=ScaledClock(FAST))
    ours, stranger = Fake(uid=77), Fake(uid=78, boot_s=5000.0)
    async with (
        air.flight(entry(f"udpin:127.0.0.1:{port}"), options) as flight,
        udp_vehicle(ours, port) as mine,
    ):
        await flight.heard(EventKind.LINK)
        await flight.clock.sleep(4.0)
        assert mine.got > 0
        began_s = flight.clock.monotonic_s()
        async with udp_vehicle(stranger, port) as other:
            fact = await flight.heard(EventKind.IMPOSTOR, 10.0)
            assert flight.clock.monotonic_s() - began_s <= 3.0
            assert "second vehicle" in fact.text
            await flight.clock.sleep(5.0)
            assert other.got == 0
        assert any("second vehicle" in r for r in await flight.vehicle.ready())
        assert flight.vehicle.link is LinkState.LIVE  # ours is still ours
        assert EventKind.REBOOTED not in flight.kinds()


async def test_a_vehicle_with_another_system_id_is_told_of(
    air: SimpleNamespace,
) -> None:
    """A wrong number in the fleet's list costs a look, not an afternoon."""
    port = air.free_port()
    second = FleetVehicle(
        VehicleId("v2"), COPTER, sysid=2, endpoint=f"udpin:127.0.0.1:{port}"
    )
    options = LinkOptions(clock=ScaledClock(FAST))
    async with air.flight(second, options) as flight, udp_vehicle(Fake(), port):
        await flight.clock.sleep(10.0)
        assert flight.vehicle.link is LinkState.CONNECTING
        told = "no link (system id 1 is heard there, not 2)"
        assert await flight.vehicle.ready() == (told,)


async def test_junk_at_a_thousand_datagrams_a_second_costs_no_heartbeat(
    air: SimpleNamespace,
) -> None:
    port, rng = air.free_port(), random.Random(1)
    options = LinkOptions(clock=SystemClock())
    async with air.flight(entry(f"udpin:127.0.0.1:{port}"), options) as flight:
        fake = Fake()
        loop = asyncio.get_running_loop()
        transport, peer = await loop.create_datagram_endpoint(
            lambda: _Udp(fake, ("127.0.0.1", port)), local_addr=("127.0.0.1", 0)
        )
        strange, other = await loop.create_datagram_endpoint(
            lambda: _Udp(Fake(), ("127.0.0.1", port)), local_addr=("127.0.0.1", 0)
        )
        before, sent = 0, 0
        for _ in range(200):
            peer.send(fake.pack(Heartbeat(0, 2, 3, 81, 3, 3)))
            sent += 1
            for k in range(10):
                junk = b"\xfd\xff" if k % 2 else rng.randbytes(rng.randrange(1, 300))
                (peer if k % 3 else other).send(junk)
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        heard = flight.vehicle._link._heard - before
        transport.close()
        strange.close()
    assert heard >= 0.99 * sent


# -- identity ----------------------------------------------------------------


@pytest.mark.parametrize(
    "second",
    [
        pytest.param({"uid": 78}, id="two-uids"),
        pytest.param({"uid": 77, "boot_s": 900.0}, id="two-boot-clocks"),
        pytest.param({"uid": 77, "boot_s": 60.1, "seq": 120}, id="booted-together"),
    ],
)
async def test_two_airframes_on_one_stream_are_sent_nothing(
    air: SimpleNamespace, second: dict
) -> None:
    fakes = Fake(uid=77), Fake(**second)
    options = LinkOptions(clock=ScaledClock(FAST))
    async with (
        served(*fakes) as (port, _),
        air.flight(entry(f"tcp:127.0.0.1:{port}"), options) as flight,
    ):
        await flight.heard(EventKind.LINK)
        began_s = flight.clock.monotonic_s()
        fact = await flight.heard(EventKind.IMPOSTOR, 20.0)
        assert flight.clock.monotonic_s() - began_s <= 3.5
        assert "two airframes" in fact.text
        await flight.clock.sleep(0.5)
        counts = [len(fake.heard) for fake in fakes]
        with pytest.raises(UploadFailed, match="two airframes"):
            await flight.vehicle.upload(air.mission(COPTER))
        await flight.clock.sleep(5.0)
        assert [len(fake.heard) for fake in fakes] == counts  # no heartbeat even
        assert all(orders(fake.heard) == [] for fake in fakes)


async def test_another_airframe_than_the_registered_one(air: SimpleNamespace) -> None:
    options = LinkOptions(clock=ScaledClock(FAST))
    fake = Fake(uid=78)
    async with (
        served(fake) as (port, _),
        air.flight(entry(f"tcp:127.0.0.1:{port}", 77), options) as flight,
    ):
        fact = await flight.heard(EventKind.IMPOSTOR, 20.0)
        assert "another airframe answers: uid 78 instead of uid 77" in fact.text
        await flight.clock.sleep(3.0)
        assert orders(fake.heard) == []


# -- ends of streams ---------------------------------------------------------


async def test_the_end_of_a_stream_is_seen_at_once_and_reopened(
    air: SimpleNamespace,
) -> None:
    options = LinkOptions(clock=ScaledClock(FAST))
    fake = Fake()
    async with (
        served(fake) as (port, writers),
        air.flight(entry(f"tcp:127.0.0.1:{port}"), options) as flight,
    ):
        await flight.heard(EventKind.LINK)
        writers[0].close()
        began_s = REAL.monotonic_s()
        await flight.until(lambda: flight.vehicle.link is LinkState.LOST)
        assert REAL.monotonic_s() - began_s < 0.5
        await flight.until(lambda: flight.vehicle.link is LinkState.LIVE)
        texts = [f.text for f in flight.facts if f.kind is EventKind.LINK]
        assert texts == ["LIVE", "LOST: the stream ended", "LIVE"]


async def test_a_serial_line(air: SimpleNamespace) -> None:
    ours, theirs = os.openpty()
    fake, stop = Fake(), threading.Event()

    def live() -> None:
        n = 0
        while not stop.wait(0.02):
            beat = fake.pack(Heartbeat(0, 2, 3, 81, 3, 3))
            os.write(ours, (beat if n % 5 == 0 else b"") + fake.pack(fake.position()))
            n += 1

    thread = threading.Thread(target=live)
    thread.start()
    try:
        name = os.ttyname(theirs)
        options = LinkOptions(clock=ScaledClock(FAST))
        async with air.flight(entry(f"serial:{name}:57600"), options) as flight:
            await flight.heard(EventKind.LINK)
            await flight.until(lambda: flight.vehicle.telemetry.lat_deg is not None)
            await flight.clock.sleep(5.0)
            fake.take(os.read(ours, 4096), lambda _: None)
            assert any(isinstance(m, Heartbeat) for m in fake.heard)
    finally:
        stop.set()
        thread.join()
        os.close(ours)
        os.close(theirs)


# -- heartbeats --------------------------------------------------------------


@pytest.mark.parametrize("ill", ["blocked", "unpetted"])
async def test_no_heartbeat_outlives_the_control_loop(
    air: SimpleNamespace, ill: str
) -> None:
    arrivals: list[float] = []
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.bind(("127.0.0.1", 0))
    sink.settimeout(0.1)
    stop = threading.Event()

    def receive() -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                sink.recv(2048)
                arrivals.append(REAL.monotonic_s())

    thread = threading.Thread(target=receive)
    thread.start()
    pulse = Pulse(max_age_s=1.0)
    options = LinkOptions(clock=SystemClock(), pulse=pulse, heartbeat_s=0.1)
    try:
        place = f"udp:127.0.0.1:{sink.getsockname()[1]}"
        async with air.flight(entry(place), options):
            for _ in range(10):
                pulse.pet()
                await asyncio.sleep(0.1)
            assert len(arrivals) >= 5
            began_s = REAL.monotonic_s()
            if ill == "blocked":
                time.sleep(2.5)  # noqa: ASYNC251 - a loop that hangs, on purpose
            else:
                await asyncio.sleep(2.5)
            late = [a - began_s for a in arrivals if a - began_s > 2.0]
            ended_s = REAL.monotonic_s() - began_s
            assert [a for a in late if a < ended_s - 0.05] == []
    finally:
        stop.set()
        thread.join()
        sink.close()


@pytest.mark.parametrize("vehicle", [listening_vehicle, udp_vehicle])
async def test_udp_means_either_side(air: SimpleNamespace, vehicle: Any) -> None:
    """``udp:`` finds one that listens there as well as one that sends there."""
    port = air.free_port()
    options = LinkOptions(clock=ScaledClock(FAST))
    async with (
        vehicle(Fake(), port) as peer,
        air.flight(entry(f"udp:127.0.0.1:{port}"), options) as flight,
    ):
        await flight.heard(EventKind.LINK, 200.0)
        assert flight.vehicle.link is LinkState.LIVE
        await flight.until(lambda: peer.got > 1, 60.0)
