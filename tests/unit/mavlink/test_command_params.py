"""Commands that must not happen twice, and parameters that are heard back."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patrolctl.mavlink.command import CommandBook, CommandExchange, Order
from patrolctl.mavlink.exchange import Target
from patrolctl.mavlink.messages import (
    CommandAck,
    CommandInt,
    CommandLong,
    ParamSet,
    ParamValue,
)
from patrolctl.mavlink.params import Encoding, ReadParam, WriteParam, name_bytes

TARGET = Target(vehicle=(1, 1), us=(255, 190))
ARM = Order(400, (1.0,), expiry_s=5.0)
BRAKE = Order(176, (1.0, 17.0), repeatable=True, expiry_s=5.0)


def ack(command: int, result: int, to: tuple[int, int] = (255, 190)) -> CommandAck:
    return CommandAck(command, result, 0, 0, *to)


def until_done(exchange: CommandExchange, now_s: float = 0.0) -> tuple[int, float]:
    sent = len(exchange.start(now_s))
    while not exchange.done:
        now_s += 0.1
        sent += len(exchange.on_time(now_s))
        assert now_s < 60.0
    return sent, now_s


def test_what_must_not_repeat_is_sent_once_and_expires() -> None:
    exchange = CommandExchange(ARM, TARGET)
    assert until_done(exchange) == (1, pytest.approx(5.0, abs=0.2))
    assert exchange.result == "EXPIRED"
    exchange.on_message(ack(400, 0), 6.0)  # too late to count
    assert exchange.result == "EXPIRED"


def test_what_may_repeat_is_repeated_until_it_expires() -> None:
    exchange = CommandExchange(BRAKE, TARGET)
    sent, now_s = until_done(exchange)
    assert 3 <= sent <= 4
    assert now_s == pytest.approx(5.0, abs=0.2)


def test_repeats_count_up_in_confirmation() -> None:
    exchange = CommandExchange(BRAKE, TARGET)
    (first,) = exchange.start(0.0)
    (second,) = exchange.on_time(1.6)
    assert isinstance(first, CommandLong)
    assert isinstance(second, CommandLong)
    assert (first.confirmation, second.confirmation) == (0, 1)


def test_in_progress_lengthens_and_is_no_result() -> None:
    exchange = CommandExchange(ARM, TARGET)
    exchange.start(0.0)
    exchange.on_message(ack(400, 5), 4.0)
    assert exchange.on_time(5.5) == []
    assert not exchange.done
    exchange.on_message(ack(400, 0), 8.0)
    assert exchange.result == "ACCEPTED"


def test_acks_of_other_commands_and_to_others_do_not_count() -> None:
    exchange = CommandExchange(ARM, TARGET)
    exchange.start(0.0)
    exchange.on_message(ack(176, 0), 0.1)
    exchange.on_message(ack(400, 0, (254, 190)), 0.1)
    assert not exchange.done
    exchange.on_message(ack(400, 4, (0, 0)), 0.1)
    assert exchange.result == "FAILED"
    exchange.on_message(ack(400, 0), 0.2)
    assert exchange.result == "FAILED"


def test_one_outstanding_of_each_id_and_vehicle() -> None:
    book = CommandBook()
    first = book.open(ARM, TARGET)
    first.start(0.0)
    with pytest.raises(ValueError, match="outstanding"):
        book.open(ARM, TARGET)
    book.open(BRAKE, TARGET)
    book.open(ARM, Target(vehicle=(2, 1), us=(255, 190)))
    book.close(first, 1)
    assert not book.is_open(1, 400)
    book.open(ARM, TARGET)


def test_positions_go_only_with_a_frame() -> None:
    order = Order(192, (-1.0,), place=(342044000, 1172857000, 15.0, 3))
    (message,) = CommandExchange(order, TARGET).start(0.0)
    assert isinstance(message, CommandInt)
    assert (message.x, message.y, message.z, message.frame) == (
        342044000,
        1172857000,
        15.0,
        3,
    )


# -- parameters --------------------------------------------------------------


def value(name: str, number: float, kind: int = 9) -> ParamValue:
    return ParamValue(number, 1, 0, name_bytes(name), kind)


def test_reading_asks_again_and_then_says_missing() -> None:
    read = ReadParam("FENCE_TYPE", TARGET, Encoding.C_CAST)
    sent, now_s = len(read.start(0.0)), 0.0
    while not read.done:
        now_s += 0.1
        sent += len(read.on_time(now_s))
    assert read.given_up
    assert read.value is None
    assert sent == 4


def test_a_renamed_parameter_costs_no_timeout() -> None:
    read = ReadParam(("RTL_ALT_M", "RTL_ALT"), TARGET, Encoding.C_CAST)
    assert len(read.start(0.0)) == 2
    read.on_message(value("RTL_ALT", 1500, 4), 0.1)
    assert read.done
    assert (read.name, read.value, read.kind) == ("RTL_ALT", 1500.0, 4)


def test_values_of_other_parameters_do_not_count() -> None:
    read = ReadParam("FENCE_TYPE", TARGET, Encoding.C_CAST)
    read.start(0.0)
    read.on_message(value("FENCE_TYPE2", 7), 0.1)
    assert not read.done
    read.on_message(value("FENCE_TYPE", 5, 2), 0.1)
    assert (read.value, read.kind) == (5.0, 2)


def test_setting_is_done_when_it_is_heard_back_and_not_before() -> None:
    read = ReadParam("RTL_ALT", TARGET, Encoding.C_CAST)
    read.on_message(value("RTL_ALT", 1500, 4), 0.0)
    write = WriteParam(read, 2500.0, TARGET, Encoding.C_CAST)
    (message,) = write.start(0.0)
    assert isinstance(message, ParamSet)
    assert (message.param_value, message.param_type) == (2500.0, 4)
    write.on_message(value("RTL_ALT", 1500, 4), 0.1)  # it clung to its own
    assert not write.done
    write.on_message(value("RTL_ALT", 2500, 4), 0.2)
    assert write.confirmed


@given(st.integers(-(2**31), 2**31 - 1))
def test_px4_integers_keep_their_bytes(number: int) -> None:
    sent = Encoding.BYTEWISE.pack(float(number), 6)
    raw = struct.pack("<f", sent)
    if not math.isnan(sent):  # a NaN's bits may be quieted by the float conversion
        assert struct.unpack("<i", raw)[0] == number
        assert Encoding.BYTEWISE.unpack(sent, 6) == number
    assert Encoding.C_CAST.pack(5.0, 6) == 5.0
