"""What the simulators that live on MQTT share: their faults and their start."""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Service(Protocol):
    """A simulator on a broker."""

    subscribed: asyncio.Event

    async def run(self) -> None:
        """Serve until cancelled."""
        ...


def read_faults(
    none: T, texts: list[str], *, flags: Collection[str], seconds: Collection[str]
) -> T:
    """Read ``--fault`` options into a dataclass of faults.

    Args:
        none: the dataclass without any.
        texts: the options.
        flags: those that are there or not.
        seconds: those with ``=SECONDS``; their fields end in ``_s``.

    Raises:
        ValueError: one of them is unknown or has a bad value.
    """
    faults: Any = none
    for text in texts:
        name, _, value = text.partition("=")
        field = name.replace("-", "_")
        if name in seconds:
            faults = replace(faults, **{f"{field}_s": float(value)})
        elif name in flags:
            faults = replace(faults, **{field: True})
        else:
            msg = f"--fault {text!r} is unknown"
            raise ValueError(msg)
    result: T = faults
    return result


async def serve(service: Service, name: str, ready_line: str) -> None:
    """Run until cancelled; say READY once it is on the broker."""
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(service.run(), name=name)
        ready = group.create_task(service.subscribed.wait(), name="ready")
        await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            print(ready_line, flush=True)  # noqa: T201 - a command
        ready.cancel()
