"""The ledger and the outbox on a disk that is full.

``PRAGMA max_page_count`` makes SQLite answer "database or disk is full" as it
does where the disk really is.
"""

import errno
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from patrolctl.domain.ids import SpeakerId
from patrolctl.domain.sound import Playback, PlaybackStatus
from patrolctl.mqtt.outbox import Message, Outbox
from patrolctl.onboard import reserve as reserves
from patrolctl.onboard.health import CLIPS, DEVICE, Health
from patrolctl.onboard.ledger import Ledger
from patrolctl.onboard.outbox import PatientOutbox
from patrolctl.onboard.reserve import Reserve, is_full, with_room

NOW = datetime(2026, 3, 28, tzinfo=UTC)


def report(key: str, **more: object) -> Playback:
    fields: dict[str, object] = {
        "id": f"id-{key}",
        "speaker_id": SpeakerId("spk"),
        "key": key,
        "clip_sha256": "ab" * 32,
        "status": PlaybackStatus.STARTED,
        "start_utc": NOW,
        "reason": "x" * 9000,  # so that each takes pages of its own
    }
    return Playback(**(fields | more))  # type: ignore[arg-type]  # fields by name


def message(n: int) -> Message:
    return Message("t", b"%d" % n + b"x" * 3000)


def fill(db: sqlite3.Connection) -> None:
    """No page more than there are now."""
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count={pages}")


