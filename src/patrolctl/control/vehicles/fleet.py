"""All vehicles, and the four things that can be said to all of them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from patrolctl.clock import Clock
from patrolctl.control.live.feed import LiveFeed
from patrolctl.control.vehicles.member import Member, Mooring, Pace
from patrolctl.domain.errors import Conflict, NotFound, PatrolError
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import FleetVehicle, LinkState
from patrolctl.domain.sound import SpeakerState
from patrolctl.domain.telemetry import Telemetry
from patrolctl.ports import FleetPublisher, Speaker, VehicleConnector

log = logging.getLogger(__name__)

PACE = Pace()


class FleetVerb(StrEnum):
    """What the whole fleet can be told."""

    SILENCE = "silence"
    HOLD = "hold"
    RETURN_HOME = "return_home"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class VehicleView:
    """A vehicle as it is shown: registry entry, telemetry, sortie."""

    entry: FleetVehicle
    telemetry: Telemetry
    sortie: str | None


async def stop_member(member: Member) -> None:
    """Motion first, and neither waits for the other nor for its failure."""
    problems: list[str] = []

    async def attempt(doing: str) -> None:
        try:
            if doing == "stop":
                await member.vehicle.stop()
            else:
                await member.hush()
        except PatrolError as e:
            problems.append(str(e))

    async with asyncio.TaskGroup() as group:
        group.create_task(attempt("stop"), name=f"stop-{member.entry.id}")
        group.create_task(attempt("hush"), name=f"hush-{member.entry.id}")
    if problems:
        raise Conflict("; ".join(problems))


async def _tell(member: Member, verb: FleetVerb) -> None:
    match verb:
        case FleetVerb.SILENCE:
            await member.hush()
        case FleetVerb.STOP:
            await stop_member(member)
        case FleetVerb.HOLD | FleetVerb.RETURN_HOME:
            vehicle = member.vehicle
            if vehicle.telemetry.armed is False:
                raise Conflict("not armed, nothing to do")
            if verb is FleetVerb.HOLD:
                await vehicle.hold()
            else:
                await vehicle.return_home()


async def tell_each(
    members: Iterable[Member],
    doing: Callable[[Member], Awaitable[None]],
    what: str,
    clock: Clock,
) -> dict[VehicleId, str]:
    """Do one thing with all of them at once; the reasons of those that failed.

    Nobody waits for another, and nobody's failure reaches another.
    """
    problems: dict[VehicleId, str] = {}

    async def one(member: Member) -> None:
        vehicle_id, patience_s = member.entry.id, member.pace.command_s
        try:
            async with clock.timeout(patience_s):
                await doing(member)
        except TimeoutError:
            problems[vehicle_id] = (
                f"{vehicle_id}: {what}: not done in {patience_s:.0f} s"
            )
        except PatrolError as e:
            problems[vehicle_id] = str(e)
        except Exception as e:
            # The others must be told whatever is wrong with this one.
            log.exception("%s of %s", what, vehicle_id)
            problems[vehicle_id] = f"{vehicle_id}: defect: {type(e).__name__}: {e}"

    async with asyncio.TaskGroup() as group:
        for member in members:
            group.create_task(one(member), name=f"{what}-{member.entry.id}")
    return problems


class Fleet:
    """The vehicles that this service looks after.

    Args:
        entries: the registry.
        connector: opens a vehicle's link.
        speakers: the loudspeaker of each vehicle that has one.
        feed: where their facts and samples go.
        clock: time.
        pace: how often things are looked at.
        publisher: is told of links and of what the vehicles are.
        on_round: called each time a vehicle was looked after; its heartbeat
            may depend on it.
    """

    def __init__(  # noqa: PLR0913 - the composition root calls it once, by name
        self,
        entries: Iterable[FleetVehicle],
        *,
        connector: VehicleConnector,
        speakers: Mapping[VehicleId, Speaker],
        feed: LiveFeed,
        clock: Clock,
        pace: Pace = PACE,
        publisher: FleetPublisher | None = None,
        on_round: Callable[[FleetVehicle], None] = lambda _: None,
    ) -> None:
        self._clock = clock
        self.pace = pace
        self._publisher = publisher
        mooring = Mooring(connector, feed, clock, pace, self._on_link, on_round)
        self._members = {e.id: Member(e, speakers.get(e.id), mooring) for e in entries}

    async def _on_link(self, entry: FleetVehicle, link: LinkState) -> None:
        log.info("link %s", link, extra={"vehicle": entry.id})
        if self._publisher is not None:
            await self._publisher.connection(entry.id, link)

    async def tend(self) -> None:
        """Look after all vehicles until cancelled."""
        if self._publisher is not None:
            for member in self._members.values():
                await self._publisher.factsheet(member.entry)
        async with asyncio.TaskGroup() as group:
            for member in self._members.values():
                group.create_task(member.tend(), name=f"tend-{member.entry.id}")

    @property
    def members(self) -> tuple[Member, ...]:
        """All vehicles, in the order of the registry."""
        return tuple(self._members.values())

    def member(self, vehicle_id: VehicleId) -> Member:
        """One vehicle.

        Raises:
            NotFound: the registry has none of that id.
        """
        try:
            return self._members[vehicle_id]
        except KeyError:
            raise NotFound("vehicle", vehicle_id) from None

    def views(self) -> tuple[VehicleView, ...]:
        """All vehicles as they are shown."""
        return tuple(VehicleView(m.entry, m.telemetry, m.sortie) for m in self.members)

    def speaker_states(self) -> tuple[SpeakerState, ...]:
        """The latest state of each loudspeaker."""
        return tuple(m.speaker.state for m in self.members if m.speaker)

    async def command(self, verb: FleetVerb) -> dict[VehicleId, str]:
        """Tell every vehicle at once; each one's result, "ok" or the reason.

        Needs neither the database nor a run: this is the way of STOP.
        """
        problems = await tell_each(
            self.members, lambda m: _tell(m, verb), str(verb), self._clock
        )
        return {m.entry.id: problems.get(m.entry.id, "ok") for m in self.members}
