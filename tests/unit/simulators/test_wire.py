"""Framing and signing at the vehicle's end."""

import random

import pytest

from simulators.build import copter
from simulators.ground import Ground, NoAnswer
from simulators.wire import Encoder, Framer, Signing, mavlink

KEY = bytes(range(32))
SET_MODE = mavlink.MAV_CMD_DO_SET_MODE


def signed(
    key: bytes, *, ahead: int = 0, start_utc_s: float = 1_767_225_600
) -> Signing:
    signing = Signing()
    signing.set_key(key, int((start_utc_s - 1420070400) * 1e5) + ahead)
    return signing


def test_messages_survive_any_cutting_of_the_stream() -> None:
    encoder = Encoder(1, 1, 0, Signing())
    beat = mavlink.MAVLink_heartbeat_message(2, 3, 81, 0, 3, 3)
    data = b"".join(encoder.pack(beat) for _ in range(50))
    dice = random.Random(1)
    framer, seen, at = Framer(), 0, 0
    while at < len(data):
        size = dice.randrange(1, 40)
        seen += len(framer.push(data[at : at + size]))
        at += size
    assert seen == 50


def test_junk_between_messages_costs_no_message() -> None:
    encoder = Encoder(1, 1, 0, Signing())
    beat = mavlink.MAVLink_heartbeat_message(2, 3, 81, 0, 3, 3)
    framer, seen = Framer(), 0
    for junk in (b"\0\1\2", b"\xfe", b"\xfd", b"hello", b""):
        seen += len(framer.push(junk + encoder.pack(beat)))
    seen += len(framer.push(bytes(600)))
    assert seen == 5
    assert framer.dropped_bytes > 0


def test_fuzzed_bytes_never_raise() -> None:
    vehicle = copter(ready_scale=0)
    vehicle.open_link("a")
    dice = random.Random(2)
    encoder = Encoder(255, 190, 0, Signing())
    command = mavlink.MAVLink_command_long_message(1, 1, 400, 0, 1, 0, 0, 0, 0, 0, 0)
    for _ in range(3000):
        raw = bytearray(encoder.pack(command))
        for _ in range(dice.randrange(4)):
            raw[dice.randrange(len(raw))] = dice.randrange(256)
        vehicle.receive("a", bytes(raw) + dice.randbytes(dice.randrange(5)))
        vehicle.transmit("a")


def test_with_a_key_unsigned_and_badly_signed_frames_are_ignored() -> None:
    vehicle = copter(ready_scale=0, signing_key=KEY)
    stranger = Ground(vehicle, "stranger")
    with pytest.raises(NoAnswer):
        stranger.command(SET_MODE, 1, 4)
    forger = Ground(vehicle, "forger", signing=signed(bytes(32 * [7])))
    with pytest.raises(NoAnswer):
        forger.command(SET_MODE, 1, 4)
    friend = Ground(vehicle, "friend", signing=signed(KEY))
    assert friend.command(SET_MODE, 1, 4) == 0
    assert friend.last("COMMAND_ACK").get_msgbuf()[2] & 1, "answers are signed"


def test_serial0_asks_for_no_signature() -> None:
    vehicle = copter(ready_scale=0, signing_key=KEY)
    cable = Ground(vehicle, "serial0", trusted=True)
    assert cable.command(SET_MODE, 1, 4) == 0


def test_a_replayed_frame_is_ignored() -> None:
    vehicle = copter(ready_scale=0, signing_key=KEY)
    friend = Ground(vehicle, "friend", signing=signed(KEY))
    friend.run(0.2)
    encoder = Encoder(255, 190, 3, signed(KEY))
    command = mavlink.MAVLink_command_long_message(1, 1, SET_MODE, 0, 1, 4, *[0] * 5)
    raw = encoder.pack(command)
    assert next(m.get_type() for m in friend.send_raw(raw)) == "COMMAND_ACK"
    assert friend.send_raw(raw) == []


def test_a_forged_timestamp_locks_nobody_out() -> None:
    vehicle = copter(ready_scale=0, signing_key=KEY)
    friend = Ground(vehicle, "friend", signing=signed(KEY))
    assert friend.command(SET_MODE, 1, 4) == 0
    forged = signed(bytes(32 * [9]))
    forged.timestamp = 2**48 - 2
    encoder = Encoder(255, 190, 0, forged)
    friend.send_raw(encoder.pack(mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 0, 3)))
    assert friend.command(SET_MODE, 1, 5) == 0


def test_a_stream_that_is_a_minute_behind_is_refused() -> None:
    vehicle = copter(ready_scale=0, signing_key=KEY)
    friend = Ground(vehicle, "friend", signing=signed(KEY))
    friend.run(2.0)
    old = Ground(vehicle, "old", sysid=250, signing=signed(KEY, ahead=-20_000_000))
    with pytest.raises(NoAnswer):
        old.command(SET_MODE, 1, 4)


def test_setup_signing_turns_it_on_and_survives_a_reboot() -> None:
    vehicle = copter(ready_scale=0)
    ground = Ground(vehicle)
    stamp = int((1_767_225_600 - 1420070400) * 1e5)
    ground.send(mavlink.MAVLink_setup_signing_message(1, 1, list(KEY), stamp))
    with pytest.raises(NoAnswer):
        ground.command(SET_MODE, 1, 4)
    vehicle.reboot()
    with pytest.raises(NoAnswer):
        Ground(vehicle, "late").command(SET_MODE, 1, 4)
    later = signed(KEY, ahead=5 * 60 * 100_000)
    assert Ground(vehicle, "friend", signing=later).command(SET_MODE, 1, 4) == 0


def test_setup_signing_while_armed_is_refused() -> None:
    vehicle = copter(ready_scale=0)
    ground = Ground(vehicle)
    ground.run(0.2)
    ground.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1)
    ground.send(mavlink.MAVLink_setup_signing_message(1, 1, list(KEY), 1))
    assert vehicle.signing.key is None
    assert "ERROR: Won't setup signing when armed" in ground.texts()
