"""One MAVLink vehicle: the port's verbs over link, view and progress."""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

from patrolctl.domain.errors import CommandFailed, PatrolError, UploadFailed
from patrolctl.domain.evidence import TrackPoint
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import FleetVehicle, LinkState, VehicleKind
from patrolctl.domain.mission import Breakpoint, Mission, UploadReceipt
from patrolctl.domain.telemetry import EventKind, Telemetry, VehicleEvent
from patrolctl.mavlink.autopilots.base import (
    Autopilot,
    Purpose,
    StepOnWire,
    WireMission,
)
from patrolctl.mavlink.cockpit import Approved
from patrolctl.mavlink.command import Order
from patrolctl.mavlink.edits import EditWatch
from patrolctl.mavlink.facts import Fact
from patrolctl.mavlink.guards import WrapUp, stands_still, undo_late
from patrolctl.mavlink.late import Late
from patrolctl.mavlink.launching import launch
from patrolctl.mavlink.link import Link
from patrolctl.mavlink.messages import GlobalPositionInt, Message, StatusText
from patrolctl.mavlink.options import LinkOptions
from patrolctl.mavlink.orders import Desk
from patrolctl.mavlink.progress import Progress
from patrolctl.mavlink.signing import Signer
from patrolctl.mavlink.state import View
from patrolctl.mavlink.storing import store_mission, stored_differences
from patrolctl.mavlink.trail import Trail
from patrolctl.mavlink.welcome import Welcome
from patrolctl.mavlink.wire import Cmd

log = logging.getLogger(__name__)

STOP_TRIES, STOP_AGAIN_S = 8, 0.75
FOLLOW_S = 0.05  # real seconds between two looks at the progress
CONFIRM_S = 6.0
IDENTIFIED_WITHIN_S = 20.0