def empty(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA max_page_count=100000")


class Freed(Reserve):
    """A reserve whose space makes the databases grow again."""

    dbs: tuple[sqlite3.Connection, ...] = ()

    def release(self) -> bool:
        gave = super().release()
        if gave:
            for db in self.dbs:
                empty(db)
        return gave


@pytest.fixture
def reserve(tmp_path: Path) -> Freed:
    return Freed(tmp_path / "reserve", 4096)


@pytest.fixture
def ledger(tmp_path: Path, reserve: Freed) -> Iterator[Ledger]:
    one = Ledger(tmp_path / "played.db", reserve)
    yield one
    one.close()


@pytest.fixture
def outbox(tmp_path: Path, reserve: Freed) -> Iterator[PatientOutbox]:
    one = PatientOutbox(tmp_path / "reports.db", reserve)
    yield one
    one.close()


def test_the_reserve_is_given_up_once_and_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Reserve(tmp_path / "reserve", 100_000)
    assert one.whole
    assert os.stat(tmp_path / "reserve").st_blocks * 512 >= 100_000  # not sparse
    assert one.release()
    assert not one.release()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(reserves.os, "fsync", full)
    assert not one.refill()
    assert not (tmp_path / "reserve").exists()  # half a reserve takes no room
    monkeypatch.undo()
    assert one.refill()


def test_other_errors_do_not_cost_the_reserve(reserve: Freed) -> None:
    assert is_full(OSError(errno.ENOSPC, "full"))
    assert is_full(sqlite3.OperationalError("database or disk is full"))
    assert not is_full(OSError(errno.EACCES, "denied"))

    def wrong() -> None:
        raise sqlite3.ProgrammingError("no such table")

    with pytest.raises(sqlite3.ProgrammingError):
        with_room(reserve, wrong)
    assert reserve.whole


def test_a_full_disk_plays_on_in_the_reserve(reserve: Freed, ledger: Ledger) -> None:
    reserve.dbs = (ledger._db,)
    fill(ledger._db)
    assert ledger.begin(report("a"))
    assert not reserve.whole
    ledger.end(report("a", status=PlaybackStatus.COMPLETED))
    assert not ledger.begin(report("a"))


def test_without_any_room_nothing_is_begun_and_ends_are_kept(
    tmp_path: Path, reserve: Freed, ledger: Ledger
) -> None:
    assert ledger.begin(report("a"))
    fill(ledger._db)
    reserve.release()
    with pytest.raises(sqlite3.OperationalError, match="full"):
        ledger.begin(report("b"))
    assert ledger.report("b") is None  # and so it may be asked for again
    ended = report("a", status=PlaybackStatus.COMPLETED, id="end", reason="y" * 20_000)
    ledger.end(ended)
    assert ledger.report("a") == ended
    assert not ledger.settle()
    assert ledger.unfinished() == ()
    empty(ledger._db)
    assert ledger.settle()
    ledger.close()
    again = Ledger(tmp_path / "played.db", reserve)
    assert again.report("a") == ended
    assert again.unfinished() == ()
    assert again.untold() == (ended,)
    again.close()
    ledger.__init__(tmp_path / "played.db", reserve)  # type: ignore[misc]  # the fixture closes it


def test_an_end_is_told_again_until_it_is_in_the_outbox(ledger: Ledger) -> None:
    ledger.begin(report("a"))
    ledger.end(report("a", status=PlaybackStatus.COMPLETED))
    assert [r.key for r in ledger.untold()] == ["a"]
    ledger.told("a")
    assert ledger.untold() == ()


def test_what_was_cut_by_a_crash_ends_when_it_was_last_heard(
    tmp_path: Path, ledger: Ledger
) -> None:
    ledger.begin(report("a"))
    ledger.begin(report("b"))
    ledger.progress("b", NOW + timedelta(seconds=7), 2)
    cut = {r.key: (r.end_utc, r.repeats_done) for r in ledger.unfinished()}
    assert cut == {"a": (NOW, 0), "b": (NOW + timedelta(seconds=7), 2)}
    (tmp_path / "playing.json").write_bytes(b"{half")  # power was lost
    assert [r.end_utc for r in ledger.unfinished()] == [NOW, NOW]


def test_reports_wait_in_memory_and_go_to_the_file_in_time(
    tmp_path: Path, reserve: Freed, outbox: PatientOutbox
) -> None:
    reserve.release()
    outbox.put(message(1))
    fill(outbox._db)
    for n in (2, 3, 4):
        outbox.put(message(n))
    assert outbox.trouble is not None
    assert len(outbox) == 4
    heads = outbox.head(10, set())
    assert [m.payload[:1] for _, m in heads] == [b"1", b"2", b"3", b"4"]
    flying = {heads[1][0]}  # the second is on its way to the broker
    assert not outbox.settle(flying)
    empty(outbox._db)
    assert outbox.settle(flying)
    assert len(outbox) == 4
    outbox.done(heads[1][0])
    assert outbox.settle(set())
    assert outbox.trouble is None
    outbox.close()
    left = Outbox(tmp_path / "reports.db")
    assert [m.payload[:1] for _, m in left.head(10, set())] == [b"1", b"3", b"4"]
    left.close()
    outbox.__init__(tmp_path / "reports.db", reserve)  # type: ignore[misc]  # the fixture closes it


def test_an_acknowledged_report_is_not_sent_again_while_the_disk_is_full(
    reserve: Freed, outbox: PatientOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve.release()
    outbox.put(message(1))
    ((row, _),) = outbox.head(1, set())

    def full(_self: Outbox, _row: int) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Outbox, "done", full)
    outbox.done(row)
    assert outbox.head(10, set()) == []
    assert len(outbox) == 0
    monkeypatch.undo()
    assert outbox.settle(set())
    assert len(outbox) == 0


def test_withdrawing_takes_back_what_waits_in_memory(
    reserve: Freed, outbox: PatientOutbox
) -> None:
    reserve.release()
    fill(outbox._db)
    outbox.put(Message("t", b"{one" + b"x" * 3000))
    outbox.put(Message("t", b"[two" + b"x" * 3000))
    assert outbox.withdraw("t", b"{", set()) == 1
    assert [m.payload[:4] for _, m in outbox.head(10, set())] == [b"[two"]


def test_a_fault_stays_until_its_own_cause_is_gone() -> None:
    changes: list[str | None] = []
    health = Health(lambda: changes.append(health.reason))
    health.found(DEVICE, "no such device")
    health.found(CLIPS, "wrong hash")
    health.found(CLIPS, "wrong hash")
    health.found(CLIPS, None)
    assert changes == ["no such device", "no such device; wrong hash", "no such device"]
    assert health.phase(playing=False, fetching=True).value == "fault"
    assert health.phase(playing=True, fetching=False).value == "playing"
    health.found(DEVICE, None)
    assert health.phase(playing=False, fetching=True).value == "caching"
    assert health.phase(playing=False, fetching=False).value == "idle"
