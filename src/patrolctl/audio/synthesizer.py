"""Announcement → clip: check, normalise, speak, join, master, measure, keep."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from patrolctl.audio import espeak, piper
from patrolctl.audio.chime import PAUSE_AFTER_S, chime
from patrolctl.audio.clipstore import ClipStore
from patrolctl.audio.engine import Engine, Line
from patrolctl.audio.mastering import Mastering, master, trim_silence
from patrolctl.audio.measure import measure, speech_level_db
from patrolctl.audio.text import check
from patrolctl.audio.wav import RATE_HZ, Samples, Sound, resampled, wav_bytes
from patrolctl.domain.errors import SpeechFailed
from patrolctl.domain.jsondoc import encode
from patrolctl.domain.sound import Announcement, Clip

# Raised whenever the same request would give other samples.
RECIPE = 3
LONGEST_CLIP_S = 900.0
EDGE_S = 0.1


@dataclass(frozen=True, slots=True)
class _Request:
    """Everything that decides the samples; its hash is the cache key."""

    lines: tuple[Line, ...]
    chime: bool
    pause_s: float
    mastering: Mastering
    recipe: int = RECIPE

    def key(self) -> str:
        return hashlib.sha256(encode(self)).hexdigest()


class ClipSynthesizer:
    """Text to clip with any engine; safe to use from many tasks at once.

    Args:
        clip_dir: where clips are kept, as ``<sha256>.wav``.
        engine: what speaks.
        workers: how many voices speak at the same time.
        mastering: settings of the chain.
    """

    def __init__(
        self,
        clip_dir: Path,
        engine: Engine,
        *,
        workers: int = 4,
        mastering: Mastering | None = None,
    ) -> None:
        self.store = ClipStore(clip_dir)
        self._engine = engine
        self._mastering = mastering or Mastering()
        self._voices = asyncio.Semaphore(workers)
        self._turns: dict[str, asyncio.Lock] = {}

    @property
    def engine(self) -> Engine:
        """What speaks."""
        return self._engine

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
        return _Request(
            lines=tuple(
                self._engine.line(utterance, announcement)
                for utterance in announcement.utterances
            ),
            chime=announcement.chime,
            pause_s=announcement.pause_s,
            mastering=self._mastering,
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

    async def _speak_all(self, lines: tuple[Line, ...]) -> list[Sound]:
        async def one(line: Line) -> Sound:
            async with self._voices:
                return await self._engine.speak(line)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(one(line), name=f"say-{line.lang}")
                    for line in lines
                ]
        except* SpeechFailed as failed:
            raise SpeechFailed(str(failed.exceptions[0])) from None
        return [t.result() for t in tasks]

    def _finish(self, request: _Request, key: str, spoken: list[Sound]) -> Clip:
        speech = _join([trim_silence(s) for s in spoken], request.pause_s)
        if speech.duration_s > LONGEST_CLIP_S:
            raise SpeechFailed(
                f"the clip would be {speech.duration_s:.0f} s long; "
                f"at most {LONGEST_CLIP_S:.0f} s"
            )
        speech = master(speech, request.mastering)
        whole, speech_from_s = _framed(speech, with_chime=request.chime)
        return finish(self.store, whole, speech_from_s, key)


class EspeakSynthesizer(ClipSynthesizer):
    """Text to clip with espeak-ng alone.

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
        super().__init__(
            clip_dir,
            espeak.EspeakEngine(wall_s=wall_s),
            workers=workers,
            mastering=mastering,
        )


class PiperSynthesizer(ClipSynthesizer):
    """Text to clip with neural voices; languages without one use espeak-ng.

    Args:
        clip_dir: where clips are kept, as ``<sha256>.wav``.
        models: piper voices, ``NAME.onnx`` with ``NAME.onnx.json`` beside it.
        workers: how many voices speak at the same time.
        mastering: settings of the chain.

    Raises:
        InputError: piper is not installed, or a model is missing or none.
    """

    def __init__(
        self,
        clip_dir: Path,
        models: Sequence[Path],
        *,
        workers: int = 2,
        mastering: Mastering | None = None,
    ) -> None:
        super().__init__(
            clip_dir,
            piper.PiperEngine(models, otherwise=espeak.EspeakEngine()),
            workers=workers,
            mastering=mastering,
        )


def open_synthesizer(clip_dir: Path, models: Sequence[Path] = ()) -> ClipSynthesizer:
    """Neural voices where models are configured, else espeak-ng.

    Raises:
        InputError: piper is not installed, or a model is missing or none.
    """
    if models:
        return PiperSynthesizer(clip_dir, models)
    return EspeakSynthesizer(clip_dir)


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


def _join(parts: list[Sound], pause_s: float) -> Sound:
    """The languages one after another with pauses.

    Each part is brought to the same level first, so that the compressor
    treats every language alike, and to one sample rate: engines differ.
    """
    pieces: list[Samples] = []
    for part in (resampled(p) for p in parts):
        if pieces:
            pieces.append(np.zeros(int(pause_s * RATE_HZ)))
        pieces.append(part.samples / max(float(np.max(np.abs(part.samples))), 1e-9))
    return Sound(np.concatenate(pieces), RATE_HZ)


def _framed(speech: Sound, *, with_chime: bool) -> tuple[Sound, float]:
    """With a chime in front and a breath of silence at both ends.

    The chime is as loud as the speech: mastered together with it, its steady
    tones would come out 5 dB louder than what they call attention to.

    Returns:
        The whole clip, and where in it the speech begins (seconds).
    """
    # A loudspeaker's amplifier needs a moment at both ends to (un)mute.
    edge = np.zeros(int(EDGE_S * speech.rate_hz))
    front = [edge]
    if with_chime:
        tones = chime(speech.rate_hz)
        louder_db = speech_level_db(speech) - speech_level_db(tones)
        pause = np.zeros(int(PAUSE_AFTER_S * speech.rate_hz))
        front += [tones.samples * 10 ** (louder_db / 20), pause]
    speech_from_s = sum(len(p) for p in front) / speech.rate_hz
    whole = np.concatenate([*front, speech.samples, edge])
    return Sound(whole, speech.rate_hz), speech_from_s
