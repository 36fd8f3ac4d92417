"""The service's end of DJI's topics: one connection for all its speakers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from patrolctl.clock import Clock
from patrolctl.domain.errors import InputError
from patrolctl.domain.ids import SpeakerId, VehicleId
from patrolctl.domain.machines import DjiAddress
from patrolctl.mqtt.address import parse_address
from patrolctl.mqtt.connection import Connection
from patrolctl.mqtt.dji import wire
from patrolctl.mqtt.dji.driver import DjiSpeaker
from patrolctl.mqtt.dji.keys import Keys
from patrolctl.mqtt.dji.line import Line
from patrolctl.mqtt.outbox import Message, Outbox
from patrolctl.mqtt.session import Received, SessionOptions

log = logging.getLogger(__name__)

# A broker with MQTT 5 need not deliver a service call later than this.
CALL_EXPIRY_S = 10


@dataclass(frozen=True, slots=True)
class DjiOptions:
    """How DJI's docks are reached.

    ``clip_dir`` holds the rendered clips; ``clip_base_url`` is where docks
    fetch them (None: nothing can be played). ``keys_file`` remembers what was
    asked for.
    """

    clip_dir: Path
    clip_base_url: str | None
    keys_file: Path | None = None
    client_id: str = "patrolctl-dji"


class DjiHub:
    """Speakers by their addresses; hands them what comes."""

    def __init__(
        self, connection: Connection, options: DjiOptions, keys: Keys, clock: Clock
    ) -> None:
        self._connection = connection
        self._options = options
        self._keys = keys
        self._clock = clock
        self._lines: dict[str, Line] = {}
        self._speakers: dict[SpeakerId, tuple[DjiAddress, DjiSpeaker]] = {}

    @property
    def connected(self) -> bool:
        """Whether the broker is there now."""
        return self._connection.connected

    async def ready(self) -> None:
        """Wait until the broker is there."""
        await self._connection.ready()

    def speaker(
        self, speaker_id: SpeakerId, vehicle_id: VehicleId, address: DjiAddress
    ) -> DjiSpeaker:
        """The speaker of that name; the same one each time."""
        if speaker_id not in self._speakers:
            speaker = DjiSpeaker(
                speaker_id,
                vehicle_id,
                address,
                line=self._line(address.gateway_sn),
                keys=self._keys,
                clip_dir=self._options.clip_dir,
                clip_url=self._clip_url,
                clock=self._clock,
            )
            self._speakers[speaker_id] = (address, speaker)
        return self._speakers[speaker_id][1]

    @property
    def speakers(self) -> tuple[DjiSpeaker, ...]:
        """All that were asked for."""
        return tuple(speaker for _, speaker in self._speakers.values())

    def _line(self, gateway_sn: str) -> Line:
        if gateway_sn not in self._lines:
            topic = f"thing/product/{gateway_sn}/services"

            def send(payload: bytes) -> bool:
                message = Message(topic, payload, expiry_s=CALL_EXPIRY_S)
                return self._connection.at_once(message, qos=1)

            self._lines[gateway_sn] = Line(gateway_sn, send, self._clock)
        return self._lines[gateway_sn]

    def _clip_url(self, name: str) -> str | None:
        base = self._options.clip_base_url
        return f"{base.rstrip('/')}/api/v1/clips/{name}" if base else None

    def received(self, message: Received) -> None:
        """Hand a message to whom it concerns; retained ones are old."""
        if message.retain:
            return
        _, _, sn, kind = message.topic.split("/", 3)
        takers: dict[str, Callable[[str, bytes], None]] = {
            "services_reply": self._on_reply,
            "events": self._on_event,
            "state": self._on_state,
        }
        take = takers.get(kind)
        if take is not None:
            take(sn, message.payload)

    def _on_reply(self, sn: str, payload: bytes) -> None:
        reply = wire.reply_of(payload)
        if reply is not None and sn in self._lines:
            self._lines[sn].on_reply(reply)

    def _on_event(self, sn: str, payload: bytes) -> None:
        answer = wire.answer_to(payload, self._clock.utc())
        progress = wire.progress_of(payload)
        if progress is None:
            return  # another platform on this broker answers for it
        if answer is not None:
            reply = Message(f"thing/product/{sn}/events_reply", answer)
            self._connection.at_once(reply, qos=0)
        for address, speaker in self._speakers.values():
            if address.gateway_sn == sn:
                speaker.on_progress(progress)

    def _on_state(self, sn: str, payload: bytes) -> None:
        for address, speaker in self._speakers.values():
            if address.device_sn == sn:
                value = wire.speaker_state_of(payload, address.psdk_index)
                if value is not None:
                    speaker.on_system_state(value)


def _filters(addresses: tuple[DjiAddress, ...]) -> tuple[str, ...]:
    for a in addresses:
        for sn in (a.gateway_sn, a.device_sn):
            if not sn.isalnum() or not sn.isascii():
                raise InputError.one(f"DJI serial number {sn[:40]!r}", "is none")
    gateways = dict.fromkeys(a.gateway_sn for a in addresses)
    devices = dict.fromkeys(a.device_sn for a in addresses)
    return (
        *(f"thing/product/{sn}/services_reply" for sn in gateways),
        *(f"thing/product/{sn}/events" for sn in gateways),
        *(f"thing/product/{sn}/state" for sn in devices),
    )


@asynccontextmanager
async def open_dji(
    url: str,
    *,
    addresses: tuple[tuple[SpeakerId, VehicleId, DjiAddress], ...],
    options: DjiOptions,
    clock: Clock,
) -> AsyncIterator[DjiHub]:
    """Connect to the broker that the docks are bound to, and stay connected.

    Args:
        url: as for ``open_mqtt``.
        addresses: the speakers.
        options: see there.
        clock: time.

    Raises:
        InputError: no such URL, or a serial number that is none.
    """
    inbox: list[DjiHub] = []

    def on_message(message: Received) -> None:
        inbox[0].received(message)

    session = SessionOptions(
        address=parse_address(url),
        client_id=options.client_id,
        filters=_filters(tuple(a for _, _, a in addresses)),
        on_message=on_message,
    )
    with closing(Outbox()) as outbox, closing(Keys(options.keys_file)) as keys:
        connection = Connection(session, outbox)
        hub = DjiHub(connection, options, keys, clock)
        inbox.append(hub)
        for speaker_id, vehicle_id, address in addresses:
            hub.speaker(speaker_id, vehicle_id, address)
        async with connection.running(), asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(speaker.run(), name=f"dji-{speaker.id}")
                for speaker in hub.speakers
            ]
            try:
                yield hub
            finally:
                for task in tasks:
                    task.cancel()
