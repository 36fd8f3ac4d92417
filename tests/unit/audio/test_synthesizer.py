"""Rendering with the real voice in its child process."""

import asyncio
import hashlib
import os
import time
from pathlib import Path

import pytest
import soundfile

from patrolctl.audio import EspeakSynthesizer, espeak
from patrolctl.audio.languages import Voice, voice_for
from patrolctl.audio.measure import speech_level_db
from patrolctl.audio.wav import Sound
from patrolctl.domain.errors import InputError, SpeechFailed
from patrolctl.domain.ids import AnnouncementId
from patrolctl.domain.sound import Announcement, Utterance

THREE = (
    Utterance(
        "zh",
        "各位居民请注意，今天上午9:00到11:30，请3号楼1201室的居民到3号门做核酸检测，"
        "请佩戴N95口罩，保持2米距离。",
    ),
    Utterance("yue", "各位居民請注意，今日上午9:00至11:30，請到3號樓檢測。"),
    Utterance("en", "Attention please. Residents of Block B, please come to gate 3."),
)


def say(text: str, lang: str = "zh", **more: object) -> Announcement:
    return Announcement(AnnouncementId("t"), (Utterance(lang, text),), **more)  # type: ignore[arg-type]  # settings by name


def read(path: str) -> bytes:
    return Path(path).read_bytes()


async def test_three_languages_rendered_checked_and_cached(tmp_path: Path) -> None:
    synthesizer = EspeakSynthesizer(tmp_path)
    order = Announcement(AnnouncementId("three"), THREE)
    clip = await synthesizer.render(order)
    raw = read(clip.path)
    assert clip.path == str(tmp_path / f"{clip.sha256}.wav")
    assert hashlib.sha256(raw).hexdigest() == clip.sha256
    info = soundfile.info(clip.path)
    assert info.duration == pytest.approx(clip.duration_s, abs=1e-3)
    assert (info.channels, info.subtype) == (1, "PCM_16")
    assert 15 < clip.duration_s < 60
    assert clip.peak_dbfs is not None
    assert clip.peak_dbfs <= -0.95
    assert clip.crest_db is not None
    assert clip.crest_db < 15
    assert clip.spectrum_db is not None
    assert len(clip.spectrum_db) == 8
    begin = time.perf_counter()
    again = await synthesizer.render(order)
    assert again == clip
    assert time.perf_counter() - begin < 0.05  # 2 ms when the machine is free
    assert await EspeakSynthesizer(tmp_path).render(order) == clip


async def test_the_same_request_gives_the_same_bytes(tmp_path: Path) -> None:
    order = say("请注意，三号门。")
    one = await EspeakSynthesizer(tmp_path / "a").render(order)
    two = await EspeakSynthesizer(tmp_path / "b").render(order)
    assert one.sha256 == two.sha256


async def test_each_setting_changes_the_clip(tmp_path: Path) -> None:
    synthesizer = EspeakSynthesizer(tmp_path)
    orders = [
        say("请注意，三号门。"),
        say("请注意，三号门。", chime=False),
        say("请注意，三号门。", rate_wpm=120),
        say("请注意，三号门。", voice="+f3"),
        say("请注意，四号门。"),
        say("请注意，三号门。", "yue"),
    ]
    clips = [await synthesizer.render(o) for o in orders]
    assert len({c.sha256 for c in clips}) == len(orders)
    assert clips[2].duration_s > clips[0].duration_s


async def test_many_at_once_none_missing_empty_or_mixed_up(tmp_path: Path) -> None:
    synthesizer = EspeakSynthesizer(tmp_path, workers=4)
    orders = [say(f"请{n}室的居民注意。", chime=False) for n in range(101, 117)]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(synthesizer.render(o), name=f"render-{i}")
            for i, o in enumerate(orders * 2)
        ]
    clips = [t.result() for t in tasks]
    assert clips[:16] == clips[16:]
    assert len({c.sha256 for c in clips}) == 16
    alone = await EspeakSynthesizer(tmp_path / "alone").render(orders[7])
    assert alone.sha256 == clips[7].sha256
    assert not [n for n in os.listdir(tmp_path) if n.startswith(".new-")]


