"""Run the espeak-ng child once for one utterance."""

import asyncio
import tempfile
import unicodedata
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import espeakng_loader
import msgspec

from patrolctl.audio.child import ask
from patrolctl.audio.engine import Line
from patrolctl.audio.languages import Voice, voice_for, with_choice
from patrolctl.audio.normalize import normalize
from patrolctl.audio.wav import Sound, check_speech, read_wav
from patrolctl.domain.errors import SpeechFailed
from patrolctl.domain.sound import Announcement, Utterance

WALL_S = 30.0
_CHILD = Path(__file__).with_name("espeak_child.py")
# Positions are counted by espeak-ng; it may end a character early where a
# word and its punctuation were joined.
_SLACK = 2


class _Reply(msgspec.Struct):
    ok: bool
    why: str = ""
    words: int = 0
    text_end: int = 0
    phonemes: str = ""


@dataclass(frozen=True, slots=True)
class Spoken:
    """Raw speech, and how many words the voice said it with."""

    sound: Sound
    words: int


class EspeakEngine:
    """Every language that espeak-ng reads, each in a child of its own.

    Args:
        wall_s: the longest that one utterance may take.
    """

    def __init__(self, *, wall_s: float = WALL_S) -> None:
        self._wall_s = wall_s
        self._name = f"espeak-ng/{version('espeakng-loader')}"

    def line(self, utterance: Utterance, order: Announcement) -> Line:
        """Choose the language's voice and normalise the text."""
        voice = voice_for(utterance.lang, data_dir())
        text = normalize(utterance.text, voice.lang)
        voice = with_choice(voice, order.voice, order.rate_wpm)
        return Line(self._name, voice.lang, voice.name, voice.rate_wpm, text)

    async def speak(self, line: Line) -> Sound:
        """Speak it and check what came out."""
        voice = Voice(line.lang, line.voice, line.rate_wpm)
        spoken = await speak(line.text, voice, wall_s=self._wall_s)
        check_speech(spoken.sound, words=spoken.words)
        return spoken.sound


def data_dir() -> Path:
    """espeak-ng's dictionaries."""
    return Path(espeakng_loader.get_data_path())


def _must_reach(text: str) -> int:
    """The end of the last thing in the text that has a sound."""
    ends = [i for i, c in enumerate(text, 1) if unicodedata.category(c)[0] in "LN"]
    return ends[-1] if ends else 0


async def speak(text: str, voice: Voice, *, wall_s: float = WALL_S) -> Spoken:
    """Speak normalised text in a child process.

    Raises:
        SpeechFailed: the voice failed, crashed, took too long, or stopped
            before the end of the text.
    """
    with tempfile.TemporaryDirectory(prefix="patrolctl-say-") as scratch:
        wav = Path(scratch) / "raw.wav"
        reply = await ask(
            _CHILD,
            {
                "mode": "speak",
                "voice": voice.name,
                "rate_wpm": voice.rate_wpm,
                "text": text,
                "wav": str(wav),
            },
            _Reply,
            wall_s=wall_s,
        )
        if not reply.ok:
            raise SpeechFailed(reply.why)
        if reply.words == 0:
            raise SpeechFailed(f"the voice {voice.name} found nothing to say")
        if reply.text_end + _SLACK < _must_reach(text):
            raise SpeechFailed(
                f"the voice read only {reply.text_end} of {len(text)} characters"
            )
        sound = await asyncio.to_thread(read_wav, wav)
    return Spoken(sound, reply.words)


async def phonemes(text: str, voice_name: str) -> str:
    """espeak-ng's phoneme names for text as it stands.

    Raises:
        SpeechFailed: no such voice, or the child failed.
    """
    reply = await ask(
        _CHILD,
        {"mode": "phonemes", "voice": voice_name, "text": text},
        _Reply,
        wall_s=WALL_S,
    )
    if not reply.ok:
        raise SpeechFailed(reply.why)
    return reply.phonemes
