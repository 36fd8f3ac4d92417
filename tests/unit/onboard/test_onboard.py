"""The agent's parts, each alone."""

import asyncio
import hashlib
import io
import struct
import wave
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as dialect

from patrolctl.clock import ScaledClock
from patrolctl.domain.errors import InputError
from patrolctl.domain.ids import SpeakerId
from patrolctl.domain.sound import Playback, PlaybackStatus
from patrolctl.mqtt.payloads import SheetCue
from patrolctl.onboard.autopilot import parse_endpoint
from patrolctl.onboard.clips import ClipCache, ClipUnavailable
from patrolctl.onboard.cues import Watch
from patrolctl.onboard.frames import (
    Beat,
    Fix,
    Scanner,
    ask_for_position,
    heartbeat,
)
from patrolctl.onboard.ledger import Ledger
from patrolctl.onboard.player import Player
from patrolctl.onboard.sinks import FileSink, ProcessSink, parse_sink

NOW = datetime(2026, 3, 28, tzinfo=UTC)


def position(up_m: float = 30.0, speed_m_s: float = 0.0) -> object:
    return dialect.MAVLink_global_position_int_message(
        1, 342000000, 1172000000, 60000, int(up_m * 1000),
        int(speed_m_s * 100), 0, 0, 0,
    )  # fmt: skip


def packed(message: object, *, v1: bool = False, sysid: int = 7) -> bytes:
    mav = dialect.MAVLink(None, sysid, 1)
    return bytes(message.pack(mav, force_mavlink1=v1))  # type: ignore[attr-defined]  # pymavlink is untyped


def beat(armed: bool = True, autopilot: int = 3) -> object:
    return dialect.MAVLink_heartbeat_message(
        2, autopilot, 0x80 if armed else 0, 0, 4, 3
    )


# frames -------------------------------------------------------------------


@pytest.mark.parametrize("v1", [True, False])
def test_frames_of_pymavlink_are_read(v1: bool) -> None:
    scanner = Scanner()
    raw = packed(beat(), v1=v1) + packed(position(speed_m_s=3.0), v1=v1)
    facts = [f for i in range(0, len(raw), 5) for f in scanner.feed(raw[i : i + 5])]
    assert facts == [Beat(7, armed=True), Fix(7, 34.2, 117.2, 30.0, 3.0, 0.0)]


def test_ground_stations_are_no_autopilots() -> None:
    assert list(Scanner().feed(packed(beat(autopilot=8)))) == []


def test_our_frames_are_read_by_pymavlink() -> None:
    mav = dialect.MAVLink(None)
    raw = heartbeat(seq=1, sysid=7) + ask_for_position(seq=2, sysid=7, every_s=0.2)
    messages = mav.parse_buffer(raw)
    assert [m.get_type() for m in messages] == ["HEARTBEAT", "COMMAND_LONG"]
    assert messages[0].get_srcComponent() == 191
    assert (messages[1].command, messages[1].param1, messages[1].param2) == (
        511,
        33,
        200_000,
    )
    assert messages[1].target_system == 7


@given(st.lists(st.binary(max_size=60), max_size=6), st.booleans())
def test_noise_neither_crashes_nor_hides_a_frame(
    noise: list[bytes], datagrams: bool
) -> None:
    scanner = Scanner(datagrams=datagrams)
    for junk in noise:
        list(scanner.feed(junk))
    # A stream may wait for the rest of a frame that noise pretended to begin.
    flush = b"" if datagrams else b"\0" * 600
    heard = list(scanner.feed(flush)) + list(scanner.feed(packed(beat())))
    assert Beat(7, armed=True) in heard


def test_stray_magic_costs_no_frame() -> None:
    raw = b"\xfd\xff" + packed(beat()) + b"\xfe" + packed(position())
    heard = list(Scanner(datagrams=True).feed(raw))
    assert [type(f) for f in heard] == [Beat, Fix]


