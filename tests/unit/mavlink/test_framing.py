"""Frames in streams and datagrams, genuine, broken and hostile."""

import random
import struct
from pathlib import Path

import pytest
from pymavlink.dialects.v20 import ardupilotmega as dialect

from patrolctl.mavlink.framing import Scanner, encode, with_flags
from patrolctl.mavlink.messages import (
    SPECS,
    CommandLong,
    Heartbeat,
    StatusText,
    decode,
    payload_of,
)

RECORDINGS = Path(__file__).parents[2] / "fixtures" / "ardupilot"
BEAT = Heartbeat(0, 2, 3, 81, 3, 3)


def beat(seq: int = 0) -> bytes:
    return encode(BEAT, seq=seq, sysid=1, compid=1)


def ids(frames: list) -> list[int]:
    return [f.seq for f in frames]


def test_our_layouts_are_the_dialects() -> None:
    for msg_id, spec in SPECS.items():
        theirs = dialect.mavlink_map[msg_id]
        assert spec.crc_extra == theirs.crc_extra, theirs.msgname
        ours = _plain(spec.layout.format)
        full = _plain(theirs.unpacker.format)
        assert full.startswith(ours), theirs.msgname
        assert len(spec.kind._fields) <= len(theirs.ordered_fieldnames)


def _plain(layout: str) -> str:
    """One character a byte-size, arrays written out."""
    out, number = "", ""
    for c in layout.lstrip("<"):
        if c.isdigit():
            number += c
            continue
        times = int(number or 1)
        number = ""
        out += {"s": "B", "c": "B"}.get(c, c) * times if c != "H" else c * times
    return out.replace("HHHHHHHHHH", "B" * 20) if "ii" in layout[:4] else out


def test_pymavlink_reads_what_we_write() -> None:
    link = dialect.MAVLink(None)
    order = CommandLong(1.0, 2.5, 0, 0, 0, 0, -7.25, 400, 1, 1, 2)
    (got,) = link.parse_buffer(encode(order, seq=7, sysid=255, compid=190))
    assert got.get_type() == "COMMAND_LONG"
    assert (got.param1, got.param2, got.param7) == (1.0, 2.5, -7.25)
    assert (got.command, got.target_system, got.confirmation) == (400, 1, 2)
    assert (got.get_srcSystem(), got.get_srcComponent(), got.get_seq()) == (255, 190, 7)


def test_we_read_what_pymavlink_writes() -> None:
    link = dialect.MAVLink(None, srcSystem=1, srcComponent=1)
    raw = link.statustext_encode(4, b"Arm: Accels inconsistent").pack(link)
    (frame,) = Scanner().feed(raw)
    got = decode(frame.msg_id, frame.payload)
    assert isinstance(got, StatusText)
    assert got.text.rstrip(b"\0") == b"Arm: Accels inconsistent"
    v1 = link.heartbeat_encode(2, 3, 81, 0, 3).pack(link, force_mavlink1=True)
    (frame,) = Scanner().feed(v1)
    assert frame.version == 1
    assert decode(0, frame.payload) == BEAT


def test_zeros_at_the_end_are_truncated_and_come_back() -> None:
    silent = Heartbeat(0, 0, 0, 0, 0, 0)
    assert payload_of(silent) == b"\0"
    (frame,) = Scanner().feed(encode(silent, seq=0, sysid=1, compid=1))
    assert decode(0, frame.payload) == silent


@pytest.mark.parametrize("size", [1, 2, 3, 7, 11, 64])
def test_any_chunking_of_a_stream_gives_all_frames(size: int) -> None:
    stream = b"".join(beat(n) for n in range(40))
    scanner = Scanner()
    found = []
    for at in range(0, len(stream), size):
        found += scanner.feed(stream[at : at + size])
    assert ids(found) == list(range(40))
    assert scanner.junk_bytes == 0


