"""A sortie under way: facts followed, cues played, dwells kept long enough."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from patrolctl.control.announce import Voice, announce, longest_s
from patrolctl.control.broadcast import Listener
from patrolctl.control.follow import Note, Progress, follow
from patrolctl.control.job import Crew, SortieJob, Told, tell
from patrolctl.control.prepare import Prepared
from patrolctl.domain.errors import LinkFailed, PatrolError
from patrolctl.domain.machines import LinkState, VehicleKind
from patrolctl.domain.sound import Cue, Playback, PlaybackStatus
from patrolctl.domain.telemetry import EventKind, Telemetry, VehicleEvent

log = logging.getLogger(__name__)


class Underway:
    """Follows one launched vehicle until its sortie has ended.

    Args:
        job: what is done.
        crew: who does it.
        prepared: the mission that was uploaded.
        recalled: whether the operator ended it.
    """

    def __init__(
        self,
        job: SortieJob,
        crew: Crew,
        prepared: Prepared,
        recalled: Callable[[], bool],
    ) -> None:
        self._job = job
        self._crew = crew
        self._mission = prepared.mission
        self._cues = prepared.cues
        self._recalled = recalled
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
        """Tell of a lost link; notice an end whose fact was missed."""
        heard_s = moved_s = self._crew.clock.monotonic_s()
        lost = False
        while True:
            await self._crew.clock.sleep(1.0)
            now_s = self._crew.clock.monotonic_s()
            sample = self._crew.member.telemetry
            if sample.link is LinkState.LIVE:
                heard_s = now_s
            lost = await self._link_told(now_s - heard_s, lost=lost)
            rest_s = self._rest_s(sample)
            if rest_s is None:
                moved_s = now_s
            elif now_s - moved_s > rest_s:
                self.progress = replace(self.progress, ended=True)
                events.close()
                return

    async def _link_told(self, silent_s: float, *, lost: bool) -> bool:
        """Whether the link counts as lost now; a change is told.

        Raises:
            LinkFailed: it has been silent for longer than a sortie lasts.
        """
        limit_s = self._crew.limits.link_lost_s
        if silent_s > self._job.sortie.duration_s + limit_s:
            raise LinkFailed(
                self._crew.member.entry.id,
                f"not heard for {silent_s:.0f} s; look for it",
            )
        if (silent_s > limit_s) is lost:
            return lost
        text = "link is back" if lost else "link lost, its own failsafe has it"
        await tell(self._job, self._crew, text)
        return not lost

    def _rest_s(self, sample: Telemetry) -> float | None:
        """How long a vehicle at rest like this one rests until it has ended.

        None: it is not at rest. A copter on the ground, disarmed, has ended;
        a patrol vehicle that stands has only when it was to come home.
        """
        if self._mission.vehicle_kind is VehicleKind.COPTER:
            down = sample.armed is False and sample.on_ground
            return self._crew.limits.grounded_s if down else None
        if not (self._recalled() or self.progress.cut):
            return None
        speed_m_s = sample.ground_speed_m_s
        still = speed_m_s is not None and speed_m_s < 0.3
        return self._crew.limits.parked_s if still else None
