"""Sockets around the vehicle core: TCP like SITL's serial0, and UDP."""

import asyncio
from dataclasses import dataclass
from typing import Any

from simulators.clock import SimClock
from simulators.faults import FaultyLink, LinkFaults
from simulators.vehicle import Vehicle

MAX_SLEEP_S = 0.25


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``tcp:host:port`` (we listen) or ``udp:host:port`` (we send there)."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Endpoint":
        """Read an endpoint.

        Raises:
            ValueError: it is none.
        """
        parts = text.split(":")
        if len(parts) != 3 or parts[0] not in ("tcp", "udp", "udpin"):
            msg = f"{text!r} is not tcp:host:port, udp:host:port or udpin:host:port"
            raise ValueError(msg)
        return cls(parts[0], parts[1], int(parts[2]))

    def __str__(self) -> str:
        return f"{self.scheme}:{self.host}:{self.port}"


class Server:
    """Drives one vehicle by a clock and serves its links."""

    def __init__(
        self, vehicle: Vehicle, clock: SimClock, faults: LinkFaults | None = None
    ) -> None:
        self.vehicle = vehicle
        self.clock = clock
        self.bound: list[Endpoint] = []
        self._faults = faults or LinkFaults()
        self._ports: list[_Port] = []
        self._kick = asyncio.Event()
        self._stopping = False

    async def open(self, endpoint: Endpoint, *, trusted: bool = False) -> None:
        """Bind an endpoint.

        Raises:
            OSError: it cannot be bound.
        """
        name = f"{endpoint.scheme}{len(self._ports)}"
        link = FaultyLink(
            self._faults, seed=self.vehicle.config.seed + len(self._ports)
        )
        port: _Port
        if endpoint.scheme == "tcp":
            port = _TcpPort(self, name, link, trusted=trusted)
        else:
            port = _UdpPort(self, name, link, trusted=trusted)
        self.bound.append(await port.open(endpoint))
        self._ports.append(port)

    async def run(self) -> None:
        """Serve until cancelled or stopped."""
        vehicle, clock = self.vehicle, self.clock
        try:
            while not self._stopping:
                self._kick.clear()
                now_s = clock.elapsed_s()
                boots = vehicle.boots
                vehicle.advance(now_s)
                due_s = min([vehicle.next_event_s(), *self._pump(now_s)])
                if vehicle.boots != boots:
                    self._restart()
                    continue
                wait_s = clock.real_s(max(0.0, due_s - clock.elapsed_s()))
                try:
                    async with asyncio.timeout(min(MAX_SLEEP_S, wait_s)):
                        await self._kick.wait()
                except TimeoutError:
                    pass
        finally:
            for port in self._ports:
                port.close()

    def stop(self) -> None:
        """Let :meth:`run` return."""
        self._stopping = True
        self._kick.set()

    def incoming(self, port: "_Port", data: bytes) -> None:
        """Bytes from a peer: through the faulty link into the vehicle."""
        now_s = self.clock.elapsed_s()
        port.link.push_in(data, now_s)
        self.vehicle.advance(now_s)
        boots = self.vehicle.boots
        self._deliver(port, now_s)
        if self.vehicle.boots != boots:
            self._restart()
        self._kick.set()

    def _pump(self, now_s: float) -> list[float]:
        """Move what is ready, both ways; when links have more to do."""
        dues = []
        for port in self._ports:
            self._deliver(port, now_s)
            dues.append(port.link.next_due_s())
        return dues

    def _deliver(self, port: "_Port", now_s: float) -> None:
        for data in port.link.ready_in(now_s):
            self.vehicle.receive(port.name, data)
        out = self.vehicle.transmit(port.name)
        if out:
            port.link.push_out(out, now_s)
        for data in port.link.ready_out(now_s):
            port.send(data)

    def _restart(self) -> None:
        """The vehicle rebooted: last words, then every stream ends."""
        now_s = self.clock.elapsed_s()
        for port in self._ports:
            last = self.vehicle.transmit(port.name)
            if last:
                port.link.push_out(last, now_s)
            for data in port.link.ready_out(now_s):
                port.send(data)
            port.restart()
        self._kick.set()