@given(st.integers(0, 39), st.integers(1, 255))
def test_a_damaged_frame_is_dropped(at: int, flip: int) -> None:
    raw = bytearray(packed(position()))
    raw[at % len(raw)] ^= flip
    for fact in Scanner(datagrams=True).feed(bytes(raw)):
        assert fact == Fix(7, 34.2, 117.2, 30.0, 0.0, 0.0)


@pytest.mark.parametrize("text", ["", "tcp:x", "foo:1:2", "tcp:x:0", "udp:h:70000"])
def test_bad_endpoints(text: str) -> None:
    with pytest.raises(InputError):
        parse_endpoint(text)


# cues ---------------------------------------------------------------------


def cue(
    key: str,
    lat_deg: float = 34.2,
    up_m: float = 30.0,
    heading_deg: float | None = None,
) -> SheetCue:
    return SheetCue(
        cue_id=key.split(":", maxsplit=1)[0], seq=1, key=key, clip_sha256="ab" * 32,
        clip_url=None, duration_s=1.0, repeats=1, lat_deg=lat_deg, lon_deg=117.2,
        up_m=up_m, heading_deg=heading_deg,
    )  # fmt: skip


def fix(
    lat_deg: float = 34.2,
    up_m: float = 30.0,
    speed_m_s: float = 0.0,
    heading_deg: float | None = None,
) -> Fix:
    return Fix(7, lat_deg, 117.2, up_m, speed_m_s, heading_deg)


def test_a_cue_is_due_once_the_vehicle_has_settled() -> None:
    watch, played = Watch(), set[str]()
    sheet = [cue("a"), cue("b"), cue("c", lat_deg=34.201)]
    due = lambda f, s: watch.due(sheet, played.__contains__, f, s)  # noqa: E731
    assert due(fix(speed_m_s=5.0), 0.0) is None  # flying through
    assert due(fix(up_m=20.0), 1.0) is None  # another height
    assert due(fix(), 2.0) is None  # just arrived
    first = due(fix(), 3.1)
    assert first is not None
    assert first.key == "a"
    played.add("a")
    assert due(fix(), 3.2) is None
    second = due(fix(), 4.3)
    assert second is not None
    assert second.key == "b"
    played.add("b")
    assert due(fix(), 9.0) is None
    assert due(fix(lat_deg=34.201), 20.0) is None
    third = due(fix(lat_deg=34.201), 21.5)
    assert third is not None
    assert third.key == "c"


def test_passing_by_twice_does_not_add_up() -> None:
    watch = Watch()
    for begin_s in range(0, 100, 10):
        assert watch.due([cue("a")], lambda _: False, fix(), begin_s) is None
        away = fix(lat_deg=34.21)
        assert watch.due([cue("a")], lambda _: False, away, begin_s + 5.0) is None


def test_each_round_of_a_patrol_plays_its_own_cue_once() -> None:
    watch, played = Watch(), set[str]()
    sheet = [cue("a"), cue("a:lap2"), cue("a:lap3")]

    def visit(at_s: float) -> list[str]:
        heard = []
        for step in range(60):
            found = watch.due(sheet, played.__contains__, fix(), at_s + step)
            if found is not None:
                watch.begun(found.cue_id, found.key)
                played.add(found.key)
                heard.append(found.key)
        watch.moved(sheet, played.__contains__, fix(lat_deg=34.21))
        return heard

    assert [visit(s) for s in (0.0, 100.0, 200.0, 300.0)] == [
        ["a"],
        ["a:lap2"],
        ["a:lap3"],
        [],
    ]


def test_a_life_that_begins_at_the_place_does_not_take_the_next_rounds_cue() -> None:
    watch, played = Watch(), {"a"}
    sheet = [cue("a"), cue("a:lap2")]
    assert not any(watch.due(sheet, played.__contains__, fix(), s) for s in range(9))
    assert watch.spoken("a") == "a"
    watch.moved(sheet, played.__contains__, fix(lat_deg=34.21))
    assert watch.due(sheet, played.__contains__, fix(), 20.0) is None
    found = watch.due(sheet, played.__contains__, fix(), 21.5)
    assert found is not None
    assert found.key == "a:lap2"


