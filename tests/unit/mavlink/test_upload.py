"""The transfer machines against a vehicle that forgets, repeats and refuses."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest

from patrolctl.domain.machines import VehicleKind
from patrolctl.mavlink.autopilots.ardupilot import ArduPilot
from patrolctl.mavlink.exchange import Target
from patrolctl.mavlink.messages import (
    Message,
    MissionAck,
    MissionClearAll,
    MissionCount,
    MissionItemInt,
    MissionRequest,
    MissionRequestInt,
    MissionRequestList,
)
from patrolctl.mavlink.upload import FetchItems, SendItems
from patrolctl.mavlink.wire import WireItem

US, THEM = (255, 190), (1, 1)
TARGET = Target(vehicle=THEM, us=US)


@pytest.fixture
def items(world: SimpleNamespace) -> tuple[WireItem, ...]:
    return ArduPilot(VehicleKind.COPTER).compile(world.copter_mission()).items


@dataclass
class Storage:
    """The vehicle's side, as mavlink.md describes it."""

    stored: list[MissionItemInt] = field(default_factory=list)
    expected: int = 0
    next_seq: int | None = None
    heard_s: float = 0.0
    asked_s: float = 0.0

    def on(self, message: Message, now_s: float) -> list[Message]:
        self.heard_s = now_s
        if isinstance(message, MissionClearAll):
            self.stored = []
            return [MissionAck(*US, 0, message.mission_type)]
        if isinstance(message, MissionCount):
            self.stored, self.expected, self.next_seq = [], message.total, 0
            return self._ask(now_s)
        if isinstance(message, MissionItemInt):
            return self._item(message, now_s)
        if isinstance(message, MissionRequestList):
            return [MissionCount(len(self.stored), *US, message.mission_type)]
        if isinstance(message, MissionRequestInt):
            return [
                self.stored[message.seq]._replace(
                    target_system=US[0], target_component=US[1]
                )
            ]
        return []

    def _item(self, item: MissionItemInt, now_s: float) -> list[Message]:
        if self.next_seq is None or item.seq != self.next_seq:
            return [MissionAck(*US, 13, item.mission_type)]
        self.stored.append(item)
        self.next_seq += 1
        if self.next_seq == self.expected:
            self.next_seq = None
            return [MissionAck(*US, 0, item.mission_type)]
        return self._ask(now_s)

    def _ask(self, now_s: float) -> list[Message]:
        self.asked_s = now_s
        return [MissionRequest(self.next_seq or 0, *US, 0)]

    def tick(self, now_s: float) -> list[Message]:
        if self.next_seq is None:
            return []
        if now_s - self.heard_s > 8.0:
            self.next_seq = None
            return [MissionAck(*US, 15, 0)]
        if now_s - self.asked_s > 1.0:
            return self._ask(now_s)
        return []


Fault = Callable[[Message], Sequence[Message]]


def clean(message: Message) -> Sequence[Message]:
    return [message]


def run(machine: SendItems | FetchItems, storage: Storage, fault: Fault = clean) -> int:
    """Play both ends in steps of 10 ms; the number of messages of ours."""
    now_s, sent = 0.0, 0
    to_vehicle = [m for out in machine.start(now_s) for m in fault(out)]
    while not machine.done and now_s < 200.0:
        back: list[Message] = []
        for message in to_vehicle:
            sent += 1
            back += storage.on(message, now_s)
        back += storage.tick(now_s)
        out: list[Message] = []
        for message in [m for b in back for m in fault(b)]:
            out += machine.on_message(message, now_s)
        if now_s >= machine.deadline_s:
            out += machine.on_time(now_s)
        to_vehicle = [m for o in out for m in fault(o)]
        now_s += 0.01
    assert machine.done
    return sent


def test_upload_and_download(items: tuple[WireItem, ...]) -> None:
    storage, send, fetch = (
        Storage(),
        SendItems(items, 0, TARGET),
        FetchItems(0, TARGET),
    )
    assert run(send, storage) == len(items) + 1  # nothing is said twice
    assert send.result is not None
    assert send.result.accepted
    assert run(fetch, storage) == len(items) + 1
    assert fetch.result is not None
    got = fetch.result.items
    assert [(g.command, g.x, g.y) for g in got] == [
        (i.command, i.x, i.y) for i in items
    ]


def test_an_empty_list_clears(items: tuple[WireItem, ...]) -> None:
    storage = Storage()
    run(SendItems(items, 0, TARGET), storage)
    clear, fetch = SendItems((), 0, TARGET), FetchItems(0, TARGET)
    run(clear, storage)
    run(fetch, storage)
    assert fetch.result is not None
    assert fetch.result.complete
    assert fetch.result.items == ()


@pytest.mark.parametrize("window", [1, 4])
@pytest.mark.parametrize("seed", range(60))
def test_faults_never_make_it_claim_what_is_not_there(
    items: tuple[WireItem, ...], seed: int, window: int
) -> None:
    rng = random.Random(seed)

    def fault(message: Message) -> Sequence[Message]:
        roll = rng.random()
        if roll < 0.15:
            return []
        return [message, message] if roll < 0.3 else [message]

    storage, send, fetch = (
        Storage(),
        SendItems(items, 0, TARGET),
        FetchItems(0, TARGET, window=window),
    )
    run(send, storage, fault)
    assert send.result is not None
    if send.result.accepted:
        assert len(storage.stored) == len(items)
    run(fetch, storage, fault)
    assert fetch.result is not None
    if fetch.result.complete:
        assert [g.command for g in fetch.result.items] == [
            s.command for s in storage.stored
        ]


