"""Calls to one gateway: a service out, its reply back."""

import asyncio
from collections.abc import Callable

from patrolctl.clock import Clock
from patrolctl.mqtt.dji.wire import DjiFailed, Reply, call

REPLY_S = 5.0


class Line:
    """The services of one gateway (dock or remote controller).

    Args:
        gateway_sn: its serial number.
        send: hands a payload to the broker now; False when there is none.
            Nothing waits for a broker: DJI would do hours later what it is
            told then.
        clock: time.
    """

    def __init__(
        self, gateway_sn: str, send: Callable[[bytes], bool], clock: Clock
    ) -> None:
        self._gateway_sn = gateway_sn
        self._send = send
        self._clock = clock
        self._waiting: dict[str, asyncio.Future[int]] = {}

    async def call(self, method: str, data: dict[str, object]) -> None:
        """Have a service done.

        Raises:
            DjiFailed: no broker, no answer, or another result than 0.
        """
        now = self._clock.utc()
        asked = call(method, data, gateway_sn=self._gateway_sn, now_utc=now)
        answer = asyncio.get_running_loop().create_future()
        self._waiting[asked.tid] = answer
        try:
            if not self._send(asked.payload):
                raise DjiFailed(f"{method}: no connection to the broker")
            async with asyncio.timeout(REPLY_S):  # real: the dock's, not the vehicles'
                result = await answer
        except TimeoutError:
            raise DjiFailed(
                f"{method}: gateway {self._gateway_sn} did not answer in {REPLY_S:g} s"
            ) from None
        finally:
            self._waiting.pop(asked.tid, None)
        if result != 0:
            raise DjiFailed(f"{method}: gateway refuses, result {result}")

    def on_reply(self, reply: Reply) -> None:
        """A reply came; one that nobody waits for changes nothing."""
        answer = self._waiting.get(reply.tid)
        if answer is not None and not answer.done():
            answer.set_result(reply.result)
