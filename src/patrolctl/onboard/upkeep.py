"""What the agent looks after beside playing: heat, disk, device, autopilot."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

from patrolctl.clock import Clock
from patrolctl.mqtt.connection import Connection
from patrolctl.onboard.agent import Agent
from patrolctl.onboard.autopilot import Autopilot
from patrolctl.onboard.health import AUTOPILOT, DEVICE, DISK
from patrolctl.onboard.ledger import Ledger
from patrolctl.onboard.outbox import PatientOutbox
from patrolctl.onboard.reserve import Reserve
from patrolctl.onboard.sinks import Sink, SinkFailed

log = logging.getLogger(__name__)

HOT_DEG_C, COOL_DEG_C, HOT_VOLUME_RATIO = 80.0, 70.0, 0.5
TEMPERATURE_EVERY_S = 2.0
DISK_EVERY_S = 2.0
DEVICE_EVERY_S = 10.0
AUTOPILOT_EVERY_S, UNHEARD_S = 1.0, 10.0


@dataclass(frozen=True, slots=True)
class Storage:
    """Where the agent writes."""

    ledger: Ledger
    outbox: PatientOutbox
    reserve: Reserve


class Heat:
    """How loud an amplifier of a temperature may be; hot until well cooled."""

    def __init__(self) -> None:
        self.hot = False

    def ratio(self, degrees: float) -> float:
        """Of the volume that was asked for."""
        self.hot = degrees >= (COOL_DEG_C if self.hot else HOT_DEG_C)
        return HOT_VOLUME_RATIO if self.hot else 1.0


def celsius(text: str) -> float:
    """The temperature in a file as the kernel writes it: millidegrees.

    Raises:
        ValueError: it holds none.
    """
    degrees = int(text) / 1000
    if not -60.0 <= degrees <= 250.0:
        raise ValueError(f"{degrees:g} °C is none")
    return degrees


async def mind_heat(file: Path, agent: Agent, clock: Clock) -> None:
    """Turn the volume down while the amplifier is hot, and tell.

    An amplifier that stops telling is a fault; one that was hot when it was
    last heard stays turned down.
    """
    heat = Heat()
    ratio = 1.0
    while True:
        reason = None
        try:
            degrees = celsius(await asyncio.to_thread(file.read_text))
        except (OSError, ValueError) as e:
            reason = f"the amplifier tells no temperature ({e})"
        else:
            ratio = heat.ratio(degrees)
            if heat.hot:
                reason = f"amplifier hot ({degrees:.0f} °C), volume down"
        agent.derate(ratio, reason)
        await clock.sleep(TEMPERATURE_EVERY_S)


async def mind_disk(
    storage: Storage, connection: Connection, agent: Agent, clock: Clock
) -> None:
    """Write down what the disk did not take, as soon as it does, and tell."""
    while True:
        # The reserve comes last: it must not take the room of what is owed.
        settled = storage.ledger.settle() and storage.outbox.settle(connection.flying)
        kept = settled and storage.reserve.refill()
        full = None if kept else "the disk is full"
        if storage.outbox.trouble is not None:
            full = (
                f"the disk is full, reports wait in memory ({storage.outbox.trouble})"
            )
        agent.health.found(DISK, full)
        await clock.sleep(DISK_EVERY_S)


async def mind_device(sink: Sink, agent: Agent, clock: Clock) -> None:
    """Find a missing loudspeaker before it is needed, and tell when it is back.

    Asked once, and again while it is at fault: one that works is let alone.
    """
    asked = False
    while True:
        if not agent.sounding and (not asked or agent.health.has(DEVICE)):
            asked = True
            why = None
            try:
                await sink.probe()
            except SinkFailed as e:
                why = str(e)
            agent.health.found(DEVICE, why)
        await clock.sleep(DEVICE_EVERY_S)


async def mind_autopilot(pilot: Autopilot, agent: Agent, clock: Clock) -> None:
    """Tell when cues wait for a place and nobody says where the vehicle is."""
    begin_s = clock.monotonic_s()
    while True:
        heard_s = max(pilot.now.fix_s, begin_s)
        silent = clock.monotonic_s() - heard_s > UNHEARD_S
        why = None
        if agent.follows and silent:
            why = f"autopilot: {pilot.trouble or 'tells no position'}"
        agent.health.found(AUTOPILOT, why)
        await clock.sleep(AUTOPILOT_EVERY_S)
