"""The simulators as processes: TCP like serial0, UDP, and their options."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from simulators.wire import Encoder, Framer, Message, Signing, mavlink


@asynccontextmanager
async def simulator(*args: str) -> AsyncIterator[tuple[str, int]]:
    """A running simulator; gives the READY line and its first port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators", *args, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            line = (await process.stdout.readline()).decode()
        assert line.startswith("READY"), line
        yield line, int(line.split("tcp:127.0.0.1:")[1].split()[0])
    finally:
        if process.returncode is None:
            process.terminate()
        assert await process.wait() == 0


class Client:
    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader, self.writer = reader, writer
        self._framer = Framer()
        self._encoder = Encoder(255, 190, 0, Signing())
        self._heard: list[Message] = []

    @classmethod
    async def connect(cls, port: int) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    def send(self, message: Message) -> None:
        self.writer.write(self._encoder.pack(message))

    async def next(self, kind: str) -> Message:
        async with asyncio.timeout(10):
            while True:
                for message in self._heard:
                    if message.get_type() == kind:
                        self._heard.remove(message)
                        return message
                data = await self.reader.read(4096)
                if not data:
                    raise EOFError
                self._heard += [p.message for p in self._framer.push(data)]

    async def close(self) -> None:
        self.writer.close()


def command(number: int, *params: float) -> Message:
    seven = [*params, *([0.0] * (7 - len(params)))]
    return mavlink.MAVLink_command_long_message(1, 1, number, 0, *seven)


@pytest.mark.parametrize("kind", ["copter", "rover"])
async def test_tcp_serves_one_client_at_a_time_and_ends_on_reboot(kind: str) -> None:
    args = (kind, "--listen", "tcp:127.0.0.1:0", "--ready-scale", "0")
    async with simulator(*args, "--speedup", "10") as (line, port):
        assert line.startswith(f"READY {kind} sysid=1 ")
        first = await Client.connect(port)
        beat = await first.next("HEARTBEAT")
        assert beat.autopilot == mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA
        second = await Client.connect(port)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await second.next("HEARTBEAT")
        first.send(command(mavlink.MAV_CMD_PREFLIGHT_REBOOT_SHUTDOWN, 1))
        assert (await first.next("COMMAND_ACK")).result == 0
        for client in (first, second):
            with pytest.raises((EOFError, ConnectionError)):
                await client.next("AUTOPILOT_VERSION")
            await client.close()
        again = await Client.connect(port)
        await again.next("HEARTBEAT")
        await again.close()
        late = await Client.connect(port)
        await late.next("HEARTBEAT")
        await late.close()


async def test_udp_sends_to_the_ground_station_and_hears_only_it() -> None:
    loop = asyncio.get_running_loop()
    heard: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()

    class Station(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            heard.put_nowait((data, addr))

    transport, _ = await loop.create_datagram_endpoint(
        Station, local_addr=("127.0.0.1", 0)
    )
    stranger, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    args = ("copter", "--listen", "tcp:127.0.0.1:0")
    args += ("--listen", f"udp:127.0.0.1:{port}", "--ready-scale", "0")
    async with simulator(*args):
        async with asyncio.timeout(10):
            data, vehicle = await heard.get()
        assert Framer().push(data)[0].message.get_srcSystem() == 1
        encoder = Encoder(255, 190, 0, Signing())
        stranger.sendto(encoder.pack(command(176, 1, 4)), vehicle)
        transport.sendto(encoder.pack(command(176, 1, 5)), vehicle)
        framer, kinds = Framer(), list[Message]()
        async with asyncio.timeout(10):
            while not any(m.get_type() == "COMMAND_ACK" for m in kinds):
                data, _ = await heard.get()
                kinds += [p.message for p in framer.push(data)]
        modes = [m.custom_mode for m in kinds if m.get_type() == "HEARTBEAT"]
        assert 4 not in modes
    transport.close()
    stranger.close()


async def test_faults_from_the_command_line() -> None:
    args = ("copter", "--listen", "tcp:127.0.0.1:0", "--ready-scale", "0")
    async with simulator(*args, "--speedup", "20", "--fault", "reboot@4") as (_, port):
        client = await Client.connect(port)
        await client.next("HEARTBEAT")
        with pytest.raises((EOFError, ConnectionError)):
            await client.next("AUTOPILOT_VERSION")
        await client.close()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("copter", "--listen", "tcp:nowhere"), "is not tcp:host:port"),
        (("copter", "--param", "NO_SUCH=1"), "no such parameter"),
        (("copter", "--fault", "meteor@3"), "is none of"),
        (("copter", "--signing-key", "00"), "not 32"),
        (("copter", "--speedup", "0"), "not above 0"),
    ],
)
async def test_bad_options_get_one_clear_line(
    args: tuple[str, ...], words: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators", *args, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert words in errors.decode()
    assert errors.count(b"\n") == 1


async def test_a_port_in_use_gets_one_clear_line() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "simulators",
        "rover",
        "--listen",
        f"tcp:127.0.0.1:{port}",
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert b"in use" in errors
    assert errors.count(b"\n") == 1
    server.close()
