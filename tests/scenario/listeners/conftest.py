"""Whole missions flown on the simulators' cores, evidence beside listeners.

The plan is compiled, uploaded over the wire, flown under wind; the true place
wanders away from what telemetry tells; a simulated speaker plays at each
dwell. Evidence gets the telemetry and the speaker's reports, the virtual
listeners get the truth. No sockets, no waiting: an hour takes a second.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from patrolctl.acoustics import with_directivity
from patrolctl.config import load_brief
from patrolctl.domain.evidence import Evidence, TrackPoint
from patrolctl.domain.ids import PlanId, RunId, VehicleId
from patrolctl.domain.jsondoc import decode
from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.mission import StepType
from patrolctl.domain.plan import Plan, PlanAnnouncement, PlanKind, Sortie
from patrolctl.domain.site import Site
from patrolctl.domain.sound import Playback
from patrolctl.evidence import RunRecord, prove
from patrolctl.mavlink.autopilots.ardupilot import ArduPilot
from patrolctl.planning.compile import compile_mission
from patrolctl.planning.drone import DroneOrder, plan_drone
from patrolctl.planning.loop import LoopOrder, plan_loop
from simulators.build import build
from simulators.config import VehicleConfig
from simulators.ground import Ground, Item
from simulators.listeners import (
    Ambient,
    Hall,
    Horn,
    Microphone,
    NavError,
    Reception,
    Track,
    follow,
    read_place,
)
from simulators.listeners.hall import ROVER_HORN_M
from simulators.listeners.options import messages_of
from simulators.speaker.machine import Publish, SpeakerFaults, SpeakerMachine
from simulators.wire import mavlink

ROOT = Path(__file__).parents[3]
CLIP = "c" * 64
T0 = datetime(2026, 3, 2, 1, tzinfo=UTC)
GUIDED, AUTO_COPTER, AUTO_ROVER, RTL = 4, 3, 10, 6
SETTLED_M, SETTLED_S = 1.0, 3.0
BRIEFLY_S = 1.2  # where the vehicle goes on by itself
STEP_S = 0.2


@dataclass(frozen=True)
class World:
    """What is not as planned. Cues count from 0 over the whole run."""

    seed: int = 1
    wind_m_s: float = 6.0
    nav_sigma_m: float = 0.5
    compass_sigma_deg: float = 2.0
    dropped: frozenset[int] = frozenset()
    return_after: int | None = None


@dataclass
class Flown:
    """One run: its evidence and what the listeners heard."""

    site: Site
    plan: Plan
    evidence: Evidence
    receptions: list[Reception]
    messages: int
    record: RunRecord

    @property
    def heard(self) -> set[str]:
        """Microphones that understood a whole message, however it came."""
        return {r.microphone for r in self.receptions}

    @property
    def heard_in_view(self) -> set[str]:
        """Those that had the horn in view."""
        return {r.microphone for r in self.receptions if r.in_view}

    @property
    def claimed(self) -> set[str]:
        """Receivers that the evidence says were reached."""
        return {str(r.id) for r in self.evidence.receivers if r.reached}

    def households(self, receivers: Iterable[str]) -> set[tuple[object, ...]]:
        """The households of some receivers."""
        wanted = set(receivers)
        return {
            (r.building_id, r.household)
            for r in self.plan.receivers
            if r.household is not None and r.id in wanted
        }


@dataclass
class _Run:
    """What is gathered while flying."""

    plan: Plan
    site: Site
    world: World
    hall: Hall
    tracks: list[TrackPoint] = field(default_factory=list)
    playbacks: list[Playback] = field(default_factory=list)
    receptions: list[Reception] = field(default_factory=list)
    cues: int = 0
    messages: int = 0
    over: bool = False


class _Sortie:
    """One vehicle and its loudspeaker."""

    def __init__(self, run: _Run, sortie: Sortie, number: int) -> None:
        self.run = run
        self.number = number
        mission, self.cues = compile_mission(run.plan, sortie, run.site)
        kind = sortie.vehicle_kind
        self.rover = kind is VehicleKind.ROVER
        self.wire = ArduPilot(kind).compile(mission)
        self.name = sortie.vehicle or f"v{number}"
        config = replace(
            VehicleConfig(kind=kind.value),
            lat_deg=mission.home.lat_deg,
            lon_deg=mission.home.lon_deg,
            amsl_m=mission.home_amsl_m,
            ready_scale=0.0,
            seed=run.world.seed + number,
            start_utc_s=T0.timestamp() + 7200.0 * number,
            wind=(run.world.wind_m_s, 70.0),
            battery_s=50_000.0,
        )
        self.vehicle = build(config)
        self.ground = Ground(self.vehicle)
        self.ground.beats = True
        self.speaker = SpeakerMachine(f"s{number}", self.name)
        self.truth = Track()
        error = NavError(
            1000 * run.world.seed + number,
            sigma_m=run.world.nav_sigma_m,
            up_sigma_m=0.0 if self.rover else run.world.nav_sigma_m,
            heading_sigma_deg=run.world.compass_sigma_deg,
        )
        follow(self.vehicle, self.truth.add, error=error)

    def launch(self) -> None:
        """Upload, arm, start."""
        ground = self.ground
        ground.run(0.5)
        rate = mavlink.MAV_CMD_SET_MESSAGE_INTERVAL
        assert ground.command(rate, 33, 200_000) == 0  # GLOBAL_POSITION_INT, 5 Hz
        items = [
            Item(i.command, i.frame, i.params, i.x, i.y, i.z) for i in self.wire.items
        ]
        assert ground.upload(items) == 0
        mode = AUTO_ROVER if self.rover else GUIDED
        assert ground.command(mavlink.MAV_CMD_DO_SET_MODE, 1, mode) == 0
        ground.command(mavlink.MAV_CMD_COMPONENT_ARM_DISARM, 1)
        assert self.vehicle.armed, ground.texts()
        if not self.rover:
            assert ground.command(mavlink.MAV_CMD_MISSION_START) == 0
        self.speaker.on_command(
            json.dumps({"action": "prepare", "clip_sha256": CLIP}).encode(),
            retained=False,
            now_s=self.vehicle.utc_s,
        )
        once = self.run.plan.announcement.duration_s
        self.speaker.on_clip(CLIP, once, self.vehicle.utc_s)

    def fly(self) -> None:
        """To the end, or home early when it is called."""
        self.launch()
        dwells = [s for s in self.wire.steps if s.type is StepType.DWELL]
        laps = 0
        while self.vehicle.armed and laps < 40_000:
            laps += 1
            self.step()
            here = self.vehicle.mission.current
            at = next((d for d in dwells if d.first <= here <= d.last), None)
            cue = None if at is None else self.cues.at(at.seq)
            if at is not None and self.settled(at):
                if cue is not None:
                    self.play(cue, at.seq)
                if self.run.over:
                    return
                if at.leaves_s is not None:
                    continue  # a pass: the vehicle is under way since
                self.ground.command(mavlink.MAV_CMD_DO_SET_MISSION_CURRENT, at.last + 1)
                self.step()
            if self.rover and self.vehicle.mission.current >= len(self.wire.items) - 1:
                return

    def settled(self, at) -> bool:
        """Whether it has stood at a dwell for as long as a loudspeaker waits."""
        since = 0.0
        while self.vehicle.armed and self.vehicle.mission.current <= at.last:
            lat, lon = self.vehicle.frame.to_e7(
                self.vehicle.body.north_m, self.vehicle.body.east_m
            )
            off = self.vehicle.frame.to_ne(lat, lon)
            goal = self.vehicle.frame.to_ne(
                round(at.position.lat_deg * 1e7), round(at.position.lon_deg * 1e7)
            )
            near = max(abs(a - b) for a, b in zip(off, goal, strict=True)) < SETTLED_M
            since = since + STEP_S if near and self.vehicle.body.speed_m_s < 0.5 else 0
            if since >= (SETTLED_S if at.leaves_s is None else BRIEFLY_S):
                return True
            self.step()
        return False

    def step(self) -> None:
        """Time passes; telemetry becomes the track."""
        self.ground.heard.clear()
        self.ground.run(STEP_S)
        self.speaker.poll(self.vehicle.utc_s)
        for at_s, m in self.ground.heard:
            if m.get_type() == "GLOBAL_POSITION_INT":
                when = datetime.fromtimestamp(
                    self.vehicle.config.start_utc_s + at_s, UTC
                )
                self.run.tracks.append(
                    TrackPoint(
                        when,
                        VehicleId(self.name),
                        m.lat * 1e-7,
                        m.lon * 1e-7,
                        m.relative_alt / 1000,
                        m.hdg / 100,
                    )
                )

    def play(self, cue, seq: int) -> None:
        """One cue, heard by everybody; perhaps dropped, perhaps the last."""
        run = self.run
        number, run.cues = run.cues, run.cues + 1
        self.speaker.faults = SpeakerFaults(drop_clip=number in run.world.dropped)
        if number not in run.world.dropped:
            once = run.plan.announcement.duration_s
            self.speaker.on_clip(CLIP, once, self.vehicle.utc_s)
        order = {
            "action": "play", "key": f"{number}:{seq}", "clip_sha256": CLIP,
            "expires_utc": datetime.fromtimestamp(
                self.vehicle.utc_s + 20, UTC).isoformat(),
            "repeats": cue.repeats, "cue_id": cue.id, "station": cue.station,
            "run_id": "run-1",
        }  # fmt: skip
        self.speaker.on_command(
            json.dumps(order).encode(), retained=False, now_s=self.vehicle.utc_s
        )
        while self.speaker.phase == "playing":
            self.step()
        for _ in range(5):
            self.step()
        for action in self.speaker.take():
            if isinstance(action, Publish) and action.topic == "playback":
                run.playbacks.append(decode(action.payload, Playback, source="speaker"))
        self.listen()
        if run.world.return_after == number:
            run.over = True
            self.ground.command(mavlink.MAV_CMD_DO_SET_MODE, 1, RTL)
            for _ in range(50):
                self.step()

    def listen(self) -> None:
        """Have what was played heard."""
        lift = ROVER_HORN_M if self.rover else 0.0
        horn = horn_of(self.run.plan)
        while self.speaker.sounded:
            for playing in messages_of(self.speaker.sounded.popleft(), self.name):
                self.run.messages += 1
                self.run.receptions += self.run.hall.hear(
                    playing, horn, self.truth, lift_m=lift
                )


def horn_of(plan: Plan) -> Horn:
    """The plan's loudspeaker, by its data sheet (the default one, too)."""
    s = with_directivity(plan.speaker)
    return Horn(
        level_1m_db=s.level_1m_db,
        crest_db=s.crest_db,
        tilt_deg=s.tilt_deg,
        angles_deg=s.directivity_deg,
        loss_db=s.directivity_db,
    )


