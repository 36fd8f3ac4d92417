"""One TCP session with a broker: paho's thread bridged into asyncio."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from paho.mqtt.client import (
    MQTT_ERR_SUCCESS,
    CallbackAPIVersion,
    Client,
    MQTTMessage,
    MQTTProtocolVersion,
)
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from patrolctl.domain.errors import PatrolError
from patrolctl.mqtt.address import Address, tls_context
from patrolctl.mqtt.outbox import Message

CONNECT_S = 10.0
# amqtt takes the properties of an MQTT 5 CONNECT for a long client id and
# waits for the rest of it: no answer may mean an old broker.
ANSWER_5_S = 2.5
KEEPALIVE_S = 15
SESSION_EXPIRY_S = 3600
_UNSUPPORTED_VERSION = 132


class BrokerRefused(PatrolError):
    """The broker cannot be reached or refuses us, in its words."""

    exit_code = 5


class OldBroker(BrokerRefused):
    """The broker speaks no MQTT 5."""


class NoAnswer(BrokerRefused):
    """It accepted the connection and said nothing."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message that came in."""

    topic: str
    payload: bytes
    retain: bool


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """Who we are and what we want from the broker.

    ``will`` is published by the broker when we vanish.
    """

    address: Address
    client_id: str
    will: Message | None = None
    filters: tuple[str, ...] = ()
    on_message: Callable[[Received], None] = field(default=lambda _: None)


class Session:
    """A connected client; built by :meth:`open`, ended by :meth:`close`.

    All callbacks of the owner run in the event loop.
    """

    def __init__(self, options: SessionOptions, *, version_5: bool) -> None:
        self._options = options
        self._five = version_5
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[ReasonCode] = self._loop.create_future()
        self._subscribed: asyncio.Future[None] = self._loop.create_future()
        self._closed = False
        self.lost = asyncio.Event()
        self.on_sent: Callable[[int], None] = lambda _: None
        self._client = self._build()

    def _build(self) -> Client:
        five = self._five
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._options.client_id,
            protocol=MQTTProtocolVersion.MQTTv5
            if five
            else MQTTProtocolVersion.MQTTv311,
            clean_session=None if five else False,
            reconnect_on_failure=False,
        )
        address = self._options.address
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(0)
        if address.user is not None:
            client.username_pw_set(address.user, address.password)
        if address.tls:
            client.tls_set_context(tls_context(address))
        will = self._options.will
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        return client

    # paho's thread ------------------------------------------------------

    def _call(self, what: Callable[..., object], *args: object) -> None:
        if not self._closed and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what, *args)

    def _on_connect(self, *args: object) -> None:
        self._call(self._answered, args[3])

    def _on_disconnect(self, *args: object) -> None:
        self._call(self._ended, args[3])

    def _on_subscribe(self, *_: object) -> None:
        self._call(self._settle, self._subscribed)

    def _on_publish(self, _client: object, _data: object, mid: int, *_: object) -> None:
        self._call(self._sent, mid)

    def _on_message(self, _client: object, _data: object, m: MQTTMessage) -> None:
        received = Received(m.topic, bytes(m.payload), bool(m.retain))
        self._call(self._options.on_message, received)

    # the event loop -----------------------------------------------------

    def _answered(self, reason: ReasonCode) -> None:
        if not self._answer.done():
            self._answer.set_result(reason)

    def _settle(self, future: asyncio.Future[None]) -> None:
        if not future.done():
            future.set_result(None)

    def _sent(self, mid: int) -> None:
        self.on_sent(mid)

    def _ended(self, reason: ReasonCode) -> None:
        self.lost.set()
        self._answered(reason)
        self._settle(self._subscribed)

    async def open(self) -> None:
        """Connect and subscribe.

        Raises:
            OldBroker: it speaks no MQTT 5.
            NoAnswer: it may be an old one.
            BrokerRefused: not reachable, or it says no.
        """
        address = self._options.address
        try:
            await asyncio.to_thread(self._connect)
        except (OSError, ValueError) as e:
            raise BrokerRefused(f"{address}: {e}") from None
        self._client.loop_start()
        wait_s = ANSWER_5_S if self._five else CONNECT_S
        try:
            async with asyncio.timeout(wait_s):
                self._judge(await self._answer)
            async with asyncio.timeout(CONNECT_S):
                await self._subscribe()
        except TimeoutError:
            raise NoAnswer(f"{address}: no answer in {wait_s:g} s") from None
        if self.lost.is_set():
            raise BrokerRefused(f"{address}: the connection ended at once")

    def _connect(self) -> None:
        address = self._options.address
        if not self._five:
            self._client.connect(address.host, address.port, KEEPALIVE_S)
            return
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        self._client.connect(
            address.host,
            address.port,
            KEEPALIVE_S,
            clean_start=False,
            properties=properties,
        )

    def _judge(self, reason: ReasonCode) -> None:
        text = f"{self._options.address}: {reason}"
        if self._five and reason.value == _UNSUPPORTED_VERSION:
            raise OldBroker(text)
        if reason.is_failure:
            raise BrokerRefused(text)
        if self.lost.is_set():
            raise NoAnswer(f"{self._options.address}: closed before it answered")

    async def _subscribe(self) -> None:
        if not self._options.filters:
            return
        self._client.subscribe([(f, 1) for f in self._options.filters])
        await self._subscribed

    def publish(self, message: Message, qos: int) -> int | None:
        """Hand a message to paho.

        Returns:
            Its id, told to ``on_sent`` when the broker has it (QoS 1) or it
            was written (QoS 0); None when the connection is gone.
        """
        properties = None
        if self._five and message.expiry_s is not None:
            properties = Properties(PacketTypes.PUBLISH)
            properties.MessageExpiryInterval = message.expiry_s
        info = self._client.publish(
            message.topic, message.payload, qos, message.retain, properties
        )
        return info.mid if info.rc == MQTT_ERR_SUCCESS else None

    async def close(self) -> None:
        """Disconnect in good order and end paho's thread."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)
        self._closed = True
