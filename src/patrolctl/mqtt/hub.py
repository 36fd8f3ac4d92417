"""The service's end of MQTT: a publisher and the speakers of one site."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from patrolctl.clock import Clock
from patrolctl.domain.ids import SpeakerId, VehicleId
from patrolctl.mqtt import topics
from patrolctl.mqtt.address import parse_address
from patrolctl.mqtt.connection import Connection
from patrolctl.mqtt.outbox import Outbox
from patrolctl.mqtt.publisher import MqttPublisher, ServiceStatus
from patrolctl.mqtt.session import Received, SessionOptions
from patrolctl.mqtt.speaker import MqttSpeaker

# Retained states of speakers that nobody asked for yet are kept for these.
MOST_SPEAKERS = 1000
MOST_EARLY = 500  # reports of each of them


class MqttHub:
    """Publisher and speakers over one connection that comes back by itself.

    ``clip_base_url`` (such as ``http://10.0.0.5:8080``) is where speakers
    fetch clips; None: they share a directory with the service.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        site_id: str,
        clock: Clock,
        clip_base_url: str | None,
    ) -> None:
        self.publisher = MqttPublisher(connection, site_id=site_id, clock=clock)
        self.clip_base_url = clip_base_url
        self._connection = connection
        self._site_id = site_id
        self._clock = clock
        self._speakers: dict[SpeakerId, MqttSpeaker] = {}
        self._states: dict[str, Received] = {}
        self._early: dict[str, list[Received]] = {}

    @property
    def connected(self) -> bool:
        """Whether the broker is there now."""
        return self._connection.connected

    @property
    def waiting(self) -> int:
        """Facts that the broker has not acknowledged yet."""
        return self._connection.waiting

    async def ready(self) -> None:
        """Wait until the broker is there."""
        await self._connection.ready()

    def speaker(self, speaker_id: SpeakerId, vehicle_id: VehicleId) -> MqttSpeaker:
        """The speaker of that name; the same one each time it is asked for."""
        if speaker_id not in self._speakers:
            speaker = MqttSpeaker(
                speaker_id,
                vehicle_id,
                self._connection,
                site_id=self._site_id,
                clock=self._clock,
                clip_url=self._clip_url,
            )
            self._speakers[speaker_id] = speaker
            known = self._states.pop(speaker_id, None)
            if known is not None:
                speaker.received_state(known)
            for report in self._early.pop(speaker_id, ()):
                speaker.received_playback(report)
        return self._speakers[speaker_id]

    def _clip_url(self, sha256: str) -> str | None:
        base = self.clip_base_url
        return f"{base.rstrip('/')}/api/v1/clips/{sha256}.wav" if base else None

    def _keep(self, name: str, message: Received) -> None:
        """What comes of a speaker that nobody has asked for yet."""
        if message.topic.endswith("/state"):
            if len(self._states) < MOST_SPEAKERS:
                self._states[name] = message
        elif len(self._early) < MOST_SPEAKERS:
            waiting = self._early.setdefault(name, [])
            if len(waiting) < MOST_EARLY:
                waiting.append(message)

    def received(self, message: Received) -> None:
        """Hand what a speaker sent to its object."""
        name = topics.name_in(message.topic)
        speaker = self._speakers.get(SpeakerId(name))
        if speaker is None:
            self._keep(name, message)
        elif message.topic.endswith("/playback"):
            speaker.received_playback(message)
        else:
            speaker.received_state(message)


@asynccontextmanager
async def open_mqtt(
    url: str,
    *,
    site_id: str,
    clock: Clock,
    clip_base_url: str | None = None,
    outbox_file: Path | None = None,
    client_id: str | None = None,
) -> AsyncIterator[MqttHub]:
    """Connect to a broker and stay connected while the context is open.

    Returns at once; facts wait until the broker is there.

    Args:
        url: ``mqtt://host:port``, ``mqtts://user:password@host:port``.
        site_id: the site in the topics.
        clock: stamps the messages and paces the telemetry.
        clip_base_url: see :class:`MqttHub`; may be set later.
        outbox_file: keeps unsent facts across restarts; None: until the end
            of the process.
        client_id: two services of one site must not share one.

    Raises:
        InputError: no such URL.
    """
    topics.segment(site_id)
    status = ServiceStatus(site_id, clock)
    inbox: list[MqttHub] = []

    def on_message(message: Received) -> None:
        inbox[0].received(message)

    options = SessionOptions(
        address=parse_address(url),
        client_id=client_id or f"patrolctl-service-{site_id}",
        will=status.message("CONNECTION_BROKEN"),
        filters=(
            topics.PLAYBACK.filter(site_id),
            topics.SPEAKER_STATE.filter(site_id),
        ),
        on_message=on_message,
    )
    with closing(Outbox(outbox_file)) as outbox:
        connection = Connection(
            options,
            outbox,
            hello=lambda: status.message("ONLINE"),
            goodbye=lambda: status.message("OFFLINE"),
        )
        hub = MqttHub(
            connection, site_id=site_id, clock=clock, clip_base_url=clip_base_url
        )
        inbox.append(hub)
        async with connection.running():
            yield hub
