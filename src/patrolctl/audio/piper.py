"""Neural voices: piper models, each utterance in a child of its own.

Piper (``piper-tts``, OHF-Voice/piper1-gpl) is GPL-3 and therefore an extra
that the operator installs; nothing here imports it. A model is configured by
its file; languages without a model go to another engine.
"""

import hashlib
import importlib.util
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from patrolctl.audio import espeak
from patrolctl.audio.child import ask
from patrolctl.audio.engine import Engine, Line
from patrolctl.audio.languages import voice_for, with_choice
from patrolctl.audio.normalize import normalize
from patrolctl.audio.wav import Sound, check_speech, read_wav
from patrolctl.domain.errors import Fault, InputError, SpeechFailed
from patrolctl.domain.sound import Announcement, Utterance

WALL_S = 120.0
NAME = "piper"
# Words a minute of a piper voice at length scale 1 (en_US-joe-medium, measured
# over benchmarks' English text); a rate is reached by stretching from there.
NATURAL_WPM = 170
# A word, in Chinese a syllable, has about three sounds.
_SOUNDS_A_WORD = 3
_CHILD = Path(__file__).with_name("piper_child.py")
_ROUND = {ord("["): "(", ord("]"): ")"}
_RIGHT = "a piper voice: NAME.onnx with NAME.onnx.json beside it"


class _Language(msgspec.Struct):
    code: str = ""
    family: str = ""


class _Espeak(msgspec.Struct):
    voice: str = ""


class _Card(msgspec.Struct):
    """What ``NAME.onnx.json`` tells about a model."""

    espeak: _Espeak
    language: _Language = msgspec.field(default_factory=_Language)
    phoneme_type: str = "espeak"


class _Reply(msgspec.Struct):
    ok: bool
    why: str = ""
    sentences: int = 0
    spoken: int = 0
    sounds: int = 0


@dataclass(frozen=True, slots=True)
class Model:
    """One voice: its file, hash, and the language it speaks."""

    path: Path
    sha256: str
    lang: str
    tag: str

    @property
    def name(self) -> str:
        """Such as ``en_US-lessac-medium``; an announcement may ask for it."""
        return self.path.name.removesuffix(".onnx")


def read_model(path: Path) -> Model:
    """Read what a model is.

    Raises:
        InputError: it is missing, or no voice that can be used here.
    """
    card_file = path.with_name(f"{path.name}.json")
    for file in (path, card_file):
        if not file.is_file():
            raise InputError.one(f"voice model {file}", "does not exist", _RIGHT)
    try:
        card = msgspec.json.decode(card_file.read_bytes(), type=_Card)
        with path.open("rb") as f:
            sha256 = hashlib.file_digest(f, "sha256").hexdigest()
    except (msgspec.DecodeError, UnicodeDecodeError, OSError) as e:
        raise InputError.one(f"voice model {path}", f"is none ({e})", _RIGHT) from None
    if card.phoneme_type != "espeak":
        raise InputError.one(
            f"voice model {path}",
            f"reads its text with {card.phoneme_type}, which piper downloads",
            "a voice whose phoneme_type is espeak",
        )
    tag = (card.language.code or card.espeak.voice).replace("_", "-").lower()
    # espeak-ng calls Mandarin cmn; voice_for knows both.
    lang = voice_for(tag, espeak.data_dir()).lang
    return Model(path, sha256, lang, tag)


class PiperEngine:
    """Speaks with a configured model where there is one for the language.

    Args:
        models: the files.
        otherwise: speaks the languages that have no model, and whatever asks
            for another voice by name.
        wall_s: the longest that one utterance may take.

    Raises:
        InputError: piper is not installed, or a model cannot be used.
    """

    def __init__(
        self, models: Sequence[Path], *, otherwise: Engine, wall_s: float = WALL_S
    ) -> None:
        self._otherwise = otherwise
        self._wall_s = wall_s
        self._version = _installed(models)
        faults: list[Fault] = []
        self._models: list[Model] = []
        for path in models:
            try:
                self._models.append(read_model(path.expanduser()))
            except InputError as e:
                faults.extend(e.faults)
        if faults:
            raise InputError(faults)

    def line(self, utterance: Utterance, order: Announcement) -> Line:
        """Choose the model of the language, or the other engine."""
        lang = voice_for(utterance.lang, espeak.data_dir())
        model = self._model(utterance.lang.lower(), lang.lang, order.voice)
        if model is None:
            return self._otherwise.line(utterance, order)
        rate_wpm = with_choice(lang, None, order.rate_wpm).rate_wpm
        engine = f"{NAME}/{self._version}/{model.sha256}"
        # Piper reads what stands in double brackets as raw phonemes.
        text = normalize(utterance.text, lang.lang).translate(_ROUND)
        return Line(engine, lang.lang, str(model.path), rate_wpm, text)

    def _model(self, tag: str, lang: str, choice: str | None) -> Model | None:
        if choice is not None:
            return next((m for m in self._models if m.name == choice), None)
        same = [m for m in self._models if m.lang == lang]
        return next((m for m in same if m.tag == tag), same[0] if same else None)

    async def speak(self, line: Line) -> Sound:
        """Speak it and check that every sentence came out."""
        if not line.engine.startswith(f"{NAME}/"):
            return await self._otherwise.speak(line)
        with tempfile.TemporaryDirectory(prefix="patrolctl-say-") as scratch:
            wav = Path(scratch) / "raw.wav"
            request: dict[str, object] = {
                "model": line.voice,
                "text": line.text,
                "wav": str(wav),
                "length_scale": NATURAL_WPM / line.rate_wpm,
                "speaker": None,
            }
            reply = await ask(_CHILD, request, _Reply, wall_s=self._wall_s)
            if not reply.ok:
                raise SpeechFailed(f"the neural voice failed: {reply.why}")
            if not reply.sounds or reply.spoken != reply.sentences:
                raise SpeechFailed(
                    f"the neural voice spoke {reply.spoken} of {reply.sentences} "
                    "sentences"
                )
            sound = read_wav(wav)
        check_speech(sound, words=math.ceil(reply.sounds / _SOUNDS_A_WORD))
        return sound


def _installed(models: Sequence[Path]) -> str:
    """The version of piper, which is not part of the package."""
    try:
        if importlib.util.find_spec("piper") is not None:
            return version("piper-tts")
    except PackageNotFoundError:
        pass
    raise InputError.one(
        f"voice model {models[0] if models else ''}",
        "needs piper, which is not installed",
        "pip install 'patrolctl[neural]'",
    )
