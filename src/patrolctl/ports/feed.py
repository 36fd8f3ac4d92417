"""Where events and telemetry go."""

from collections.abc import AsyncIterator
from typing import Protocol

from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import FleetVehicle, LinkState
from patrolctl.domain.run import RunEvent, RunState
from patrolctl.domain.telemetry import Telemetry, VehicleEvent


class Publisher(Protocol):
    """An outlet (MQTT): facts are queued and never dropped, samples may be."""

    async def telemetry(self, sample: Telemetry, *, sortie: str | None) -> None:
        """A sample; latest wins."""
        ...

    async def vehicle_event(self, event: VehicleEvent) -> None:
        """A fact about a vehicle."""
        ...

    async def run_event(self, event: RunEvent, state: RunState) -> None:
        """A fact about a run, and the state after it."""
        ...


class FleetPublisher(Publisher, Protocol):
    """An outlet that also tells what the vehicles are and how their links do."""

    async def connection(self, vehicle_id: VehicleId, link: LinkState) -> None:
        """The state of a vehicle's link; kept for late subscribers."""
        ...

    async def factsheet(self, entry: FleetVehicle) -> None:
        """What a vehicle is; kept for late subscribers."""
        ...


class Feed(Protocol):
    """What subscribers inside the service listen to (the live socket)."""

    def subscribe(self) -> AsyncIterator[tuple[str, bytes]]:
        """(type, JSON) pairs; telemetry latest-wins, facts in order."""
        ...
