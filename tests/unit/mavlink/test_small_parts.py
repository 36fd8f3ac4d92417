"""Endpoints, flight logs, pulse, peers."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pymavlink import mavutil

from patrolctl.clock import ManualClock, PacedClock
from patrolctl.domain.errors import InputError
from patrolctl.mavlink.endpoints import parse_endpoint
from patrolctl.mavlink.framing import encode
from patrolctl.mavlink.messages import Heartbeat
from patrolctl.mavlink.peers import MAX_PEERS, Peers
from patrolctl.mavlink.pulse import Pulse
from patrolctl.mavlink.tlog import TlogWriter

BEAT = Heartbeat(0, 2, 3, 81, 3, 3)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tcp:127.0.0.1:5760", ("tcp", "127.0.0.1", 5760)),
        ("udp:drone.local:14550", ("udp", "drone.local", 14550)),
        ("udpin:0.0.0.0:14550", ("udpin", "0.0.0.0", 14550)),
        ("tcp:[::1]:5760", ("tcp", "::1", 5760)),
        ("serial:/dev/ttyUSB0:57600", ("serial", "/dev/ttyUSB0", 57600)),
    ],
)
def test_endpoints(text: str, told: tuple[str, str, int]) -> None:
    endpoint = parse_endpoint(text)
    assert (endpoint.scheme, endpoint.place, endpoint.number) == told


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tcp",
        "tcp:host",
        "tcp:host:",
        "tcp::5760",
        "tcp:h:0",
        "tcp:h:99999",
        "http:host:80",
        "udp:host:٣",
        "tcp:host:-1",
        "serial:/dev/x:fast",
    ],
)
def test_endpoints_that_are_none(text: str) -> None:
    with pytest.raises(InputError, match="endpoint"):
        parse_endpoint(text)


def test_pymavlink_reads_our_flight_log(tmp_path: Path) -> None:
    path = tmp_path / "flights" / "v1.tlog"
    log = TlogWriter(path)
    when = datetime(2026, 6, 1, 12, 0, 0, 250_000, UTC)
    for n in range(3):
        log.write(encode(BEAT, seq=n, sysid=1, compid=1), when)
    log.close()
    reader = mavutil.mavlink_connection(str(path))
    got = [reader.recv_match() for _ in range(4)]
    assert [g and g.get_seq() for g in got] == [0, 1, 2, None]
    assert reader.timestamp == pytest.approx(when.timestamp(), abs=1e-6)


def test_a_full_disk_stops_the_log_and_nothing_else() -> None:
    log = TlogWriter(Path("/dev/full"))
    for n in range(20_000):
        log.write(encode(BEAT, seq=n, sysid=1, compid=1), datetime.now(UTC))
    assert log.fault is not None
    assert "No space left" in log.fault
    log.write(b"more", datetime.now(UTC))
    log.close()


async def test_a_heart_beats_only_while_it_is_petted() -> None:
    clock = ManualClock()
    pulse = Pulse(max_age_s=1.0, clock=clock)
    for _ in range(5):
        await clock.advance(0.5)
        pulse.pet()
        assert pulse.healthy
    await clock.advance(1.1)
    assert not pulse.healthy
    pulse.pet()
    assert pulse.healthy


async def test_a_paced_clock_changes_its_rate_and_never_jumps() -> None:
    clock = PacedClock()
    before_s = clock.monotonic_s()
    clock.speedup = 50.0
    after_s = clock.monotonic_s()
    assert 0.0 <= after_s - before_s < 1.0
    await clock.sleep(5.0)
    assert 5.0 <= clock.monotonic_s() - after_s < 20.0
    with pytest.raises(TimeoutError):
        async with clock.timeout(2.0):
            await clock.sleep(1000.0)
    with pytest.raises(ValueError, match="not above 0"):
        clock.speedup = 0.0


def test_strangers_cannot_fill_the_memory_or_push_out_ours() -> None:
    peers = Peers(1, datagrams=True)
    ours = ("10.0.0.1", 14550)
    peers.feed(encode(BEAT, seq=0, sysid=1, compid=1)[:9], ours)
    peers.pin(ours)
    for n in range(5_000):
        peers.feed(b"\xfd\xff\x00", ("10.9.9.9", n))
    assert len(peers._known) <= MAX_PEERS + 1
    (frame,) = peers.feed(encode(BEAT, seq=0, sysid=1, compid=1)[9:], ours)
    assert peers.is_vehicle(frame)


def test_a_second_vehicle_is_one_that_is_heard_beside_ours() -> None:
    peers = Peers(1, datagrams=True)
    ours, other = ("10.0.0.1", 1), ("10.0.0.2", 1)
    peers.feed(b"", ours)
    peers.pin(ours)
    peers.feed(b"", other)
    assert not peers.is_second(other)
    assert not peers.is_second(other)  # ours is silent: it may be the same one
    peers.heard()
    assert peers.is_second(other)