class MavlinkVehicle:
    """Implements :class:`patrolctl.ports.Vehicle`.

    A rover is disarmed by us once it has finished, is back home or was
    halted for good: it never disarms by itself (mavlink.md, Rover).
    """

    def __init__(
        self,
        entry: FleetVehicle,
        options: LinkOptions,
        pilot: Autopilot,
        signer: Signer | None,
    ) -> None:
        self._entry = entry
        self.options = options
        self.pilot = pilot
        self.clock = options.clock
        self.view = View(VehicleId(entry.id), pilot)
        self.boot_id = uuid.uuid4().hex
        self.progress: Progress | None = None
        self.approved: Approved | None = None
        self.voided = ""  # why what was approved is no more
        self._link = Link(
            entry,
            options,
            pilot=pilot,
            signer=signer,
            on_message=self._on_message,
            on_fact=self.tell,
        )
        self.desk = Desk(self._link, pilot)
        self._listeners: set[asyncio.Queue[VehicleEvent]] = set()
        grounded = entry.kind is VehicleKind.ROVER
        self._trail = Trail(VehicleId(entry.id), grounded=grounded)
        self._welcome = Welcome(self._link, self.desk)
        self.edits = EditWatch(self)
        self.late = Late()
        self.held = self.launching = False
        self._wrap_up = WrapUp()

    # -- the port: state ---------------------------------------------------

    @property
    def entry(self) -> FleetVehicle:
        """The registry entry."""
        return self._entry

    @property
    def link(self) -> LinkState:
        """State of the link now."""
        return self._link.state

    @property
    def impostor(self) -> str | None:
        """Why nothing may be started, if it is not itself alone."""
        return self._link.impostor

    @property
    def telemetry(self) -> Telemetry:
        """The latest of everything."""
        step = self.progress.step if self.progress else None
        return self.view.telemetry(
            self.clock.utc(),
            self._link.state,
            self._link.quality,
            step.seq if step else None,
        )

    @property
    def breakpoint(self) -> Breakpoint | None:
        """Where the sortie broke off, to go on from after a battery change."""
        return self.progress.breakpoint if self.progress else None

    async def ready(self) -> tuple[str, ...]:
        """Why it may not launch now; empty when it may."""
        if self._link.state is not LinkState.LIVE:
            return (f"no link ({self._link.fault or self._link.state.value})",)
        reasons = []
        if self._link.impostor:
            reasons.append(self._link.impostor)
        elif not (self._link.observed and self._link.identity.verified):
            reasons.append("the vehicle has not been identified yet")
        if self.view.armed is not False:
            unknown = self.view.armed is None
            told = "it has not told its state yet" if unknown else "it is armed already"
            reasons.append(told)
        if self._link.log_fault:
            reasons.append(self._link.log_fault)
        reasons += self.pilot.unready(self.view.health)
        reasons += self._battery_faults()
        if reasons:
            since_s = self.clock.monotonic_s() - 40.0
            reasons += self.view.refusals_since(since_s)
        return tuple(reasons)

    def _battery_faults(self) -> tuple[str, ...]:
        least = self.options.min_battery_ratio
        battery = self.view.battery_ratio
        if battery is None:
            return ("it has not told its battery yet",)
        if battery < least:
            return (f"battery at {battery:.0%}, at least {least:.0%} is needed",)
        return ()

    # -- the port: verbs ---------------------------------------------------

    async def upload(self, mission: Mission) -> UploadReceipt:
        """Upload fence, rally points and mission, disarmed, and read back."""
        self._check_upload(mission)
        wire = self._compiled(mission)
        most = self.pilot.most_items
        if len(wire.items) > most:
            detail = (
                f"the mission has {len(wire.items)} items, the vehicle keeps {most}"
            )
            raise UploadFailed(self._entry.id, "NO_SPACE", detail=detail)
        self.approved = None
        boot_id = self.boot_id
        async with self.edits.upload():
            items = await store_mission(self.desk, mission, wire)
        if boot_id != self.boot_id:
            raise UploadFailed(self._entry.id, "the autopilot rebooted meanwhile")
        receipt = UploadReceipt(self._entry.id, mission.digest(), boot_id, items)
        self.approved, self.voided = Approved(receipt, mission, wire), ""
        self.progress = None
        self.tell(Fact(EventKind.UPLOADED, f"{items} items read back"))
        return receipt

    def _compiled(self, mission: Mission) -> WireMission:
        try:
            return self.pilot.compile(mission)
        except ValueError as e:
            raise UploadFailed(self._entry.id, "UNSUPPORTED", detail=str(e)) from None

    def _check_upload(self, mission: Mission) -> None:
        self._check_link(mission)
        if self.view.armed is not False:
            why = "the vehicle is armed" if self.view.armed else "not heard yet"
            raise UploadFailed(self._entry.id, "REFUSED", detail=why)

    def _check_link(self, mission: Mission) -> None:
        why = None
        if self._link.state is not LinkState.LIVE:
            why = f"no link ({self._link.fault or self._link.state.value})"
        elif self._link.impostor:
            why = self._link.impostor
        elif not self._link.identity.verified:
            why = "the vehicle has not been identified yet"
        elif mission.vehicle_kind is not self._entry.kind:
            why = f"a mission for a {mission.vehicle_kind} on a {self._entry.kind}"
        if why:
            raise UploadFailed(self._entry.id, "REFUSED", detail=why)

    async def _until_identified(self) -> None:
        """It flies already, so there is time to learn who it is."""
        link, until_s = self._link, self.clock.monotonic_s() + IDENTIFIED_WITHIN_S
        while link.state is LinkState.LIVE and link.impostor is None:
            known = link.observed and link.identity.verified
            if known or self.clock.monotonic_s() > until_s:
                return
            await self.clock.sleep(0.1)

    async def adopt(self, mission: Mission) -> UploadReceipt:
        """Take up a mission that it holds already, and may be flying."""
        await self._until_identified()
        self._check_link(mission)
        wire = self._compiled(mission)
        boot_id = self.boot_id
        async with self.edits.transfer():
            found = await stored_differences(self.desk, wire)
        if found or boot_id != self.boot_id:
            why = "; ".join(found) or "the autopilot rebooted meanwhile"
            raise UploadFailed(self._entry.id, "NOT ADOPTED", detail=why)
        items = len(wire.items) + len(wire.fence) + len(wire.rally)
        receipt = UploadReceipt(self._entry.id, mission.digest(), boot_id, items)
        self.approved, self.voided = Approved(receipt, mission, wire), ""
        self.progress = None
        if self.view.armed:
            kind, stall_s = self._entry.kind, self.options.stall_s
            self.progress = Progress(wire, kind, stall_s=stall_s)
        return receipt

    async def launch(
        self,
        receipt: UploadReceipt,
        *,
        arming: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Arm and start exactly the mission of ``receipt``."""
        self.launching, self.held = True, False
        try:
            async with self.edits.transfer():
                await launch(self, receipt, arming)
        finally:
            self.launching = False

    async def hold(self) -> None:
        """Stop moving and keep the place in the mission."""
        self._check_under_way("hold")
        if self.view.purpose is not Purpose.HOLD:
            await self.enter(Purpose.HOLD, "hold")
        self.held = True
        self.tell(Fact(EventKind.HELD, seq=self._seq()))

    async def resume(self) -> None:
        """Go on with the mission after :meth:`hold`."""
        self._check_under_way("resume")
        if self.progress is None or self.progress.finished:
            raise CommandFailed(self._entry.id, "resume", "there is nothing to resume")
        if self.view.purpose is not Purpose.MISSION:
            # The step anew with all that belongs to it: AUTO alone repeats
            # neither a heading that had been reached nor the speed (seen on
            # 4.7-dev). Its dwell goes on where our own count stopped.
            if self.progress.step is not None:
                await self.set_current(self.progress.step.first)
            self.progress.restarted()
            self.late.start_sent(self.clock.monotonic_s())
            self.held = False
            await self.enter(Purpose.MISSION, "resume")
            await self.confirm(
                lambda: bool(self.view.mission_active),
                "resume",
                "it entered the mission's mode but does not go on",
            )
            await self._command_speed(self.progress.step)
        self.held = False
        self.tell(Fact(EventKind.RESUMED, seq=self._seq()))

    async def _command_speed(self, step: StepOnWire | None) -> None:
        """The speed of a step that was not entered through its items."""
        if step is None or step.speed_m_s is None:
            return
        order = self.pilot.change_speed(step.speed_m_s)
        with contextlib.suppress(CommandFailed):
            await self.desk.order(order, "change speed")

    async def skip_to(self, seq: int) -> None:
        """Go on with mission step ``seq``."""
        self._check_under_way("skip")
        if self.approved is None or self.progress is None:
            raise CommandFailed(self._entry.id, "skip", "no mission is under way")
        step = self.approved.wire.step(seq)
        if step is None:
            raise CommandFailed(self._entry.id, "skip", f"there is no step {seq}")
        await self.set_current(step.first)
        self.progress.restarted()
        await self.confirm(
            lambda: (
                self.view.wire_seq is not None
                and step.first <= self.view.wire_seq <= step.last
            ),
            "skip",
            f"step {seq} did not become the current one",
        )
        await self._command_speed(step)

    async def keep(self, seq: int, for_s: float) -> None:
        """Stay in dwell step ``seq`` for ``for_s`` from now; 0 lets it go on."""
        if self.progress is not None:
            self.progress.keep(seq, for_s)

    async def return_home(self) -> None:
        """Leave the mission and come home."""
        self._check_armed("return home")
        self.held = False
        if self.view.purpose is not Purpose.RETURN:
            await self.enter(Purpose.RETURN, "return home")

    async def land(self) -> None:
        """Land (copter) or halt for good (rover) here."""
        self._check_armed("land")
        await self.enter(Purpose.LAND, "land")
        if not self.pilot.disarms_itself:
            await self.confirm(
                lambda: stands_still(self), "halt", "it does not stand still"
            )
            await self.disarm()

    async def stop(self) -> None:
        """Halt at once where it is."""
        halted = self.pilot.mode_code(Purpose.HOLD)
        self.held = True
        for remaining in reversed(range(STOP_TRIES)):
            self.view.commanded(Purpose.HOLD, self.clock.monotonic_s())
            self.desk.pre_empt(self.pilot.set_mode(Purpose.HOLD))
            if self.view.armed is False:
                return
            try:
                await self.confirm(
                    lambda: self.view.custom_mode == halted,
                    "stop",
                    "it did not halt",
                    STOP_AGAIN_S,
                )
                break
            except CommandFailed:
                if not remaining:
                    raise
        self.tell(Fact(EventKind.HELD, "stopped", seq=self._seq()))

    async def events(self) -> AsyncIterator[VehicleEvent]:
        """Facts from now on."""
        queue: asyncio.Queue[VehicleEvent] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.discard(queue)

    def track(self) -> tuple[TrackPoint, ...]:
        """Positions since the last call, at the times they were measured."""
        return self._trail.take()

    # -- what the verbs are made of ------------------------------------------

    async def enter(self, purpose: Purpose, name: str) -> None:
        """Enter the mode for a purpose, confirmed by the heartbeat."""
        self.view.commanded(purpose, self.clock.monotonic_s())
        await self.desk.order(self.pilot.set_mode(purpose), name)
        code = self.pilot.mode_code(purpose)
        await self.confirm(
            lambda: self.view.custom_mode == code, name, "the mode did not change"
        )

    async def set_current(self, wire_seq: int) -> None:
        """DO_SET_MISSION_CURRENT."""
        order = Order(Cmd.DO_SET_MISSION_CURRENT, (float(wire_seq),), repeatable=True)
        await self.desk.order(order, "set current item")

    async def disarm(self) -> None:
        """Disarm, confirmed; harmless to repeat."""
        order = Order(Cmd.COMPONENT_ARM_DISARM, (0.0,), repeatable=True)
        await self.desk.order(order, "disarm")
        await self.confirm(lambda: self.view.armed is False, "disarm", "it stays armed")

    async def confirm(
        self,
        done: Callable[[], bool],
        name: str,
        failure: str,
        within_s: float = CONFIRM_S,
    ) -> None:
        """Wait until telemetry shows it.

        Raises:
            CommandFailed: it did not within the time.
        """
        until_s = self.clock.monotonic_s() + within_s
        while not done():
            if self.clock.monotonic_s() > until_s:
                raise CommandFailed(self._entry.id, name, failure)
            await asyncio.sleep(0.01)

    def tell(self, fact: Fact) -> None:
        """A fact to everybody who listens."""
        self._consequences(fact)
        event = VehicleEvent(
            id=uuid.uuid4().hex,
            ts_utc=self.clock.utc(),
            vehicle_id=VehicleId(self._entry.id),
            kind=fact.kind,
            text=fact.text,
            seq=fact.seq,
            severity=fact.severity,
        )
        for queue in self._listeners:
            queue.put_nowait(event)

    def _consequences(self, fact: Fact) -> None:
        if fact.kind is EventKind.LINK and self._link.state is LinkState.LIVE:
            self._welcome.wanted.set()
        elif fact.kind is EventKind.REBOOTED:
            # Whatever was cached belongs to the boot before.
            self.boot_id = uuid.uuid4().hex
            self.approved = self.progress = None
            self.view = View(VehicleId(self._entry.id), self.pilot)
            self._welcome.wanted.set()

    def _seq(self) -> int | None:
        step = self.progress.step if self.progress else None
        return step.seq if step else None

    def _check_armed(self, name: str) -> None:
        if self.view.armed is False:
            raise CommandFailed(self._entry.id, name, "it is not armed")

    def _check_under_way(self, name: str) -> None:
        self._check_armed(name)
        if self.view.failsafe is not None:
            raise CommandFailed(
                self._entry.id,
                name,
                f"a failsafe is in force ({self.view.failsafe}); it may return or land",
            )

    # -- what runs all the time ------------------------------------------------

    def _on_message(self, message: Message) -> None:
        now_s = self.clock.monotonic_s()
        for fact in self.view.apply(message, now_s):
            self.tell(fact)
        if isinstance(message, GlobalPositionInt):
            self._trail.push(message, self.clock.utc())
        if isinstance(message, StatusText):
            self.edits.hear(message, now_s)

    async def follow(self) -> None:
        """Look at the progress, release dwells, wrap up rovers."""
        while True:
            await asyncio.sleep(FOLLOW_S)
            if self._link.state is LinkState.LOST:
                continue
            now_s = self.clock.monotonic_s()
            for fact in self.view.tick(now_s):
                self.tell(fact)
            await undo_late(self, now_s)
            self.edits.count(now_s)
            if self.progress is not None:
                await self._follow_mission(self.progress, now_s)
            if not self.pilot.disarms_itself:
                await self._wrap_up.look(self, now_s)

    async def _follow_mission(self, progress: Progress, now_s: float) -> None:
        for fact in progress.update(self.view, now_s):
            self.tell(fact)
        wanted = progress.wants(now_s)
        if wanted is None:
            return
        try:
            await self.set_current(wanted)
        except PatrolError as e:
            log.warning("vehicle=%s %s", self._entry.id, e)

    async def run(self) -> None:
        """All tasks, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                name = f"mavlink-{self._entry.id}"
                link = self._link
                group.create_task(link.keep_open(), name=f"{name}-stream")
                group.create_task(link.keep_time(), name=f"{name}-time")
                group.create_task(link.keep_beating(), name=f"{name}-heartbeat")
                group.create_task(self.follow(), name=f"{name}-follow")
                group.create_task(self._welcome.run(), name=f"{name}-introduce")
                group.create_task(self.edits.reread(), name=f"{name}-reread")
        finally:
            self._link.close()
