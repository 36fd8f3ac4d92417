"""A made-up estate, plan and run for the console's own tests.

It speaks the shapes of docs/http.md through the dataclasses of
``patrolctl.domain``. Nothing here plans or flies: it is what a console needs
to be looked at, and it can be told to go wrong.
"""

import math
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

from patrolctl.domain.evidence import (
    BuildingEvidence,
    Evidence,
    EvidenceSummary,
    ReceiverEvidence,
)
from patrolctl.domain.ids import (
    AnnouncementId,
    PlanId,
    ReceiverId,
    RunId,
    SortieId,
    SpeakerId,
    StationId,
    VehicleId,
)
from patrolctl.domain.machines import (
    FleetVehicle,
    LinkState,
    SpeakerProfile,
    VehicleKind,
    VehicleProfile,
)
from patrolctl.domain.plan import (
    ItemType,
    Plan,
    PlanAnnouncement,
    PlanCue,
    PlanHome,
    PlanItem,
    PlanKind,
    PlanReceiver,
    PlanSummary,
    Requirement,
    Sortie,
)
from patrolctl.domain.run import ENDED, Phase, RunEvent, RunState, SortieRun, advance
from patrolctl.domain.sound import Playback, PlaybackStatus, SpeakerPhase, SpeakerState
from patrolctl.domain.telemetry import EventKind, Telemetry, VehicleEvent

LAT0, LON0 = 34.2600, 117.1860
M_LAT = 1 / 111_195.0
M_LON = 1 / (111_195.0 * math.cos(math.radians(LAT0)))

SITE_ID = "made-up-estate"
CLIP = "0" * 64


def lonlat(east_m: float, north_m: float) -> list[float]:
    return [LON0 + east_m * M_LON, LAT0 + north_m * M_LAT]


def rectangle(x: float, y: float, w: float, h: float) -> dict[str, object]:
    corners = ((x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y))
    return {"type": "Polygon", "coordinates": [[lonlat(*c) for c in corners]]}


@dataclass(frozen=True)
class House:
    id: str
    x: float
    y: float
    w: float
    h: float
    floors: int


HOUSES = tuple(
    House(f"b{i + 1}", x, y, 52, 16, floors)
    for i, (x, y, floors) in enumerate(
        (x, y, 6 + (7 * (i + 2 * j)) % 22)
        for j, y in enumerate((20, 75, 130))
        for i, x in enumerate((20, 100, 180))
    )
)


def feature(
    feature_id: str, geometry: dict[str, object], **props: object
) -> dict[str, object]:
    return {
        "type": "Feature",
        "id": feature_id,
        "geometry": geometry,
        "properties": props,
    }


def point(x: float, y: float) -> dict[str, object]:
    return {"type": "Point", "coordinates": lonlat(x, y)}


def line(*places: tuple[float, float]) -> dict[str, object]:
    return {"type": "LineString", "coordinates": [lonlat(*p) for p in places]}


def site_features() -> list[dict[str, object]]:
    return [
        feature("geofence", rectangle(-40, -40, 340, 260), kind="geofence"),
        feature(
            "zone",
            rectangle(0, 0, 260, 165),
            kind="zone",
            **{"class": "controlled", "name": "Estate 小区"},
        ),
        feature(
            "sealed",
            rectangle(92, 66, 68, 34),
            kind="zone",
            **{"class": "sealed", "name": "Building 5"},
        ),
        feature("school", rectangle(190, 172, 70, 36), kind="no_fly", name="School"),
        *(
            feature(
                h.id,
                rectangle(h.x, h.y, h.w, h.h),
                kind="building",
                name=f"{i + 1}号楼",
                floors=h.floors,
                floor_height_m=3.0,
                height_m=h.floors * 3.0,
                households=h.floors * 4,
            )
            for i, h in enumerate(HOUSES)
        ),
        feature(
            "r1",
            line((-10, 5), (270, 5), (270, 168), (-10, 168), (-10, 5)),
            kind="road",
        ),
        feature("r2", line((-10, 57), (270, 57)), kind="road"),
        feature("r3", line((86, 5), (86, 168)), kind="road"),
        feature(
            "l1", point(-20, -10), kind="launch", name="Square", vehicle_kind="copter"
        ),
        feature(
            "l2", point(285, -10), kind="launch", name="Gate", vehicle_kind="rover"
        ),
        feature("ra", point(-20, 190), kind="rally", name="West lawn"),
        feature("s1", point(86, 57), kind="sampling_point", name="North 采样点"),
    ]


