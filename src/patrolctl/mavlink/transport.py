"""Open streams to one endpoint: TCP, UDP, UDP server, serial.

Bytes are handed to a callback as they come, not through a queue: an upload
is a chain of several hundred request–answer steps, and each hop of a task
switch would be paid at every one. The end of a stream is told at once.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

import serial

from patrolctl.mavlink.endpoints import Endpoint

Peer = tuple[str, int]
FIXED_PEER: Peer = ("", 0)
OnBytes = Callable[[bytes, Peer], None]


class Channel(Protocol):
    """An open stream."""

    @property
    def listens(self) -> bool:
        """Whether a peer must be heard before anything can be sent."""
        ...

    @property
    def ended(self) -> asyncio.Event:
        """Set at its end, whatever ended it."""
        ...

    @property
    def end(self) -> str:
        """What the end was, for people."""
        ...

    def send(self, data: bytes, peer: Peer) -> None:
        """Send to a peer; dropped when the stream has ended or is choked."""
        ...

    def close(self) -> None:
        """Close now."""
        ...


# More than this waiting to go out means the peer does not read: whatever we
# would add is stale by the time it is read.
MAX_WAITING_BYTES = 262_144
LISTEN_S = 5.0  # real seconds
STREAM_ENDED = "the stream ended"


class _Stream(asyncio.Protocol):
    """A byte stream with one peer: TCP, or a serial line."""

    listens = False
    end = STREAM_ENDED

    def __init__(self, on_bytes: OnBytes) -> None:
        self._on_bytes = on_bytes
        self._transport: asyncio.WriteTransport | None = None
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        if isinstance(transport, asyncio.WriteTransport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Hand on."""
        self._on_bytes(data, FIXED_PEER)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the end."""
        del exc
        self.ended.set()

    def send(self, data: bytes, peer: Peer) -> None:
        """Send."""
        del peer
        transport = self._transport
        if (
            transport is not None
            and not transport.is_closing()
            and transport.get_write_buffer_size() < MAX_WAITING_BYTES
        ):
            transport.write(data)

    def close(self) -> None:
        """Close now, without waiting for what is unsent."""
        if self._transport is not None:
            self._transport.abort()
        self.ended.set()


class _Datagrams(asyncio.DatagramProtocol):
    """UDP: connected to one peer (client), or bound (server)."""

    def __init__(self, on_bytes: OnBytes, *, listens: bool) -> None:
        self._on_bytes = on_bytes
        self.listens = listens
        self._transport: asyncio.DatagramTransport | None = None
        self.ended = asyncio.Event()
        self.heard = self.refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # Python 3.11's own class is none by inheritance, so no isinstance.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Hand on with the sender."""
        self.heard = True
        peer = (addr[0], addr[1]) if self.listens else FIXED_PEER
        self._on_bytes(data, peer)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there (ICMP): yet, or it is we who ought to."""
        if isinstance(exc, ConnectionRefusedError) and not self.heard:
            self.refused = True
            self.ended.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the end."""
        del exc
        self.ended.set()

    def send(self, data: bytes, peer: Peer) -> None:
        """Send one datagram."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.sendto(data, peer if self.listens else None)

    @property
    def end(self) -> str:
        """What the end was."""
        return "nobody listens there" if not self.heard else STREAM_ENDED

    def close_unheard(self) -> None:
        """Close unless somebody was heard."""
        if not self.heard:
            self.close()

    def close(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()
        self.ended.set()


@dataclass
class _Serial:
    """A serial line: one reader and one writer on the same descriptor."""

    listens = False
    end = STREAM_ENDED
    reader: _Stream
    writer: _Stream
    read_end: asyncio.BaseTransport
    write_end: asyncio.BaseTransport
    port: serial.Serial

    @property
    def ended(self) -> asyncio.Event:
        """Set at the end."""
        return self.reader.ended

    def send(self, data: bytes, peer: Peer) -> None:
        """Send."""
        self.writer.send(data, peer)

    def close(self) -> None:
        """Close now."""
        self.read_end.close()
        self.writer.close()
        with contextlib.suppress(OSError):
            self.port.close()
        self.reader.ended.set()


async def _open_serial(endpoint: Endpoint, on_bytes: OnBytes) -> Channel:
    loop = asyncio.get_running_loop()
    # exclusive: a second opener of the same line would eat half the bytes.
    port = serial.Serial(
        endpoint.place, endpoint.number, timeout=0, write_timeout=0, exclusive=True
    )
    reader, writer = _Stream(on_bytes), _Stream(on_bytes)
    read_end, _ = await loop.connect_read_pipe(
        lambda: reader, os.fdopen(os.dup(port.fileno()), "rb", 0)
    )
    write_end, _ = await loop.connect_write_pipe(
        lambda: writer, os.fdopen(os.dup(port.fileno()), "wb", 0)
    )
    return _Serial(reader, writer, read_end, write_end, port)


async def _open_udp(
    endpoint: Endpoint, on_bytes: OnBytes, *, listens: bool
) -> _Datagrams:
    loop = asyncio.get_running_loop()
    where = (endpoint.place, endpoint.number)
    _, datagrams = await loop.create_datagram_endpoint(
        lambda: _Datagrams(on_bytes, listens=listens),
        local_addr=where if listens else None,
        remote_addr=None if listens else where,
    )
    return datagrams


class Door:
    """Opens one endpoint, as often as it is needed.

    ``udp:`` means either side: ground stations use it for "I listen there" as
    well as for "it listens there". We send first; where the machine at that
    address says that nobody listens (ICMP) and the address is one of ours, we
    listen for a while, then send again.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._last: Channel | None = None

    async def open(self, on_bytes: OnBytes) -> Channel:
        """Open it.

        Raises:
            OSError: it cannot be opened (refused, no such device, …).
        """
        self._last = await self._open(on_bytes)
        return self._last

    async def _open(self, on_bytes: OnBytes) -> Channel:
        endpoint = self._endpoint
        match endpoint.scheme:
            case "tcp":
                loop = asyncio.get_running_loop()
                _, stream = await loop.create_connection(
                    lambda: _Stream(on_bytes), endpoint.place, endpoint.number
                )
                return stream
            case "udpin":
                return await _open_udp(endpoint, on_bytes, listens=True)
            case "udp":
                return await self._either(on_bytes)
            case "serial":
                return await _open_serial(endpoint, on_bytes)

    async def _either(self, on_bytes: OnBytes) -> Channel:
        last = self._last
        if isinstance(last, _Datagrams) and last.refused:
            # Taken by somebody, or not an address of this machine: send.
            with contextlib.suppress(OSError):
                channel = await _open_udp(self._endpoint, on_bytes, listens=True)
                loop = asyncio.get_running_loop()
                loop.call_later(LISTEN_S, channel.close_unheard)
                return channel
        return await _open_udp(self._endpoint, on_bytes, listens=False)
