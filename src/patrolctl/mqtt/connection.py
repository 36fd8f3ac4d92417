"""A connection that comes back: facts wait, samples do not.

Facts (QoS 1) go through the outbox and leave it when the broker acknowledged
them, so none is lost while a broker is away; after a reconnect some may come
twice, under the same ``id``. Samples (QoS 0) are latest-wins per topic: at
most one is on its way and one waits.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from patrolctl.mqtt.outbox import URGENT, Message, Outbox
from patrolctl.mqtt.session import (
    BrokerRefused,
    NoAnswer,
    OldBroker,
    Session,
    SessionOptions,
)

log = logging.getLogger(__name__)

WINDOW = 64
FIRST_DELAY_S, LONGEST_DELAY_S = 0.2, 5.0
DRAIN_S = 3.0


class Connection:
    """Keeps one session alive and sends what is handed to it.

    Args:
        options: broker, identity, will and subscriptions.
        outbox: where facts wait.
        hello: makes what is published first in every session (``ONLINE``).
        goodbye: makes what is published last when the context ends (``OFFLINE``).
    """

    def __init__(
        self,
        options: SessionOptions,
        outbox: Outbox,
        *,
        hello: Callable[[], Message] | None = None,
        goodbye: Callable[[], Message] | None = None,
    ) -> None:
        self._options = options
        self._outbox = outbox
        self._hello = hello
        self._goodbye = goodbye
        self._five = True
        self._session: Session | None = None
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._connected = asyncio.Event()
        self._rows: dict[int, int] = {}
        self._samples: dict[int, str] = {}
        self._latest: dict[str, Message] = {}

    @property
    def connected(self) -> bool:
        """Whether a session is open now."""
        return self._session is not None

    @property
    def waiting(self) -> int:
        """Facts that the broker has not acknowledged."""
        return len(self._outbox)

    @property
    def flying(self) -> set[int]:
        """Rows of the outbox that are on their way to the broker."""
        return set(self._rows.values())

    async def ready(self) -> None:
        """Wait until a session is open."""
        await self._connected.wait()

    def fact(self, message: Message) -> None:
        """Send at QoS 1, now or when the broker is back."""
        self._outbox.put(message)
        self._idle.clear()
        self._wake.set()

    def withdraw(self, topic: str, part: bytes) -> int:
        """Take back a topic's facts that contain ``part`` and were not sent."""
        return self._outbox.withdraw(topic, part, set(self._rows.values()))

    def at_once(self, message: Message, *, qos: int = 0) -> bool:
        """Send now or not at all; False: there is no session.

        For what is worth nothing later: a live sound, an order to a device
        that knows no expiry.
        """
        session = self._session
        return session is not None and session.publish(message, qos) is not None

    def sample(self, message: Message) -> None:
        """Send at QoS 0; a newer one of the topic replaces one that waits."""
        if self._session is None:
            return
        if message.topic in self._samples.values():
            self._latest[message.topic] = message
            return
        mid = self._session.publish(message, 0)
        if mid is not None:
            self._samples[mid] = message.topic

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Connection"]:
        """Stay connected while the context is open; say goodbye at its end."""
        async with asyncio.TaskGroup() as group:
            keeper = group.create_task(self._keep(), name="mqtt-connection")
            try:
                yield self
            finally:
                await asyncio.shield(self._drain())
                keeper.cancel()

    async def _drain(self) -> None:
        """Give what is left a short while, then the goodbye."""
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                while self._session is not None and self.waiting:
                    self._idle.clear()
                    await self._idle.wait()
        if self._session is None or self._goodbye is None:
            return
        self.fact(urgent(self._goodbye()))
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await self._idle.wait()

    async def _keep(self) -> None:
        delay_s = FIRST_DELAY_S
        told = False
        while True:
            try:
                await self._one_session()
                delay_s, told = FIRST_DELAY_S, False
                self._five = True
                log.warning("broker %s lost", self._options.address)
            except OldBroker:
                log.info("broker %s has no MQTT 5", self._options.address)
                self._five = False
                continue
            except NoAnswer as e:
                log.info("broker: %s; MQTT 3.1.1 may suit it", e)
                self._five = not self._five
            except BrokerRefused as e:
                if not told:
                    log.warning("broker: %s", e)
                told = True
            # Full jitter, so that a fleet does not come back all at once.
            await asyncio.sleep(random.uniform(0.5, 1.0) * delay_s)
            delay_s = min(LONGEST_DELAY_S, delay_s * 2)

    async def _one_session(self) -> None:
        session = Session(self._options, version_5=self._five)
        session.on_sent = self._on_sent
        try:
            await session.open()
            log.info("broker %s connected", self._options.address)
            self._rows.clear()
            self._samples.clear()
            self._latest.clear()
            self._session = session
            if self._hello is not None:
                session.publish(self._hello(), 1)
            self._connected.set()
            await self._pump(session)
        finally:
            self._session = None
            self._connected.clear()
            self._idle.set()
            await asyncio.shield(session.close())

    async def _pump(self, session: Session) -> None:
        """Keep up to WINDOW facts in flight until the session is lost."""
        async with asyncio.TaskGroup() as group:
            sender = group.create_task(self._send(session), name="mqtt-outbox")
            await session.lost.wait()
            sender.cancel()

    async def _send(self, session: Session) -> None:
        while True:
            self._wake.clear()
            room = WINDOW - len(self._rows)
            if room > 0:
                for row, message in self._outbox.head(room, set(self._rows.values())):
                    mid = session.publish(message, 1)
                    if mid is None:
                        break
                    self._rows[mid] = row
            await self._wake.wait()

    def _on_sent(self, mid: int) -> None:
        topic = self._samples.pop(mid, None)
        if topic is not None:
            newer = self._latest.pop(topic, None)
            if newer is not None:
                self.sample(newer)
            return
        row = self._rows.pop(mid, None)
        if row is not None:
            self._outbox.done(row)
            self._wake.set()
            if not self.waiting:
                self._idle.set()


def urgent(message: Message) -> Message:
    """The same, ahead of facts that wait."""
    return Message(
        message.topic, message.payload, message.retain, message.expiry_s, URGENT
    )
