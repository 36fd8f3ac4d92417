"""The contract of ``ports.Synthesizer``, held by every implementation."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import soundfile

from patrolctl.audio import ClipSynthesizer, EspeakSynthesizer, PiperSynthesizer
from patrolctl.domain.errors import InputError, SpeechFailed
from patrolctl.domain.ids import AnnouncementId
from patrolctl.domain.sound import Announcement, Utterance
from patrolctl.ports import Synthesizer

TONES = Path(__file__).parents[2] / "fixtures" / "piper" / "en_GB-tones.onnx"
Make = Callable[[Path], ClipSynthesizer]

no_piper = pytest.mark.skipif(
    find_spec("piper") is None, reason="piper-tts is not installed"
)


@pytest.fixture(
    params=[
        pytest.param(EspeakSynthesizer, id="espeak"),
        pytest.param(
            lambda folder: PiperSynthesizer(folder, [TONES]), id="piper", marks=no_piper
        ),
    ]
)
def make(request: pytest.FixtureRequest) -> Make:
    chosen: Make = request.param
    return chosen


def say(text: str, **more: object) -> Announcement:
    return Announcement(AnnouncementId("t"), (Utterance("en", text),), **more)  # type: ignore[arg-type]  # settings by name


async def test_a_clip_is_what_it_says(make: Make, tmp_path: Path) -> None:
    synthesizer: Synthesizer = make(tmp_path)
    clip = await synthesizer.render(say("Please come to gate three."))
    raw = await asyncio.to_thread(Path(clip.path).read_bytes)
    assert clip.path == str(tmp_path / f"{clip.sha256}.wav")
    assert hashlib.sha256(raw).hexdigest() == clip.sha256
    info = soundfile.info(clip.path)
    assert (info.channels, info.subtype, info.samplerate) == (1, "PCM_16", 22050)
    assert info.duration == pytest.approx(clip.duration_s, abs=1e-3)
    assert clip.peak_dbfs is not None
    assert -3.0 < clip.peak_dbfs <= -0.95
    assert clip.loudness_lufs is not None
    assert clip.crest_db is not None
    assert clip.spectrum_db is not None
    assert len(clip.spectrum_db) == 8


async def test_same_request_same_bytes_and_each_setting_another(
    make: Make, tmp_path: Path
) -> None:
    orders = [
        say("Gate three."),
        say("Gate four."),
        say("Gate three.", chime=False),
        say("Gate three.", rate_wpm=100),
    ]
    clips = [await make(tmp_path / "a").render(o) for o in orders]
    again = [await make(tmp_path / "b").render(o) for o in orders]
    assert [c.sha256 for c in clips] == [c.sha256 for c in again]
    assert len({c.sha256 for c in clips}) == len(orders)


async def test_from_the_cache_without_a_voice(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = await make(tmp_path).render(say("Gate three."))

    async def nobody(*_: object) -> None:
        raise AssertionError("spoken again")

    second = make(tmp_path)
    monkeypatch.setattr(second._engine, "speak", nobody)
    assert await second.render(say("Gate three.")) == clip


async def test_asked_at_once_spoken_once(make: Make, tmp_path: Path) -> None:
    synthesizer = make(tmp_path)
    spoken = []
    speak = synthesizer._engine.speak

    async def counting(line: object) -> object:
        spoken.append(line)
        return await speak(line)  # type: ignore[arg-type]  # handed through

    synthesizer._engine.speak = counting  # type: ignore[method-assign,assignment]  # the same, counted
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(synthesizer.render(say("Gate three.")), name=f"r{n}")
            for n in range(5)
        ]
    assert len({t.result() for t in tasks}) == 1
    assert len(spoken) == 1


@pytest.mark.parametrize("text", ["", " ", "x" * 100_000, "a\0b", "<speak>hi</speak>"])
async def test_bad_texts_are_refused(make: Make, tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError) as caught:
        await make(tmp_path).render(say(text))
    assert "\n" not in str(caught.value)


async def test_no_voice_for_a_language(make: Make, tmp_path: Path) -> None:
    order = Announcement(AnnouncementId("t"), (Utterance("tlh", "nuqneH"),))
    with pytest.raises(SpeechFailed, match="no voice"):
        await make(tmp_path).render(order)


async def test_no_room_for_the_clip(make: Make, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("no directory")
    with pytest.raises(SpeechFailed, match="cannot be kept"):
        await make(tmp_path / "x").render(say("Gate three."))


async def test_a_cancelled_rendering_leaves_no_child(
    make: Make, tmp_path: Path
) -> None:
    before = _children()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(make(tmp_path).render(say("Gate " * 40)), name="r")
        await asyncio.sleep(0.15)
        task.cancel()
    assert _children() <= before


def _children() -> set[str]:
    ours = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    return set(ours.read_text(encoding="ascii").split())
