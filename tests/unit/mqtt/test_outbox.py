"""The queue of unacknowledged facts."""

import resource
from pathlib import Path

import pytest

from patrolctl.domain.errors import InputError
from patrolctl.mqtt.address import parse_address
from patrolctl.mqtt.outbox import URGENT, Message, Outbox
from patrolctl.mqtt.topics import CHANNELS, COMMAND, name_in, segment


def message(n: int, priority: int = 1) -> Message:
    return Message(f"t/{n}", str(n).encode(), retain=n % 2 == 0, priority=priority)


def test_order_window_and_acknowledgement() -> None:
    box = Outbox()
    for n in range(10):
        box.put(message(n))
    first = box.head(3, set())
    assert [m.payload for _, m in first] == [b"0", b"1", b"2"]
    in_flight = {row for row, _ in first}
    assert [m.payload for _, m in box.head(2, in_flight)] == [b"3", b"4"]
    box.done(first[1][0])
    box.done(first[1][0])  # acknowledged twice
    assert len(box) == 9
    assert [m.payload for _, m in box.head(2, set())] == [b"0", b"2"]
    assert first[0][1] == message(0)
    box.close()


def test_urgent_overtakes() -> None:
    box = Outbox()
    box.put(message(1))
    box.put(message(2, URGENT))
    assert [m.payload for _, m in box.head(5, set())] == [b"2", b"1"]
    box.close()


def test_withdraw_spares_what_is_in_flight_and_what_is_else() -> None:
    box = Outbox()
    for payload in (b'{"action":"play"}', b'{"action":"prepare"}'):
        box.put(Message("t", payload))
    box.put(Message("t", b'{"action":"play","n":2}'))
    box.put(Message("u", b'{"action":"play"}'))
    flying = box.head(1, set())[0][0]
    assert box.withdraw("t", b'"action":"play"', {flying}) == 1
    assert len(box) == 3
    box.close()


def test_a_file_survives_the_process(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "out.db", durable=True)
    box.put(message(7))
    box.close()
    again = Outbox(tmp_path / "out.db", durable=True)
    assert len(again) == 1
    assert again.head(1, set())[0][1] == message(7)
    again.close()


def test_memory_stays_bounded_in_a_long_outage() -> None:
    box = Outbox()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for n in range(30_000):
        box.put(Message(f"t/{n}", b"x" * 2000))
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert len(box) == 30_000  # 60 MB of payload
    assert grown_mb < 30
    box.close()


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "user"),
    [
        ("mqtt://127.0.0.1:1884", "127.0.0.1", 1884, False, None),
        ("mqtt://broker", "broker", 1883, False, None),
        ("mqtts://u%40x:p%3A@broker", "broker", 8883, True, "u@x"),
        ("mqtt://[::1]:99", "::1", 99, False, None),
    ],
)
def test_addresses(url: str, host: str, port: int, tls: bool, user: str | None) -> None:
    address = parse_address(url)
    assert (address.host, address.port, address.tls) == (host, port, tls)
    assert address.user == user
    assert "p:" not in repr(address)


@pytest.mark.parametrize(
    "url",
    ["", "http://x", "mqtt://", "mqtt://x:99999", "mqtt://x:abc", "mqtt://x/topic"],
)
def test_bad_addresses_are_refused_without_their_password(url: str) -> None:
    with pytest.raises(InputError, match="MQTT URL"):
        parse_address(url)
    with pytest.raises(InputError) as caught:
        parse_address("mqtt://user:secret@host:bad")
    assert "secret" not in str(caught.value)


def test_names_cannot_leave_their_level_of_the_topic() -> None:
    topic = COMMAND.topic("site/#", "a/+/b 楼")
    assert topic.count("/") == 5
    assert "+" not in topic
    assert "#" not in topic
    assert name_in(topic) == "a/+/b 楼"
    for bad in ("", "x" * 300):
        with pytest.raises(InputError):
            segment(bad)


def test_the_table_is_that_of_the_interface() -> None:
    table = {c.name: (c.qos, c.retain, c.expiry_s) for c in CHANNELS}
    assert table == {
        "service/connection": (1, True, None),
        "vehicles/{id}/connection": (1, True, None),
        "vehicles/{id}/factsheet": (1, True, None),
        "vehicles/{id}/state": (0, False, 10),
        "vehicles/{id}/position": (0, False, None),
        "vehicles/{id}/events": (1, False, None),
        "runs/{id}/state": (1, True, 86_400),
        "runs/{id}/events": (1, False, None),
        "speakers/{id}/command": (1, False, None),
        "speakers/{id}/playback": (1, False, None),
        "speakers/{id}/state": (1, True, None),
        "alerts": (1, False, None),  # these three were added to the interface
        "gaps/{id}/state": (1, True, None),
        "speakers/{id}/talk": (0, False, None),
    }
