"""MQTT, one hub a site: each vehicle is told under the site it belongs to."""

from collections.abc import Mapping

from patrolctl.domain.alerts import Alert
from patrolctl.domain.gaps import GapHead
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import FleetVehicle, LinkState
from patrolctl.domain.run import RunEvent, RunState
from patrolctl.domain.telemetry import Telemetry, VehicleEvent
from patrolctl.mqtt import MqttHub
from patrolctl.ports import FleetPublisher


class SiteOutlets:
    """A FleetPublisher that chooses the hub by vehicle.

    Args:
        hubs: the open hubs by site id.
        site_of: the site id of each vehicle.
    """

    def __init__(
        self, hubs: Mapping[str, MqttHub], site_of: Mapping[VehicleId, str]
    ) -> None:
        self._hubs = hubs
        self._site_of = site_of

    def _outlet(self, vehicle_id: VehicleId) -> FleetPublisher:
        return self._hubs[self._site_of[vehicle_id]].publisher

    async def telemetry(self, sample: Telemetry, *, sortie: str | None) -> None:
        """A sample; latest wins."""
        await self._outlet(sample.vehicle_id).telemetry(sample, sortie=sortie)

    async def vehicle_event(self, event: VehicleEvent) -> None:
        """A fact about a vehicle."""
        await self._outlet(event.vehicle_id).vehicle_event(event)

    async def run_event(self, event: RunEvent, state: RunState) -> None:
        """A fact about a run, told at each site that it touches."""
        sites = {self._site_of[s.vehicle_id] for s in state.sorties}
        for site in sorted(sites):
            await self._hubs[site].publisher.run_event(event, state)

    async def alert(self, alert: Alert) -> None:
        """What somebody should look at, told at its site."""
        if alert.site_id in self._hubs:
            await self._hubs[alert.site_id].publisher.alert(alert)

    async def gap(self, head: GapHead) -> None:
        """Whom a run missed, told at its site."""
        if head.site_id in self._hubs:
            await self._hubs[head.site_id].publisher.gap(head)

    async def connection(self, vehicle_id: VehicleId, link: LinkState) -> None:
        """The state of a vehicle's link."""
        await self._outlet(vehicle_id).connection(vehicle_id, link)

    async def factsheet(self, entry: FleetVehicle) -> None:
        """What a vehicle is."""
        await self._outlet(entry.id).factsheet(entry)
