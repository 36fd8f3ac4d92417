"""Live talk over every driver that can."""

import asyncio
import struct
import uuid
import wave
from datetime import timedelta

import pytest

from patrolctl.domain.sound import CutBy
from patrolctl.mqtt.talk import TalkFrame, pack, unpack
from patrolctl.onboard import opus
from patrolctl.onboard.opus import OpusBroken, OpusDecoder, OpusMissing

from .voice import Mouth, libopus

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(libopus() is None, reason="libopus0 is not installed"),
]


@pytest.fixture(params=["agent", "simulator"])
async def rig(request, open_rig):
    async with open_rig(request.param) as one:
        yield one


async def begin(rig, talk_id: str | None = None, *, expires_s: float = 5.0) -> str:
    talk_id = talk_id or str(uuid.uuid4())
    expires = rig.clock.utc() + timedelta(seconds=expires_s)
    await rig.speaker.talk_begin(talk_id, expires_utc=expires)
    return talk_id


async def say(rig, talk_id: str, seconds: float, first: int = 1) -> None:
    mouth = Mouth()
    for n in range(round(seconds / 0.02)):
        assert rig.speaker.talk_frame(talk_id, first + n, mouth.frame())
        await asyncio.sleep(0.018)


def heard(rig) -> list[float]:
    """Loud seconds of each sound that the agent's file sink got."""
    found = []
    for path in sorted((rig.clip_dir.parent / "heard").glob("*-talk.wav")):
        with wave.open(str(path)) as f:
            raw = f.readframes(f.getnframes())
            samples = struct.unpack(f"<{len(raw) // 2}h", raw)
            found.append(sum(abs(s) > 500 for s in samples) / f.getframerate())
    return found


async def test_a_talk_cuts_a_clip_and_what_waits_comes_after_it(rig) -> None:
    long, short = rig.clip(20.0), rig.clip(0.4, 600)
    for clip in (long, short):
        await rig.speaker.prepare(clip)
    await rig.play("r:c1", long)
    await rig.until("r:c1", "started")
    talk = await begin(rig)
    cut = await rig.until("r:c1", "cut", 3.0)
    assert cut.cut_by is CutBy.TALK
    await rig.until(f"talk-{talk}", "started", 3.0)
    assert rig.speaker.state.phase in {"playing", "idle"}
    await rig.play("urgent-1", short, urgent=True)
    await say(rig, talk, 1.0)
    assert rig.said("urgent-1") == []
    await rig.speaker.talk_end(talk)
    end = await rig.until(f"talk-{talk}", "completed", 3.0)
    assert end.complete
    assert end.clip_sha256 == ""
    await rig.until("urgent-1", "completed")
    if rig.kind == "agent":
        assert heard(rig) == [pytest.approx(0.93, abs=0.1)]  # of 1 s of tone


async def test_it_ends_a_second_after_the_talker_is_gone(rig) -> None:
    talk = await begin(rig)
    await rig.until(f"talk-{talk}", "started", 3.0)
    await say(rig, talk, 0.2)
    gone = rig.clock.utc()
    cut = await rig.until(f"talk-{talk}", "cut", 3.0)
    assert "nothing was heard" in cut.reason
    assert (cut.end_utc - gone).total_seconds() < 1.5
    clip = rig.clip(0.3)
    await rig.play("r:c1", clip)
    await rig.until("r:c1", "completed")


async def test_silence_cuts_it_and_its_later_frames_are_not_heard(rig) -> None:
    talk = await begin(rig)
    await rig.until(f"talk-{talk}", "started", 3.0)
    await say(rig, talk, 0.2)
    await rig.speaker.silence()
    cut = await rig.until(f"talk-{talk}", "cut", 1.0)
    assert cut.cut_by is CutBy.SILENCE
    await say(rig, talk, 0.2, first=50)
    await begin(rig, talk)  # a copy of the command, late
    await asyncio.sleep(0.3)
    assert sorted(rig.said(f"talk-{talk}"))[:2] == ["cut", "started"] or rig.said(
        f"talk-{talk}"
    ) == ["started", "cut", "refused"]


async def test_one_talker_at_a_time_and_none_too_late(rig) -> None:
    first = await begin(rig)
    await rig.until(f"talk-{first}", "started", 3.0)
    second = await begin(rig)
    refused = await rig.until(f"talk-{second}", "refused", 3.0)
    assert "somebody talks already" in refused.reason
    await rig.speaker.talk_end(first)
    await rig.until(f"talk-{first}", "completed", 3.0)
    late = await begin(rig, expires_s=-1.0)
    await asyncio.sleep(0.3)
    assert rig.said(f"talk-{late}") in ([], ["refused"])


def test_frames_on_the_wire() -> None:
    frame = TalkFrame(str(uuid.uuid4()), 7, b"\x78abc")
    assert unpack(pack(frame)) == frame
    for junk in (b"", b"PT", pack(frame)[:22], b"XX" + pack(frame)[2:], bytes(2000)):
        assert unpack(junk) is None


def test_opus_is_decoded_scaled_and_concealed() -> None:
    mouth, decoder, half = Mouth(), OpusDecoder(), OpusDecoder(0.5)
    frames = [mouth.frame() for _ in range(20)]
    whole = b"".join(decoder.decode(f) for f in frames)
    soft = b"".join(half.decode(f) for f in frames)
    assert len(whole) == 20 * 960 * 2

    def peak(raw: bytes) -> int:
        return max(struct.unpack(f"<{len(raw) // 2}h", raw))

    assert peak(soft) == pytest.approx(peak(whole) / 2, rel=0.02)
    assert len(decoder.decode(None, 960)) == 1920
    with pytest.raises(OpusBroken):
        decoder.decode(b"\xff\xff\xff")
    decoder.close()
    decoder.close()


def test_without_the_library_the_error_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setattr(opus, "_NAMES", ("libnowhere.so.0",))
    with pytest.raises(OpusMissing, match="libopus0"):
        OpusDecoder()
