"""One DJI loudspeaker behind the port.

DJI tells when a file begins to sound and, in the aircraft's state, when the
speaker is idle again; nothing of its end as such. The end is therefore
inferred: idle not earlier than the file is long. Expiry, keys and turns are
kept here, because its services know none of them.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from patrolctl.clock import Clock
from patrolctl.domain.errors import Conflict
from patrolctl.domain.ids import SpeakerId, VehicleId
from patrolctl.domain.machines import DjiAddress
from patrolctl.domain.sound import (
    Clip,
    Cue,
    CutBy,
    Playback,
    PlaybackStatus,
    Priority,
    SpeakerPhase,
    SpeakerState,
)
from patrolctl.mqtt.dji.keys import Keys
from patrolctl.mqtt.dji.line import Line
from patrolctl.mqtt.dji.pcm import PcmFile, to_pcm
from patrolctl.mqtt.dji.player import Cut, DjiPlayer, End
from patrolctl.mqtt.dji.wire import DjiFailed, Progress, SystemState
from patrolctl.mqtt.reports import Reports
from patrolctl.mqtt.turns import TooMany, Turns

log = logging.getLogger(__name__)

MOST_WAITING = 32
_PHASES = {
    SystemState.IDLE: SpeakerPhase.IDLE,
    SystemState.TRANSMITTING: SpeakerPhase.CACHING,
    SystemState.DOWNLOADING: SpeakerPhase.CACHING,
    SystemState.CONVERTING_TEXT: SpeakerPhase.CACHING,
    SystemState.PLAYING: SpeakerPhase.PLAYING,
    SystemState.ABNORMAL: SpeakerPhase.FAULT,
}
WHY = {
    CutBy.URGENT: "an urgent announcement came between",
    CutBy.SILENCE: "silenced",
}
NO_TALK = (
    "a DJI loudspeaker takes no live talk: the Cloud API's speaker methods play"
    " files and texts only; use an urgent announcement"
)


@dataclass(frozen=True, slots=True)
class Job:
    """A message that waits or plays."""

    key: str
    cue: Cue
    expires_utc: datetime
    priority: Priority


class DjiSpeaker:
    """Implements ``ports.Speaker``; built by ``DjiHub.speaker``.

    Args:
        speaker_id: its name here.
        vehicle_id: who carries it.
        address: gateway, aircraft and payload index.
        line: calls to the gateway.
        keys: what it was asked for, ever.
        clip_dir: where rendered clips are.
        clip_url: the address of a file of ``clip_dir`` for the dock, or None.
        clock: time.
    """

    def __init__(  # noqa: PLR0913 - built in one place, by name
        self,
        speaker_id: SpeakerId,
        vehicle_id: VehicleId,
        address: DjiAddress,
        *,
        line: Line,
        keys: Keys,
        clip_dir: Path,
        clip_url: Callable[[str], str | None],
        clock: Clock,
    ) -> None:
        self._id = speaker_id
        self._vehicle_id = vehicle_id
        self._index = address.psdk_index
        self._player = DjiPlayer(line, address.psdk_index, clock)
        self._keys = keys
        self._clip_dir = clip_dir
        self._clip_url = clip_url
        self._clock = clock
        self._turns: Turns[Job] = Turns(MOST_WAITING)
        self._now: Job | None = None
        self._started: Playback | None = None
        self._state = SpeakerState(speaker_id, SpeakerPhase.UNKNOWN)
        self._reports = Reports()

    @property
    def id(self) -> SpeakerId:
        """Its name."""
        return self._id

    @property
    def state(self) -> SpeakerState:
        """From the aircraft's state; ``cached`` are the converted clips."""
        return self._state

    # the port ---------------------------------------------------------------

    async def prepare(self, clip: Clip) -> None:
        """Convert the clip; the dock fetches it only when it is to be played."""
        try:
            await self._pcm(clip.sha256)
        except DjiFailed as e:
            self._state = replace(self._state, reason=str(e))
            return
        cached = tuple(sorted({*self._state.cached, clip.sha256}))
        self._state = replace(self._state, cached=cached)

    async def play(
        self,
        cue: Cue,
        *,
        key: str,
        expires_utc: datetime,
        priority: Priority = Priority.NORMAL,
    ) -> None:
        """Have it wait its turn; the same key is never played twice."""
        job = Job(key, cue, expires_utc, priority)
        if self._now is not None and self._now.key == key:
            self._now = job  # asked again: a later expiry
            if self._started is not None:
                self._tell(self._started)
            return
        try:
            self._turns.put(job)
        except TooMany as e:
            self._refuse(job, str(e))
            return
        if priority is Priority.URGENT and await self._can_sound(job):
            self._overtake()

    async def silence(self) -> None:
        """Stop at once; what waits is refused.

        Raises:
            DjiFailed: the dock does not confirm that it stopped.
        """
        for job in self._turns.drain():
            self._refuse(job, WHY[CutBy.SILENCE])
        if self._now is not None:
            self._player.take(CutBy.SILENCE)
        try:
            await self._player.call("speaker_play_stop")
        except DjiFailed:
            await self._player.call("speaker_play_stop")

    async def volume(self, ratio: float) -> None:
        """Set its volume, 0 to 1.

        Raises:
            DjiFailed: the dock refuses.
        """
        value = round(100 * min(1.0, max(0.0, ratio)))
        await self._player.call("speaker_play_volume_set", play_volume=value)

    async def talk_begin(self, talk_id: str, *, expires_utc: datetime) -> None:
        """It cannot.

        Raises:
            Conflict: always, with the reason.
        """
        del talk_id, expires_utc
        raise Conflict(NO_TALK)

    def talk_frame(self, talk_id: str, seq: int, packet: bytes) -> bool:
        """No talk begins, so there are no frames."""
        del talk_id, seq, packet
        return False

    async def talk_end(self, talk_id: str) -> None:
        """No talk begins, so none ends."""
        del talk_id

    def playbacks(self) -> AsyncIterator[Playback]:
        """Reports from now on, STARTED ones included."""
        return self._reports.listen()

    # what the dock tells ----------------------------------------------------

    def on_progress(self, progress: Progress) -> None:
        """How far the start of a file is."""
        if progress.psdk_index == self._index and self._now is not None:
            self._player.on_progress(progress)

    def on_system_state(self, value: int) -> None:
        """The speaker's state changed."""
        known = value in SystemState._value2member_map_
        phase = _PHASES[SystemState(value)] if known else SpeakerPhase.UNKNOWN
        reason = "DJI reports it abnormal" if phase is SpeakerPhase.FAULT else None
        self._state = replace(self._state, phase=phase, reason=reason)
        self._player.on_system_state(value)

    # playing ----------------------------------------------------------------

    async def run(self) -> None:
        """Play what is due, one at a time, for ever."""
        while True:
            job = await self._turns.get()
            self._now, self._started = job, None
            self._player.ready()
            try:
                await self._play(job)
            finally:
                self._now = self._started = None

    async def _play(self, job: Job) -> None:
        known = self._keys.report(job.key)
        if known is not None:
            self._tell(known)
            return
        begun = self._report(job, PlaybackStatus.STARTED)
        try:
            pcm = await self._pcm(job.cue.clip_sha256)
            # Before it is asked: how a message ended that a killed service
            # had asked for is not known, and it is not said again.
            lost = "the service ended before its end was known"
            self._keys.keep(replace(begun, status=PlaybackStatus.CUT, reason=lost))
            await self._begin(pcm)
        except DjiFailed as e:
            self._keys.keep(self._refuse(job, str(e)))
            return
        except Cut as cut:
            await self._not_begun(job, cut.by)
            return
        started = replace(begun, start_utc=self._clock.utc())
        self._started = started
        self._tell(started)
        log.info("%s begins on DJI %s", job.key, self._id)
        self._finish(started, await self._player.to_the_end(pcm, job.cue.repeats))

    async def _not_begun(self, job: Job, by: CutBy) -> None:
        """It was taken away before a word was heard."""
        if by is CutBy.SILENCE:
            self._keys.keep(self._refuse(job, WHY[by]))
            return
        self._keys.forget(job.key)
        await self._player.stop()
        try:
            self._turns.put(self._now or job)
        except TooMany as e:
            self._refuse(job, str(e))

    async def _begin(self, pcm: PcmFile) -> None:
        """Have it begin; raises DjiFailed or Cut."""
        url = self._clip_url(pcm.path.name)
        if url is None:
            raise DjiFailed("the service has no address where a dock could fetch clips")
        if self._late():
            raise DjiFailed("expired")
        await self._player.begin(pcm, url, self._late)

    def _overtake(self) -> None:
        if self._now is not None and self._now.priority is Priority.NORMAL:
            self._player.take(CutBy.URGENT)

    async def _can_sound(self, job: Job) -> bool:
        """Whether a message may be cut for this one."""
        try:
            await self._pcm(job.cue.clip_sha256)
        except DjiFailed:
            return False
        return job.expires_utc > self._clock.utc()

    def _late(self) -> bool:
        return self._now is not None and self._now.expires_utc <= self._clock.utc()

    async def _pcm(self, sha256: str) -> PcmFile:
        return await asyncio.to_thread(to_pcm, self._clip_dir / f"{sha256}.wav")

    # reports ----------------------------------------------------------------

    def _report(self, job: Job, status: PlaybackStatus) -> Playback:
        return Playback(
            id=str(uuid4()),
            speaker_id=self._id,
            key=job.key,
            clip_sha256=job.cue.clip_sha256,
            status=status,
            start_utc=self._clock.utc(),
            cue_id=job.cue.id,
            station=job.cue.station,
            vehicle_id=self._vehicle_id,
        )

    def _refuse(self, job: Job, why: str) -> Playback:
        report = replace(self._report(job, PlaybackStatus.REFUSED), reason=why)
        self._tell(report)
        log.warning("%s refused by DJI %s: %s", job.key, self._id, why)
        return report

    def _finish(self, started: Playback, end: End) -> None:
        why = end.reason if end.cut_by is None else WHY[end.cut_by]
        report = replace(
            started,
            id=str(uuid4()),
            status=PlaybackStatus.COMPLETED if why is None else PlaybackStatus.CUT,
            end_utc=self._clock.utc(),
            repeats_done=end.repeats_done,
            complete=why is None,
            reason=why,
            cut_by=end.cut_by,
        )
        self._keys.keep(report)
        self._tell(report)

    def _tell(self, report: Playback) -> None:
        self._reports.tell(report)
