"""What is signed with our key, once, is taken; nothing else ever is."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pymavlink.dialects.v20 import ardupilotmega as dialect

from patrolctl.clock import ManualClock
from patrolctl.domain.errors import InputError
from patrolctl.mavlink.framing import FLAG_SIGNED, Frame, Scanner, encode, with_flags
from patrolctl.mavlink.messages import Heartbeat
from patrolctl.mavlink.signing import (
    MAX_TIMESTAMP,
    UNITS_PER_S,
    Signer,
    SigningState,
    read_key,
    signature_of,
)

KEY, OTHER = b"k" * 32, b"o" * 32
BEAT = Heartbeat(0, 2, 3, 81, 3, 3)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
NOW_UNITS = int((NOW - datetime(2015, 1, 1, tzinfo=UTC)).total_seconds() * UNITS_PER_S)


def signer(folder: Path, key: bytes = KEY) -> Signer:
    return Signer(key, SigningState.load(folder / "s.json"), ManualClock(NOW))


def signed(timestamp: int, key: bytes = KEY, link: int = 0, seq: int = 0) -> Frame:
    plain = encode(BEAT, seq=seq, sysid=1, compid=1)
    body = with_flags(plain, FLAG_SIGNED, 50)
    body += bytes((link,)) + timestamp.to_bytes(6, "little")
    (frame,) = Scanner().feed(body + signature_of(key, body))
    return frame


def test_what_may_not_pass(tmp_path: Path) -> None:
    ours = signer(tmp_path)
    (unsigned,) = Scanner().feed(encode(BEAT, seq=0, sysid=1, compid=1))
    assert ours.refusal(unsigned) == "unsigned"
    link = dialect.MAVLink(None, srcSystem=1, srcComponent=1)
    v1 = link.heartbeat_encode(2, 3, 81, 0, 3).pack(link, force_mavlink1=True)
    (old,) = Scanner().feed(v1)
    assert ours.refusal(old) == "MAVLink 1"
    assert ours.refusal(signed(NOW_UNITS, OTHER)) == "bad signature"
    assert ours.refusal(signed(NOW_UNITS)) is None
    assert ours.refusal(signed(NOW_UNITS)) == "replayed"
    assert ours.refusal(signed(NOW_UNITS - 1)) == "replayed"
    assert ours.refusal(signed(NOW_UNITS + 1)) is None


def test_a_forged_timestamp_of_the_far_future_changes_nothing(tmp_path: Path) -> None:
    ours = signer(tmp_path)
    assert ours.refusal(signed(NOW_UNITS)) is None
    assert ours.refusal(signed(MAX_TIMESTAMP, OTHER)) == "bad signature"
    for n in range(1, 50):
        assert ours.refusal(signed(NOW_UNITS + n)) is None


def test_a_new_stream_may_be_a_minute_behind_and_no_more(tmp_path: Path) -> None:
    ours = signer(tmp_path)
    assert ours.refusal(signed(NOW_UNITS - 59 * UNITS_PER_S, link=1)) is None
    assert ours.refusal(signed(NOW_UNITS - 61 * UNITS_PER_S, link=2)) == "replayed"


@pytest.mark.parametrize("orderly", [True, False])
def test_nothing_accepted_is_accepted_again_after_a_restart(
    tmp_path: Path, *, orderly: bool
) -> None:
    ours = signer(tmp_path)
    stamps = [NOW_UNITS + 700 * n * UNITS_PER_S // 100 for n in range(12)]
    for stamp in stamps:
        assert ours.refusal(signed(stamp)) is None
    if orderly:
        ours.close()
    again = signer(tmp_path)  # else: as after kill -9
    for stamp in stamps:
        assert again.refusal(signed(stamp)) == "replayed"
    deaf_s = 0 if orderly else 5
    later = stamps[-1] + deaf_s * UNITS_PER_S + 1
    assert again.refusal(signed(later)) is None


def test_our_own_timestamps_never_go_back(tmp_path: Path) -> None:
    plain = with_flags(encode(BEAT, seq=0, sysid=255, compid=190), FLAG_SIGNED, 50)

    def stamp(raw: bytes) -> int:
        return int.from_bytes(raw[-12:-6], "little")

    ours = signer(tmp_path)
    told = [stamp(ours.sign(plain)) for _ in range(100)]
    assert told == sorted(set(told))
    again = signer(tmp_path)  # the same second, after a crash
    assert stamp(again.sign(plain)) > told[-1]


def test_pymavlink_takes_what_we_sign(tmp_path: Path) -> None:
    plain = with_flags(encode(BEAT, seq=0, sysid=255, compid=190), FLAG_SIGNED, 50)
    theirs = dialect.MAVLink(None)
    theirs.signing.secret_key = KEY
    theirs.signing.timestamp = NOW_UNITS
    (got,) = theirs.parse_buffer(signer(tmp_path).sign(plain))
    assert got.get_type() == "HEARTBEAT"


def test_a_spoilt_state_is_said_and_not_forgotten(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"sent": 1, "streams": ["oops"]}')
    with pytest.raises(InputError, match="signing state"):
        SigningState.load(tmp_path / "s.json")
    assert "oops" in (tmp_path / "s.json").read_text()


def test_keys_in_three_forms(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(KEY)
    assert read_key(path) == KEY
    path.write_text(KEY.hex() + "\n")
    assert read_key(path) == KEY
    path.write_text("a phrase\n")
    assert len(read_key(path)) == 32
    path.write_text(" \n")
    with pytest.raises(InputError, match="is empty"):
        read_key(path)
    with pytest.raises(InputError, match="No such file"):
        read_key(tmp_path / "none")


def test_the_state_file_says_nothing_of_the_key(tmp_path: Path) -> None:
    ours = signer(tmp_path)
    ours.refusal(signed(NOW_UNITS))
    ours.close()
    document = json.loads((tmp_path / "s.json").read_text())
    assert set(document) == {"sent", "streams"}
    assert document["streams"] == {"1:1:0": NOW_UNITS}