def hall_of(mission: str, plan: Plan) -> Hall:
    """A microphone at each receiver of the plan."""
    need = plan.requirement
    return Hall(
        read_place(ROOT / "missions" / mission / "site.geojson"),
        [
            Microphone(
                str(r.id), r.lat_deg, r.lon_deg, r.up_m, r.building_id is not None
            )
            for r in plan.receivers
        ],
        Ambient(str(need.window), need.indoor_noise_db, need.outdoor_noise_db),
        sti_min=need.sti_min,
    )


def fly(
    mission: str,
    site: Site,
    plan: Plan,
    world: World,
    ids: tuple[str, str] = ("run-1", "plan-1"),
) -> Flown:
    """Fly a plan in a world that is not as planned, and prove it."""
    run = _Run(plan, site, world, hall_of(mission, plan))
    for number, sortie in enumerate(plan.sorties):
        if not run.over:
            _Sortie(run, sortie, number).fly()
    record = RunRecord(
        run_id=RunId(ids[0]),
        plan_id=PlanId(ids[1]),
        plan=plan,
        tracks=tuple(run.tracks),
        playbacks=tuple(run.playbacks),
        loops_completed=0,
        created_utc=T0,
    )
    return Flown(site, plan, prove(record, site), run.receptions, run.messages, record)


@cache
def planned(mission: str, kind: PlanKind) -> tuple[Site, Plan]:
    """A sample mission's plan, made once."""
    brief = load_brief(ROOT / "missions" / mission)
    said = PlanAnnouncement(brief.announcements[0].id, 20.0, 1, CLIP)
    common = {
        "announcement": said,
        "fleet": brief.fleet,
        "requirement": brief.requirement,
        "created_utc": T0,
        "seed": 1,
    }
    if kind is PlanKind.DRONE:
        return brief.site, plan_drone(brief.site, DroneOrder(time_limit_s=4, **common))
    return brief.site, plan_loop(brief.site, LoopOrder(time_limit_s=4, **common))


@pytest.fixture(scope="session")
def sample():
    """``sample(mission, kind)`` is the site and plan of a sample mission."""
    return planned


@pytest.fixture(scope="session")
def flight():
    """``flight(mission, site, plan, world)`` flies."""
    return fly


@pytest.fixture(scope="session")
def world():
    """The class of worlds."""
    return World
