"""One airframe, the registered one, in one boot."""

import random

import pytest

from patrolctl.domain.machines import VehicleKind
from patrolctl.mavlink.autopilots.ardupilot import ArduPilot
from patrolctl.mavlink.identity import BootClock, Finding, Identity, Interleaving
from patrolctl.mavlink.messages import AutopilotVersion, Heartbeat
from patrolctl.mavlink.pace import PaceEstimator

PILOT = ArduPilot(VehicleKind.COPTER)


def version(uid: int = 0, uid2: bytes = b"") -> AutopilotVersion:
    none = b"\0" * 8
    return AutopilotVersion(
        0, uid, 0, 0, 0, 0, 0, 0, none, none, none, uid2.ljust(18, b"\0")
    )


def test_the_registered_uid_is_verified_by_either_field() -> None:
    for expected, told in ((77, version(77)), (0x3231, version(0, b"12"))):
        identity = Identity(expected, PILOT)
        assert not identity.verified
        identity.on_version(told, 1.0)
        assert identity.verified


def test_another_airframe_is_refused_for_good() -> None:
    identity = Identity(77, PILOT)
    identity.on_version(version(78), 1.0)
    assert identity.conflict is not None
    assert "another airframe answers" in identity.conflict
    identity.on_version(version(77), 2.0)
    assert not identity.verified


def test_two_uids_on_one_stream_and_after_a_reconnection() -> None:
    identity = Identity(None, PILOT)
    identity.on_version(version(1), 1.0)
    identity.new_stream()
    assert not identity.verified  # whoever is there now is asked again
    identity.on_version(version(2), 2.0)
    assert identity.conflict is not None
    assert "two airframes" in identity.conflict


def test_who_does_not_tell_is_taken_only_where_none_is_registered() -> None:
    assert not Identity(77, PILOT).accept_unnamed(1.0)
    free = Identity(None, PILOT)
    assert free.accept_unnamed(1.0)
    assert free.verified
    free.ask_again()
    assert not free.verified


@pytest.mark.parametrize(("mav_type", "autopilot"), [(10, 3), (1, 3), (2, 12), (6, 3)])
def test_another_kind_of_machine_is_a_conflict(mav_type: int, autopilot: int) -> None:
    identity = Identity(None, PILOT)
    identity.on_heartbeat(Heartbeat(0, mav_type, autopilot, 81, 3, 3))
    assert identity.conflict is not None


# -- boot clocks -------------------------------------------------------------


def test_a_reboot_is_seen_within_two_samples() -> None:
    clock = BootClock()
    for n in range(100):
        assert clock.push(100_000 + 200 * n, 0.2 * n) is Finding.SAME_BOOT
    assert clock.push(1_500, 22.0) is Finding.SAME_BOOT
    assert clock.push(1_700, 22.2) is Finding.REBOOT
    for n in range(100):
        assert clock.push(1_900 + 200 * n, 22.4 + 0.2 * n) is Finding.SAME_BOOT


def test_late_and_doubled_samples_are_neither() -> None:
    rng = random.Random(3)
    clock, stamps = BootClock(), [50_000 + 200 * n for n in range(400)]
    for n in range(400):
        late = max(0, n - rng.choice((0, 0, 1, 3, 9)))
        assert clock.push(stamps[late], 0.2 * n) is Finding.SAME_BOOT
    assert clock.push(stamps[100], 80.0) is Finding.SAME_BOOT  # a minute late
    assert clock.push(stamps[-1] + 200, 80.2) is Finding.SAME_BOOT


def test_two_boot_clocks_are_two_airframes_within_three_seconds() -> None:
    clock, found_s = BootClock(), None
    for n in range(30):
        now_s = 0.1 * n
        boot_ms = (100_000 if n % 2 else 7_000) + int(1000 * now_s)
        if clock.push(boot_ms, now_s) is Finding.CONFLICT and found_s is None:
            found_s = now_s
    assert found_s is not None
    assert found_s < 3.0


def test_the_clock_may_wrap_after_49_days() -> None:
    clock = BootClock()
    clock.push(2**32 - 500, 0.0)
    assert clock.push(100, 0.6) is Finding.SAME_BOOT
    assert clock.push(300, 0.8) is Finding.SAME_BOOT


# -- frame numbers -----------------------------------------------------------


def senders(offset: int, rng: random.Random) -> float | None:
    """Two airframes booted in the same second; when they are told apart."""
    watch = Interleaving()
    seq_a, seq_b = 0, offset
    for n in range(30):
        now_s = 0.2 * n
        seq_a += rng.randrange(3, 9)
        seq_b += rng.randrange(3, 9)
        boot_ms = int(1000 * now_s)
        if watch.push(5_000 + boot_ms, seq_a % 256, 12 * n):
            return now_s
        if watch.push(5_090 + boot_ms, seq_b % 256, 12 * n + 6):
            return now_s
    return None


def test_two_airframes_booted_together_are_told_apart() -> None:
    rng = random.Random(5)
    found = [senders(rng.randrange(60, 190), rng) for _ in range(300)]
    assert all(f is not None and f <= 3.0 for f in found)


def test_a_long_transfer_is_not_taken_for_two_senders() -> None:
    """1,000 frames a second while a mission of 650 items goes over."""
    watch, seq, heard = Interleaving(), 0, 0
    for n in range(60):
        frames = 200 if 10 <= n < 30 else 8
        seq, heard = seq + frames, heard + frames
        assert not watch.push(1000 + 200 * n, seq % 256, heard)


@pytest.mark.parametrize("seed", range(30))
def test_one_sender_on_a_bad_network_is_one(seed: int) -> None:
    rng = random.Random(seed)
    watch, sent, seq, heard = Interleaving(), [], 0, 0
    for n in range(400):
        seq += rng.randrange(2, 15)
        sent.append((n + rng.uniform(0, 6), (1000 + 200 * n, seq % 256)))
    sent.sort()
    for _, sample in sent:
        if rng.random() < 0.2:
            continue
        for _ in range(rng.choice((1, 1, 2))):
            heard += 1
            assert not watch.push(*sample, heard)


# -- pace --------------------------------------------------------------------


@pytest.mark.parametrize(("pace", "told"), [(1.0, 1.0), (1.1, 1.0), (20.0, 20.0)])
def test_pace_is_seen_within_two_seconds(pace: float, told: float) -> None:
    estimator, seen = PaceEstimator(), None
    for n in range(20):
        real_s = 0.1 * n
        seen = estimator.push(real_s, int(60_000 + 1000 * pace * real_s)) or seen
    assert seen == pytest.approx(told, rel=0.02)


def test_pace_survives_a_reboot() -> None:
    estimator = PaceEstimator()
    for n in range(20):
        estimator.push(0.1 * n, 90_000 + 1000 * n)
    assert estimator.push(2.1, 500) is None
    seen = None
    for n in range(20):
        seen = estimator.push(2.2 + 0.1 * n, 600 + 1000 * n) or seen
    assert seen == pytest.approx(10.0, rel=0.05)
