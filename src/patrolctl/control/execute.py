"""One sortie from the gate to the ground: the way of the data.

check → upload → launch → follow the vehicle's facts → play the cue of each
dwell and stay until it was heard to its end → home. The steps are in
``prepare`` and ``underway``; here is their order and every way it can end.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from patrolctl.control.broadcast import Listener
from patrolctl.control.follow import Progress
from patrolctl.control.job import Crew, SortieJob, Told, insist, tell
from patrolctl.control.prepare import Prepared, prepare, until_ready
from patrolctl.control.recorder import Recorder
from patrolctl.control.underway import Underway
from patrolctl.domain.errors import Conflict, PatrolError
from patrolctl.domain.run import Phase
from patrolctl.domain.telemetry import VehicleEvent

log = logging.getLogger(__name__)


class Recalled(Conflict):
    """The operator called the run home before this sortie had started."""


def first_leaf(error: BaseException) -> BaseException:
    """The first single error inside nested groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


class Execution:
    """One sortie of a run.

    ``held`` is set while the operator has it held and ``recalled`` once he
    called it home, both before the vehicle is told, so that nothing here
    works against him.
    """

    def __init__(self, job: SortieJob, crew: Crew) -> None:
        self.job = job
        self.crew = crew
        self.held = False
        self.recalled: str | None = None
        self.launched = False
        self._prepared: Prepared | None = None
        self._events: Listener[VehicleEvent] | None = None

    async def run(self, clear_to_start: Callable[[], Awaitable[None]]) -> None:
        """Everything, to the end; the outcome is told, never raised.

        ``clear_to_start`` returns when this sortie may start, and raises
        Recalled when it never will.
        """
        try:
            with self.crew.member.events.listen() as events:
                self._events = events
                self._prepared = await prepare(self.job, self.crew)
                await self._until_may_start(self._prepared, clear_to_start)
                await self._launch(self._prepared)
                underway = Underway(
                    self.job,
                    self.crew,
                    self._prepared,
                    lambda: self.recalled is not None,
                )
                async with asyncio.TaskGroup() as group:
                    recording = group.create_task(self._record(), name="track")
                    progress = await underway.follow(events)
                    recording.cancel()
        except* Recalled as e:
            await self._tell(str(first_leaf(e)), Told(phase=Phase.ABORTED))
        except* PatrolError as e:
            await self._failed(str(first_leaf(e)))
        except* Exception as e:
            log.exception("defect", extra={"run": self.job.run_id})
            await self._failed(f"defect: {first_leaf(e)!r}")
        else:
            await self._ended(progress)

    def finish(self, why: str) -> None:
        """End a sortie whose vehicle stands safely where it was told to."""
        self.recalled = self.recalled or why
        if self._events is not None:
            self._events.close()

    async def insist(self) -> None:
        """The gate, again, before the vehicle is told to go on."""
        if self._prepared is not None:
            await insist(self.job, self.crew, self._prepared.mission)

    async def _tell(self, text: str, told: Told) -> None:
        await tell(self.job, self.crew, text, told)

    async def _until_may_start(
        self, prepared: Prepared, clear_to_start: Callable[[], Awaitable[None]]
    ) -> None:
        """Vehicle ready, time come, gate passed: all three at one moment."""
        await until_ready(self.crew)
        while True:
            await clear_to_start()
            await until_ready(self.crew)
            await insist(self.job, self.crew, prepared.mission)
            if not self.held:
                return

    async def _launch(self, prepared: Prepared) -> None:
        self.launched = True
        await self.crew.member.vehicle.launch(prepared.receipt)
        await self._tell("launched", Told(phase=Phase.RUNNING, step=1))
        # A command that came while it was starting could not be obeyed then.
        if self.recalled is not None:
            await self.crew.member.vehicle.return_home()
        elif self.held:
            await self.crew.member.vehicle.hold()

    async def _record(self) -> None:
        recorder = Recorder(self.job.run_id, self.crew.member, self.crew.store)
        try:
            await recorder.record(self.crew.clock, self.crew.member.pace.track_s)
        finally:
            recorder.collect()
            await recorder.flush()

    async def _ended(self, progress: Progress) -> None:
        cut = self.recalled or progress.cut
        if cut:
            await self._tell(cut, Told(phase=Phase.ABORTED, cut=cut))
        else:
            loops = max(progress.laps, self.job.sortie.loops)
            await self._tell("home", Told(phase=Phase.FINISHED, loops_done=loops))

    async def _failed(self, why: str) -> None:
        """Tell it, and do not leave a vehicle in the air without a master."""
        if self.launched and self.crew.member.telemetry.armed:
            try:
                await self.crew.member.vehicle.return_home()
                why = f"{why}; called home"
            except PatrolError as e:
                why = f"{why}; could not be called home: {e}"
        await self._tell(why, Told(phase=Phase.FAILED))
