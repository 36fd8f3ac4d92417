"""The SoundDesk port: uploads, checks and lint with the service's own voices."""

import asyncio

from patrolctl.audio.lint import lint
from patrolctl.audio.recordings import import_recording
from patrolctl.audio.synthesizer import ClipSynthesizer
from patrolctl.audio.text import check
from patrolctl.domain.errors import Fault, InputError, SpeechFailed
from patrolctl.domain.lint import Lint
from patrolctl.domain.sound import Announcement, Clip


class AudioDesk:
    """Judges sound and keeps uploads where the synthesizer keeps its clips.

    Args:
        synthesizer: whose voices and clips count.
    """

    def __init__(self, synthesizer: ClipSynthesizer) -> None:
        self._store = synthesizer.store
        self._engine = synthesizer.engine

    async def take_recording(self, raw: bytes, name: str) -> Clip:
        """Master an uploaded recording and keep it."""
        return await asyncio.to_thread(import_recording, raw, self._store, name=name)

    async def find(self, clip_sha256: str) -> Clip | None:
        """A clip that was kept, if it is still whole."""
        return await asyncio.to_thread(self._store.clip, clip_sha256)

    async def check(self, announcement: Announcement) -> None:
        """Refuse texts that cannot be spoken and languages without a voice."""
        if announcement.recording is not None and not announcement.utterances:
            return
        check(announcement)
        faults: list[Fault] = []
        for utterance in announcement.utterances:
            try:
                self._engine.line(utterance, announcement)
            except InputError as e:
                faults += e.faults
            except SpeechFailed:
                if announcement.recording is None:  # else the text is for people
                    raise
        if faults:
            raise InputError(faults)

    async def lint(self, announcement: Announcement, clip: Clip | None) -> Lint:
        """Judge an announcement."""
        return await lint(announcement, clip, self._engine)
