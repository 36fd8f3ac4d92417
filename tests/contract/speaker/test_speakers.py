"""What every loudspeaker driver does, whatever stands behind it."""

import asyncio

import pytest

from patrolctl.domain.sound import CutBy

pytestmark = pytest.mark.broker


async def test_a_key_is_played_once_and_reported_to_its_end(rig) -> None:
    clip = rig.clip(0.5)
    await rig.speaker.prepare(clip)
    await rig.play("r:c1", clip, repeats=2)
    end = await rig.until("r:c1", "completed")
    assert end.complete
    assert end.repeats_done == 2
    assert end.cut_by is None
    assert end.cue_id == "cue-r:c1"
    assert end.clip_sha256 == clip.sha256
    assert end.end_utc is not None
    assert (end.end_utc - end.start_utc).total_seconds() == pytest.approx(1.0, abs=0.5)
    await rig.play("r:c1", clip, repeats=2)
    await asyncio.sleep(0.4)
    assert rig.said("r:c1") == ["started", "completed"]


async def test_an_urgent_one_cuts_and_what_waits_comes_after_it(rig) -> None:
    long, short = rig.clip(20.0), rig.clip(0.6, 200)
    for clip in (long, short):
        await rig.speaker.prepare(clip)
    await rig.play("r:c1", long)
    await rig.until("r:c1", "started")
    await rig.play("r:c2", short)
    await rig.play("urgent-1-v1", short, urgent=True)
    await rig.play("urgent-2-v1", short, urgent=True)
    cut = await rig.until("r:c1", "cut", 5.0)
    assert cut.cut_by is CutBy.URGENT
    assert not cut.complete
    await rig.until("r:c2", "completed")
    order = [one for one in rig.order if one[1] in {"cut", "completed"}]
    assert order == [
        ("r:c1", "cut"),
        ("urgent-1-v1", "completed"),
        ("urgent-2-v1", "completed"),
        ("r:c2", "completed"),
    ]


async def test_an_expired_one_is_not_played(rig) -> None:
    clip = rig.clip(0.5)
    await rig.speaker.prepare(clip)
    await rig.play("r:late", clip, urgent=True, expires_s=-1.0)
    await rig.play("r:next", clip)
    await rig.until("r:next", "completed")
    assert rig.said("r:late") in ([], ["refused"])  # the broker may have dropped it


async def test_silence_ends_all_at_once_urgent_ones_too(rig) -> None:
    clip = rig.clip(20.0)
    await rig.speaker.prepare(clip)
    await rig.play("urgent-1-v1", clip, urgent=True)
    await rig.until("urgent-1-v1", "started")
    await rig.play("urgent-2-v1", clip, urgent=True)
    await rig.play("r:c1", clip)
    await asyncio.sleep(0.3)
    asked = rig.clock.utc()
    await rig.speaker.silence()
    cut = await rig.until("urgent-1-v1", "cut", 3.0)
    assert cut.cut_by is CutBy.SILENCE
    assert (cut.end_utc - asked).total_seconds() < 1.0
    await rig.until("urgent-2-v1", "refused")
    await rig.until("r:c1", "refused")


async def test_a_clip_that_cannot_be_had_is_refused_and_cuts_nothing(rig) -> None:
    clip = rig.clip(1.5)
    gone = rig.clip(1.0, 300)
    (rig.clip_dir / f"{gone.sha256}.wav").unlink()
    await rig.speaker.prepare(clip)
    await rig.play("r:c1", clip)
    await rig.until("r:c1", "started")
    await rig.play("urgent-1-v1", gone, urgent=True)
    refused = await rig.until("urgent-1-v1", "refused")
    assert refused.reason
    await rig.until("r:c1", "completed")