class _Port:
    """One bound endpoint and the single peer behind it."""

    def __init__(
        self, server: Server, name: str, link: FaultyLink, *, trusted: bool
    ) -> None:
        self.server = server
        self.name = name
        self.link = link
        self.trusted = trusted

    async def open(self, endpoint: Endpoint) -> Endpoint:
        """Bind; gives the endpoint with its real port."""
        raise NotImplementedError

    def send(self, data: bytes) -> None:
        """To the peer, if there is one."""
        raise NotImplementedError

    def restart(self) -> None:
        """The vehicle rebooted."""
        raise NotImplementedError

    def close(self) -> None:
        """Give everything back."""
        raise NotImplementedError


class _TcpPort(_Port, asyncio.Protocol):
    """Listens; one client at a time, the next one waits as on SITL."""

    def __init__(
        self, server: Server, name: str, link: FaultyLink, *, trusted: bool
    ) -> None:
        super().__init__(server, name, link, trusted=trusted)
        self._listener: asyncio.Server | None = None
        self._client: _Client | None = None
        self._waiting: list[_Client] = []

    async def open(self, endpoint: Endpoint) -> Endpoint:
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: _Client(self), endpoint.host, endpoint.port
        )
        port = int(self._listener.sockets[0].getsockname()[1])
        return Endpoint("tcp", endpoint.host, port)

    def admit(self, client: "_Client") -> None:
        """The first client is served; later ones wait, unread."""
        if self._client is not None:
            client.pause()
            self._waiting.append(client)
            return
        self._client = client
        self.link.clear()
        self.server.vehicle.open_link(self.name, trusted=self.trusted)
        client.resume()
        self.server.incoming(self, b"")

    def leave(self, client: "_Client") -> None:
        """A client is gone; the next in line is served."""
        if client is not self._client:
            if client in self._waiting:
                self._waiting.remove(client)
            return
        self._client = None
        self.server.vehicle.close_link(self.name)
        if self._waiting:
            self.admit(self._waiting.pop(0))

    def send(self, data: bytes) -> None:
        if self._client is not None:
            self._client.write(data)

    def restart(self) -> None:
        client, self._client = self._client, None
        for one in [client, *self._waiting]:
            if one is not None:
                one.close()
        self._waiting.clear()
        self.link.clear()

    def close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self.restart()


class _Client(asyncio.Protocol):
    """One TCP connection."""

    def __init__(self, port: _TcpPort) -> None:
        self._port = port
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio: a client connected."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
        self._port.admit(self)

    def data_received(self, data: bytes) -> None:
        """Asyncio: bytes came."""
        self._port.server.incoming(self._port, data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio: it is gone."""
        self._port.leave(self)

    def write(self, data: bytes) -> None:
        """Send."""
        if self._transport is not None:
            self._transport.write(data)

    def pause(self) -> None:
        """Leave its bytes unread."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._transport is not None and not self._transport.is_reading():
            self._transport.resume_reading()

    def close(self) -> None:
        """End the stream after what is queued."""
        if self._transport is not None:
            self._transport.close()


class _UdpPort(_Port, asyncio.DatagramProtocol):
    """``udp``: sends to a ground station; ``udpin``: answers the first peer."""

    def __init__(
        self, server: Server, name: str, link: FaultyLink, *, trusted: bool
    ) -> None:
        super().__init__(server, name, link, trusted=trusted)
        self._transport: asyncio.DatagramTransport | None = None
        self._peer: tuple[Any, ...] | None = None
        self._fixed = False

    async def open(self, endpoint: Endpoint) -> Endpoint:
        loop = asyncio.get_running_loop()
        listens = endpoint.scheme == "udpin"
        local = (endpoint.host, endpoint.port if listens else 0)
        transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=local
        )
        self._transport = transport
        if not listens:
            self._peer, self._fixed = (endpoint.host, endpoint.port), True
            self.server.vehicle.open_link(self.name, trusted=self.trusted)
            return endpoint
        port = int(transport.get_extra_info("sockname")[1])
        return Endpoint(endpoint.scheme, endpoint.host, port)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """Asyncio: a datagram came."""
        if self._peer is None:
            self._peer = addr
            self.server.vehicle.open_link(self.name, trusted=self.trusted)
        if addr == self._peer:
            self.server.incoming(self, data)

    def error_received(self, exc: Exception) -> None:
        """Asyncio: nobody listens there (yet); UDP goes on."""

    def send(self, data: bytes) -> None:
        if self._transport is None or self._peer is None:
            return
        for at in range(0, len(data), 1400):
            self._transport.sendto(data[at : at + 1400], self._peer)

    def restart(self) -> None:
        self.link.clear()
        if self._fixed:
            self.server.vehicle.open_link(self.name, trusted=self.trusted)
        else:
            self._peer = None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