def receivers(missed: bool) -> tuple[PlanReceiver, ...]:
    out = []
    for h in HOUSES:
        for floor in range(1, h.floors + 1):
            for k in range(4):
                for side, y in (("s", h.y - 0.2), ("n", h.y + h.h + 0.2)):
                    lon, lat = lonlat(h.x + 6.5 + 13 * k, y)
                    bad = missed and h.id == "b6" and side == "n" and floor < 4
                    out.append(
                        PlanReceiver(
                            id=ReceiverId(f"{h.id}-{side}{k}-{floor}"),
                            building_id=h.id,
                            household=f"{h.id}-{floor}-{k}",
                            floor=floor,
                            lat_deg=lat,
                            lon_deg=lon,
                            up_m=floor * 3.0 - 1.5,
                            sti=0.31 if bad else 0.58,
                            level_db=52.0 if bad else 66.0,
                            reached=not bad,
                            reason="behind the school's roof" if bad else None,
                        )
                    )
    return tuple(out)


def _item(
    seq: int, kind: ItemType, x: float, y: float, up: float, **more: object
) -> PlanItem:
    lon, lat = lonlat(x, y)
    return PlanItem(seq=seq, type=kind, lat_deg=lat, lon_deg=lon, alt_m=up, **more)


def drone_sortie(index: int) -> Sortie:
    row = ((-20.0, -10.0), (-20.0, 190.0))[index]
    ys = ((48.0, 66.0), (105.0, 158.0))[index]
    items = [_item(1, ItemType.TAKEOFF, *row, 30, speed_m_s=2.5)]
    for y in ys:
        xs = (46.0, 126.0, 206.0) if y == ys[0] else (206.0, 126.0, 46.0)
        for x in xs:
            up = 18.0 + 9 * (len(items) % 4)
            items.append(_item(len(items) + 1, ItemType.FLY, x, y, up, speed_m_s=8.0))
            items.append(
                _item(
                    len(items) + 1,
                    ItemType.DWELL,
                    x,
                    y,
                    up,
                    duration_s=20.0,
                    cue=PlanCue(CLIP, 1),
                    station=StationId(f"S{index + 1}-{len(items) // 2}"),
                )
            )
    items.append(_item(len(items) + 1, ItemType.RETURN_HOME, *row, 40))
    items.append(_item(len(items) + 1, ItemType.LAND, *row, 0))
    return Sortie(
        id=SortieId(f"sortie-{index + 1}"),
        vehicle_kind=VehicleKind.COPTER,
        items=tuple(items),
        duration_s=402.0 + index * 31,
        distance_m=790.0 + index * 64,
        energy_ratio=0.38 + index * 0.05,
        vehicle=f"drone-{index + 1}",
        home=PlanHome(lonlat(*row)[1], lonlat(*row)[0], 38.0),
    )


def loop_sortie() -> Sortie:
    path = ((285.0, -10.0), (270.0, 5.0), (86.0, 5.0), (86.0, 57.0), (270.0, 57.0))
    items = [
        _item(i + 1, ItemType.DRIVE, x, y, 0, speed_m_s=2.5)
        for i, (x, y) in enumerate(path)
    ]
    return Sortie(
        id=SortieId("loop-1"),
        vehicle_kind=VehicleKind.ROVER,
        items=tuple(items),
        duration_s=260.0,
        distance_m=640.0,
        energy_ratio=0.02,
        vehicle="patrol-1",
        loops=3,
    )


