"""One cue: ask the speaker, wait for its report of the end."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from patrolctl.clock import Clock
from patrolctl.control.live.broadcast import Broadcast, Listener
from patrolctl.domain.errors import PatrolError
from patrolctl.domain.sound import Cue, Playback, PlaybackStatus, Priority
from patrolctl.ports import Speaker

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a speaker is waited for.

    A command that arrives later than ``expiry_s`` is not played any more.
    Within it the same command is sent once more when no report came, under
    the same key, so that nothing is played twice.
    """

    expiry_s: float = 20.0
    slack_s: float = 15.0
    attempts: int = 2


def longest_s(cue: Cue, patience: Patience) -> float:
    """The longest that :func:`announce` may take."""
    message_s = cue.clip_duration_s * cue.repeats + patience.slack_s
    return message_s + patience.expiry_s * (patience.attempts + 1)


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker with the reports that come from it, and whose turn it is."""

    speaker: Speaker
    reports: Broadcast[Playback]
    priority: Priority = Priority.NORMAL


async def announce(
    voice: Voice,
    cue: Cue,
    *,
    key: str,
    clock: Clock,
    patience: Patience,
    begun: Callable[[], bool] = lambda: False,
) -> Playback | str:
    """Play a cue to its end.

    ``begun`` tells that it plays already, because somebody else triggered it:
    then only its end is waited for.

    Returns:
        The speaker's final report, or the reason why there is none.
    """
    with voice.reports.listen() as reports:
        asking = _Asking(voice, cue, key, clock, patience, reports)
        try:
            return await asking.until_ended(begun)
        except PatrolError as e:
            return str(e)


@dataclass(frozen=True, slots=True)
class _Asking:
    """One cue under one key, which the speaker plays once."""

    voice: Voice
    cue: Cue
    key: str
    clock: Clock
    patience: Patience
    reports: Listener[Playback]

    async def until_ended(self, begun: Callable[[], bool]) -> Playback | str:
        """The final report, or why there is none."""
        first = await self._until_told(begun)
        if first is None and not begun():
            return f"speaker {self.voice.speaker.id} did not report"
        if first is not None and first.status is not PlaybackStatus.STARTED:
            return first
        message_s = self.cue.clip_duration_s * self.cue.repeats
        ended = await self._told(message_s + self.patience.slack_s, ended=True)
        if ended is None:
            # The end may have been told to nobody: the same key asks for it.
            await self._ask()
            ended = await self._told(self.patience.expiry_s, ended=True)
        name = self.voice.speaker.id
        return ended or f"speaker {name} began and never reported the end"

    async def _until_told(self, begun: Callable[[], bool]) -> Playback | None:
        """Its first report of this key; None when there is none, or need not be."""
        for _ in range(self.patience.attempts):
            if begun():
                return None
            await self._ask()
            first = await self._told(self.patience.expiry_s, ended=False)
            if first is not None:
                return first
            log.warning("no report of %s from %s", self.key, self.voice.speaker.id)
        return None

    async def _ask(self) -> None:
        await self.voice.speaker.play(
            self.cue,
            key=self.key,
            expires_utc=self.clock.utc() + timedelta(seconds=self.patience.expiry_s),
            priority=self.voice.priority,
        )

    async def _told(self, within_s: float, *, ended: bool) -> Playback | None:
        """The next report of this key (of its end, if so asked), or None."""
        try:
            async with self.clock.timeout(within_s):
                async for report in self.reports:
                    started = report.status is PlaybackStatus.STARTED
                    if report.key == self.key and not (ended and started):
                        return report
        except TimeoutError:
            return None
        raise PatrolError("the speaker's reports ended")
