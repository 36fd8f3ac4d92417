"""A sortie under way: facts followed, cues played, dwells kept long enough."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from patrolctl.control.announce import Voice, announce
from patrolctl.control.broadcast import Listener
from patrolctl.control.follow import Note, Progress, follow
from patrolctl.control.job import Crew, SortieJob, Told, tell
from patrolctl.control.prepare import Prepared
from patrolctl.domain.errors import LinkFailed, PatrolError
from patrolctl.domain.machines import LinkState, VehicleKind
from patrolctl.domain.run import Phase
from patrolctl.domain.sound import Cue, Playback, PlaybackStatus
from patrolctl.domain.telemetry import EventKind, VehicleEvent

log = logging.getLogger(__name__)


class Underway:
    """Follows one launched vehicle until its sortie has ended.

    Args:
        job: what is done.
        crew: who does it.
        prepared: the mission that was uploaded.
        operator_holds: whether the operator has the vehicle held.
    """

    def __init__(
        self,
        job: SortieJob,
        crew: Crew,
        prepared: Prepared,
        operator_holds: Callable[[], bool],
    ) -> None:
        self._job = job
        self._crew = crew
        self._mission = prepared.mission
        self._cues = prepared.cues
        self._operator_holds = operator_holds
        self._keeping = False  # we hold the vehicle until its message ended
        self._cued: set[str] = set()
        self.progress = Progress(step=1)

    async def follow(self, events: Listener[VehicleEvent]) -> Progress:
        """Until the vehicle is home (or down), whatever the reason.

        Raises:
            LinkFailed: nothing was heard for so long that nobody knows.
        """
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._watch(events), name="watch")
                talks: list[asyncio.Task[None]] = []
                async for event in events:
                    await self._take(event)
                    if self.progress.ended:
                        break
                    if cue := self._cue_of(event):
                        talk = self._talk(cue, event.seq or 0)
                        talks.append(group.create_task(talk, name=f"cue-{cue.id}"))
                watch.cancel()
                for task in talks:
                    task.cancel()
        except* PatrolError as e:
            raise e.exceptions[0] from None
        return self.progress

    async def _take(self, event: VehicleEvent) -> None:
        before = self.progress
        self.progress, note = follow(event, self._mission, before)
        if note is None or self._is_our_own_hold(event):
            return
        told = Told(phase=note.phase, cut=note.cut)
        if self.progress.step != before.step:
            told = replace(told, step=self.progress.step, loops_done=self.progress.laps)
        await self._note(note, told)

    async def _note(self, note: Note, told: Told) -> None:
        await tell(self._job, self._crew, note.text, told)

    def _is_our_own_hold(self, event: VehicleEvent) -> bool:
        return self._keeping and event.kind in {EventKind.HELD, EventKind.RESUMED}

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
        """Play the cue and do not let the vehicle leave before its end."""
        key = self._key(cue)
        if self._crew.muted():
            await tell(self._job, self._crew, f"cue {cue.id} not played: silenced")
            return
        step = next(s for s in self._mission.steps if s.seq == seq)
        margin_s = self._crew.limits.dwell_margin_s
        stay_s = max(0.0, (step.duration_s or 0.0) - margin_s)
        async with asyncio.TaskGroup() as group:
            keeper = group.create_task(self._keep(stay_s), name=f"keep-{cue.id}")
            outcome = await self._announce(cue, key)
            if not self._keeping:
                keeper.cancel()
        await self._told_of(cue, outcome)
        if self._keeping:
            await self._leave(seq)

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

    async def _told_of(self, cue: Cue, outcome: Playback | str) -> None:
        if isinstance(outcome, str):
            await tell(self._job, self._crew, f"cue {cue.id} not played: {outcome}")
        elif outcome.status is PlaybackStatus.COMPLETED and outcome.complete:
            await tell(
                self._job,
                self._crew,
                f"cue {cue.id} played to the end",
                Told(cue_done=cue.id),
            )
        else:
            why = outcome.reason or outcome.status.value
            await tell(self._job, self._crew, f"cue {cue.id} not complete: {why}")

    async def _keep(self, stay_s: float) -> None:
        """Hold the vehicle shortly before its dwell would end by itself."""
        await self._crew.clock.sleep(stay_s)
        self._keeping = True
        try:
            await self._crew.member.vehicle.hold()
        except PatrolError as e:
            self._keeping = False
            await tell(self._job, self._crew, f"left before the message ended: {e}")

    async def _leave(self, seq: int) -> None:
        """Go on after a dwell that we made longer."""
        try:
            if self._operator_holds() or self.progress.cut is not None:
                return
            vehicle = self._crew.member.vehicle
            await vehicle.skip_to(seq + 1)
            await vehicle.resume()
        except PatrolError as e:
            await tell(
                self._job,
                self._crew,
                f"could not go on after the message: {e}",
                Told(phase=Phase.HELD),
            )
        finally:
            self._keeping = False

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
