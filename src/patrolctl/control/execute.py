"""One sortie from the gate to the ground: the way of the data.

check → upload → cue sheet → launch → follow the vehicle's facts → say the
message of each dwell and stay until it was heard to its end → home. The steps
are in ``prepare`` and ``underway``; here is their order and every way it can
end. What is about to be done is recorded before it is done, so that a
restarted service (``recover``) does nothing twice.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from patrolctl.control.live.broadcast import Listener
from patrolctl.control.sorties.cueing import Cueing
from patrolctl.control.sorties.follow import Progress
from patrolctl.control.sorties.job import Crew, SortieJob, Told, insist, tell
from patrolctl.control.sorties.prepare import Prepared, prepare, until_ready
from patrolctl.control.sorties.recorder import Recorder
from patrolctl.control.sorties.recover import find, may_be_under_way
from patrolctl.control.sorties.underway import Underway
from patrolctl.control.sorties.waiting import Recalled, Waits, until_told
from patrolctl.domain.errors import LaunchRefused, LinkFailed, PatrolError
from patrolctl.domain.mission import Mission
from patrolctl.domain.run import Part, Phase
from patrolctl.domain.telemetry import VehicleEvent

log = logging.getLogger(__name__)


def first_leaf(error: BaseException) -> BaseException:
    """The first single error inside nested groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


