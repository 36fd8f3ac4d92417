"""Speakers and speech as the use cases see them."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol, runtime_checkable

from patrolctl.domain.ids import SpeakerId
from patrolctl.domain.sound import (
    Announcement,
    Clip,
    Cue,
    PlacedCue,
    Playback,
    Priority,
    SpeakerState,
)


class Speaker(Protocol):
    """One loudspeaker, wherever its driver runs."""

    @property
    def id(self) -> SpeakerId:
        """Its name in topics."""
        ...

    @property
    def state(self) -> SpeakerState:
        """The latest state it told."""
        ...

    async def prepare(self, clip: Clip) -> None:
        """Have it fetch and cache the clip before it is needed."""
        ...

    async def play(
        self,
        cue: Cue,
        *,
        key: str,
        expires_utc: datetime,
        priority: Priority = Priority.NORMAL,
    ) -> None:
        """Ask it to play; the same ``key`` is never played twice.

        While something plays it waits its turn. An urgent one cuts a normal
        one (``Playback.cut_by`` URGENT) and comes before all that waits.
        """
        ...

    async def silence(self) -> None:
        """Stop whatever it plays or says live, at once, and all that waits."""
        ...

    def playbacks(self) -> AsyncIterator[Playback]:
        """Reports from now on, STARTED ones included."""
        ...


@runtime_checkable
class TalkingSpeaker(Speaker, Protocol):
    """A loudspeaker that somebody can talk over, live.

    Its reports of a talk have the key ``talk-{talk_id}`` and no clip.
    """

    async def talk_begin(self, talk_id: str, *, expires_utc: datetime) -> None:
        """Give the floor to a talk: what plays is cut, what waits waits.

        Raises:
            Conflict: it can play no live sound, with the reason.
        """
        ...

    def talk_frame(self, talk_id: str, seq: int, packet: bytes) -> bool:
        """One Opus packet, mono; ``seq`` from 1. Now or never.

        Returns:
            False when it cannot be sent now; the next may.
        """
        ...

    async def talk_end(self, talk_id: str) -> None:
        """The talker let go."""
        ...


@runtime_checkable
class AutonomousSpeaker(Speaker, Protocol):
    """A loudspeaker that can play a whole sortie without a link to us."""

    async def load(
        self,
        cues: tuple[PlacedCue, ...],
        *,
        run_id: str,
        sortie_id: str,
        expires_utc: datetime,
    ) -> None:
        """Give it the sortie's cues; it plays each once, at its place.

        A cue that was also commanded with :meth:`Speaker.play` under the same
        key is still played once. An empty tuple takes the sheet back.
        ``SpeakerState.sheet`` tells when it holds it.
        """
        ...

    async def recall(self, keys: tuple[str, ...]) -> None:
        """Have it report again what became of these keys.

        It says nothing of keys that it never played.
        """
        ...


class Synthesizer(Protocol):
    """Text to clip."""

    async def render(self, announcement: Announcement) -> Clip:
        """Render the announcement, said once, or take it from the cache.

        Raises:
            SpeechFailed: nothing usable came out, with the reason.
            InputError: the text cannot be spoken (empty, too long, …).
        """
        ...
