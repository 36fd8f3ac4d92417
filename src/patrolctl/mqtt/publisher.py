"""Telemetry and facts out: implements ``ports.FleetPublisher``."""

from collections import defaultdict
from dataclasses import dataclass

from patrolctl import __version__
from patrolctl.clock import Clock
from patrolctl.domain.alerts import Alert
from patrolctl.domain.gaps import GapHead, GapState
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import FleetVehicle, LinkState
from patrolctl.domain.run import RunEvent, RunState
from patrolctl.domain.telemetry import Telemetry, VehicleEvent
from patrolctl.mqtt import payloads, topics
from patrolctl.mqtt.connection import Connection
from patrolctl.mqtt.outbox import Message
from patrolctl.mqtt.topics import Channel

STATE_EVERY_S = 1.0
POSITION_EVERY_S = 0.2
CLOSED_GAP_S = 86_400


@dataclass(slots=True)
class _Pace:
    """When a vehicle was last published, and what was notable then."""

    state_s: float = float("-inf")
    position_s: float = float("-inf")
    notable: tuple[object, ...] = ()


class ServiceStatus:
    """Makes the messages of ``service/connection``."""

    def __init__(self, site_id: str, clock: Clock) -> None:
        self._topic = topics.SERVICE.topic(site_id)
        self._clock = clock
        self._seq = 0

    def message(self, state: str) -> Message:
        """``ONLINE``, ``OFFLINE``, or the will ``CONNECTION_BROKEN``."""
        self._seq += 1
        payload = payloads.ConnectionPayload(
            id=payloads.new_id(),
            ts_utc=self._clock.utc(),
            seq=self._seq,
            state=state,
            version=__version__,
        )
        return Message(self._topic, payloads.encode(payload), topics.SERVICE.retain)


class MqttPublisher:
    """Publishes what INTERFACE.md's topic table lists."""

    def __init__(self, connection: Connection, *, site_id: str, clock: Clock) -> None:
        self._connection = connection
        self._site_id = site_id
        self._clock = clock
        self._seqs: defaultdict[str, int] = defaultdict(int)
        self._paces: defaultdict[VehicleId, _Pace] = defaultdict(_Pace)

    def _seq(self, topic: str) -> int:
        self._seqs[topic] += 1
        return self._seqs[topic]

    def _fact(self, channel: Channel, topic: str, payload: object) -> None:
        self._connection.fact(
            Message(topic, payloads.encode(payload), channel.retain, channel.expiry_s)
        )

    async def telemetry(self, sample: Telemetry, *, sortie: str | None) -> None:
        """A sample; latest wins, state at 1 Hz and on change, position at 5 Hz."""
        now_s = self._clock.monotonic_s()
        pace = self._paces[sample.vehicle_id]
        notable = (
            sample.mode,
            sample.armed,
            sample.link,
            sample.seq,
            sample.failsafe,
            sample.mission_active,
            sortie,
        )
        if notable != pace.notable or now_s - pace.state_s >= STATE_EVERY_S:
            pace.state_s, pace.notable = now_s, notable
            topic = topics.STATE.topic(self._site_id, sample.vehicle_id)
            state = payloads.telemetry_payload(sample, sortie, seq=self._seq(topic))
            self._sample(topics.STATE, topic, state)
        if sample.lat_deg is not None and now_s - pace.position_s >= POSITION_EVERY_S:
            pace.position_s = now_s
            topic = topics.POSITION.topic(self._site_id, sample.vehicle_id)
            place = payloads.position_payload(sample, seq=self._seq(topic))
            self._sample(topics.POSITION, topic, place)

    def _sample(self, channel: Channel, topic: str, payload: object) -> None:
        self._connection.sample(
            Message(topic, payloads.encode(payload), expiry_s=channel.expiry_s)
        )

    async def vehicle_event(self, event: VehicleEvent) -> None:
        """A fact about a vehicle."""
        topic = topics.VEHICLE_EVENTS.topic(self._site_id, event.vehicle_id)
        payload = payloads.vehicle_event_payload(event, seq=self._seq(topic))
        self._fact(topics.VEHICLE_EVENTS, topic, payload)

    async def run_event(self, event: RunEvent, state: RunState) -> None:
        """A fact about a run, and the state after it."""
        topic = topics.RUN_EVENTS.topic(self._site_id, event.run_id)
        payload = payloads.run_event_payload(event, seq=self._seq(topic))
        self._fact(topics.RUN_EVENTS, topic, payload)
        topic = topics.RUN_STATE.topic(self._site_id, state.id)
        latest = payloads.run_state_payload(state, event, seq=self._seq(topic))
        self._fact(topics.RUN_STATE, topic, latest)

    async def alert(self, alert: Alert) -> None:
        """What somebody should look at."""
        topic = topics.ALERTS.topic(self._site_id)
        self._fact(
            topics.ALERTS, topic, payloads.alert_payload(alert, seq=self._seq(topic))
        )

    async def gap(self, head: GapHead) -> None:
        """Whom a run missed; retained until a day after it is closed."""
        topic = topics.GAP_STATE.topic(self._site_id, head.id)
        payload = payloads.gap_payload(
            head, ts_utc=self._clock.utc(), seq=self._seq(topic)
        )
        closed = head.state is GapState.CLOSED
        expiry_s = CLOSED_GAP_S if closed else topics.GAP_STATE.expiry_s
        raw = payloads.encode(payload)
        self._connection.fact(Message(topic, raw, topics.GAP_STATE.retain, expiry_s))

    async def connection(self, vehicle_id: VehicleId, link: LinkState) -> None:
        """The state of a vehicle's link; retained."""
        topic = topics.CONNECTION.topic(self._site_id, vehicle_id)
        payload = payloads.LinkPayload(
            id=payloads.new_id(),
            ts_utc=self._clock.utc(),
            seq=self._seq(topic),
            vehicle_id=vehicle_id,
            link=link,
        )
        self._fact(topics.CONNECTION, topic, payload)

    async def factsheet(self, entry: FleetVehicle) -> None:
        """What a vehicle is; retained."""
        topic = topics.FACTSHEET.topic(self._site_id, entry.id)
        payload = payloads.factsheet_payload(
            entry, ts_utc=self._clock.utc(), seq=self._seq(topic)
        )
        self._fact(topics.FACTSHEET, topic, payload)
