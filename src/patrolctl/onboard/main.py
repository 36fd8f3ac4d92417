"""Put the agent together and run it until it is told to end."""

import asyncio
import logging
import signal
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from patrolctl.clock import Clock
from patrolctl.domain.errors import InputError
from patrolctl.domain.ids import SpeakerId, VehicleId
from patrolctl.domain.sound import SpeakerPhase, SpeakerState
from patrolctl.mqtt import topics
from patrolctl.mqtt.address import parse_address
from patrolctl.mqtt.connection import Connection
from patrolctl.mqtt.outbox import Outbox
from patrolctl.mqtt.payloads import CommandPayload, SheetPayload
from patrolctl.mqtt.session import Received, SessionOptions
from patrolctl.onboard.agent import Agent, Parts
from patrolctl.onboard.autopilot import Autopilot, parse_endpoint
from patrolctl.onboard.clips import ClipCache
from patrolctl.onboard.ledger import Ledger
from patrolctl.onboard.player import Player
from patrolctl.onboard.reports import Reporter
from patrolctl.onboard.sinks import parse_sink

log = logging.getLogger(__name__)

HOT_DEG_C, COOL_DEG_C, HOT_VOLUME_RATIO = 80.0, 70.0, 0.5
TEMPERATURE_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """How one agent runs.

    ``cache_dir`` holds clips, the ledger and unsent reports. ``clip_dir`` is
    a folder shared with the service, if there is one. ``temperature_file``
    holds the amplifier's temperature in millidegrees, as in
    ``/sys/class/thermal/thermal_zone0/temp``.
    """

    vehicle_id: VehicleId
    speaker_id: SpeakerId
    site_id: str
    mavlink: str
    mqtt: str
    sink: str
    cache_dir: Path
    cache_bytes: int = 256 * 2**20
    clip_dir: Path | None = None
    sysid: int | None = None
    temperature_file: Path | None = None


class Inbox:
    """Commands from the broker to the agent."""

    def __init__(self) -> None:
        self.agent: Agent | None = None

    def take(self, message: Received) -> None:
        """One message; a retained or unusable one changes nothing."""
        if self.agent is None:
            return
        if message.retain:
            log.warning("a retained command is never executed")
            return
        try:
            order = msgspec.json.decode(message.payload, type=CommandPayload)
            if order.action == "cue_sheet":
                sheet = msgspec.json.decode(message.payload, type=SheetPayload)
                self.agent.load(sheet, message.payload)
            else:
                self.agent.command(order)
        except (msgspec.DecodeError, UnicodeDecodeError) as e:
            log.warning("unusable command (%s)", e)


def _connection(
    options: AgentOptions, outbox: Outbox, inbox: Inbox, reporter: Reporter
) -> Connection:
    gone = SpeakerState(
        options.speaker_id, SpeakerPhase.UNKNOWN, reason="connection broken"
    )
    session = SessionOptions(
        address=parse_address(options.mqtt),
        client_id=f"patrolctl-agent-{options.site_id}-{options.speaker_id}",
        will=reporter.state_message(gone),
        filters=(topics.COMMAND.topic(options.site_id, options.speaker_id),),
        on_message=inbox.take,
    )
    return Connection(
        session,
        outbox,
        hello=lambda: reporter.state_message(reporter.state),
        goodbye=lambda: reporter.state_message(
            SpeakerState(
                options.speaker_id, SpeakerPhase.UNKNOWN, reason="agent stopped"
            )
        ),
    )


async def run_agent(options: AgentOptions, clock: Clock) -> None:
    """Run until cancelled, or SIGINT or SIGTERM comes.

    Raises:
        InputError: an option is unusable, each told in one line.
    """
    endpoint = parse_endpoint(options.mavlink)
    sink = parse_sink(options.sink, clock.utc)
    try:
        cache = ClipCache(
            options.cache_dir / "clips",
            most_bytes=options.cache_bytes,
            shared=options.clip_dir,
        )
    except OSError as e:
        raise InputError.one(str(options.cache_dir), str(e.strerror)) from None
    inbox = Inbox()
    reporter = Reporter(options.site_id, options.speaker_id, clock)
    with (
        closing(Ledger(options.cache_dir / "played.db")) as ledger,
        closing(Outbox(options.cache_dir / "reports.db", durable=True)) as outbox,
    ):
        connection = _connection(options, outbox, inbox, reporter)
        reporter.connection = connection
        parts = Parts(clock, ledger, cache, Player(sink, clock), reporter)
        agent = Agent(options.speaker_id, options.vehicle_id, parts)
        reporter.state = SpeakerState(
            options.speaker_id, SpeakerPhase.IDLE, cache.cached()
        )
        _restore(agent, ledger, clock)
        inbox.agent = agent
        pilot = Autopilot(endpoint, clock, sysid=options.sysid, on_fix=agent.moved)
        async with connection.running():
            await _until_told(options, agent, pilot, clock)


def _restore(agent: Agent, ledger: Ledger, clock: Clock) -> None:
    """Go on with the sheet that was loaded before the restart."""
    kept = ledger.kept("sheet")
    if kept is None:
        return
    with suppress(msgspec.DecodeError):
        sheet = msgspec.json.decode(kept, type=SheetPayload)
        if sheet.expires_utc > clock.utc():
            agent.adopt(sheet)


async def _until_told(
    options: AgentOptions, agent: Agent, pilot: Autopilot, clock: Clock
) -> None:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, ending.set)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(pilot.follow(), name="autopilot"),
            group.create_task(agent.play_jobs(), name="play"),
            group.create_task(agent.fetch_clips(), name="fetch"),
        ]
        if options.temperature_file is not None:
            mind = _mind_heat(options.temperature_file, agent, clock)
            tasks.append(group.create_task(mind, name="heat"))
        await ending.wait()
        for task in tasks:
            task.cancel()


async def _mind_heat(file: Path, agent: Agent, clock: Clock) -> None:
    """Turn the volume down while the amplifier is hot."""
    hot = False
    while True:
        try:
            text = await asyncio.to_thread(file.read_text)
            degrees = int(text) / 1000
        except (OSError, ValueError):
            degrees = COOL_DEG_C  # not known: keep as it is
        else:
            hot = degrees >= (COOL_DEG_C if hot else HOT_DEG_C)
        if hot:
            agent.derate(HOT_VOLUME_RATIO, f"amplifier at {degrees:.0f} °C")
        else:
            agent.derate(1.0, None)
        await clock.sleep(TEMPERATURE_EVERY_S)
