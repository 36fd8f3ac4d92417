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
    return message_s + patience.expiry_s * patience.attempts


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker with the reports that come from it, and whose turn it is."""

    speaker: Speaker
    reports: Broadcast[Playback]
    priority: Priority = Priority.NORMAL


async def _started_or_ended(
    reports: Listener[Playback], key: str, *, ended: bool
) -> Playback:
    async for report in reports:
        if report.key == key and (
            not ended or report.status is not PlaybackStatus.STARTED
        ):
            return report
    raise PatrolError("the speaker's reports ended")


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
    message_s = cue.clip_duration_s * cue.repeats
    with voice.reports.listen() as reports:
        for _ in range(patience.attempts):
            if begun():
                break
            try:
                expires = clock.utc() + timedelta(seconds=patience.expiry_s)
                await voice.speaker.play(
                    cue, key=key, expires_utc=expires, priority=voice.priority
                )
                async with clock.timeout(patience.expiry_s):
                    first = await _started_or_ended(reports, key, ended=False)
            except TimeoutError:
                log.warning("no report of %s from %s", key, voice.speaker.id)
                continue
            except PatrolError as e:
                return str(e)
            if first.status is not PlaybackStatus.STARTED:
                return first
            break
        else:
            return f"speaker {voice.speaker.id} did not report"
        try:
            async with clock.timeout(message_s + patience.slack_s):
                return await _started_or_ended(reports, key, ended=True)
        except TimeoutError:
            return f"speaker {voice.speaker.id} began and never reported the end"
