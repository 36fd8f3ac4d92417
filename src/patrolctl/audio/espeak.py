"""Run the espeak-ng child once for one utterance."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import espeakng_loader
import msgspec

from patrolctl.audio.languages import Voice
from patrolctl.audio.wav import Sound, read_wav
from patrolctl.domain.errors import SpeechFailed

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


def data_dir() -> Path:
    """espeak-ng's dictionaries."""
    return Path(espeakng_loader.get_data_path())


async def _kill(process: asyncio.subprocess.Process) -> None:
    """End the child's whole session and reap it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def _ask(request: dict[str, object], *, wall_s: float) -> _Reply:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(_CHILD),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        # Wall time of a real process: a simulated clock must not shorten it.
        async with asyncio.timeout(wall_s):
            out, err = await process.communicate(json.dumps(request).encode())
    except TimeoutError:
        raise SpeechFailed(f"the voice took more than {wall_s:g} s") from None
    finally:
        if process.returncode is None:
            await asyncio.shield(_kill(process))
    if process.returncode != 0:
        raise SpeechFailed(_death(process.returncode or 0, err))
    try:
        return msgspec.json.decode(out.rstrip().rpartition(b"\n")[2], type=_Reply)
    except msgspec.DecodeError:
        raise SpeechFailed("the voice gave no answer") from None


def _death(code: int, err: bytes) -> str:
    last = err.decode(errors="replace").strip().rpartition("\n")[2][:200]
    if code < 0:
        name = signal.Signals(-code).name
        return f"the voice crashed on this text ({name}: {last or 'no message'})"
    return f"the voice failed ({code}): {last or 'no message'}"


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
        reply = await _ask(
            {
                "mode": "speak",
                "voice": voice.name,
                "rate_wpm": voice.rate_wpm,
                "text": text,
                "wav": str(wav),
            },
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
    reply = await _ask(
        {"mode": "phonemes", "voice": voice_name, "text": text}, wall_s=WALL_S
    )
    if not reply.ok:
        raise SpeechFailed(reply.why)
    return reply.phonemes
