"""Announcements from text to a sound that people understand."""

from patrolctl.audio.clipstore import ClipStore
from patrolctl.audio.espeak import phonemes
from patrolctl.audio.mastering import Mastering
from patrolctl.audio.normalize import normalize
from patrolctl.audio.synthesizer import EspeakSynthesizer

__all__ = ["ClipStore", "EspeakSynthesizer", "Mastering", "normalize", "phonemes"]
