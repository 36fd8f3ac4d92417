"""From the first instruction to the last: signals end things in order."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from patrolctl.domain.errors import PatrolError

T = TypeVar("T")

ENDING = (signal.SIGTERM, signal.SIGHUP)


class Terminated(PatrolError):
    """A signal asked us to end; everything was closed in order."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.exit_code = 128 + number
        super().__init__(f"ended by {signal.Signals(number).name}")


def run_interruptible(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run until it ends or a signal cancels it.

    SIGINT cancels the main task (asyncio does that) and comes out as
    KeyboardInterrupt, SIGTERM and SIGHUP come out as Terminated; both only
    after every context was left.
    """
    received: list[int] = []

    async def watched() -> T:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()

        def end(number: int) -> None:
            received.append(number)
            if task is not None:
                task.cancel()

        for number in ENDING:
            loop.add_signal_handler(number, end, number)
        return await main()

    try:
        return asyncio.run(watched())
    except asyncio.CancelledError:
        if received:
            raise Terminated(received[0]) from None
        raise