def test_the_nose_turns_before_it_speaks_but_not_for_ever() -> None:
    watch = Watch()
    sheet = [cue("a", heading_deg=350.0)]
    due = lambda nose, s: watch.due(sheet, lambda _: False, fix(heading_deg=nose), s)  # noqa: E731
    assert due(90.0, 0.0) is None
    assert due(90.0, 5.0) is None
    assert due(2.0, 6.0) is None
    assert due(2.0, 7.1) is not None
    gusts = Watch()
    off = fix(heading_deg=90.0)
    found = [gusts.due(sheet, lambda _: False, off, float(s)) for s in range(21)]
    assert found[:20] == [None] * 20
    assert found[20] is not None


# ledger -------------------------------------------------------------------


def report(key: str, status: PlaybackStatus = PlaybackStatus.STARTED) -> Playback:
    return Playback("id", SpeakerId("s"), key, "ab" * 32, status, NOW)


def test_a_key_is_claimed_once_also_after_a_restart(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.db")
    assert ledger.begin(report("k"))
    assert not ledger.begin(report("k"))
    assert [r.key for r in ledger.unfinished()] == ["k"]
    ledger.close()
    again = Ledger(tmp_path / "l.db")
    assert not again.begin(report("k"))
    again.end(report("k", PlaybackStatus.CUT))
    assert again.unfinished() == ()
    known = again.report("k")
    assert known is not None
    assert known.status is PlaybackStatus.CUT
    again.close()


# clips --------------------------------------------------------------------


def wav(seconds: float = 0.2, rate_hz: int = 8000, fill: int = 1000) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(rate_hz)
        f.writeframes(struct.pack("<h", fill) * int(seconds * rate_hz))
    return out.getvalue()


def share(folder: Path, raw: bytes, sha256: str | None = None) -> str:
    folder.mkdir(exist_ok=True)
    name = sha256 or hashlib.sha256(raw).hexdigest()
    (folder / f"{name}.wav").write_bytes(raw)
    return name


def cache_of(tmp_path: Path, most_bytes: int = 10**6) -> ClipCache:
    return ClipCache(
        tmp_path / "cache", most_bytes=most_bytes, shared=tmp_path / "shared"
    )


def test_clips_are_verified_and_bounded(tmp_path: Path) -> None:
    cache = cache_of(tmp_path, most_bytes=3 * len(wav()))
    names = [share(tmp_path / "shared", wav(fill=n)) for n in range(6)]
    for name in names:
        path = cache.get(name, None, pinned={names[0]})
        assert hashlib.sha256(path.read_bytes()).hexdigest() == name
    assert len(cache.cached()) <= 3
    assert names[0] in cache.cached()
    assert names[5] in cache.cached()


def test_damage_in_the_cache_is_fetched_anew(tmp_path: Path) -> None:
    cache = cache_of(tmp_path)
    name = share(tmp_path / "shared", wav())
    path = cache.get(name, None)
    path.write_bytes(b"damaged")
    assert cache.get(name, None).read_bytes() == wav()


@pytest.mark.parametrize(
    ("raw", "right_hash", "why"),
    [
        (wav(), False, "wrong hash"),
        (b"PK\x03\x04 a zip renamed", True, "no WAV"),
        (b"RIFF\0\0\0\0WAVE", True, "no WAV"),
    ],
)
def test_bad_clips_are_refused(
    tmp_path: Path, raw: bytes, right_hash: bool, why: str
) -> None:
    cache = cache_of(tmp_path)
    name = share(tmp_path / "shared", raw, None if right_hash else "0" * 64)
    with pytest.raises(ClipUnavailable, match=why):
        cache.get(name, None)
    assert cache.cached() == ()


@pytest.mark.parametrize("url", [None, "file:///etc/passwd", "ftp://x/y", "http://["])
def test_clips_come_over_http_only(tmp_path: Path, url: str | None) -> None:
    with pytest.raises(ClipUnavailable):
        cache_of(tmp_path).get("ab" * 32, url)


def test_a_clip_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ClipUnavailable, match="names no clip"):
        cache_of(tmp_path).get("../" + "a" * 61, None)


