"""Alerts: kept, then pushed over MQTT and the live socket."""

import asyncio
import logging
from collections.abc import Mapping

from patrolctl.clock import Clock
from patrolctl.control.live.feed import LiveFeed
from patrolctl.domain.alerts import Alert, AlertKind, AlertLevel
from patrolctl.domain.errors import PatrolError
from patrolctl.domain.gaps import Gap, GapHead
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.jsondoc import encode
from patrolctl.domain.run import Phase, RunEvent, RunState
from patrolctl.domain.telemetry import EventKind, Telemetry, VehicleEvent
from patrolctl.ports import AftermathStore, AlertPublisher

log = logging.getLogger(__name__)

# Facts about a vehicle that somebody has to look at.
ALARMING = frozenset(
    {
        EventKind.FAILSAFE,
        EventKind.FENCE,
        EventKind.STALLED,
        EventKind.IMPOSTOR,
        EventKind.MISSION_CHANGED,
        EventKind.HOME_MOVED,
    }
)


class Bulletin:
    """Where alerts go: the books, MQTT, whoever watches; each once."""

    def __init__(
        self,
        store: AftermathStore,
        feed: LiveFeed,
        clock: Clock,
        publisher: AlertPublisher | None = None,
    ) -> None:
        self._store = store
        self._feed = feed
        self._clock = clock
        self._publisher = publisher

    async def alert(self, alert: Alert) -> None:
        """Push an alert, unless one of its id was pushed before."""
        if not await self._store.add_alert(alert):
            return
        log.warning("%s: %s", alert.kind, alert.text, extra={"run": alert.run_id})
        self._feed.show("alert", encode(alert))
        if self._publisher is not None:
            await self._publisher.alert(alert)

    async def gap(self, gap: Gap) -> None:
        """Push what a gap is like now."""
        head = GapHead.of(gap)
        self._feed.show("gap", encode(head))
        if self._publisher is not None:
            await self._publisher.gap(head)

    async def of_gap(self, gap: Gap, kind: AlertKind, text: str) -> None:
        """Alert about a gap that opened or closed."""
        opened = kind is AlertKind.GAP_OPENED
        await self.alert(
            Alert(
                id=f"{kind}-{gap.id}",
                ts_utc=self._clock.utc(),
                site_id=gap.site_id,
                kind=kind,
                level=AlertLevel.NOTICE if opened else AlertLevel.GOOD,
                text=text,
                run_id=gap.id,
            )
        )


class Watch:
    """Looks through all facts for what is alarming (a Publisher of the feed).

    It only takes notes while the feed holds its order, and pushes them from a
    task of its own.

    Args:
        site_of: the site of each vehicle.
    """

    def __init__(self, site_of: Mapping[VehicleId, str]) -> None:
        self._site_of = site_of
        self._notes: asyncio.Queue[Alert] = asyncio.Queue()

    async def telemetry(self, sample: Telemetry, *, sortie: str | None) -> None:
        """Samples alarm nobody."""

    async def vehicle_event(self, event: VehicleEvent) -> None:
        """A fact about a vehicle."""
        if event.kind not in ALARMING:
            return
        self._notes.put_nowait(
            Alert(
                id=f"vehicle-{event.id}",
                ts_utc=event.ts_utc,
                site_id=self._site_of.get(event.vehicle_id, ""),
                kind=AlertKind.VEHICLE,
                level=AlertLevel.URGENT,
                text=f"{event.vehicle_id}: {event.kind}: {event.text}".rstrip(": "),
                vehicle_id=event.vehicle_id,
            )
        )

    async def run_event(self, event: RunEvent, state: RunState) -> None:
        """A fact about a run."""
        if state.phase not in {Phase.ABORTED, Phase.FAILED} or not state.sorties:
            return
        first = state.sorties[0].vehicle_id
        failed = state.phase is Phase.FAILED
        self._notes.put_nowait(
            Alert(
                id=f"run-{state.id}-{state.phase}",
                ts_utc=event.ts_utc,
                site_id=self._site_of.get(first, ""),
                kind=AlertKind.RUN_BROKE_OFF,
                level=AlertLevel.URGENT if failed else AlertLevel.NOTICE,
                text=f"{state.id} is {state.phase}: {state.reason or event.text}",
                run_id=state.id,
            )
        )

    async def push(self, bulletin: Bulletin) -> None:
        """Push what was noted, for ever (until cancelled)."""
        while True:
            alert = await self._notes.get()
            try:
                await bulletin.alert(alert)
            except PatrolError as e:
                log.warning("alert not kept: %s: %s", alert.text, e)
