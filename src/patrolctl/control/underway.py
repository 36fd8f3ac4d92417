"""A sortie under way: facts followed, cues played, dwells kept long enough."""

import asyncio
import logging
from dataclasses import replace

from patrolctl.control.announce import Voice, announce, longest_s
from patrolctl.control.broadcast import Listener
from patrolctl.control.follow import Note, Progress, follow
from patrolctl.control.job import Crew, SortieJob, Told, tell
from patrolctl.control.prepare import Prepared
from patrolctl.domain.errors import LinkFailed, PatrolError
from patrolctl.domain.machines import LinkState, VehicleKind
from patrolctl.domain.sound import Cue, Playback, PlaybackStatus
from patrolctl.domain.telemetry import EventKind, VehicleEvent

log = logging.getLogger(__name__)


class Underway:
    """Follows one launched vehicle until its sortie has ended.

    Args:
        job: what is done.
        crew: who does it.
        prepared: the mission that was uploaded.
    """

    def __init__(self, job: SortieJob, crew: Crew, prepared: Prepared) -> None:
        self._job = job
        self._crew = crew
        self._mission = prepared.mission
        self._cues = prepared.cues
        self._cued: set[str] = set()
        self.progress = Progress(step=1)

    async def follow(self, events: Listener[VehicleEvent]) -> Progress:
        """Until the vehicle is home (or down), whatever the reason.

        Raises:
            ExceptionGroup: of LinkFailed, when nothing was heard for so long
                that nobody knows.
        """
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._watch(events), name="watch")
            talks: list[asyncio.Task[None]] = []
            async for event in events:
                before = self.progress
                self.progress, note = follow(event, self._mission, before)
                if self.progress.ended:
                    break
                if cue := self._cue_of(event):  # first: the vehicle stands there now
                    talk = self._talk(cue, event.seq or 0)
                    talks.append(group.create_task(talk, name=f"cue-{cue.id}"))
                if note is not None:
                    await self._tell(note, before)
            watch.cancel()
            for task in talks:
                task.cancel()
        return self.progress

    async def _tell(self, note: Note, before: Progress) -> None:
        told = Told(phase=note.phase, cut=note.cut)
        if self.progress.step != before.step:
            told = replace(told, step=self.progress.step, loops_done=self.progress.laps)
        await tell(self._job, self._crew, note.text, told)

    # -- message and motion

    def _cue_of(self, event: VehicleEvent) -> Cue | None:
        """The cue that this fact starts, once a lap."""
        if event.kind is not EventKind.DWELL_STARTED or event.seq is None:
            return None
        cue = self._cues.at(event.seq)
        if cue is None or self._key(cue) in self._cued:
            return None
        self._cued.add(self._key(cue))
        return cue

    def _key(self, cue: Cue) -> str:
        lap = f":lap{self.progress.laps + 1}" if self.progress.laps else ""
        return f"{self._job.run_id}:{cue.id}{lap}"

    async def _talk(self, cue: Cue, seq: int) -> None:
        """Play the cue; the vehicle stays until it was heard to its end."""
        if self._crew.muted():
            await tell(self._job, self._crew, f"cue {cue.id} not played: silenced")
            await self._keep(seq, 0.0)
            return
        lap = self.progress.laps
        await self._keep(seq, longest_s(cue, self._crew.limits.patience))
        try:
            outcome = await self._announce(cue, self._key(cue))
        finally:
            await self._keep(seq, 0.0)
        await self._told_of(cue, lap, outcome)

    async def _keep(self, seq: int, for_s: float) -> None:
        try:
            await self._crew.member.vehicle.keep(seq, for_s)
        except PatrolError as e:
            await tell(self._job, self._crew, f"motion does not wait: {e}")

    async def _announce(self, cue: Cue, key: str) -> Playback | str:
        member = self._crew.member
        if member.speaker is None:
            return "the vehicle has no loudspeaker"
        return await announce(
            Voice(member.speaker, member.playbacks),
            cue,
            key=key,
            clock=self._crew.clock,
            patience=self._crew.limits.patience,
        )

    async def _told_of(self, cue: Cue, lap: int, outcome: Playback | str) -> None:
        if isinstance(outcome, str):
            await tell(self._job, self._crew, f"cue {cue.id} not played: {outcome}")
        elif outcome.status is PlaybackStatus.COMPLETED and outcome.complete:
            await tell(
                self._job,
                self._crew,
                f"cue {cue.id} played to the end",
                Told(cue_done=f"{cue.id}:lap{lap + 1}" if lap else cue.id),
            )
        else:
            why = outcome.reason or outcome.status.value
            await tell(self._job, self._crew, f"cue {cue.id} not complete: {why}")

    # -- what the facts do not tell

    async def _watch(self, events: Listener[VehicleEvent]) -> None:
        """Tell of a lost link; notice a landing whose fact was missed."""
        clock, limits = self._crew.clock, self._crew.limits
        heard_s = down_s = clock.monotonic_s()
        lost = False
        while True:
            await clock.sleep(1.0)
            now_s = clock.monotonic_s()
            sample = self._crew.member.telemetry
            if sample.link is LinkState.LIVE:
                heard_s = now_s
            if now_s - heard_s > self._job.sortie.duration_s + limits.link_lost_s:
                raise LinkFailed(
                    self._crew.member.entry.id,
                    f"not heard for {now_s - heard_s:.0f} s; look for it",
                )
            if (now_s - heard_s > limits.link_lost_s) is not lost:
                lost = not lost
                await tell(
                    self._job,
                    self._crew,
                    "link lost, its own failsafe has it" if lost else "link is back",
                )
            flying = self._mission.vehicle_kind is VehicleKind.COPTER
            if not (flying and sample.armed is False and sample.on_ground):
                down_s = now_s
            if now_s - down_s > limits.grounded_s:
                self.progress = replace(self.progress, ended=True)
                events.close()
                return
