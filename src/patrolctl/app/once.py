"""``patrolctl run``: carry out one plan file with given vehicles, and wait."""

import asyncio
import hashlib
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from patrolctl.app.answering import Answering
from patrolctl.app.compose import Service, ServiceOptions, open_service
from patrolctl.app.headless import Say, all_linked, ended, exit_code
from patrolctl.app.lock import sole_user
from patrolctl.app.options import OnceOptions
from patrolctl.app.service import clock_of
from patrolctl.audio import ClipStore
from patrolctl.clock import Clock, PacedClock
from patrolctl.config import Settings, load_brief, mission_folders
from patrolctl.control.running.active import RunVerb
from patrolctl.control.running.runs import LaunchOrder
from patrolctl.domain.brief import Brief
from patrolctl.domain.errors import Conflict, InputError, NotFound
from patrolctl.domain.evidence import Evidence
from patrolctl.domain.ids import PlanId, RunId, SpeakerId, VehicleId
from patrolctl.domain.jsondoc import encode
from patrolctl.domain.machines import FleetVehicle, VehicleKind
from patrolctl.domain.plan import ItemType, Plan, PlanItem, Sortie
from patrolctl.domain.run import Phase, RunState, SortieRun
from patrolctl.domain.site import Site
from patrolctl.domain.sound import Announcement, Clip
from patrolctl.sites import load_site

MISSION_ID = "run"


@dataclass(frozen=True, slots=True)
class OnceReport:
    """What ``run --json`` prints."""

    run_id: str
    plan_id: str
    phase: Phase
    reason: str | None
    sorties: tuple[SortieRun, ...]
    evidence: Evidence | None
    exit_code: int


def kind_of(plan: Plan, vehicle_id: str) -> VehicleKind:
    """What a vehicle of the command line must be."""
    for sortie in plan.sorties:
        if sortie.vehicle == vehicle_id:
            return sortie.vehicle_kind
    kinds = {s.vehicle_kind for s in plan.sorties}
    return VehicleKind.ROVER if kinds == {VehicleKind.ROVER} else VehicleKind.COPTER


def registry(options: OnceOptions) -> tuple[FleetVehicle, ...]:
    """The vehicles of the command line as a fleet; they fly the plan's profile."""
    return tuple(
        FleetVehicle(
            id=VehicleId(v.id),
            kind=kind_of(options.plan, v.id),
            endpoint=v.endpoint,
            sysid=v.sysid,
            profile=options.plan.vehicle,
            speaker_id=None if v.speaker_id is None else SpeakerId(v.speaker_id),
            speaker=options.plan.speaker,
        )
        for v in options.vehicles
    )


def assignment(plan: Plan, fleet: tuple[FleetVehicle, ...]) -> dict[str, str]:
    """Each sortie to the vehicle it names, else to those of its kind in turn.

    Raises:
        InputError: no vehicle was given for a sortie.
    """
    ids = {v.id for v in fleet}
    turns: dict[VehicleKind, int] = {}
    chosen: dict[str, str] = {}
    for sortie in plan.sorties:
        if sortie.vehicle is not None and sortie.vehicle in ids:
            chosen[sortie.id] = sortie.vehicle
            continue
        fitting = [v.id for v in fleet if v.kind is sortie.vehicle_kind]
        if not fitting:
            raise InputError.one(
                f"sortie {sortie.id}",
                f"needs a {sortie.vehicle_kind}",
                "--vehicle ID=ENDPOINT",
            )
        turn = turns.get(sortie.vehicle_kind, 0)
        turns[sortie.vehicle_kind] = turn + 1
        chosen[sortie.id] = fitting[turn % len(fitting)]
    return chosen


def silenced(plan: Plan, chosen: Mapping[str, str], silent: frozenset[str]) -> Plan:
    """The plan without the cues of vehicles that have no loudspeaker."""

    def quiet(sortie: Sortie) -> Sortie:
        items = tuple(_quiet(i) for i in sortie.items)
        return replace(sortie, items=items) if chosen[sortie.id] in silent else sortie

    return replace(plan, sorties=tuple(quiet(s) for s in plan.sorties))


def _quiet(item: PlanItem) -> PlanItem:
    """An item without its cue; a pass without one is a leg like any other."""
    kind = ItemType.FLY if item.type is ItemType.PASS else item.type
    return replace(item, cue=None, type=kind)


def find_site(
    options: OnceOptions, settings: Settings
) -> tuple[Site, tuple[Announcement, ...]]:
    """The site that the plan was made for, and what may be said there.

    Raises:
        InputError: it is another site's file, or no mission has it.
    """
    wanted = options.plan.site_sha256
    if options.site_file is not None:
        site = load_site(options.site_file)
        if site.sha256 != wanted:
            raise InputError.one(
                f"site {options.site_file}",
                f"has the digest {site.sha256[:12]}",
                f"the site that the plan was made for, {wanted[:12]}",
            )
        return site, ()
    for folder in mission_folders(settings.missions_dir):
        brief = load_brief(folder)
        if brief.site.sha256 == wanted:
            return brief.site, brief.announcements
    raise InputError.one(
        "site", f"no mission has the plan's site {wanted[:12]}", "--site FILE"
    )


# The speed of a pass was chosen for the length of its message.
IN_FLIGHT_S = 0.1


