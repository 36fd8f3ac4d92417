"""One vehicle and its loudspeaker, supervised for as long as we run."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from patrolctl.clock import Clock
from patrolctl.control.live.broadcast import Broadcast
from patrolctl.control.live.feed import LiveFeed
from patrolctl.control.vehicles.floor import Floor
from patrolctl.control.vehicles.keys import run_of
from patrolctl.domain.errors import LinkFailed, PatrolError
from patrolctl.domain.machines import FleetVehicle, LinkState
from patrolctl.domain.sound import Playback, SpeakerState
from patrolctl.domain.telemetry import Telemetry, VehicleEvent
from patrolctl.ports import Speaker, Vehicle, VehicleConnector

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things are looked at, in the clock's seconds."""

    sample_s: float = 0.2
    track_s: float = 0.5
    reopen_s: float = 2.0
    command_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Mooring:
    """What a member is tied to."""

    connector: VehicleConnector
    feed: LiveFeed
    clock: Clock
    pace: Pace
    on_link: Callable[[FleetVehicle, LinkState], Awaitable[None]]
    on_round: Callable[[FleetVehicle], None]


class Member:
    """A vehicle of the fleet; its troubles stay its own."""

    def __init__(
        self, entry: FleetVehicle, speaker: Speaker | None, mooring: Mooring
    ) -> None:
        self.entry = entry
        self.speaker = speaker
        self.sortie: str | None = None
        self.wants_battery = False  # a sortie waits on the ground for a fresh one
        self.events: Broadcast[VehicleEvent] = Broadcast()
        self.playbacks: Broadcast[Playback] = Broadcast()
        self.floor = Floor()
        self._to = mooring
        self._vehicle: Vehicle | None = None
        self._fault = "not connected yet"

    @property
    def vehicle(self) -> Vehicle:
        """The open vehicle.

        Raises:
            LinkFailed: there is none at the moment, with the reason.
        """
        if self._vehicle is None:
            raise LinkFailed(self.entry.id, self._fault)
        return self._vehicle

    async def hush(self) -> None:
        """Silence its loudspeaker at once, whoever has it."""
        self.floor.silence()
        if self.speaker is not None:
            await self.speaker.silence()

    @property
    def pace(self) -> Pace:
        """How often it is looked at."""
        return self._to.pace

    @property
    def telemetry(self) -> Telemetry:
        """The latest of everything; all unknown while there is no link."""
        if self._vehicle is not None:
            return self._vehicle.telemetry
        return Telemetry(
            vehicle_id=self.entry.id,
            kind=self.entry.kind,
            ts_utc=self._to.clock.utc(),
            link=LinkState.CONNECTING,
        )

    async def tend(self) -> None:
        """Keep vehicle and speaker open until cancelled."""
        async with asyncio.TaskGroup() as group:
            if self.entry.endpoint is not None:
                group.create_task(
                    self._again("vehicle", self._tend_vehicle),
                    name=f"vehicle-{self.entry.id}",
                )
            if self.speaker is not None:
                group.create_task(
                    self._again("speaker", self._tend_speaker),
                    name=f"speaker-{self.speaker.id}",
                )

    async def _again(self, what: str, tend: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await tend()
                self._fault = f"{what} was closed"
            except PatrolError as e:
                self._fault = str(e)
                log.warning("%s of %s: %s", what, self.entry.id, e)
            except Exception as e:
                # A defect in one vehicle's driver must not reach the others.
                self._fault = f"{type(e).__name__}: {e}"
                log.exception("defect in the %s of %s", what, self.entry.id)
            await self._to.clock.sleep(self._to.pace.reopen_s)

    async def _tend_vehicle(self) -> None:
        async with self._to.connector(self.entry) as vehicle:
            self._vehicle = vehicle
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pump(vehicle), name="facts")
                    group.create_task(self._sample(vehicle), name="samples")
            finally:
                self._vehicle = None

    async def _pump(self, vehicle: Vehicle) -> None:
        async for event in vehicle.events():
            # Whoever flies reacts at once; storing comes before showing.
            self.events.send(event)
            await self._to.feed.vehicle_event(event)
        raise LinkFailed(self.entry.id, "its events ended")

    async def _sample(self, vehicle: Vehicle) -> None:
        shown: tuple[object, ...] | None = None
        link: LinkState | None = None
        while True:
            sample = vehicle.telemetry
            if vehicle.link is not link:
                link = vehicle.link
                await self._to.on_link(self.entry, link)
            look = (sample, self.sortie)
            if look != shown:
                shown = look
                await self._to.feed.telemetry(sample, sortie=self.sortie)
            self._to.on_round(self.entry)
            await self._to.clock.sleep(self._to.pace.sample_s)

    async def _tend_speaker(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pump_playbacks(), name="playbacks")
            group.create_task(self._sample_speaker(), name="speaker-state")

    async def _pump_playbacks(self) -> None:
        if self.speaker is None:
            return
        async for playback in self.speaker.playbacks():
            self.playbacks.send(playback)
            await self._to.feed.playback(run_of(playback.key), playback)
        raise LinkFailed(self.entry.id, "the speaker's reports ended")

    async def _sample_speaker(self) -> None:
        shown: SpeakerState | None = None
        while self.speaker is not None:
            if self.speaker.state != shown:
                shown = self.speaker.state
                self._to.feed.speaker(shown)
            await self._to.clock.sleep(self._to.pace.sample_s)
