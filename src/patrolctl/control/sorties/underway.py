"""A sortie under way: facts followed, messages said, dwells kept for them."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from patrolctl.control.live.broadcast import Listener
from patrolctl.control.sorties.cueing import Cueing, Due
from patrolctl.control.sorties.follow import Note, Progress, follow
from patrolctl.control.sorties.job import Crew, SortieJob, Told, tell
from patrolctl.control.sorties.prepare import Prepared
from patrolctl.domain.errors import LinkFailed
from patrolctl.domain.machines import LinkState, VehicleKind
from patrolctl.domain.telemetry import EventKind, Telemetry, VehicleEvent

log = logging.getLogger(__name__)

# The vehicle is not in its dwell any more.
LEAVING = frozenset(
    {
        EventKind.STEP,
        EventKind.DWELL_ENDED,
        EventKind.RETURNING,
        EventKind.FAILSAFE,
        EventKind.DISARMED,
    }
)


class Underway:
    """Follows one launched vehicle until its sortie has ended.

    Args:
        job: what is done.
        crew: who does it.
        prepared: the mission that it flies.
        cueing: the sortie's messages.
        recalled: whether the operator ended it.
    """

    def __init__(
        self,
        job: SortieJob,
        crew: Crew,
        prepared: Prepared,
        cueing: Cueing,
        recalled: Callable[[], bool],
    ) -> None:
        self._job = job
        self._crew = crew
        self._mission = prepared.mission
        self._cues = prepared.cues
        self._cueing = cueing
        self._recalled = recalled
        self._cued: set[str] = set()
        self._dwell = 0  # counts those begun; 0 while it is in none
        self._dwells = 0
        self.progress = Progress(step=1, laps=prepared.laps)

    async def follow(self, events: Listener[VehicleEvent]) -> Progress:
        """Until the vehicle is home (or down), whatever the reason.

        Raises:
            ExceptionGroup: of LinkFailed, when nothing was heard for so long
                that nobody knows.
        """
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._watch(events), name="watch")]
            async for event in events:
                before = self.progress
                self.progress, note = follow(event, self._mission, before)
                if self.progress.ended:
                    break
                if due := self._due(event):  # first: the vehicle stands there now
                    talk = self._cueing.talk(due)
                    tasks.append(group.create_task(talk, name=f"cue-{due.name}"))
                if self.progress.laps != before.laps:
                    loading = self._cueing.reload(self.progress.laps)
                    tasks.append(group.create_task(loading, name="cue-sheet"))
                if note is not None:
                    await self._tell(note, before)
            for task in tasks:
                task.cancel()
        return self.progress

    async def _tell(self, note: Note, before: Progress) -> None:
        told = Told(phase=note.phase, cut=note.cut)
        if self.progress.step != before.step:
            told = replace(told, step=self.progress.step, loops_done=self.progress.laps)
        await tell(self._job, self._crew, note.text, told)

    # -- message and motion

    def _due(self, event: VehicleEvent) -> Due | None:
        """The message that this fact makes due, once a lap."""
        if event.kind in LEAVING:
            self._dwell = 0
        if event.kind is not EventKind.DWELL_STARTED or event.seq is None:
            return None
        self._dwells += 1
        this = self._dwell = self._dwells
        cue = self._cues.at(event.seq)
        if cue is None:
            return None

        def gone() -> bool:
            return self._dwell != this or self._recalled()

        due = Due(cue, event.seq, self.progress.laps, gone)
        if due.name in self._cued:
            return None
        self._cued.add(due.name)
        return due

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