def with_clip(plan: Plan, clip: Clip) -> Plan:
    """The plan with the clip that is really played.

    Raises:
        InputError: it is longer than what the plan's dwells were made for, or
            of another length than what its passes were made for.
    """
    said = plan.announcement
    in_flight = any(i.type is ItemType.PASS for s in plan.sorties for i in s.items)
    off_s = clip.duration_s - said.duration_s
    if off_s > 0.5 or (in_flight and abs(off_s) > IN_FLIGHT_S):
        raise InputError.one(
            f"announcement {said.id}",
            f"lasts {clip.duration_s:.1f} s, the plan has {said.duration_s:.1f} s",
            "a plan made for it",
        )
    sorties = tuple(
        replace(
            s,
            items=tuple(
                i
                if i.cue is None
                else replace(i, cue=replace(i.cue, clip_sha256=clip.sha256))
                for i in s.items
            ),
        )
        for s in plan.sorties
    )
    announcement = replace(said, clip_sha256=clip.sha256, duration_s=clip.duration_s)
    return replace(plan, sorties=sorties, announcement=announcement)


async def _plan_to_fly(service: Service, plan: Plan, settings: Settings) -> Plan:
    """The plan with its clip at hand; raises InputError when there is none."""
    if not any(i.cue for s in plan.sorties for i in s.items):
        return plan
    said = plan.announcement
    if said.clip_sha256 is not None:
        clip = ClipStore(settings.clip_dir).clip(said.clip_sha256)
        if clip is not None:
            service.library.keep(clip)
            return plan
    try:
        announcement = service.library.announcement(said.id)
    except NotFound:
        raise InputError.one(
            f"announcement {said.id}",
            f"is neither rendered in {settings.clip_dir} nor in a mission",
            "a plan of a mission, or PATROLCTL_CLIP_DIR where its clip is",
        ) from None
    return with_clip(plan, await service.library.clip_of(announcement))


@contextmanager
def _recall_on_interrupt(service: Service, run_id: RunId, say: Say) -> Iterator[None]:
    """Ctrl-C brings the vehicles home; a second one leaves them to themselves."""
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    recalls: list[asyncio.Task[None]] = []

    async def recall() -> None:
        try:
            await service.runs.command(run_id, RunVerb.RETURN_HOME, "operator")
        except Conflict as e:
            say(str(e))

    def on_interrupt() -> None:
        if recalls:
            say("leaving; the vehicles go on by themselves")
            if main is not None:
                main.cancel()
            return
        say("calling the vehicles home; Ctrl-C again leaves without waiting")
        recalls.append(loop.create_task(recall(), name="recall"))

    loop.add_signal_handler(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def run_once(options: OnceOptions, settings: Settings, say: Say) -> OnceReport:
    """Carry out a plan with the given vehicles and wait for the evidence.

    Raises:
        InputError: plan, site, clip and vehicles do not fit each other.
        GateRefused: the plan breaks a rule.
        VehicleError: a vehicle cannot be reached.
    """
    site, announcements = find_site(options, settings)
    fleet = registry(options)
    chosen = assignment(options.plan, fleet)
    silent = frozenset(v.id for v in fleet if v.speaker_id is None)
    for vehicle_id in sorted(silent & set(chosen.values())):
        say(f"{vehicle_id} has no loudspeaker (--speaker): it goes silently")
    brief = Brief(site.name, site, announcements, fleet, options.plan.requirement)
    service_options = ServiceOptions(
        database=settings.database,
        clip_dir=settings.clip_dir,
        state_dir=settings.data_dir,
        tlog_dir=settings.tlog_dir,
        mqtt_url=settings.mqtt_url if len(silent) < len(fleet) else None,
        speedup=settings.speedup,
        simulated=options.simulated,
    )
    clock = _clock_of(settings)
    with sole_user(settings.data_dir):
        async with open_service({MISSION_ID: brief}, service_options, clock) as service:
            plan = silenced(options.plan, chosen, silent)
            plan = await _plan_to_fly(service, plan, settings)
            await all_linked(service, tuple(v.id for v in fleet))
            plan_id = PlanId(f"file-{options.plan.kind}-{_digest(plan)}")
            await service.store.save_plan(plan_id, plan)
            state = await service.runs.launch(
                LaunchOrder(
                    plan_id,
                    actor="patrolctl run",
                    authority=options.authority,
                    vehicles=chosen,
                )
            )
            answering = Answering(service.runs, state.id, options.when_held, say)
            with _recall_on_interrupt(service, state.id, say):
                async with answering.open():
                    state = await ended(service, state.id, say)
            return await _report(service, state)


def _clock_of(settings: Settings) -> Clock:
    """Time at the speed of the settings, or at the speed that the vehicle has.

    Nobody tells us how fast a simulator runs, and at ten times the speed a
    heartbeat a second of ours is silence to its failsafe.
    """
    return clock_of(settings) if settings.speedup != 1.0 else PacedClock()


def _digest(plan: Plan) -> str:
    return hashlib.sha256(encode(plan)).hexdigest()[:12]


async def _report(service: Service, state: RunState) -> OnceReport:
    try:
        evidence = await service.store.evidence(state.id)
    except NotFound:
        evidence = None
    return OnceReport(
        run_id=state.id,
        plan_id=state.plan_id,
        phase=state.phase,
        reason=state.reason,
        sorties=state.sorties,
        evidence=evidence,
        exit_code=exit_code(state),
    )
