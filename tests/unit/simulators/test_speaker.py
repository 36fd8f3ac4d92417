"""The loudspeaker: keys, expiry, silence, and what it reports."""

import hashlib
import io
import json
import wave
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulators.speaker.clips import ClipCache, ClipUnavailable, wav_duration_s
from simulators.speaker.ledger import KeyLedger, Verdict
from simulators.speaker.machine import (
    Fetch,
    Publish,
    SpeakerFaults,
    SpeakerMachine,
)

NOW = 1_800_000_000.0
SHA = "ab" * 32


def iso(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat()


def wav_of(seconds: float) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        out.writeframes(b"\1\0" * round(16000 * seconds))
    return file.getvalue()


def play(key: str, *, expires_s: float = NOW + 60, **more: object) -> bytes:
    command = {
        "action": "play",
        "key": key,
        "expires_utc": iso(expires_s),
        "clip_sha256": SHA,
        "clip_url": "http://127.0.0.1/x.wav",
        "duration_s": 99.0,
        "repeats": 2,
        "cue_id": "cue-1",
        "station": "s-1",
        "run_id": "run-1",
    }
    return json.dumps({**command, **more}).encode()


class Desk:
    """Feeds a machine and collects what it says."""

    def __init__(self, **more: object) -> None:
        self.machine = SpeakerMachine("spk", "veh", **more)  # type: ignore[arg-type]
        self.playbacks: list[dict[str, object]] = []
        self.states: list[dict[str, object]] = []
        self.fetches: list[Fetch] = []

    def command(self, payload: bytes, now_s: float, *, retained: bool = False) -> None:
        self.machine.on_command(payload, retained=retained, now_s=now_s)
        self.collect()

    def has_clip(self, now_s: float, duration_s: float = 5.0) -> None:
        self.machine.on_clip(SHA, duration_s, now_s)
        self.collect()

    def poll(self, now_s: float) -> None:
        self.machine.poll(now_s)
        self.collect()

    def collect(self) -> None:
        for action in self.machine.take():
            if isinstance(action, Fetch):
                self.fetches.append(action)
                continue
            assert isinstance(action, Publish)
            kept = self.playbacks if action.topic == "playback" else self.states
            assert action.retain == (action.topic == "state")
            kept.append(json.loads(action.payload))

    @property
    def said(self) -> list[object]:
        return [p["status"] for p in self.playbacks]


def test_it_fetches_plays_and_reports_start_and_end() -> None:
    desk = Desk()
    desk.command(play("k1"), NOW)
    assert [f.sha256 for f in desk.fetches] == [SHA]
    assert desk.states[-1]["phase"] == "caching"
    desk.has_clip(NOW + 1)
    assert desk.said == ["started"]
    assert desk.states[-1] | {"phase": "playing", "cached": [SHA]} == desk.states[-1]
    desk.poll(NOW + 10.9)
    assert desk.said == ["started"]
    desk.poll(NOW + 11.2)
    end = desk.playbacks[-1]
    assert desk.said == ["started", "completed"]
    assert end["start_utc"] == iso(NOW + 1)
    assert end["end_utc"] == iso(NOW + 11), "twice the five seconds of the WAV"
    assert (end["repeats_done"], end["complete"]) == (2, True)
    assert (end["cue_id"], end["station"], end["run_id"]) == ("cue-1", "s-1", "run-1")
    assert desk.states[-1]["phase"] == "idle"
    assert desk.playbacks[0]["id"] != end["id"]


def test_a_key_is_never_played_twice_and_its_report_is_repeated() -> None:
    desk = Desk()
    desk.has_clip(NOW)
    desk.command(play("k1"), NOW)
    desk.command(play("k1"), NOW + 1)
    assert desk.said == ["started", "started"]
    assert desk.playbacks[0]["id"] == desk.playbacks[1]["id"], "the same report"
    desk.poll(NOW + 20)
    desk.command(play("k1"), NOW + 21)
    assert desk.said == ["started", "started", "completed", "completed"]


def test_a_retained_command_does_nothing_at_all() -> None:
    desk = Desk()
    desk.has_clip(NOW)
    before = len(desk.states)
    for payload in (play("k1"), json.dumps({"action": "silence"}).encode()):
        desk.command(payload, NOW, retained=True)
    assert desk.playbacks == []
    assert len(desk.states) == before
    desk.command(play("k1"), NOW)
    assert desk.said == ["started"], "the retained copy did not take the key"


def test_an_expired_command_is_refused_and_its_key_is_spent() -> None:
    desk = Desk()
    desk.has_clip(NOW)
    desk.command(play("k1", expires_s=NOW), NOW)
    assert desk.said == ["refused"]
    assert desk.playbacks[0]["reason"] == "expired"
    desk.command(play("k1", expires_s=NOW + 100), NOW + 1)
    assert desk.said == ["refused", "refused"], "the same answer again"


def test_a_command_that_expires_while_the_clip_comes_is_refused() -> None:
    desk = Desk()
    desk.command(play("k1", expires_s=NOW + 5), NOW)
    desk.has_clip(NOW + 5)
    assert desk.said == ["refused"]
    assert "expired" in str(desk.playbacks[0]["reason"])


def test_silence_cuts_at_once_and_says_how_much_was_heard() -> None:
    desk = Desk()
    desk.has_clip(NOW)
    desk.command(play("k1"), NOW)
    desk.command(json.dumps({"action": "silence"}).encode(), NOW + 7)
    end = desk.playbacks[-1]
    assert desk.said == ["started", "cut"]
    assert (end["repeats_done"], end["complete"]) == (1, False)
    assert end["end_utc"] == iso(NOW + 7)
    desk.poll(NOW + 60)
    assert desk.said == ["started", "cut"]


def test_silence_also_stops_what_waits_for_its_clip() -> None:
    desk = Desk()
    desk.command(play("k1"), NOW)
    desk.command(json.dumps({"action": "silence"}).encode(), NOW + 1)
    desk.has_clip(NOW + 2)
    assert desk.said == ["refused"]
    assert desk.states[-1]["phase"] == "idle"


def test_a_second_announcement_waits_until_the_first_has_ended() -> None:
    desk = Desk()
    desk.has_clip(NOW)
    desk.command(play("k1"), NOW)
    desk.command(play("k2"), NOW + 1)
    desk.command(play("k3", expires_s=NOW + 12), NOW + 2)
    assert desk.said == ["started"]
    desk.poll(NOW + 10)
    assert [(p["key"], p["status"]) for p in desk.playbacks[1:]] == [
        ("k1", "completed"),
        ("k2", "started"),
    ]
    desk.poll(NOW + 20)
    assert desk.playbacks[-1]["key"] == "k3"
    assert desk.playbacks[-1]["status"] == "refused", "its turn came too late"


def test_an_urgent_one_cuts_a_normal_one_and_comes_before_what_waits() -> None:
    desk = Desk()
    desk.has_clip(NOW)
    desk.command(play("k1"), NOW)
    desk.command(play("k2"), NOW + 1)
    desk.command(play("u1", priority="urgent"), NOW + 2)
    desk.command(play("u2", priority="urgent"), NOW + 3)
    cut = desk.playbacks[1]
    assert (cut["key"], cut["status"], cut["cut_by"]) == ("k1", "cut", "urgent")
    for later_s in (12, 22, 32):
        desk.poll(NOW + later_s)
    ended = [p["key"] for p in desk.playbacks if p["status"] == "completed"]
    assert ended == ["u1", "u2", "k2"]


def test_a_command_that_comes_again_while_it_waits_renews_its_expiry() -> None:
    desk = Desk()
    desk.has_clip(NOW)
    desk.command(play("u1", priority="urgent"), NOW)
    desk.command(play("k1", expires_s=NOW + 5), NOW + 1)
    desk.command(play("k1", expires_s=NOW + 30), NOW + 4)
    desk.poll(NOW + 10)
    assert desk.playbacks[-1]["key"] == "k1"
    assert desk.playbacks[-1]["status"] == "started"


def test_silence_ends_urgent_ones_too() -> None:
    desk = Desk()
    desk.has_clip(NOW)
    desk.command(play("u1", priority="urgent"), NOW)
    desk.command(play("u2", priority="urgent"), NOW)
    desk.command(json.dumps({"action": "silence"}).encode(), NOW + 1)
    assert sorted(str(s) for s in desk.said) == ["cut", "refused", "started"]
    assert desk.states[-1]["phase"] == "idle"


def test_prepare_fetches_once_and_reports_what_is_cached() -> None:
    desk = Desk()
    order = {"action": "prepare", "clip_sha256": SHA, "clip_url": "http://x/y.wav"}
    desk.command(json.dumps(order).encode(), NOW)
    desk.command(json.dumps(order).encode(), NOW)
    assert len(desk.fetches) == 1
    desk.has_clip(NOW + 1)
    assert desk.states[-1]["cached"] == [SHA]
    desk.command(play("k1"), NOW + 2)
    assert len(desk.fetches) == 1
    assert desk.said == ["started"]


def test_a_clip_that_cannot_be_had_refuses_with_the_reason() -> None:
    desk = Desk()
    desk.command(play("k1"), NOW)
    desk.machine.on_no_clip(SHA, "404", NOW + 1)
    desk.collect()
    assert desk.said == ["refused"]
    assert desk.playbacks[0]["reason"] == "404"
    assert desk.states[-1]["reason"] == "404"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{", "not JSON"),
        (b"[]", "not an object"),
        (b'{"action": "dance"}', "unknown action"),
        (play("k", repeats=0), "repeats"),
        (play("k", expires_utc="soon"), "not a time"),
        (play("k", expires_utc="2030-01-01T00:00:00"), "time zone"),
        (play("k", clip_sha256=None), "clip_sha256"),
    ],
)
def test_a_bad_command_is_told_in_the_state(payload: bytes, reason: str) -> None:
    desk = Desk()
    desk.command(payload, NOW)
    assert reason in str(desk.states[-1]["reason"])
    assert desk.playbacks == []


