"""Neural voices, through the real piper with a voice made of tones.

No trained voice is small enough to ship. ``tests/fixtures/piper`` holds a
model of 650 bytes with the same inputs and output that gives every sound a
tone of its own: what the adapter had it say can be read back from the samples.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from patrolctl.audio import PiperSynthesizer, espeak, piper
from patrolctl.audio.engine import Line
from patrolctl.audio.wav import Sound
from patrolctl.domain.errors import InputError, SpeechFailed
from patrolctl.domain.ids import AnnouncementId
from patrolctl.domain.sound import Announcement, Utterance

real = pytest.importorskip("piper", reason="piper-tts is not installed")

TONES = Path(__file__).parents[2] / "fixtures" / "piper" / "en_GB-tones.onnx"
UNIT, BASE_HZ, STEP_HZ = 1102, 400.0, 20.0


def engine(*models: Path) -> piper.PiperEngine:
    return piper.PiperEngine(models or (TONES,), otherwise=espeak.EspeakEngine())


def order(text: str, lang: str = "en", **more: object) -> Announcement:
    more = {"rate_wpm": piper.NATURAL_WPM} | more
    return Announcement(AnnouncementId("t"), (Utterance(lang, text),), **more)  # type: ignore[arg-type]  # settings by name


def line(text: str, lang: str = "en", **more: object) -> Line:
    one = order(text, lang, **more)
    return engine().line(one.utterances[0], one)


def heard(sound: Sound, count: int) -> list[int]:
    """The ids that the tones of one sentence tell."""
    ids = []
    for n in range(count):
        block = sound.samples[n * UNIT : (n + 1) * UNIT] * np.hanning(UNIT)
        spectrum = np.abs(np.fft.rfft(block, 32 * UNIT))
        peak_hz = np.argmax(spectrum) * sound.rate_hz / (32 * UNIT)
        ids.append(round((peak_hz - BASE_HZ) / STEP_HZ))
    return ids


@pytest.mark.parametrize(
    "text", ["Attention please.", "Please come to gate 3 at 9:30", "Room 1201, block B"]
)
async def test_every_sound_of_the_text_is_spoken_in_order(text: str) -> None:
    one = line(text)
    voice = real.PiperVoice.load(TONES)
    (phonemes,) = voice.phonemize(one.text)
    ids = voice.phonemes_to_ids(phonemes)
    sound = await engine().speak(one)
    assert len(sound.samples) == len(ids) * UNIT
    assert heard(sound, len(ids)) == ids


async def test_a_slower_rate_stretches_and_sentences_are_parted() -> None:
    fast = await engine().speak(line("Gate three."))
    slow = await engine().speak(line("Gate three.", rate_wpm=piper.NATURAL_WPM // 2))
    assert slow.duration_s == pytest.approx(2 * fast.duration_s, rel=0.01)
    two = await engine().speak(line("Gate three. Gate three."))
    assert two.duration_s == pytest.approx(2 * fast.duration_s + 0.25, rel=0.01)


async def test_double_brackets_are_no_raw_phonemes() -> None:
    plain = await engine().speak(line("stay home"))
    framed = await engine().speak(line("stay [[ h ]] home"))
    assert framed.duration_s > plain.duration_s
    assert "[" not in line("[[[[ h ]]]]").text


def test_a_model_speaks_its_language_and_espeak_the_others() -> None:
    assert line("hello").engine.startswith("piper/")
    assert line("hello", "en-US").engine.startswith("piper/")
    assert line("你好", "zh").engine.startswith("espeak-ng/")
    assert line("hello", voice="en_GB-tones").engine.startswith("piper/")
    assert line("hello", voice="en-us").engine.startswith("espeak-ng/")
    with pytest.raises(InputError, match="no language tag"):
        line("hello", "not a tag")


async def test_two_engines_in_one_clip_and_the_model_in_its_key(tmp_path: Path) -> None:
    both = Announcement(
        AnnouncementId("b"),
        (Utterance("zh", "请注意。"), Utterance("en", "Gate three.")),
    )
    clip = await PiperSynthesizer(tmp_path / "clips", [TONES]).render(both)
    assert clip.sample_rate_hz == 22050
    other = _copy(tmp_path, TONES.read_bytes() + b"\x0a\x00", "same-name")
    again = await PiperSynthesizer(tmp_path / "clips", [other]).render(both)
    assert len(list((tmp_path / "clips" / "asked").iterdir())) == 2
    assert again.sha256 == clip.sha256  # the same tones, asked for anew


def _copy(folder: Path, model: bytes, name: str, **card: object) -> Path:
    path = folder / f"{name}.onnx"
    path.write_bytes(model)
    known = json.loads(TONES.with_name(f"{TONES.name}.json").read_text())
    path.with_name(f"{path.name}.json").write_text(json.dumps(known | card))
    return path


async def test_a_sound_that_the_model_lacks_is_told_not_left_out(
    tmp_path: Path,
) -> None:
    few = {"_": [0], "^": [1], "$": [2], " ": [3], "h": [20], "ə": [59], "l": [24]}
    poor = _copy(tmp_path, TONES.read_bytes(), "poor", phoneme_id_map=few)
    with pytest.raises(SpeechFailed, match=r"no sound for .*ʊ"):
        await engine(poor).speak(engine(poor).line(Utterance("en", "hello"), order("")))


async def test_a_broken_model_is_told_in_one_line(tmp_path: Path) -> None:
    broken = _copy(tmp_path, b"no network", "broken")
    spoken = engine(broken).line(Utterance("en", "hello"), order(""))
    with pytest.raises(SpeechFailed, match="the neural voice failed") as caught:
        await engine(broken).speak(spoken)
    assert "\n" not in str(caught.value)


async def test_a_slow_model_is_ended() -> None:
    quick = piper.PiperEngine([TONES], otherwise=espeak.EspeakEngine(), wall_s=0.01)
    with pytest.raises(SpeechFailed, match=r"more than 0\.01 s"):
        await quick.speak(line("hello"))


def test_models_that_cannot_be_used(tmp_path: Path) -> None:
    lone = tmp_path / "lone.onnx"
    shutil.copy(TONES, lone)
    garbage = _copy(tmp_path, b"x", "garbage")
    garbage.with_name("garbage.onnx.json").write_text("{not json")
    pinyin = _copy(tmp_path, b"x", "pinyin", phoneme_type="pinyin")
    for path, why in (
        (tmp_path / "absent.onnx", "absent.onnx: does not exist"),
        (lone, "lone.onnx.json: does not exist"),
        (garbage, "is none"),
        (pinyin, "reads its text with pinyin"),
    ):
        with pytest.raises(InputError, match=why) as caught:
            engine(path)
        assert len(caught.value.faults) == 1
    with pytest.raises(InputError) as caught:
        engine(tmp_path / "one.onnx", tmp_path / "two.onnx")
    assert len(caught.value.faults) == 2


def test_without_piper_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piper.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"not installed; .*neural"):
        engine()