def make_plan(kind: PlanKind, *, missed: bool = True) -> Plan:
    points = receivers(missed) if kind is PlanKind.DRONE else ()
    reached = sum(r.reached for r in points)
    houses = {r.household for r in points}
    heard = {r.household for r in points if r.reached}
    loop = kind is PlanKind.LOOP
    sorties = (loop_sortie(),) if loop else (drone_sortie(0), drone_sortie(1))
    lon, lat = lonlat(-20, -10)
    return Plan(
        kind=kind,
        site_sha256="f" * 64,
        seed=1,
        created_utc=datetime.now(UTC),
        requirement=Requirement(),
        speaker=SpeakerProfile(),
        vehicle=VehicleProfile(),
        announcement=PlanAnnouncement(AnnouncementId("stay-home"), 20.0, 1, CLIP),
        home=PlanHome(lat, lon, 38.0),
        sorties=sorties,
        receivers=points,
        summary=PlanSummary(
            receivers=len(points),
            reachable=len(points),
            reached=reached,
            households=len(houses),
            households_reached=len(heard),
            stations=0 if loop else 12,
            sorties=len(sorties),
            mission_time_s=None if loop else 433.0,
            lower_bound_s=None if loop else 401.0,
            gap=0.041 if loop else 0.074,
            solve_s=3.2,
            loop_time_s=260.0 if loop else None,
            distance_m=640.0 if loop else None,
            deadhead_m=42.0 if loop else None,
        ),
        site_id=SITE_ID,
        defaults=("household counts are 4 per floor where the site has none",),
        warnings=("6号楼: floors 1 to 3 of the north façade are not reached",),
    )


FLEET = (
    FleetVehicle(
        VehicleId("drone-1"), VehicleKind.COPTER, speaker_id=SpeakerId("speaker-1")
    ),
    FleetVehicle(
        VehicleId("drone-2"), VehicleKind.COPTER, speaker_id=SpeakerId("speaker-2")
    ),
    FleetVehicle(
        VehicleId("patrol-1"), VehicleKind.ROVER, speaker_id=SpeakerId("speaker-3")
    ),
)


@dataclass
class Puppet:
    """One vehicle on strings."""

    entry: FleetVehicle
    x: float
    y: float
    up: float = 0.0
    heading: float = 0.0
    battery: float = 0.97
    mode: str = "LOITER"
    armed: bool = False
    link: LinkState = LinkState.LIVE
    failsafe: str | None = None
    sortie: Sortie | None = None
    step: int = 0
    left_s: float = 0.0
    held: bool = False
    speed: float = 0.0

    def telemetry(self) -> Telemetry:
        lon, lat = lonlat(self.x, self.y)
        return Telemetry(
            vehicle_id=self.entry.id,
            kind=self.entry.kind,
            ts_utc=datetime.now(UTC),
            link=self.link,
            link_quality_ratio=0.98,
            mode=self.mode,
            armed=self.armed,
            on_ground=self.up < 0.2,
            lat_deg=lat,
            lon_deg=lon,
            amsl_m=38.0 + self.up,
            up_m=self.up,
            heading_deg=self.heading,
            ground_speed_m_s=self.speed,
            battery_ratio=self.battery,
            satellites=17,
            position_ok=True,
            ready_to_arm=True,
            wind_m_s=2.4,
            failsafe=self.failsafe,
        )


