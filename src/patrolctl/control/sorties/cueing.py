"""A sortie's messages: each said to its end once, whoever triggers it.

Two ways lead to the loudspeaker and share their keys: we command a cue when
its dwell has started, and a speaker that follows the autopilot itself plays
from the cue sheet that it was given before the launch. So an outage of the
link costs nothing; what was played is credited whenever its report arrives.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from patrolctl.clock import running_beside
from patrolctl.control.announcing.announce import Voice, announce, longest_s
from patrolctl.control.live.broadcast import Listener
from patrolctl.control.sorties.cuebook import CueBook
from patrolctl.control.sorties.job import Crew, SortieJob, Told, tell
from patrolctl.control.sorties.prepare import Prepared
from patrolctl.control.vehicles.keys import cue_name
from patrolctl.domain.errors import PatrolError
from patrolctl.domain.sound import Cue, Playback, PlaybackStatus
from patrolctl.ports import AutonomousSpeaker

log = logging.getLogger(__name__)

TRIES = 3  # of a message that the speaker itself breaks off
LOOK_S = 0.25
START_LOOK_S = 0.1  # a vehicle that speaks in flight is let go as soon as this
AT_END_S = 6.0


@dataclass(frozen=True, slots=True)
class Due:
    """A message that is due now: its cue, the mission step and the lap."""

    cue: Cue
    seq: int
    lap: int
    gone: Callable[[], bool]

    @property
    def name(self) -> str:
        """The message's name in this run."""
        return cue_name(self.cue.id, self.lap)


