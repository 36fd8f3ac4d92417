"""Bytes to MAVLink messages and back, with signing as ArduPilot does it."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

__all__ = ["Encoder", "Framer", "Message", "Packet", "Signing", "mavlink"]

Message = Any  # pymavlink's generated classes carry no types

MAGIC_V2 = 0xFD
MAGIC_V1 = 0xFE
SIGNED = 0x01
SIGNATURE_LENGTH = 13
SIGNING_EPOCH_UNIX_S = 1420070400  # 2015-01-01, MAVLink 2 signing
MINUTE_10US = 60 * 100_000

# GCS_Signing.cpp accept_list: RADIO_STATUS and RADIO pass unsigned.
ALWAYS_ACCEPTED = frozenset({109, 166})


@dataclass(frozen=True, slots=True)
class Packet:
    """One frame off the wire: its bytes and what they say."""

    raw: bytes
    message: Message

    @property
    def signed(self) -> bool:
        """Whether it carries a signature (right or wrong)."""
        return self.raw[0] == MAGIC_V2 and bool(self.raw[2] & SIGNED)


class Framer:
    """Cuts one link's byte stream into packets, dropping what is broken."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._codec = mavlink.MAVLink(None)
        self.dropped_bytes = 0

    def push(self, data: bytes) -> list[Packet]:
        """All packets that are complete now."""
        self._buffer += data
        packets: list[Packet] = []
        while len(self._buffer) >= 8:
            length = self._frame_length()
            if length == 0:
                self._drop()
                continue
            if len(self._buffer) < length:
                break
            packet = self._decode(bytes(self._buffer[:length]))
            if packet is None:
                self._drop()
                continue
            del self._buffer[:length]
            packets.append(packet)
        return packets

    def _frame_length(self) -> int:
        """Bytes of the frame at the head of the buffer, 0 when none starts."""
        head = self._buffer
        if head[0] == MAGIC_V2:
            if head[2] & ~SIGNED:
                return 0  # incompatible flags that we do not know
            return 12 + head[1] + (SIGNATURE_LENGTH if head[2] & SIGNED else 0)
        if head[0] == MAGIC_V1:
            return 8 + head[1]
        return 0

    def _decode(self, raw: bytes) -> Packet | None:
        try:
            message = self._codec.decode(bytearray(raw))
        except mavlink.MAVError:
            return None
        if message.get_msgId() < 0:
            return None  # BAD_DATA and unknown ids
        return Packet(raw, message)

    def _drop(self) -> None:
        """Throw away bytes up to the next possible start."""
        rest = self._buffer[1:]
        starts = [at for at in (rest.find(MAGIC_V2), rest.find(MAGIC_V1)) if at >= 0]
        cut = 1 + (min(starts) if starts else len(rest))
        self.dropped_bytes += cut
        del self._buffer[:cut]


@dataclass(slots=True)
class Signing:
    """Key and timestamps; the key and ``timestamp`` survive a reboot.

    Source: GCS_Signing.cpp; a stream that is not known is refused when it is
    more than a minute behind our own time.
    """

    key: bytes | None = None
    timestamp: int = 0
    streams: dict[tuple[int, int, int], int] = field(default_factory=dict)

    def accepts(self, packet: Packet) -> bool:
        """Whether the signature is right and newer than the last."""
        if self.key is None:
            return True
        if not packet.signed:
            return packet.message.get_msgId() in ALWAYS_ACCEPTED
        raw = packet.raw
        digest = hashlib.sha256(self.key + raw[:-6]).digest()[:6]
        if digest != raw[-6:]:
            return False
        stamp = int.from_bytes(raw[-12:-6], "little")
        message = packet.message
        stream = (message.get_srcSystem(), message.get_srcComponent(), raw[-13])
        last = self.streams.get(stream)
        if last is None and stamp + MINUTE_10US < self.timestamp:
            return False
        if last is not None and stamp <= last:
            return False
        self.streams[stream] = stamp
        self.timestamp = max(self.timestamp, stamp)
        return True

    def set_key(self, key: bytes, timestamp: int) -> None:
        """A new key at once; an all-zero key and time turn signing off."""
        if timestamp == 0 and not any(key):
            self.key = None
            return
        self.key = key
        self.timestamp = timestamp + MINUTE_10US
        self.streams.clear()

    def reboot(self) -> None:
        """Forget the streams; go on a minute after the stored time."""
        self.streams.clear()
        if self.key is not None:
            self.timestamp += MINUTE_10US

    def follow_clock(self, utc_s: float) -> None:
        """A GPS lock moves the timestamp up to the time of day."""
        stamp = int((utc_s - SIGNING_EPOCH_UNIX_S) * 100_000)
        self.timestamp = max(self.timestamp, stamp)


class Encoder:
    """Packs one link's outgoing messages."""

    def __init__(self, sysid: int, compid: int, link_id: int, signing: Signing) -> None:
        self._codec = mavlink.MAVLink(None, srcSystem=sysid, srcComponent=compid)
        self._codec.signing.link_id = link_id
        self._signing = signing

    def pack(self, message: Message) -> bytes:
        """The frame of a message, signed when a key is set."""
        codec, signing = self._codec, self._signing
        if signing.key is None:
            codec.signing.sign_outgoing = False
        else:
            codec.signing.sign_outgoing = True
            codec.signing.secret_key = signing.key
            codec.signing.timestamp = signing.timestamp
            signing.timestamp += 1
        raw = bytes(message.pack(codec))
        codec.seq = (codec.seq + 1) % 256
        return raw