def test_a_lost_last_ack_is_unknown_not_done(items: tuple[WireItem, ...]) -> None:
    send = SendItems(items, 0, TARGET)
    run(send, Storage(), lambda m: [] if isinstance(m, MissionAck) else [m])
    assert send.result is not None
    assert send.result.unknown
    assert not send.result.accepted


def test_a_silent_vehicle_times_out_and_is_left_in_peace() -> None:
    send = SendItems((WireItem(16),), 0, TARGET)
    send.start(0.0)
    told, now_s = 0, 0.0
    while not send.done:
        now_s += 0.1
        told += len(send.on_time(now_s))
    assert send.result is not None
    assert send.result.result == "TIMEOUT"
    assert told == 5
    assert 7.0 < now_s < 10.0
    assert send.quiet_until_s >= now_s + 8.0


@pytest.mark.parametrize(
    ("code", "name"),
    [(4, "NO_SPACE"), (3, "UNSUPPORTED"), (1, "ERROR"), (10, "INVALID_PARAM5_X")],
)
def test_refusals_name_the_item(
    items: tuple[WireItem, ...], code: int, name: str
) -> None:
    send = SendItems(items, 0, TARGET)
    send.start(0.0)
    send.on_message(MissionRequest(3, *US, 0), 0.1)
    send.on_message(MissionAck(*US, code, 0), 0.2)
    assert send.result is not None
    assert (send.result.result, send.result.seq) == (name, 3)


def test_acks_of_others_of_other_lists_and_too_early_ones_do_not_count(
    items: tuple[WireItem, ...],
) -> None:
    send = SendItems(items, 0, TARGET)
    send.start(0.0)
    send.on_message(MissionAck(*US, 0, 0), 0.1)  # before any item
    send.on_message(MissionAck(*US, 15, 0), 0.1)  # an older transfer's end
    for seq in range(len(items) - 1):
        send.on_message(MissionRequest(seq, *US, 0), 0.2)
        send.on_message(MissionAck(*US, 0, 0), 0.2)
    send.on_message(MissionRequest(len(items) - 1, *US, 0), 0.3)
    send.on_message(MissionAck(*US, 0, 1), 0.3)  # of the fence
    send.on_message(MissionAck(11, 190, 0, 0), 0.3)  # another ground station's
    assert not send.done
    send.on_message(MissionAck(*US, 0, 0), 0.3)
    assert send.result is not None
    assert send.result.accepted


def test_requests_are_answered_as_often_as_they_come(
    items: tuple[WireItem, ...],
) -> None:
    send = SendItems(items, 0, TARGET)
    send.start(0.0)
    first = send.on_message(MissionRequest(2, *US, 0), 0.1)
    again = send.on_message(MissionRequestInt(2, *US, 0), 0.2)
    assert list(first) == list(again)
    assert send.on_message(MissionRequest(len(items), *US, 0), 0.3) == []
    assert send.on_message(MissionRequest(2, 7, 1, 0), 0.3) == []
    assert send.on_message(MissionRequest(2, *US, 2), 0.3) == []


def test_a_download_takes_no_item_out_of_turn() -> None:
    fetch = FetchItems(0, TARGET)
    fetch.start(0.0)
    item = MissionItemInt(0, 0, 0, 0, 1, 2, 3.0, 0, 16, *US, 3, 0, 1, 0)
    fetch.on_message(item, 0.1)  # before the count
    fetch.on_message(MissionCount(2, *US, 0), 0.1)
    fetch.on_message(item._replace(seq=1), 0.2)
    fetch.on_message(item._replace(mission_type=1), 0.2)
    fetch.on_message(item, 0.2)
    fetch.on_message(item, 0.2)  # a duplicate
    assert not fetch.done
    fetch.on_message(item._replace(seq=1), 0.3)
    assert fetch.result is not None
    assert len(fetch.result.items) == 2
    assert replace(fetch.result.items[0], place=True) == fetch.result.items[1]


def test_a_download_asks_ahead_and_keeps_the_order() -> None:
    fetch = FetchItems(0, TARGET, window=3)
    fetch.start(0.0)
    item = MissionItemInt(0, 0, 0, 0, 1, 2, 3.0, 0, 16, *US, 3, 0, 1, 0)

    def asked(messages: Sequence[Message]) -> list[int]:
        return [m.seq for m in messages if isinstance(m, MissionRequestInt)]

    def come(seq: int) -> list[int]:
        got = item._replace(seq=seq, x=seq)
        return asked(fetch.on_message(got, 0.1))

    assert asked(fetch.on_message(MissionCount(5, *US, 0), 0.1)) == [0, 1, 2]
    assert come(4) == []  # nobody asked for it yet
    assert come(1) == [3]
    assert come(2) == [4]
    assert come(3) == []
    assert come(4) == []
    assert asked(fetch.on_time(0.4)) == [0]  # the one that was lost
    assert come(0) == []
    assert fetch.result is not None
    assert [i.x for i in fetch.result.items] == [0, 1, 2, 3, 4]
