"""Put the agent together and run it until it is told to end."""

import asyncio
import logging
import signal
import sqlite3
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
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
from patrolctl.mqtt.payloads import CommandPayload, SheetPayload
from patrolctl.mqtt.session import Received, SessionOptions
from patrolctl.onboard.agent import Agent, Parts
from patrolctl.onboard.autopilot import Autopilot, parse_endpoint
from patrolctl.onboard.clips import ClipCache
from patrolctl.onboard.ledger import Ledger
from patrolctl.onboard.outbox import PatientOutbox
from patrolctl.onboard.player import Player
from patrolctl.onboard.reports import Reporter
from patrolctl.onboard.reserve import Reserve
from patrolctl.onboard.sinks import parse_sink
from patrolctl.onboard.talk import TalkParts, Talks
from patrolctl.onboard.upkeep import (
    Storage,
    mind_autopilot,
    mind_device,
    mind_disk,
    mind_heat,
)

log = logging.getLogger(__name__)


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
        self.talks: Talks | None = None

    def take(self, message: Received) -> None:
        """One message; a retained or unusable one changes nothing."""
        if self.agent is None:
            return
        if message.retain:
            log.warning("a retained command is never executed")
            return
        if self.talks is not None and message.topic.endswith("/talk"):
            self.talks.frame(message.payload)
            return
        try:
            order = msgspec.json.decode(message.payload, type=CommandPayload)
            if order.action == "cue_sheet":
                sheet = msgspec.json.decode(message.payload, type=SheetPayload)
                self.agent.load(sheet, message.payload)
            elif self.talks is None or not self.talks.command(order):
                if self.talks is not None and order.action == "silence":
                    self.talks.silence()
                self.agent.command(order)
        except (msgspec.DecodeError, UnicodeDecodeError) as e:
            log.warning("unusable command (%s)", e)


def _connection(
    options: AgentOptions, outbox: PatientOutbox, inbox: Inbox, reporter: Reporter
) -> Connection:
    gone = SpeakerState(
        options.speaker_id, SpeakerPhase.UNKNOWN, reason="connection broken"
    )
    session = SessionOptions(
        address=parse_address(options.mqtt),
        client_id=f"patrolctl-agent-{options.site_id}-{options.speaker_id}",
        will=reporter.state_message(gone),
        filters=tuple(
            channel.topic(options.site_id, options.speaker_id)
            for channel in (topics.COMMAND, topics.TALK)
        ),
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


@contextmanager
def _storage(folder: Path) -> Iterator[Storage]:
    """What was played and what was not sent yet.

    Raises:
        InputError: it cannot be read or written.
    """
    reserve = Reserve(folder / "reserve")
    with ExitStack() as stack:
        try:
            ledger = Ledger(folder / "played.db", reserve)
            stack.callback(ledger.close)
            outbox = PatientOutbox(folder / "reports.db", reserve)
            stack.callback(outbox.close)
        except sqlite3.Error as e:
            # With an empty one instead, what was played would be played again.
            raise InputError.one(
                str(folder),
                f"what was played cannot be read or written ({e})",
                "a disk with room, or another folder",
            ) from None
        yield Storage(ledger, outbox, reserve)


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
    with _storage(options.cache_dir) as storage:
        ledger, outbox = storage.ledger, storage.outbox
        connection = _connection(options, outbox, inbox, reporter)
        reporter.connection = connection
        player = Player(sink, clock)
        parts = Parts(clock, ledger, cache, player, reporter)
        agent = Agent(options.speaker_id, options.vehicle_id, parts)
        reporter.state = SpeakerState(
            options.speaker_id, SpeakerPhase.IDLE, cache.cached()
        )
        _restore(agent, ledger, clock)
        inbox.agent = agent
        inbox.talks = talks = Talks(
            TalkParts(
                options.speaker_id,
                options.vehicle_id,
                agent,
                player,
                reporter,
                clock,
                parse_sink(options.sink, clock.utc, live=True),
            )
        )
        pilot = Autopilot(endpoint, clock, sysid=options.sysid, on_fix=agent.moved)
        async with connection.running():
            upkeep: dict[str, Coroutine[object, object, None]] = {
                "disk": mind_disk(storage, connection, agent, clock),
                "device": mind_device(sink, agent, clock),
                "watch": mind_autopilot(pilot, agent, clock),
            }
            if options.temperature_file is not None:
                upkeep["heat"] = mind_heat(options.temperature_file, agent, clock)
            await _until_told((agent, talks), pilot, upkeep)


def _restore(agent: Agent, ledger: Ledger, clock: Clock) -> None:
    """Go on with the sheet that was loaded before the restart."""
    kept = ledger.kept("sheet")
    if kept is None:
        return
    with suppress(msgspec.DecodeError):
        sheet = msgspec.json.decode(kept, type=SheetPayload)
        if sheet.expires_utc > clock.utc():
            muted = ledger.kept("muted") == b"yes"
            agent.adopt(sheet)
            agent.mute(muted=muted)


async def _until_told(
    sounds: tuple[Agent, Talks],
    pilot: Autopilot,
    upkeep: dict[str, Coroutine[object, object, None]],
) -> None:
    agent, talks = sounds
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
            group.create_task(talks.run(), name="talk"),
        ]
        tasks += [group.create_task(work, name=n) for n, work in upkeep.items()]
        await ending.wait()
        for task in tasks:
            task.cancel()
