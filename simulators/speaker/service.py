"""The loudspeaker on MQTT 5, with paho."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from simulators import mqtt_url
from simulators.clock import SimClock
from simulators.speaker.clips import ClipCache, ClipUnavailable
from simulators.speaker.ledger import KeyLedger
from simulators.speaker.machine import (
    Fetch,
    Publish,
    Sounded,
    SpeakerFaults,
    SpeakerMachine,
    last_will,
)
from simulators.speaker.place import Companion, place_in
from simulators.speaker.sheet import Place

SESSION_EXPIRY_S = 60
MAX_SLEEP_S = 0.25


@dataclass(frozen=True, slots=True)
class SpeakerConfig:
    """One loudspeaker process.

    ``version_5`` False speaks MQTT 3.1.1, for brokers that know no other; a
    command that is sent to be retained then looks like any other. ``mavlink``
    is a port of the vehicle's where the speaker sees itself where it is; without
    one it hears that over MQTT, as long as somebody tells it there.
    """

    speaker_id: str
    vehicle_id: str | None
    site: str
    mqtt: str
    clip_dir: Path | None = None
    state_dir: Path | None = None
    faults: SpeakerFaults = SpeakerFaults()
    seed: int = 0
    version_5: bool = True
    mavlink: str | None = None

    @property
    def broker(self) -> mqtt_url.Broker:
        """Where it is; raises ValueError where ``mqtt`` is no URL."""
        return mqtt_url.parse(self.mqtt)

    def topic(self, leaf: str) -> str:
        """A topic of this speaker."""
        return f"patrolctl/v1/{self.site}/speakers/{self.speaker_id}/{leaf}"

    @property
    def place_topic(self) -> str | None:
        """Where its vehicle's place is told; None: it looks itself."""
        if self.mavlink is not None or self.vehicle_id is None:
            return None
        return f"patrolctl/v1/{self.site}/vehicles/{self.vehicle_id}/position"


class SpeakerService:
    """Runs one :class:`SpeakerMachine` against a broker."""

    def __init__(
        self,
        config: SpeakerConfig,
        clock: SimClock,
        *,
        on_sounded: Callable[[Sounded], None] | None = None,
    ) -> None:
        self.config = config
        self._on_sounded = on_sounded
        self.clock = clock
        self.clips = ClipCache(config.clip_dir)
        ledger_path = None
        if config.state_dir is not None:
            config.state_dir.mkdir(parents=True, exist_ok=True)
            ledger_path = config.state_dir / f"speaker-{config.speaker_id}.keys"
        self.machine = SpeakerMachine(
            config.speaker_id,
            config.vehicle_id,
            ledger=KeyLedger(ledger_path),
            faults=config.faults,
            seed=config.seed,
        )
        self.subscribed = asyncio.Event()
        self._kick = asyncio.Event()
        self._inbox: asyncio.Queue[tuple[str, bytes, bool]] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._client = self._make_client()

    async def run(self) -> None:
        """Connect and serve until cancelled.

        Raises:
            OSError: the broker cannot be reached at the start.
        """
        broker = self.config.broker
        client = self._client
        properties = None
        if self.config.version_5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = SESSION_EXPIRY_S
        await asyncio.to_thread(
            client.connect,
            broker.host,
            broker.port,
            keepalive=30,
            properties=properties,
        )
        client.loop_start()
        try:
            async with asyncio.TaskGroup() as group:
                if self.config.mavlink is not None:
                    companion = Companion(self.config.mavlink, self._at_place)
                    group.create_task(companion.run(), name="companion")
                await self._serve(group)
        finally:
            await self._leave()

    def _at_place(self, place: Place) -> None:
        self.machine.on_place(place, self.clock.utc_s())
        self._kick.set()

    async def _serve(self, group: asyncio.TaskGroup) -> None:
        while True:
            self._kick.clear()
            self._take_commands()
            self.machine.poll(self.clock.utc_s())
            self._act(group)
            wait_s = self.clock.real_s(
                max(0.0, self.machine.next_due_s() - self.clock.utc_s())
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(MAX_SLEEP_S, wait_s)):
                    await self._kick.wait()

    def _take_commands(self) -> None:
        while not self._inbox.empty():
            topic, payload, retained = self._inbox.get_nowait()
            now_s = self.clock.utc_s()
            if topic.endswith("/talk"):
                self.machine.on_talk(payload, now_s)
            else:
                self.machine.on_command(payload, retained=retained, now_s=now_s)

    def _tell_truth(self) -> None:
        while self.machine.sounded:
            sounded = self.machine.sounded.popleft()
            if self._on_sounded is not None:
                self._on_sounded(sounded)

    def _act(self, group: asyncio.TaskGroup) -> None:
        self._tell_truth()
        for action in self.machine.take():
            if isinstance(action, Publish):
                self._send(action)
            else:
                group.create_task(self._fetch(action), name=f"fetch-{action.sha256}")

    async def _fetch(self, action: Fetch) -> None:
        try:
            if self.config.faults.missing_clip:
                msg = f"clip {action.sha256[:12]}… cannot be fetched (fault)"
                raise ClipUnavailable(msg)
            duration_s = await asyncio.to_thread(
                self.clips.fetch, action.sha256, action.url
            )
        except ClipUnavailable as fault:
            now_s = self.clock.utc_s()
            self.machine.on_no_clip(action.sha256, str(fault), now_s)
        else:
            self.machine.on_clip(action.sha256, duration_s, self.clock.utc_s())
        self._kick.set()

    def _send(self, action: Publish) -> None:
        topic = self.config.topic(action.topic)
        self._client.publish(topic, action.payload, qos=1, retain=action.retain)

    async def _leave(self) -> None:
        self.machine.shut_down(self.clock.utc_s())
        self._tell_truth()
        for action in self.machine.take():
            if isinstance(action, Publish):
                self._send(action)
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def _make_client(self) -> paho.Client:
        config = self.config
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"speaker-{config.site}-{config.speaker_id}",
            protocol=paho.MQTTv5 if config.version_5 else paho.MQTTv311,
        )
        config.broker.prepare(client)
        will = last_will(config.speaker_id, self.clock.utc_s())
        client.will_set(config.topic("state"), will, qos=1, retain=True)
        client.reconnect_delay_set(min_delay=1, max_delay=10)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        topic = self.config.topic("command")
        if self.config.version_5:
            # As published: also a command that is sent to be retained is refused.
            options = SubscribeOptions(qos=1, retainAsPublished=True)
            client.subscribe(topic, options=options)
        else:
            client.subscribe(topic, qos=1)
        client.subscribe(self.config.topic("talk"), qos=0)
        if self.config.place_topic is not None:
            client.subscribe(self.config.place_topic, qos=0)

    def _on_subscribe(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._greet)

    def _greet(self) -> None:
        self.machine.hello(self.clock.utc_s())
        self.subscribed.set()
        self._kick.set()

    def _on_message(
        self, client: paho.Client, userdata: object, message: paho.MQTTMessage
    ) -> None:
        if message.topic == self.config.place_topic:
            place = place_in(bytes(message.payload))
            if place is not None:
                self._loop.call_soon_threadsafe(self._at_place, place)
            return
        entry = (message.topic, bytes(message.payload), bool(message.retain))
        self._loop.call_soon_threadsafe(self._enqueue, entry)

    def _enqueue(self, entry: tuple[str, bytes, bool]) -> None:
        self._inbox.put_nowait(entry)
        self._kick.set()
