"""Everything wired together: the one place that knows all adapters."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from dataclasses import dataclass
from pathlib import Path

from patrolctl import durable
from patrolctl.app.aftermath import Followed, Parts, open_aftermath, policy_of
from patrolctl.app.announcing import CapOptions, open_announcing
from patrolctl.app.conditions import open_conditions
from patrolctl.app.node import node_name
from patrolctl.app.outlets import SiteOutlets
from patrolctl.app.schedules import open_schedules
from patrolctl.app.speakers import SpeakerOptions, open_speakers
from patrolctl.audio import open_synthesizer
from patrolctl.audio.tape import OggTapes
from patrolctl.clock import Clock
from patrolctl.control.aftermath.alerts import Watch
from patrolctl.control.announcing.library import Library
from patrolctl.control.conditions.exposure import Ledger
from patrolctl.control.gate import Gate
from patrolctl.control.live.feed import LiveFeed
from patrolctl.control.planning.planner import Planner
from patrolctl.control.running.active import Services
from patrolctl.control.running.closures import Closures
from patrolctl.control.running.promised import promises_at
from patrolctl.control.running.runs import Runs
from patrolctl.control.schedules.conflicts import Conflicts
from patrolctl.control.schedules.occurring import Desk
from patrolctl.control.schedules.rota import Almanac
from patrolctl.control.schedules.timekeeping import Timekeeper
from patrolctl.control.schedules.timetable import Timetable
from patrolctl.control.sorties.job import Limits
from patrolctl.control.speaking.exposed import Spoken
from patrolctl.control.speaking.talk import Talks
from patrolctl.control.speaking.urgent import Urgent
from patrolctl.control.vehicles.fleet import Fleet
from patrolctl.control.vehicles.member import Pace
from patrolctl.domain.brief import Brief
from patrolctl.domain.conditions import ConditionRules
from patrolctl.domain.errors import InputError
from patrolctl.domain.exposure import ExposureCaps
from patrolctl.domain.gaps import FollowUp
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import FleetVehicle
from patrolctl.formats.calendar import IcsFormat
from patrolctl.mavlink import LinkOptions, Pulse, connect_vehicle
from patrolctl.mqtt import MqttHub, asyncapi, open_mqtt
from patrolctl.ports import Store, Vehicle
from patrolctl.store import SqlStore, open_store
from patrolctl.web import Check, WebServices

log = logging.getLogger(__name__)

PULSE_S = 2.0  # real seconds; safety-security.md: heartbeats stop within 2 s


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """How the service is put together.

    ``speedup`` is how many of the clock's seconds pass in a real one: what is
    looked at for people is looked at at a rate that suits people.
    ``http_url`` is where speakers fetch clips (None: a shared directory).
    ``mqtt_url`` None: nothing is published and nobody has a loudspeaker.
    ``database`` is a SQLite file or the address of a PostgreSQL database,
    ``node`` this service's name among those that share it.
    ``simulated`` says that no loudspeaker is heard by anybody, so that quiet
    hours are told but not enforced.
    """

    database: Path | str
    clip_dir: Path
    state_dir: Path
    mqtt_url: str | None
    tlog_dir: Path | None = None
    http_url: str | None = None
    speedup: float = 1.0
    simulated: bool = False
    node: str | None = None
    conditions: ConditionRules = ConditionRules()
    voice_models: tuple[Path, ...] = ()
    exposure: ExposureCaps = ExposureCaps()
    follow_up: FollowUp = FollowUp()
    cap: CapOptions = CapOptions()


@dataclass(frozen=True, slots=True)
class Service:
    """The running service."""

    library: Library
    planner: Planner
    fleet: Fleet
    runs: Runs
    timetable: Timetable
    store: Store
    web: WebServices


def fleet_of(briefs: Mapping[str, Brief]) -> dict[VehicleId, tuple[FleetVehicle, str]]:
    """All vehicles of all missions, each with the site it belongs to.

    Raises:
        InputError: two missions describe one vehicle differently.
    """
    found: dict[VehicleId, tuple[FleetVehicle, str]] = {}
    for mission_id, brief in briefs.items():
        for entry in brief.fleet:
            known = found.setdefault(entry.id, (entry, brief.site.id))
            if known[0].endpoint != entry.endpoint or known[0].kind is not entry.kind:
                raise InputError.one(
                    f"mission {mission_id}",
                    f"vehicle {entry.id} is another one in another mission",
                    "an id of its own, or the same endpoint and kind",
                )
    return found


async def _open_hubs(
    stack: AsyncExitStack,
    briefs: Mapping[str, Brief],
    options: ServiceOptions,
    clock: Clock,
) -> dict[str, MqttHub]:
    if options.mqtt_url is None:
        return {}
    sites = dict.fromkeys(b.site.id for b in briefs.values())
    return {
        site_id: await stack.enter_async_context(
            open_mqtt(
                options.mqtt_url,
                site_id=site_id,
                clock=clock,
                clip_base_url=options.http_url,
            )
        )
        for site_id in sites
    }


def _speaker_options(options: ServiceOptions) -> SpeakerOptions:
    return SpeakerOptions(
        mqtt_url=options.mqtt_url,
        http_url=options.http_url,
        clip_dir=options.clip_dir,
        state_dir=options.state_dir,
    )


def _keeper(
    store: SqlStore, clock: Clock, options: ServiceOptions
) -> Timekeeper | None:
    """Where nodes share a database, and time passes as it does there."""
    if not isinstance(options.database, str) or options.speedup != 1.0:
        return None
    return Timekeeper(clock, store.server_utc)


def _checks(hubs: Mapping[str, MqttHub], keeper: Timekeeper | None) -> dict[str, Check]:
    async def broker() -> str | None:
        lost = [site for site, hub in hubs.items() if not hub.connected]
        return f"no broker for {', '.join(lost)}" if lost else None

    if keeper is None:
        return {"mqtt": broker}
    return {"mqtt": broker, "clock": keeper.fault}


class _Links:
    """Opens vehicles whose heartbeat depends on their being looked after."""

    def __init__(self, options: ServiceOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._pulses: dict[VehicleId, Pulse] = {}

    def connect(self, entry: FleetVehicle) -> AbstractAsyncContextManager[Vehicle]:
        """A VehicleConnector."""
        pulse = self._pulses[entry.id] = Pulse(max_age_s=PULSE_S)
        options = LinkOptions(
            clock=self._clock,
            tlog_dir=self._options.tlog_dir,
            state_dir=self._options.state_dir,
            pulse=pulse,
        )
        return connect_vehicle(entry, options)

    def looked_after(self, entry: FleetVehicle) -> None:
        """Let its heart beat on."""
        self._pulses[entry.id].pet()


def _beside(
    stack: AsyncExitStack,
    group: asyncio.TaskGroup,
    work: Coroutine[object, object, None],
    name: str,
) -> None:
    """Work that ends with the stack."""
    stack.callback(group.create_task(work, name=name).cancel)


@asynccontextmanager
async def open_service(
    briefs: Mapping[str, Brief], options: ServiceOptions, clock: Clock
) -> AsyncIterator[Service]:
    """Open everything, look after it, and close it in the reverse order.

    Raises:
        StoreFailed, LinkFailed, InputError: as the parts say.
    """
    vehicles = fleet_of(briefs)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(options.database, clock))
        hubs = await _open_hubs(stack, briefs, options, clock)
        outlets = SiteOutlets(hubs, {v: site for v, (_, site) in vehicles.items()})
        watch = Watch({v: site for v, (_, site) in vehicles.items()})
        feed = LiveFeed(store, (outlets, watch) if hubs else (watch,))
        synthesizer = open_synthesizer(options.clip_dir, options.voice_models)
        library = Library(briefs, synthesizer)
        announcing = await open_announcing(
            stack, library, synthesizer, store, clock, options.cap
        )
        conditions = await open_conditions(
            stack,
            store,
            clock,
            rules=options.conditions,
            felt=lambda: (m.telemetry for m in fleet.members),
            folder=options.state_dir,
        )
        gate = Gate(
            clock,
            enforce_quiet_hours=not options.simulated,
            may_say=announcing.announcements.violations,
            closed=conditions.notices.over,
        )
        links = _Links(options, clock)
        fleet = Fleet(
            [entry for entry, _ in vehicles.values()],
            connector=links.connect,
            on_round=links.looked_after,
            speakers=await open_speakers(
                stack, vehicles, hubs, _speaker_options(options), clock
            ),
            feed=feed,
            clock=clock,
            pace=Pace(sample_s=0.2 * options.speedup),
            publisher=outlets if hubs else None,
        )
        ledger = Ledger(
            store.aftermath,
            clock,
            options.exposure,
            enforce=not options.simulated,
            promises=lambda site: promises_at(site, store, library, clock),
        )
        services = Services(
            feed,
            gate,
            store,
            clock,
            Limits(),
            ledger.admit,
            conditions,
            shared=isinstance(options.database, str),
        )
        group = await stack.enter_async_context(asyncio.TaskGroup())
        _beside(stack, group, fleet.tend(), "fleet")
        planner = await stack.enter_async_context(
            Planner(library, store, feed, clock, closed=conditions.notices.over).open()
        )
        runs = await stack.enter_async_context(Runs(fleet, library, services).open())
        timetable = Timetable(
            library,
            planner,
            runs,
            Desk(store.schedules, node_name(options.state_dir, options.node), clock),
            store=store,
            almanac=Almanac(durable, IcsFormat()),
        )
        await open_schedules(stack, timetable, keeper := _keeper(store, clock, options))
        aftermath = await open_aftermath(
            stack,
            Followed(
                Parts(library, planner, fleet, runs, store, feed, clock),
                ledger,
                watch,
                options.state_dir,
                options.follow_up,
            ),
            outlets if hubs else None,
            policy=policy_of(timetable),
        )
        for name, work in announcing.works(runs, store, clock):
            _beside(stack, group, work, name)
        await stack.enter_async_context(
            Closures(
                runs, conditions.notices, store, clock, aftermath.bulletin.alert
            ).open()
        )
        spoken = Spoken(ledger, library, clock, aftermath.bulletin.alert)
        urgent = await stack.enter_async_context(
            Urgent(
                fleet, library, gate=gate, store=store, clock=clock, spoken=spoken
            ).open()
        )
        web = WebServices(
            library=library,
            planner=planner,
            fleet=fleet,
            runs=runs,
            timetable=timetable,
            conflicts=Conflicts(timetable, store, clock, options.conditions),
            conditions=conditions,
            urgent=urgent,
            talks=Talks(
                fleet,
                library,
                gate=gate,
                store=store,
                clock=clock,
                tapes=OggTapes(options.state_dir / "talks"),
                spoken=spoken,
            ),
            announcements=announcing.announcements,
            cap=announcing.alerts,
            gate=gate,
            feed=feed,
            store=store,
            asyncapi=asyncapi(),
            ready=_checks(hubs, keeper),
            aftermath=aftermath,
        )
        yield Service(library, planner, fleet, runs, timetable, store, web)