# player -------------------------------------------------------------------


async def test_a_clip_plays_in_its_own_time_and_repeats(tmp_path: Path) -> None:
    clock = ScaledClock(10.0)
    (tmp_path / "a.wav").write_bytes(wav(2.0))
    (tmp_path / "log").mkdir()
    player = Player(FileSink(tmp_path / "log", clock.utc), clock)
    begin_s = clock.monotonic_s()
    outcome = await player.play(tmp_path / "a.wav", 2)
    assert outcome.complete
    assert outcome.repeats_done == 2
    assert clock.monotonic_s() - begin_s == pytest.approx(4.0, abs=1.5)
    assert _logged_s(tmp_path / "log") == pytest.approx(4.0)


def _logged_s(folder: Path) -> float:
    total_s = 0.0
    for path in folder.glob("*.wav"):
        with wave.open(str(path)) as f:
            total_s += f.getnframes() / f.getframerate()
    return total_s


async def test_stop_is_immediate_and_told(tmp_path: Path) -> None:
    clock = ScaledClock(1.0)
    (tmp_path / "a.wav").write_bytes(wav(30.0))
    (tmp_path / "log").mkdir()
    player = Player(FileSink(tmp_path / "log", clock.utc), clock)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(player.play(tmp_path / "a.wav", 1), name="play")
        await asyncio.sleep(0.3)
        asked_s = clock.monotonic_s()
        player.stop("silenced")
        outcome = await task
    assert clock.monotonic_s() - asked_s < 0.1
    assert not outcome.complete
    assert outcome.reason == "silenced"
    assert _logged_s(tmp_path / "log") < 1.5


async def test_volume_scales_the_samples(tmp_path: Path) -> None:
    clock = ScaledClock(50.0)
    (tmp_path / "a.wav").write_bytes(wav(0.5, fill=1000))
    (tmp_path / "log").mkdir()
    player = Player(FileSink(tmp_path / "log", clock.utc), clock)
    player.volume_ratio = 0.5
    await player.play(tmp_path / "a.wav", 1)
    (out,) = (tmp_path / "log").glob("*.wav")
    with wave.open(str(out)) as f:
        assert set(struct.unpack(f"<{f.getnframes()}h", f.readframes(10**6))) == {500}


async def test_a_missing_device_is_told(tmp_path: Path) -> None:
    clock = ScaledClock(10.0)
    (tmp_path / "a.wav").write_bytes(wav(1.0))
    complain = ["-c", "echo no such device >&2; exit 1"]
    player = Player(ProcessSink("sh", lambda _r, _c: complain), clock)
    outcome = await player.play(tmp_path / "a.wav", 1)
    assert not outcome.complete
    assert outcome.reason is not None
    assert "no such device" in outcome.reason
    gone = Player(ProcessSink("/nowhere/aplay", lambda _r, _c: []), clock)
    outcome = await gone.play(tmp_path / "a.wav", 1)
    assert not outcome.complete


async def test_a_child_gets_every_sample_and_is_killed_on_stop(tmp_path: Path) -> None:
    clock = ScaledClock(10.0)
    (tmp_path / "a.wav").write_bytes(wav(1.0))
    out = tmp_path / "out.raw"
    sink = ProcessSink("sh", lambda _r, _c: ["-c", f"cat > {out}"])
    assert (await Player(sink, clock).play(tmp_path / "a.wav", 2)).complete
    assert out.read_bytes() == struct.pack("<h", 1000) * 16_000


def test_sinks(tmp_path: Path) -> None:
    now = lambda: NOW  # noqa: E731 - a clock's method in life
    assert isinstance(parse_sink(f"file:{tmp_path}/log", now), FileSink)
    for bad in ("", "file:", "alsa:a;rm -rf", "speaker", "pulse:x"):
        with pytest.raises(InputError, match="sink"):
            parse_sink(bad, now)