def test_device_fault_refuses_everything() -> None:
    desk = Desk(faults=SpeakerFaults(device=True))
    desk.has_clip(NOW)
    desk.command(play("k1"), NOW)
    assert desk.said == ["refused"]
    assert desk.states[-1]["phase"] == "fault"


def test_a_clip_dropped_from_the_cache_is_refused() -> None:
    desk = Desk(faults=SpeakerFaults(drop_clip=True))
    desk.has_clip(NOW)
    desk.command(play("k1"), NOW)
    assert desk.said == ["refused"]
    assert desk.states[-1]["cached"] == []


def test_a_playback_that_dies_is_reported_as_cut() -> None:
    desk = Desk(faults=SpeakerFaults(cut_after_s=3.0))
    desk.has_clip(NOW)
    desk.command(play("k1"), NOW)
    desk.poll(NOW + 4)
    end = desk.playbacks[-1]
    assert (end["status"], end["repeats_done"]) == ("cut", 0)
    assert end["end_utc"] == iso(NOW + 3)


def test_the_ledger_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    first = KeyLedger(path)
    assert first.judge("a", NOW + 9, retained=False, now_s=NOW) is Verdict.EXECUTE
    path.write_text(path.read_text() + '{"key": "half')
    again = KeyLedger(path)
    assert again.judge("a", NOW + 9, retained=False, now_s=NOW) is Verdict.DUPLICATE
    assert again.judge("b", NOW + 9, retained=False, now_s=NOW) is Verdict.EXECUTE


