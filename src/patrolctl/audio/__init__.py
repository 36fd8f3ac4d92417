"""Announcements from text to a sound that people understand."""

from patrolctl.audio.clipstore import ClipStore
from patrolctl.audio.desk import AudioDesk
from patrolctl.audio.espeak import phonemes
from patrolctl.audio.mastering import Mastering
from patrolctl.audio.normalize import normalize
from patrolctl.audio.recordings import import_recording
from patrolctl.audio.synthesizer import (
    ClipSynthesizer,
    EspeakSynthesizer,
    PiperSynthesizer,
    open_synthesizer,
)

__all__ = [
    "AudioDesk",
    "ClipStore",
    "ClipSynthesizer",
    "EspeakSynthesizer",
    "Mastering",
    "PiperSynthesizer",
    "import_recording",
    "normalize",
    "open_synthesizer",
    "phonemes",
]