class Execution:
    """One sortie of a run.

    ``recalled`` is set once the operator called it home and ``changing`` once
    he called it for a battery, both before the vehicle is told, so that
    nothing here works against him. ``resumed`` is set when he resumes.

    Args:
        job: what is done.
        crew: who does it.
        left: an earlier process left it unfinished: look before doing.
    """

    def __init__(self, job: SortieJob, crew: Crew, *, left: bool = False) -> None:
        self.job = job
        self.crew = crew
        self.cueing = Cueing(job, crew)
        self.recalled: str | None = None
        self.changing: str | None = None
        self.resumed = asyncio.Event()
        self._left = left
        self.launched = left and may_be_under_way(crew.sortie(job.sortie.id))
        self._prepared: Prepared | None = None
        self._events: Listener[VehicleEvent] | None = None

    async def run(self, clear_to_start: Callable[[], Awaitable[None]]) -> None:
        """Everything, to the end; the outcome is told, never raised.

        ``clear_to_start`` returns when this sortie may start, and raises
        Recalled when it never will.
        """
        try:
            await self._with_reports(clear_to_start)
        except* Recalled as e:
            why = str(first_leaf(e))
            await self._tell(why, Told(phase=Phase.ABORTED, waits=""))
        except* PatrolError as e:
            await self._failed(str(first_leaf(e)))
        except* Exception as e:
            log.exception("defect", extra={"run": self.job.run_id})
            await self._failed(f"defect: {first_leaf(e)!r}")
        await self.cueing.take_back()

    def finish(self, why: str) -> None:
        """End a sortie whose vehicle stands safely where it was told to."""
        self.recalled = self.recalled or why
        if self._events is not None:
            self._events.close()

    @property
    def mission(self) -> Mission | None:
        """What it flies, once that is known."""
        return None if self._prepared is None else self._prepared.mission

    async def insist(self) -> None:
        """The gate, again, before the vehicle is told to go on."""
        if self._prepared is not None:
            await insist(self.job, self.crew, self._prepared.mission)

    async def _tell(self, text: str, told: Told) -> None:
        await tell(self.job, self.crew, text, told)

    # -- the order of things

    async def _with_reports(self, clear: Callable[[], Awaitable[None]]) -> None:
        """Reports of the speaker are credited all the time."""
        with self.crew.member.playbacks.listen() as reports:
            async with asyncio.TaskGroup() as group:
                listening = self.cueing.listen(reports)
                task = group.create_task(listening, name="reports")
                await self._to_the_end(clear)
                task.cancel()

    async def _to_the_end(self, clear: Callable[[], Awaitable[None]]) -> None:
        waits = await (self._take_up(clear) if self._left else self._depart(clear))
        while waits is not None:
            self.launched = False
            self._prepared = None
            self.resumed.clear()
            await self.cueing.take_back()
            await until_told(self.job, self.crew, waits, self.resumed)
            waits = await self._depart_again(clear)

    async def _depart(self, clear: Callable[[], Awaitable[None]]) -> Waits | None:
        """Launch it and follow it to the ground; why it waits there, if so."""
        self._prepared = prepared = await prepare(self.job, self.crew)
        await self.cueing.load(prepared, prepared.laps)
        await self._until_may_start(prepared, clear)
        with self.crew.member.events.listen() as events:
            await self._launch(prepared)
            return await self._fly(prepared, events)

    async def _depart_again(self, clear: Callable[[], Awaitable[None]]) -> Waits | None:
        """As :meth:`_depart`, but what goes wrong on the ground is asked about."""
        try:
            return await self._depart(clear)
        except Recalled:
            raise
        except PatrolError as e:
            if self.crew.member.telemetry.armed:
                raise
            return Waits(f"not launched again: {e}")

    async def _take_up(self, clear: Callable[[], Awaitable[None]]) -> Waits | None:
        """Go on with what an earlier process left."""
        with self.crew.member.events.listen() as events:
            found = await find(self.job, self.crew, self.cueing)
            if found.follow is not None:
                self.launched = True
                self._prepared = found.follow
                run = self.crew.run()
                self.recalled = None if run.held else run.over
                home = self.crew.member.telemetry.purpose in {"return", "land"}
                if home and self.recalled is None:
                    # A failsafe brought it home: what is left is asked about.
                    self.changing = "it was coming home when the service came back"
                await self.cueing.load(found.follow, found.follow.laps)
                return await self._fly(found.follow, events)
        self.launched = False
        if found.home is not None:
            await self._tell(found.home, Told(phase=Phase.FINISHED, launching=False))
            return None
        return found.waits or await self._depart(clear)

    async def _until_may_start(
        self, prepared: Prepared, clear_to_start: Callable[[], Awaitable[None]]
    ) -> None:
        """Vehicle ready, time come, gate passed: all three at one moment."""
        await until_ready(self.crew)
        while True:
            await clear_to_start()
            await until_ready(self.crew)
            await insist(self.job, self.crew, prepared.mission)
            if not self.crew.held():
                return

    async def _launch(self, prepared: Prepared) -> None:
        if prepared.receipt is None:
            raise LaunchRefused(self.crew.member.entry.id, ("nothing was uploaded",))
        part = self.crew.sortie(self.job.sortie.id).part
        number = part.number if part else 1
        self.launched = True
        try:
            await self.crew.member.vehicle.launch(
                prepared.receipt, arming=self._about_to_arm
            )
        except PatrolError:
            await self._tell("not launched", Told(launching=False))
            raise
        told = Told(phase=Phase.RUNNING, step=1, launching=False, departures=number)
        await self._tell("launched", told)
        # A command that came while it was starting could not be obeyed then.
        if self.recalled is not None or self.changing is not None:
            await self.crew.member.vehicle.return_home()
        elif self.crew.held():
            await self.crew.member.vehicle.hold()

    async def _about_to_arm(self) -> None:
        """Written down before it is done, or not done."""
        await self._tell("about to arm", Told(launching=True))
        if (fault := self.crew.feed.store_fault) is not None:
            reason = f"the launch could not be written down: {fault}"
            raise LaunchRefused(self.crew.member.entry.id, (reason,))

    # -- in the air

    async def _fly(
        self, prepared: Prepared, events: Listener[VehicleEvent]
    ) -> Waits | None:
        self._events = events
        underway = Underway(
            self.job,
            self.crew,
            prepared,
            self.cueing,
            lambda: self.recalled is not None or self.changing is not None,
        )
        async with asyncio.TaskGroup() as group:
            recording = group.create_task(self._record(), name="track")
            progress = await underway.follow(events)
            recording.cancel()
        waits = self._goes_on_later(prepared, progress)
        if waits is None:
            await self._ended(progress)
        self.changing = None
        return waits

    async def _record(self) -> None:
        recorder = Recorder(self.job.run_id, self.crew.member, self.crew.feed)
        try:
            await recorder.record(self.crew.clock, self.crew.member.pace.track_s)
        finally:
            recorder.collect()
            await recorder.flush()

    # -- back on the ground

    def _goes_on_later(self, prepared: Prepared, progress: Progress) -> Waits | None:
        """It came home for a battery: what is left of it, if anything."""
        if self.recalled is not None or self._all_said():
            return None
        # After a restart also one that came home for want of us.
        asks = progress.spent or (self._left and progress.homing)
        why = self.changing or (progress.cut if asks else None)
        if why is None:
            return None
        missing = self.cueing.book.missing
        names = self.cueing.book.names
        part = Part(
            number=self.crew.sortie(self.job.sortie.id).departures + 1,
            step=self._broke_off_at(prepared, progress),
            laps=progress.laps,
            cues_done=tuple(n for n in names if n not in missing),
        )
        left = f"{len(missing)} of {len(names)} messages to go"
        battery = self.changing is not None or progress.spent
        what = "change the battery and resume" if battery else "resume flies them"
        return Waits(f"{why}; {left}; {what}", battery=battery, part=part)

    def _all_said(self) -> bool:
        book = self.cueing.book
        return bool(book.names) and not book.missing

    def _broke_off_at(self, prepared: Prepared, progress: Progress) -> int:
        """The plan's item at which it broke off."""
        try:
            broke_off = self.crew.member.vehicle.breakpoint
        except LinkFailed:
            broke_off = None
        seq = broke_off.seq if broke_off is not None else progress.step
        step = next((s for s in prepared.mission.steps if s.seq == seq), None)
        return step.plan_seq or 0 if step is not None else 0

    async def _ended(self, progress: Progress) -> None:
        cut = self.recalled or progress.cut
        loops = max(progress.laps, self.job.sortie.loops)
        if cut is None:
            await self._tell("home", Told(phase=Phase.FINISHED, loops_done=loops))
        elif self.recalled is None and progress.homing and self._all_said():
            text = f"home early, after its last message: {cut}"
            await self._tell(text, Told(phase=Phase.FINISHED, cut=cut))
        else:
            await self._tell(cut, Told(phase=Phase.ABORTED, cut=cut))

    async def _failed(self, why: str) -> None:
        """Tell it, and do not leave a vehicle in the air without a master."""
        if self.launched and self.crew.member.telemetry.armed:
            try:
                await self.crew.member.vehicle.return_home()
                why = f"{why}; called home"
            except PatrolError as e:
                why = f"{why}; could not be called home: {e}"
        await self._tell(why, Told(phase=Phase.FAILED, launching=False, waits=""))