def test_the_ledger_forgets_only_long_after_expiry() -> None:
    ledger = KeyLedger()
    ledger.judge("a", NOW + 9, retained=False, now_s=NOW)
    late = NOW + 3600
    assert ledger.judge("a", NOW + 9, retained=False, now_s=late) is Verdict.DUPLICATE
    later = NOW + 9 + 3601
    assert ledger.judge("a", NOW + 9, retained=False, now_s=later) is Verdict.EXPIRED
    assert len(ledger) == 1


def test_clips_are_checked_and_measured(tmp_path: Path) -> None:
    data = wav_of(1.5)
    sha = hashlib.sha256(data).hexdigest()
    (tmp_path / f"{sha}.wav").write_bytes(data)
    cache = ClipCache(tmp_path)
    assert cache.fetch(sha, None) == pytest.approx(1.5)
    (tmp_path / f"{SHA}.wav").write_bytes(data)
    with pytest.raises(ClipUnavailable, match="has the hash"):
        cache.fetch(SHA, None)
    with pytest.raises(ClipUnavailable, match="no URL"):
        cache.fetch("cd" * 32, None)
    with pytest.raises(ClipUnavailable, match="not an HTTP URL"):
        cache.fetch("cd" * 32, "file:///etc/passwd")


def test_only_a_wav_with_sound_is_a_clip() -> None:
    for data in (b"", b"RIFF\0\0\0\0WAVE", wav_of(0.0)):
        with pytest.raises(ClipUnavailable):
            wav_duration_s(data)


def test_the_same_seed_gives_the_same_ids() -> None:
    ids = []
    for _ in range(2):
        desk = Desk(seed=7)
        desk.has_clip(NOW)
        desk.command(play("k1"), NOW)
        ids.append(desk.playbacks[0]["id"])
    assert ids[0] == ids[1]