async def test_damaged_cache_is_rendered_again(tmp_path: Path) -> None:
    synthesizer = EspeakSynthesizer(tmp_path)
    clip = await synthesizer.render(say("请注意。"))
    os.truncate(clip.path, len(read(clip.path)) - 100)
    assert synthesizer.store.clip(clip.sha256) is None
    assert await synthesizer.render(say("请注意。")) == clip
    assert synthesizer.store.clips() == (clip,)


async def test_text_that_crashes_the_voice_is_told_in_one_line(tmp_path: Path) -> None:
    # espeak-ng #2495: the child dies, we do not.
    with pytest.raises(SpeechFailed, match="crashed on this text") as caught:
        await espeak.speak("s'" * 100 + "s", Voice("en", "en", 140))
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="repeats"):
        await EspeakSynthesizer(tmp_path).render(say("s'" * 100 + "s", "en"))


async def test_half_read_text_is_refused() -> None:
    with pytest.raises(SpeechFailed, match="read only"):
        await espeak.speak("s'" * 10 + "s", Voice("en", "en", 140))


async def test_unknown_voice_and_language(tmp_path: Path) -> None:
    synthesizer = EspeakSynthesizer(tmp_path)
    with pytest.raises(SpeechFailed, match="no voice for language tlh"):
        await synthesizer.render(say("nuqneH", "tlh"))
    with pytest.raises(SpeechFailed, match="no voice for language ja"):
        await synthesizer.render(say("日本語", "ja"))
    with pytest.raises(SpeechFailed, match="voice"):
        await synthesizer.render(say("hello", "en", voice="qqq"))
    for wrong in ("../../etc", "en;rm", ""):
        with pytest.raises(InputError, match="voice"):
            await synthesizer.render(say("hello", "en", voice=wrong))
    with pytest.raises(InputError, match="rate_wpm"):
        await synthesizer.render(say("hello", "en", rate_wpm=5000))
    with pytest.raises(InputError, match="language tag"):
        await synthesizer.render(say("hello", "not a tag"))


@pytest.mark.parametrize(
    ("lang", "name"),
    [
        ("zh", "cmn"),
        ("zh-CN", "cmn"),
        ("cmn", "cmn"),
        ("zh-HK", "yue"),
        ("zh-Hant-HK", "yue"),
        ("yue", "yue"),
        ("en", "en"),
        ("en-US", "en-us"),
        ("vi", "vi"),
    ],
)
def test_voices(lang: str, name: str) -> None:
    assert voice_for(lang, espeak.data_dir()).name == name


async def test_slow_voice_is_ended_and_reaped() -> None:
    with pytest.raises(SpeechFailed, match=r"more than 0\.01 s"):
        await espeak.speak("你好", Voice("zh", "cmn", 160), wall_s=0.01)


async def test_cancelled_rendering_leaves_no_child(tmp_path: Path) -> None:
    before = _children()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(
            EspeakSynthesizer(tmp_path).render(say("检测，" * 12)), name="cancelled"
        )
        await asyncio.sleep(0.15)
        task.cancel()
    assert _children() <= before


def _children() -> set[str]:
    ours = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    return set(ours.read_text(encoding="ascii").split()) if ours.exists() else set()


async def test_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("no directory")
    with pytest.raises(SpeechFailed, match="cannot be kept"):
        await EspeakSynthesizer(tmp_path / "x").render(say("你好"))


async def test_the_chime_is_as_loud_as_the_speech(tmp_path: Path) -> None:
    synthesizer = EspeakSynthesizer(tmp_path)
    with_it = await synthesizer.render(say("请3号楼的居民到三号门。"))
    bare = await synthesizer.render(say("请3号楼的居民到三号门。", chime=False))
    samples, rate_hz = soundfile.read(with_it.path)
    ahead = round((with_it.duration_s - bare.duration_s) * rate_hz)
    front, speech = (
        speech_level_db(Sound(x, rate_hz)) for x in (samples[:ahead], samples[ahead:])
    )
    assert front == pytest.approx(speech, abs=1.0)
    assert with_it.crest_db == pytest.approx(bare.crest_db, abs=0.1)
    assert with_it.spectrum_db == pytest.approx(bare.spectrum_db, abs=0.3)