@pytest.mark.parametrize(
    "stray",
    [
        b"\xfd\xff",
        b"\xfd\xff\x00",
        b"\xfd\xff\x00\x00\x00\x01\x01\x16\x00\x00",
        b"\xfe",
        b"\xfe\xff\x00\x01\x01\x00",
        b"\xfd",
        b"\xfd\x09\x00\x00\x00\x01\x01\x00\x00\x00",
        b"\x00" * 300,
        b"\xfd" * 300,
        b"\xfe" * 300,
    ],
)
def test_stray_bytes_before_each_datagram_cost_no_frame(stray: bytes) -> None:
    scanner = Scanner(datagrams=True)
    found = []
    for n in range(100):
        found += scanner.feed(stray)
        found += scanner.feed(beat(n))
    assert ids(found) == list(range(100))


def test_stray_bytes_in_a_stream_cost_no_frame() -> None:
    stream = b"".join(b"\xfd\xff" + beat(n) for n in range(200))
    found = Scanner().feed(stream)
    assert ids(found) == list(range(200))


def test_a_stray_header_delays_a_stream_by_one_frame_length_at_most() -> None:
    scanner = Scanner()
    found = scanner.feed(b"\xfd\x21\x00\x00\x00\x01\x01\x4c\x00\x00")
    for n in range(100):
        found += scanner.feed(beat(n))
        assert len(found) >= n - 3
    assert ids(found) == list(range(len(found)))


def test_a_datagram_cut_in_two_by_a_bridge_is_joined() -> None:
    scanner = Scanner(datagrams=True)
    raw = beat(1)
    assert scanner.feed(raw[:9]) == []
    assert ids(scanner.feed(raw[9:])) == [1]


@pytest.mark.parametrize("at", range(len(beat())))
def test_each_flipped_byte_is_noticed(at: int) -> None:
    raw = bytearray(beat())
    raw[at] ^= 0x41
    assert [f for f in Scanner().feed(bytes(raw) + b"\0" * 300) if f.sysid == 1] == []


def test_unknown_flags_and_ids_and_lengths_are_no_frames() -> None:
    raw = beat()
    for flag in (2, 4, 0x80, 0xFF):
        assert Scanner().feed(with_flags(raw, flag, 50) + b"\0" * 300) == []
    unknown = bytearray(raw)
    unknown[7:10] = b"\xff\xff\xff"
    assert Scanner().feed(bytes(unknown) + b"\0" * 300) == []
    long = struct.pack("<BBBBBBBHB", 0xFD, 40, 0, 0, 0, 1, 1, 0, 0) + b"\1" * 40
    assert Scanner().feed(long + b"\0" * 300) == []


def test_fuzz_never_raises_and_finds_the_genuine() -> None:
    rng = random.Random(7)
    scanner, stream_scanner = Scanner(datagrams=True), Scanner()
    genuine = heard = 0
    for n in range(20_000):
        if n % 10 == 0:
            chunk, wanted = beat(n % 256), 1
        else:
            chunk, wanted = _junk(rng), 0
        genuine += wanted
        for frame in scanner.feed(chunk):
            decode(frame.msg_id, frame.payload)
            heard += wanted and frame.raw == chunk
        for frame in stream_scanner.feed(chunk):
            decode(frame.msg_id, frame.payload)
    assert heard >= 0.99 * genuine


def _junk(rng: random.Random) -> bytes:
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randbytes(rng.randrange(1, 300))
    if kind == 1:  # a header that promises more than comes
        head = bytes((0xFD, rng.randrange(256), rng.randrange(2), 0, 0, 1, 1))
        return head + rng.randbytes(rng.randrange(0, 60))
    raw = bytearray(beat(rng.randrange(256)))
    if kind == 2:
        raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        return bytes(raw)
    return bytes(raw[: rng.randrange(1, len(raw))])


@pytest.mark.parametrize("name", ["copter_mission", "rover_loop"])
def test_every_frame_of_a_real_flight_is_found(name: str) -> None:
    raw = (RECORDINGS / f"{name}.tlog").read_bytes()
    frames = Scanner().feed(raw)
    theirs = dialect.MAVLink(None)
    at = count = 0
    while at < len(raw):
        size = 12 + raw[at + 9]
        theirs_message = theirs.parse_buffer(raw[at + 8 : at + 8 + size])
        assert theirs_message, at
        count += len(theirs_message)
        at += 8 + size
    assert len(frames) == count > 18_000
