"""Render one announcement from the command line."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

from patrolctl.audio import AudioDesk, open_synthesizer
from patrolctl.config import load_settings
from patrolctl.domain.errors import InputError
from patrolctl.domain.lint import Lint
from patrolctl.domain.sound import Announcement, Clip


def linted(announcement: Announcement, *, clip_dir: Path | None = None) -> Lint:
    """Judge an announcement with the clip that it is rendered to.

    Raises:
        InputError: it cannot be spoken, one fault a text.
        SpeechFailed: nothing usable came out.
    """
    settings = load_settings(None)
    synthesizer = open_synthesizer(clip_dir or settings.clip_dir, settings.voice_models)

    async def judge() -> Lint:
        clip = await synthesizer.render(announcement)
        return await AudioDesk(synthesizer).lint(announcement, clip)

    return asyncio.run(judge())


def render_to_file(
    announcement: Announcement, out: Path, *, clip_dir: Path | None = None
) -> Clip:
    """Render an announcement and copy its WAV to ``out``.

    Args:
        announcement: what to say.
        out: the file to write.
        clip_dir: where rendered clips are kept; None: the configured one.

    Returns:
        The clip, its ``path`` being ``out``.

    Raises:
        InputError: the text cannot be spoken, or ``out`` cannot be written.
        SpeechFailed: nothing usable came out.
    """
    if not out.parent.is_dir():
        raise InputError.one(str(out), "its folder does not exist", "an existing one")
    settings = load_settings(None)
    synthesizer = open_synthesizer(clip_dir or settings.clip_dir, settings.voice_models)
    clip = asyncio.run(synthesizer.render(announcement))
    try:
        shutil.copyfile(clip.path, out)
    except OSError as e:
        raise InputError.one(str(out), f"cannot be written ({e.strerror})") from None
    return replace(clip, path=str(out))