@dataclass
class World:
    """Everything that the mock service shows."""

    speed: float = 1.0
    puppets: dict[str, Puppet] = field(
        default_factory=lambda: {
            "drone-1": Puppet(FLEET[0], -20, -10, heading=30),
            "drone-2": Puppet(FLEET[1], -20, 190, heading=120),
            "patrol-1": Puppet(FLEET[2], 285, -10, heading=300),
        }
    )
    plans: dict[str, Plan] = field(
        default_factory=lambda: {"plan-first": make_plan(PlanKind.DRONE)}
    )
    runs: dict[str, RunState] = field(default_factory=dict)
    events: dict[str, list[RunEvent]] = field(default_factory=dict)
    playbacks: dict[str, list[Playback]] = field(default_factory=dict)
    speakers: dict[str, SpeakerState] = field(
        default_factory=lambda: {
            str(v.speaker_id): SpeakerState(v.speaker_id, SpeakerPhase.IDLE)
            for v in FLEET
            if v.speaker_id
        }
    )
    out: list[tuple[str, object]] = field(default_factory=list)

    def tell(self, run_id: str, text: str, **more: object) -> None:
        state = self.runs[run_id]
        event = RunEvent(
            id=uuid.uuid4().hex,
            ts_utc=datetime.now(UTC),
            run_id=state.id,
            text=text,
            **more,
        )
        self.runs[run_id] = advance(state, event)
        self.events[run_id].append(event)
        self.out.append(("run", {"state": self.runs[run_id], "event": event}))

    def vehicle_fact(
        self, vehicle: str, kind: EventKind, text: str, severity: int = 6
    ) -> None:
        event = VehicleEvent(
            uuid.uuid4().hex,
            datetime.now(UTC),
            VehicleId(vehicle),
            kind,
            text,
            None,
            severity,
        )
        self.out.append(("vehicle_event", event))

    def launch(self, plan_id: str, authority: str | None) -> RunState:
        plan = self.plans[plan_id]
        run_id = f"run-{uuid.uuid4().hex[:8]}"
        self.runs[run_id] = RunState(
            id=RunId(run_id),
            plan_id=PlanId(plan_id),
            created_utc=datetime.now(UTC),
            authority=authority,
            sorties=tuple(
                SortieRun(
                    s.id,
                    VehicleId(s.vehicle or ""),
                    steps=len(s.items),
                    loops=s.loops,
                    cues=sum(i.cue is not None for i in s.items),
                )
                for s in plan.sorties
            ),
        )
        self.events[run_id] = []
        self.playbacks[run_id] = []
        for s in plan.sorties:
            for phase in (Phase.CHECKED, Phase.UPLOADED, Phase.RUNNING):
                text = f"{s.vehicle} {phase.lower()}"
                self.tell(run_id, text, sortie_id=s.id, phase=phase)
            puppet = self.puppets[s.vehicle or ""]
            puppet.sortie, puppet.step, puppet.armed, puppet.mode = s, 0, True, "AUTO"
            self.vehicle_fact(s.vehicle or "", EventKind.ARMED, "armed")
        return self.runs[run_id]

    def active(self) -> list[RunState]:
        return [r for r in self.runs.values() if r.phase not in ENDED]

    def command(self, run_id: str, verb: str) -> None:
        phases = {
            "hold": Phase.HELD,
            "resume": Phase.RUNNING,
            "return_home": Phase.RETURNING,
            "stop": Phase.ABORTED,
            "land": Phase.ABORTED,
        }
        for one in self.runs[run_id].sorties:
            puppet = self.puppets[one.vehicle_id]
            puppet.held = verb in {"hold", "stop", "land"}
            puppet.mode = {"hold": "BRAKE", "stop": "BRAKE", "land": "LAND"}.get(
                verb, "AUTO"
            )
            if verb in phases:
                text = f"{one.vehicle_id}: {verb}"
                self.tell(run_id, text, sortie_id=one.sortie_id, phase=phases[verb])
            if verb == "return_home" and puppet.sortie:
                puppet.step = len(puppet.sortie.items) - 2
            if verb in {"stop", "land"}:
                puppet.sortie = None

    def tick(self, dt_s: float) -> None:
        for run in self.active():
            for one in run.sorties:
                puppet = self.puppets[one.vehicle_id]
                if (
                    puppet.sortie
                    and puppet.sortie.id == one.sortie_id
                    and not puppet.held
                ):
                    self._move(run.id, puppet, dt_s * self.speed)

    def _move(self, run_id: str, p: Puppet, dt_s: float) -> None:
        assert p.sortie is not None
        item = p.sortie.items[p.step]
        x = (item.lon_deg - LON0) / M_LON
        y = (item.lat_deg - LAT0) / M_LAT
        dx, dy, dz = x - p.x, y - p.y, item.alt_m - p.up
        far = math.sqrt(dx * dx + dy * dy + dz * dz)
        step = (item.speed_m_s or 6.0) * dt_s
        p.battery = max(0.1, p.battery - 0.0004 * dt_s)
        if far > max(step, 0.01):
            p.x, p.y, p.up = (
                p.x + dx * step / far,
                p.y + dy * step / far,
                p.up + dz * step / far,
            )
            p.speed = item.speed_m_s or 2.5
            if math.hypot(dx, dy) > 0.5:
                p.heading = math.degrees(math.atan2(dx, dy)) % 360
            return
        p.x, p.y, p.up, p.speed = x, y, item.alt_m, 0.0
        if item.type is ItemType.DWELL:
            if p.left_s <= 0:
                p.left_s = item.duration_s or 20.0
                self._sound(run_id, p, item, PlaybackStatus.STARTED)
            p.left_s -= dt_s
            if p.left_s > 0:
                return
            self._sound(run_id, p, item, PlaybackStatus.COMPLETED)
        p.step += 1
        cue = f"{p.sortie.id}-{item.seq}" if item.cue else None
        self.tell(
            run_id, f"step {p.step}", sortie_id=p.sortie.id, step=p.step, cue_done=cue
        )
        if p.step >= len(p.sortie.items):
            self._finish(run_id, p)

    def _sound(
        self, run_id: str, p: Puppet, item: PlanItem, status: PlaybackStatus
    ) -> None:
        done = status is PlaybackStatus.COMPLETED
        speaker = str(p.entry.speaker_id)
        phase = SpeakerPhase.IDLE if done else SpeakerPhase.PLAYING
        self.speakers[speaker] = SpeakerState(SpeakerId(speaker), phase)
        self.out.append(("speaker", self.speakers[speaker]))
        report = Playback(
            id=f"{run_id}-{item.station}",
            speaker_id=SpeakerId(speaker),
            key=f"{run_id}-{item.seq}",
            clip_sha256=CLIP,
            status=status,
            start_utc=datetime.now(UTC),
            end_utc=datetime.now(UTC) if done else None,
            station=item.station,
            vehicle_id=p.entry.id,
            repeats_done=int(done),
            complete=done,
        )
        self.playbacks[run_id] = [
            r for r in self.playbacks[run_id] if r.id != report.id
        ]
        self.playbacks[run_id].append(report)
        self.out.append(("playback", report))

    def _finish(self, run_id: str, p: Puppet) -> None:
        assert p.sortie is not None
        run = next(s for s in self.runs[run_id].sorties if s.sortie_id == p.sortie.id)
        if run.loops_done + 1 < p.sortie.loops:
            p.step = 0
            self.tell(
                run_id,
                "loop done",
                sortie_id=run.sortie_id,
                loops_done=run.loops_done + 1,
                step=0,
            )
            return
        sortie, p.sortie, p.armed, p.mode = p.sortie, None, False, "LOITER"
        self.tell(
            run_id, f"{p.entry.id} is home", sortie_id=sortie.id, phase=Phase.FINISHED
        )

    def evidence(self, run_id: str) -> Evidence:
        run = self.runs[run_id]
        plan = self.plans[run.plan_id]
        found = tuple(
            ReceiverEvidence(
                id=r.id,
                building_id=r.building_id,
                household=r.household,
                floor=r.floor,
                reached=r.reached and run.phase is Phase.FINISHED,
                sti=r.sti,
                level_db=r.level_db,
                messages=int(r.reached),
                planned=r.reached,
                reason=r.reason,
            )
            for r in plan.receivers
        )
        rows = []
        for h in HOUSES:
            mine = [r for r in found if r.building_id == h.id]
            homes = {r.household for r in mine}
            heard = {r.household for r in mine if r.reached}
            rows.append(
                BuildingEvidence(
                    h.id,
                    len(mine),
                    sum(r.reached for r in mine),
                    len(homes),
                    len(heard),
                )
            )
        played = self.playbacks[run_id]
        return Evidence(
            run_id=run.id,
            plan_id=run.plan_id,
            created_utc=datetime.now(UTC),
            summary=EvidenceSummary(
                receivers=len(found),
                reachable=len(found),
                reached=sum(r.reached for r in found),
                households=sum(r.households for r in rows),
                households_reached=sum(r.households_reached for r in rows),
                playbacks=len(played),
                playbacks_complete=sum(p.complete for p in played),
                loops_completed=0,
            ),
            buildings=tuple(rows),
            receivers=found,
            notes=("levels are predicted at the flown positions",),
        )
