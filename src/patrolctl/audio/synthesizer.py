"""Announcement → clip: check, normalise, speak, join, master, measure, keep."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from patrolctl.audio import espeak
from patrolctl.audio.chime import PAUSE_AFTER_S, chime
from patrolctl.audio.clipstore import ClipStore
from patrolctl.audio.languages import Voice, voice_for, with_choice
from patrolctl.audio.mastering import Mastering, master, trim_silence
from patrolctl.audio.measure import measure
from patrolctl.audio.normalize import normalize
from patrolctl.audio.text import check
from patrolctl.audio.wav import Sound, check_speech, wav_bytes
from patrolctl.domain.errors import SpeechFailed
from patrolctl.domain.jsondoc import encode
from patrolctl.domain.sound import Announcement, Clip

# Raised whenever the same request would give other samples.
RECIPE = 1
LONGEST_CLIP_S = 900.0


@dataclass(frozen=True, slots=True)
class _Line:
    """One utterance ready to be spoken."""

    text: str
    voice: Voice


@dataclass(frozen=True, slots=True)
class _Request:
    """Everything that decides the samples; its hash is the cache key."""

    lines: tuple[_Line, ...]
    chime: bool
    pause_s: float
    mastering: Mastering
    engine: str
    recipe: int = RECIPE

    def key(self) -> str:
        return hashlib.sha256(encode(self)).hexdigest()


class EspeakSynthesizer:
    """Text to clip with espeak-ng; safe to use from many tasks at once.

    Args:
        clip_dir: where clips are kept, as ``<sha256>.wav``.
        workers: how many voices speak at the same time.
        mastering: settings of the chain.
        wall_s: the longest that one voice may take.
    """

    def __init__(
        self,
        clip_dir: Path,
        *,
        workers: int = 4,
        mastering: Mastering | None = None,
        wall_s: float = espeak.WALL_S,
    ) -> None:
        self.store = ClipStore(clip_dir)
        self._mastering = mastering or Mastering()
        self._wall_s = wall_s
        self._voices = asyncio.Semaphore(workers)
        self._turns: dict[str, asyncio.Lock] = {}
        self._engine = f"espeak-ng/{version('espeakng-loader')}"

    async def render(self, announcement: Announcement) -> Clip:
        """Render the announcement, said once, or take it from the cache.

        Raises:
            InputError: the text cannot be spoken (empty, too long, …).
            SpeechFailed: nothing usable came out, with the reason.
        """
        request = self._request(announcement)
        key = request.key()
        # One rendering for each request: the others wait for it and find it.
        async with self._turn(key):
            clip = await asyncio.to_thread(self.store.find, key)
            if clip is None:
                spoken = await self._speak_all(request.lines)
                clip = await asyncio.to_thread(self._finish, request, key, spoken)
        return clip

    def _request(self, announcement: Announcement) -> _Request:
        check(announcement)
        lines = []
        for utterance in announcement.utterances:
            voice = voice_for(utterance.lang, espeak.data_dir())
            text = normalize(utterance.text, voice.lang)
            voice = with_choice(voice, announcement.voice, announcement.rate_wpm)
            lines.append(_Line(text, voice))
        return _Request(
            lines=tuple(lines),
            chime=announcement.chime,
            pause_s=announcement.pause_s,
            mastering=self._mastering,
            engine=self._engine,
        )

    @asynccontextmanager
    async def _turn(self, key: str) -> AsyncIterator[None]:
        lock = self._turns.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked():
                self._turns.pop(key, None)

    async def _speak_all(self, lines: tuple[_Line, ...]) -> list[Sound]:
        async def one(line: _Line) -> Sound:
            async with self._voices:
                spoken = await espeak.speak(line.text, line.voice, wall_s=self._wall_s)
            check_speech(spoken.sound, words=spoken.words)
            return spoken.sound

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(one(line), name=f"say-{line.voice.lang}")
                    for line in lines
                ]
        except* SpeechFailed as failed:
            raise SpeechFailed(str(failed.exceptions[0])) from None
        return [t.result() for t in tasks]

    def _finish(self, request: _Request, key: str, spoken: list[Sound]) -> Clip:
        programme, speech_from_s = _join(
            [trim_silence(s) for s in spoken], request.pause_s, with_chime=request.chime
        )
        if programme.duration_s > LONGEST_CLIP_S:
            raise SpeechFailed(
                f"the clip would be {programme.duration_s:.0f} s long; "
                f"at most {LONGEST_CLIP_S:.0f} s"
            )
        return finish(
            self.store, master(programme, request.mastering), speech_from_s, key
        )


def finish(
    store: ClipStore, sound: Sound, speech_from_s: float, key: str | None
) -> Clip:
    """Measure mastered sound and keep it.

    Raises:
        SpeechFailed: the disk does not take it.
    """
    raw = wav_bytes(sound)
    levels = measure(sound, speech_from_s=speech_from_s)
    clip = Clip(
        sha256=hashlib.sha256(raw).hexdigest(),
        path="",
        duration_s=round(sound.duration_s, 4),
        sample_rate_hz=sound.rate_hz,
        loudness_lufs=levels.loudness_lufs,
        peak_dbfs=levels.peak_dbfs,
        crest_db=levels.crest_db,
        spectrum_db=levels.spectrum_db,
    )
    return store.keep(clip, raw, key)


def _join(
    parts: list[Sound], pause_s: float, *, with_chime: bool
) -> tuple[Sound, float]:
    """Chime and parts with pauses; also tells where the speech begins.

    Each part is brought to the same level first, so that the compressor
    treats every language alike.
    """
    rate_hz = parts[0].rate_hz
    pieces = []
    if with_chime:
        pieces = [chime(rate_hz).samples, np.zeros(int(PAUSE_AFTER_S * rate_hz))]
    speech_from_s = sum(len(p) for p in pieces) / rate_hz
    for number, part in enumerate(parts):
        if part.rate_hz != rate_hz:
            raise SpeechFailed("the voices differ in sample rate")
        if number:
            pieces.append(np.zeros(int(pause_s * rate_hz)))
        pieces.append(part.samples / max(float(np.max(np.abs(part.samples))), 1e-9))
    # A loudspeaker's amplifier needs a moment at both ends to (un)mute.
    edge = np.zeros(int(0.1 * rate_hz))
    return Sound(np.concatenate([edge, *pieces, edge]), rate_hz), speech_from_s + 0.1
