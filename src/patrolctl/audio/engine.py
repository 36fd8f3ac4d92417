"""What a voice engine is to the synthesizer."""

from dataclasses import dataclass
from typing import Protocol

from patrolctl.audio.wav import Sound
from patrolctl.domain.sound import Announcement, Utterance


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance ready to be spoken; part of the cache key.

    ``engine`` names the program and the version (of a neural voice also the
    model's hash) that will speak it, ``text`` is normalised.
    """

    engine: str
    lang: str
    voice: str
    rate_wpm: int
    text: str


class Engine(Protocol):
    """Speaks one utterance at a time; safe to use from many tasks at once."""

    def line(self, utterance: Utterance, order: Announcement) -> Line:
        """Choose a voice and normalise the text.

        Raises:
            InputError: no such language tag, voice or rate.
            SpeechFailed: nothing here speaks that language.
        """
        ...

    async def speak(self, line: Line) -> Sound:
        """Raw speech, checked to be whole.

        Raises:
            SpeechFailed: nothing usable came out, with the reason.
        """
        ...