class Cueing:
    """The messages of one sortie."""

    def __init__(self, job: SortieJob, crew: Crew) -> None:
        self._job = job
        self._crew = crew
        done = crew.sortie(job.sortie.id).cues_done
        self.book = CueBook(job.run_id, job.sortie, done)
        self._prepared: Prepared | None = None
        self._laps = 0
        self.sheet_held = False

    # -- reports

    async def listen(self, reports: Listener[Playback]) -> None:
        """Credit whatever was played, until cancelled."""
        async for report in reports:
            await self.credit(report)

    async def credit(self, report: Playback) -> bool:
        """Note a report; whether the message was heard to its end."""
        name = self.book.take(report)
        if name is not None:
            said = f"cue {name} played to the end"
            await tell(self._job, self._crew, said, Told(cue_done=name))
        return report.complete and report.status is PlaybackStatus.COMPLETED

    async def recall(self) -> None:
        """Learn what was played while nobody here listened."""
        # A report that came a moment before may still be on its way to the books.
        await self._crew.feed.flush()
        for report in await self._crew.store.playbacks(self._job.run_id):
            await self.credit(report)
        keys = self.book.open_keys()
        if (speaker := self._autonomous()) is not None and keys:
            await speaker.recall(keys)

    # -- the sheet

    def _autonomous(self) -> AutonomousSpeaker | None:
        speaker = self._crew.member.speaker
        return speaker if isinstance(speaker, AutonomousSpeaker) else None

    async def load(self, prepared: Prepared, laps: int = 0) -> None:
        """Give the speaker what is still to be said, and see that it has it."""
        self._prepared, self._laps = prepared, laps
        speaker = self._autonomous()
        placed = self.book.sheet(prepared.mission, prepared.cues, laps)
        if speaker is None or not placed:
            return
        sortie = self._job.sortie
        lasts_s = 2.0 * sortie.duration_s * sortie.loops + sortie.start_s + 3600.0
        await speaker.load(
            placed,
            run_id=self._job.run_id,
            sortie_id=sortie.id,
            expires_utc=self._crew.clock.utc() + timedelta(seconds=lasts_s),
        )
        if not self.sheet_held:
            self.sheet_held = await self._confirmed(speaker)
            what = f"{len(placed)} cues"
            if self.sheet_held:
                text = f"speaker {speaker.id} holds its cue sheet of {what}"
            else:
                text = (
                    f"speaker {speaker.id} did not confirm its cue sheet of {what}:"
                    " they depend on the link"
                )
            await tell(self._job, self._crew, text)

    async def reload(self, laps: int | None = None) -> None:
        """The sheet anew: in another lap, or after it was taken back."""
        if self._prepared is not None:
            await self.load(self._prepared, self._laps if laps is None else laps)

    async def _confirmed(self, speaker: AutonomousSpeaker) -> bool:
        clock = self._crew.clock
        held = f"{self._job.run_id}/{self._job.sortie.id}"
        deadline_s = clock.monotonic_s() + self._crew.limits.sheet_s
        while speaker.state.sheet != held:
            if clock.monotonic_s() > deadline_s:
                return False
            await clock.sleep(self._crew.member.pace.sample_s)
        return True

    async def take_back(self) -> None:
        """Nothing of this sortie is to be said any more by itself."""
        speaker = self._autonomous()
        if speaker is None or self._prepared is None:
            return
        self.sheet_held = False
        try:
            await speaker.load(
                (),
                run_id=self._job.run_id,
                sortie_id=self._job.sortie.id,
                expires_utc=self._crew.clock.utc() + timedelta(hours=1),
            )
        except PatrolError as e:
            log.warning("cue sheet not taken back: %s", e)

    # -- message and motion

    async def talk(self, due: Due) -> None:
        """Say a message; the vehicle stays until it was heard to its end."""
        if due.name not in self.book.done:
            await self._say(due)
        await self._keep(due, 0.0)

    async def _say(self, due: Due) -> None:
        tries = 0
        while tries < TRIES and not due.gone():
            if not await self._may_speak(due):
                return
            key = self.book.next_key(due.name)
            said = f"cue {due.name} is due"
            await tell(self._job, self._crew, said, Told(key=key))
            begun_s = self._crew.clock.monotonic_s()
            outcome = await self._announce(due, key)
            if isinstance(outcome, str):
                await self._unreported(due, outcome, begun_s)
                return
            if await self.credit(outcome):
                return
            why = outcome.reason or outcome.status.value
            text = f"cue {due.name} not complete: {why}"
            await tell(self._job, self._crew, text)
            if not self._again(outcome):
                return
            tries += outcome.cut_by is None and not self._crew.muted()

    def _again(self, outcome: Playback) -> bool:
        """Whether a message that was not completed is worth another try."""
        return outcome.status is PlaybackStatus.CUT or self._crew.muted()

    async def _may_speak(self, due: Due) -> bool:
        """Wait for the operator and for whoever else speaks; False: go on.

        A silenced vehicle that is to fly on flies on; one that was stopped
        says its message when it is told to resume.
        """
        clock, floor = self._crew.clock, self._crew.member.floor
        told = False
        await self._keep(due, longest_s(due.cue, self._crew.limits.patience))
        while self._crew.muted() or floor.taken_by is not None:
            if self._crew.muted() and not told:
                told = True
                text = f"cue {due.name} not played: silenced"
                await tell(self._job, self._crew, text)
            if due.gone() or (self._crew.muted() and not self._crew.held()):
                return False
            if floor.taken_by is not None:
                longest = longest_s(due.cue, self._crew.limits.patience)
                await self._keep(due, longest)
            await clock.sleep(LOOK_S)
        return True

    async def _unreported(self, due: Due, why: str, begun_s: float) -> None:
        """No word from the speaker; with a sheet it may speak by itself."""
        text = f"cue {due.name} not played: {why}"
        await tell(self._job, self._crew, text)
        if not self.sheet_held:
            return
        clock, patience = self._crew.clock, self._crew.limits.patience
        message_s = due.cue.clip_duration_s * due.cue.repeats
        until_s = begun_s + message_s + patience.slack_s
        while clock.monotonic_s() < until_s and not due.gone():
            if due.name in self.book.done:
                return
            await clock.sleep(LOOK_S)

    async def _keep(self, due: Due, for_s: float) -> None:
        if due.gone():
            return
        try:
            await self._crew.member.vehicle.keep(due.seq, for_s)
        except PatrolError as e:
            text = f"motion does not wait: {e}"
            await tell(self._job, self._crew, text)

    async def _announce(self, due: Due, key: str) -> Playback | str:
        member = self._crew.member
        if member.speaker is None:
            return "the vehicle has no loudspeaker"
        async with running_beside(self._see_off(due, key), f"pass-{due.name}"):
            outcome = await announce(
                Voice(member.speaker, member.playbacks),
                due.cue,
                key=key,
                clock=self._crew.clock,
                patience=self._crew.limits.patience,
                begun=lambda: self.book.plays(key),
            )
        await self._keep_at_end(due.cue, 0.0)
        return outcome

    async def _see_off(self, due: Due, key: str) -> None:
        """Let a vehicle that speaks in flight set off when it has begun to.

        At the end of its way it waits for the end of the message.
        """
        if due.cue.until_seq is None:
            return
        clock = self._crew.clock
        while not self.book.plays(key):
            await clock.sleep(START_LOOK_S)
        await self._keep(due, 0.0)
        while True:
            await self._keep_at_end(due.cue, AT_END_S)
            await clock.sleep(AT_END_S / 6.0)

    async def _keep_at_end(self, cue: Cue, for_s: float) -> None:
        if cue.until_seq is None:
            return
        try:
            await self._crew.member.vehicle.keep(cue.until_seq, for_s)
        except PatrolError as e:
            log.warning("the end of a pass does not wait: %s", e)
