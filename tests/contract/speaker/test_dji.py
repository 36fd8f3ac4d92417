"""What DJI's wire cannot do, and what is said and done about it."""

import asyncio
import struct
import wave
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patrolctl.domain.errors import Conflict
from patrolctl.mqtt.dji import wire
from patrolctl.mqtt.dji.pcm import to_pcm
from patrolctl.mqtt.dji.player import GRACE_S
from patrolctl.mqtt.dji.wire import DjiFailed

pytestmark = pytest.mark.broker
NOW = datetime(2026, 3, 28, tzinfo=UTC)


async def test_a_gateway_that_does_not_answer_is_told(open_rig) -> None:
    async with open_rig("dji", "mute") as rig:
        await rig.play("r:c1", rig.clip(0.5))
        report = await rig.until("r:c1", "refused")
        assert "did not answer" in report.reason
        with pytest.raises(DjiFailed, match="did not answer"):
            await rig.speaker.silence()


async def test_a_file_that_the_dock_cannot_fetch_is_refused(open_rig) -> None:
    async with open_rig("dji", "no-download") as rig:
        await rig.play("r:c1", rig.clip(0.5))
        report = await rig.until("r:c1", "refused")
        assert "status failed" in report.reason
        await rig.play("r:c1", rig.clip(0.5))
        await asyncio.sleep(0.2)
        assert len(rig.said("r:c1")) == 1, "it is not asked for again under its key"


async def test_an_abnormal_speaker_cuts(open_rig) -> None:
    async with open_rig("dji", "abnormal-after=0.4") as rig:
        await rig.play("r:c1", rig.clip(3.0))
        report = await rig.until("r:c1", "cut")
        assert "abnormal" in report.reason
        assert report.cut_by is None
        assert rig.speaker.state.phase == "fault"


async def test_without_the_aircrafts_state_no_end_is_claimed(
    open_rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert GRACE_S > 1
    monkeypatch.setattr("patrolctl.mqtt.dji.player.GRACE_S", 0.5)
    async with open_rig("dji", "no-state") as rig:
        await rig.play("r:c1", rig.clip(0.5))
        report = await rig.until("r:c1", "cut")
        assert not report.complete
        assert "its end was not told" in report.reason


async def test_live_talk_is_refused_with_the_reason(open_rig) -> None:
    async with open_rig("dji") as rig:
        with pytest.raises(Conflict, match="no live talk"):
            await rig.speaker.talk_begin("t1", expires_utc=rig.clock.utc())
        await rig.speaker.volume(0.5)


def test_clips_become_mono_16_khz_pcm(tmp_path) -> None:

    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as f:
        f.setnchannels(2)
        f.setsampwidth(2)
        f.setframerate(22050)
        f.writeframes(struct.pack("<hh", 1000, 3000) * 22050)
    pcm = to_pcm(path)
    assert pcm.duration_s == pytest.approx(1.0, abs=1e-3)
    samples = struct.unpack(f"<{pcm.path.stat().st_size // 2}h", pcm.path.read_bytes())
    assert samples[8000] == pytest.approx(2000, abs=5)
    with pytest.raises(DjiFailed):
        to_pcm(tmp_path / "none.wav")
    (tmp_path / "zip.wav").write_bytes(b"PK\3\4")
    with pytest.raises(DjiFailed):
        to_pcm(tmp_path / "zip.wav")


def test_the_wire_is_djis() -> None:
    asked = wire.call(
        "speaker_play_stop", {"psdk_index": 2}, gateway_sn="7CT", now_utc=NOW
    )
    message = msgspec.json.decode(asked.payload)
    assert set(message) == {"tid", "bid", "timestamp", "gateway", "method", "data"}
    assert message["timestamp"] == 1_774_656_000_000
    event = b"""{"bid":"b","tid":"t","timestamp":1,"gateway":"7CT","need_reply":1,
      "method":"speaker_audio_play_start_progress","data":{"result":0,"output":
      {"md5":"m","psdk_index":2,"status":"%s","progress":{"percent":100,
      "step_key":"play"}}}}"""
    for word in (b"ok", b"success", b"in_progress"):
        told = wire.progress_of(event % word)
        assert told is not None
        assert told.begun
    broken = wire.progress_of(event % b"failed")
    assert broken is not None
    assert broken.failure == "status failed"
    assert b'"tid":"t"' in (wire.answer_to(event % b"ok", NOW) or b"")


@given(st.binary(max_size=200))
def test_junk_is_nothing(junk: bytes) -> None:
    for read in (wire.reply_of, wire.progress_of):
        assert read(junk) is None or isinstance(read(junk), wire.Reply)
    assert wire.speaker_state_of(junk, 2) is None
    wire.answer_to(junk, NOW)
