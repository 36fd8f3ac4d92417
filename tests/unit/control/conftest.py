"""Fakes of every port: a whole fleet in memory, on a clock moved by hand."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from shapely import box

from patrolctl.clock import ManualClock
from patrolctl.control.gate import Gate, _insist
from patrolctl.control.live.feed import LiveFeed
from patrolctl.control.running.active import ActiveRun, Lane, Services
from patrolctl.control.sorties.job import Limits, SortieJob
from patrolctl.control.vehicles.fleet import Fleet
from patrolctl.domain.audit import AuditEntry
from patrolctl.domain.brief import Brief, Occurrence
from patrolctl.domain.errors import (
    Conflict,
    LaunchRefused,
    NotFound,
    StoreFailed,
    UploadFailed,
)
from patrolctl.domain.evidence import TrackPoint
from patrolctl.domain.ids import (
    AnnouncementId,
    PlanId,
    RunId,
    SortieId,
    SpeakerId,
    VehicleId,
)
from patrolctl.domain.machines import (
    FleetVehicle,
    LinkState,
    SpeakerProfile,
    VehicleKind,
    VehicleProfile,
)
from patrolctl.domain.mission import Breakpoint, Mission, StepType, UploadReceipt
from patrolctl.domain.plan import (
    ItemType,
    Plan,
    PlanAnnouncement,
    PlanCue,
    PlanHome,
    PlanItem,
    PlanKind,
    PlanSummary,
    Requirement,
    Sortie,
)
from patrolctl.domain.run import ENDED, RunState, SortieRun
from patrolctl.domain.site import Site
from patrolctl.domain.sound import (
    Announcement,
    Clip,
    Cue,
    CutBy,
    PlacedCue,
    Playback,
    PlaybackStatus,
    Priority,
    SpeakerPhase,
    SpeakerState,
    Utterance,
)
from patrolctl.domain.telemetry import EventKind, Telemetry, VehicleEvent
from patrolctl.domain.violation import Violation
from patrolctl.geo import LatLon, LocalFrame

SHA = "c" * 64
CLIP = Clip(SHA, f"/nowhere/{SHA}.wav", duration_s=20.0, sample_rate_hz=22050)
ORIGIN = LatLon(lat_deg=34.2, lon_deg=117.2)
SITE = Site(
    id="yard",
    name="Yard",
    sha256="5" * 64,
    frame=LocalFrame(ORIGIN),
    geofence=box(-500, -500, 500, 500),
    time_zone="Asia/Shanghai",
)
IDS = itertools.count()


class MemoryStore:
    """The Store port in dictionaries; ``broken`` makes it fail."""

    def __init__(self) -> None:
        self.plans_by_id: dict[str, Plan] = {}
        self.keys: dict[str, str] = {}
        self.states: dict[str, object] = {}
        self.events: list[object] = []
        self.vehicle_facts: list[VehicleEvent] = []
        self.points: dict[str, list[object]] = {}
        self.played: dict[str, Playback] = {}
        self.proofs: dict[str, object] = {}
        self.claims: dict[tuple[str, datetime], str | None] = {}
        self.paused: set[str] = set()
        self.log: list[tuple[str, str, str]] = []
        self.broken: str | None = None
        self.answers = asyncio.Event()  # cleared, it hangs
        self.answers.set()
        self.lose_from: str | None = None

    async def _touch(self) -> None:
        await self.answers.wait()
        if self.broken:
            raise StoreFailed(self.broken)

    async def save_plan(
        self, plan_id: str, plan: Plan, *, key: str | None = None
    ) -> None:
        await self._touch()
        self.plans_by_id[plan_id] = plan
        if key:
            self.keys[key] = plan_id

    async def plan_of(self, key: str) -> str | None:
        return self.keys.get(key)

    async def plan(self, plan_id: str) -> Plan:
        if plan_id not in self.plans_by_id:
            raise NotFound("plan", plan_id)
        return self.plans_by_id[plan_id]

    async def save_run(self, state: object, event: object) -> None:
        if event is not None and event.text == self.lose_from:
            self.broken = "died before this was written"
        await self._touch()
        self.states[state.id] = state
        if event is not None:
            self.events.append(event)

    async def run(self, run_id: str) -> object:
        if run_id not in self.states:
            raise NotFound("run", run_id)
        return self.states[run_id]

    async def runs(self, *, limit: int = 100) -> tuple[object, ...]:
        return tuple(self.states.values())[:limit]

    async def unfinished_runs(self) -> tuple[object, ...]:
        return tuple(s for s in self.states.values() if s.phase not in ENDED)

    async def unproved_runs(self) -> tuple[object, ...]:
        ended = (s for s in self.states.values() if s.phase in ENDED)
        return tuple(s for s in ended if s.id not in self.proofs)

    async def run_events(self, run_id: str) -> tuple[object, ...]:
        return tuple(e for e in self.events if e.run_id == run_id)

    async def add_vehicle_event(self, event: VehicleEvent) -> None:
        await self._touch()
        self.vehicle_facts.append(event)

    async def add_track(self, run_id: str, points: tuple[object, ...]) -> None:
        await self._touch()
        self.points.setdefault(run_id, []).extend(points)

    async def track(self, run_id: str) -> tuple[object, ...]:
        return tuple(self.points.get(run_id, ()))

    async def add_playback(self, run_id: str | None, playback: Playback) -> None:
        await self._touch()
        self.played[playback.id] = playback

    async def playbacks(self, run_id: str) -> tuple[Playback, ...]:
        return tuple(p for p in self.played.values() if p.key.startswith(run_id))

    async def save_evidence(self, evidence: object) -> None:
        await self._touch()
        self.proofs[evidence.run_id] = evidence

    async def evidence(self, run_id: str) -> object:
        if run_id not in self.proofs:
            raise NotFound("evidence of run", run_id)
        return self.proofs[run_id]

    async def claim_occurrence(self, schedule_id: str, due_utc: datetime) -> bool:
        fresh = (schedule_id, due_utc) not in self.claims
        self.claims.setdefault((schedule_id, due_utc), None)
        return fresh

    async def note_occurrence(
        self, schedule_id: str, due_utc: datetime, outcome: str
    ) -> None:
        self.claims[schedule_id, due_utc] = outcome

    async def occurrences(
        self, schedule_id: str, *, limit: int = 50
    ) -> tuple[Occurrence, ...]:
        found = [
            Occurrence(schedule, due, outcome)
            for (schedule, due), outcome in self.claims.items()
            if schedule == schedule_id
        ]
        return tuple(sorted(found, key=lambda o: o.due_utc, reverse=True)[:limit])

    async def pause_schedule(self, schedule_id: str, *, paused: bool) -> None:
        (self.paused.add if paused else self.paused.discard)(schedule_id)

    async def paused_schedules(self) -> frozenset[str]:
        return frozenset(self.paused)

    async def audit(self, actor: str, action: str, detail: str) -> None:
        await self._touch()
        self.log.append((actor, action, detail))

    async def audit_log(self, *, limit: int = 200) -> tuple[AuditEntry, ...]:
        return ()


class FakeVehicle:
    """Flies its mission on the clock: 5 s a way, dwells as long as kept."""

    def __init__(self, entry: FleetVehicle, clock: ManualClock) -> None:
        self.entry = entry
        self.clock = clock
        self.link = LinkState.LIVE
        self.calls: list[str] = []
        self.fail: dict[str, Exception] = {}
        self.not_ready: tuple[str, ...] = ()
        self.mission: Mission | None = None
        self.armed = False
        self.moving = asyncio.Event()
        self.battery = 1.0
        self.returning = False
        self.flown = 0
        self.breakpoint: Breakpoint | None = None
        self.dwelling = False
        self.stuck_after_arming = False
        self.other_mission = False
        self.stuck = False
        self.lose_mission = False
        self.stays_armed = False
        self.last_point: TrackPoint | None = None
        self._kept_until: dict[int, float] = {}
        self._listeners: list[asyncio.Queue[VehicleEvent]] = []
        self._flight: asyncio.Task[None] | None = None
        self.group: asyncio.TaskGroup | None = None
        self.seq = 0

    @property
    def telemetry(self) -> Telemetry:
        return Telemetry(
            vehicle_id=self.entry.id,
            kind=self.entry.kind,
            ts_utc=self.clock.utc(),
            link=self.link,
            mode="A MODE",
            purpose=self.purpose,
            mission_active=self.purpose == "mission",
            armed=self.armed,
            on_ground=not self.armed,
            lat_deg=ORIGIN.lat_deg,
            lon_deg=ORIGIN.lon_deg,
            up_m=30.0 if self.armed else 0.0,
            heading_deg=0.0,
            ground_speed_m_s=2.0 if self.armed and self.moving.is_set() else 0.0,
            battery_ratio=self.battery,
            seq=self.seq,
        )

    @property
    def purpose(self) -> str | None:
        if not self.armed:
            return None
        if self.returning:
            return "return"
        return "mission" if self.moving.is_set() else "hold"

    def track(self) -> tuple[TrackPoint, ...]:
        t = self.telemetry
        point = TrackPoint(t.ts_utc, t.vehicle_id, t.lat_deg, t.lon_deg, t.up_m, 0.0)
        fresh, self.last_point = point != self.last_point, point
        return (point,) if fresh else ()

    def emit(self, kind: EventKind, text: str = "", seq: int | None = None) -> None:
        event = VehicleEvent(
            f"f{next(IDS)}", self.clock.utc(), self.entry.id, kind, text, seq
        )
        for listener in self._listeners:
            listener.put_nowait(event)

    async def events(self) -> AsyncIterator[VehicleEvent]:
        queue: asyncio.Queue[VehicleEvent] = asyncio.Queue()
        self._listeners.append(queue)
        while True:
            yield await queue.get()

    async def _called(self, name: str) -> None:
        self.calls.append(name)
        await asyncio.sleep(0)
        if self.stuck:
            await asyncio.Event().wait()
        if name in self.fail:
            raise self.fail[name]

    async def ready(self) -> tuple[str, ...]:
        return self.not_ready

    async def upload(self, mission: Mission) -> UploadReceipt:
        await self._called("upload")
        self.mission = mission
        digest = "other" if self.lose_mission else mission.digest()
        return UploadReceipt(self.entry.id, digest, "boot", len(mission.steps))

    async def adopt(self, mission: Mission) -> UploadReceipt:
        await self._called("adopt")
        held = None if self.mission is None else self.mission.digest()
        if self.other_mission or held != mission.digest():
            raise UploadFailed(self.entry.id, "NOT ADOPTED", detail="item 3 differs")
        if self.armed and self.purpose == "mission":
            self.emit(EventKind.STEP, "", self.seq)
            if self.dwelling:
                self.emit(EventKind.DWELL_STARTED, "", self.seq)
        return UploadReceipt(self.entry.id, mission.digest(), "boot", 1)

    async def launch(
        self,
        receipt: UploadReceipt,
        *,
        arming: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        await self._called("launch")
        if self.not_ready:
            raise LaunchRefused(self.entry.id, self.not_ready)
        if arming is not None:
            await arming()
        if self.stuck_after_arming:
            await asyncio.Event().wait()
        self.armed = True
        self.flown += 1
        self.returning = False
        self.moving.set()
        self._flight = self.group.create_task(self._fly(), name="flight")

    async def hold(self) -> None:
        await self._called("hold")
        self.moving.clear()
        self.emit(EventKind.HELD)

    async def resume(self) -> None:
        await self._called("resume")
        self.moving.set()
        self.emit(EventKind.RESUMED)

    async def skip_to(self, seq: int) -> None:
        await self._called("skip_to")

    async def keep(self, seq: int, for_s: float) -> None:
        await self._called("keep")
        self._kept_until[seq] = self.clock.monotonic_s() + for_s

    async def return_home(self) -> None:
        await self._called("return_home")
        self._home(EventKind.RETURNING)

    async def land(self) -> None:
        await self._called("land")
        self._home(EventKind.MODE)

    async def stop(self) -> None:
        self.calls.append("stop")
        if "stop" in self.fail:
            raise self.fail["stop"]
        self.moving.clear()

    def failsafe(self, text: str) -> None:
        self.emit(EventKind.FAILSAFE, text)
        self._home(EventKind.RETURNING)

    def _home(self, kind: EventKind) -> None:
        self.emit(kind)
        self.returning = True
        self.breakpoint = Breakpoint(self.seq)
        if self._flight is not None:
            self._flight.cancel()
        self.group.create_task(self._land(), name="landing")

    async def _land(self) -> None:
        await self.clock.sleep(5.0)
        self.moving.clear()
        if not self.stays_armed:
            self.armed = False
            self.emit(EventKind.DISARMED)

    async def _fly(self) -> None:
        jumps = 0
        steps = self.mission.steps
        at = 0
        while at < len(steps):
            step = steps[at]
            await self.moving.wait()
            at += 1
            if step.type is StepType.JUMP:
                if jumps < step.jump_times:
                    jumps += 1
                    at = step.jump_to - 1
                continue
            self.seq = step.seq
            self.emit(EventKind.STEP, step.type, step.seq)
            if step.type is StepType.DWELL:
                await self._dwell(step.seq, step.duration_s or 0.0)
            else:
                await self.clock.sleep(5.0)
        self.breakpoint = None
        if self.entry.kind is VehicleKind.COPTER:
            self.armed = False
            self.emit(EventKind.DISARMED)
        self.emit(EventKind.FINISHED)

    async def _dwell(self, seq: int, duration_s: float) -> None:
        self.dwelling = True
        self.emit(EventKind.DWELL_STARTED, "", seq)
        self._kept_until[seq] = self.clock.monotonic_s() + duration_s
        while self.clock.monotonic_s() < self._kept_until[seq]:
            await self.clock.sleep(0.5)
            if not self.moving.is_set():  # what is left is kept through a hold
                left_s = self._kept_until[seq] - self.clock.monotonic_s()
                await self.moving.wait()
                self._kept_until[seq] = self.clock.monotonic_s() + left_s
        self.dwelling = False
        self.emit(EventKind.DWELL_ENDED, "", seq)


class FakeSpeaker:
    """Plays in the clock's time; the same key once; holds a cue sheet.

    ``cut_after_s`` breaks so many playbacks off; ``linked`` False loses
    commands and keeps reports until :meth:`relink`.
    """

    def __init__(self, speaker_id: str, clock: ManualClock) -> None:
        self.id = SpeakerId(speaker_id)
        self.clock = clock
        self.cached: tuple[str, ...] = ()
        self.commands: list[str] = []
        self.plays: list[str] = []
        self.whole: list[str] = []
        self.spans: list[tuple[float, float]] = []
        self.refuse: str | None = None
        self.deaf = 0
        self.slow_s = 0.0
        self.cuts = 0
        self.lost_ends = 0
        self.never_caches = False
        self.silenced = 0
        self.frames: list[tuple[int, bytes]] = []
        self.ended: list[str] = []
        self.linked = True
        self.sheet: tuple[PlacedCue, ...] = ()
        self.sheets: list[tuple[str, ...]] = []
        self.held: str | None = None
        self.group: asyncio.TaskGroup | None = None
        self._last: dict[str, Playback] = {}
        self._now: asyncio.Event | None = None
        self._cut_by: CutBy | None = None
        self._waiting: list[Playback] = []
        self._listeners: list[asyncio.Queue[Playback]] = []

    @property
    def state(self) -> SpeakerState:
        return SpeakerState(self.id, SpeakerPhase.IDLE, self.cached, sheet=self.held)

    async def prepare(self, clip: Clip) -> None:
        if not self.never_caches:
            self.cached = (*self.cached, clip.sha256)

    async def load(
        self,
        cues: tuple[PlacedCue, ...],
        *,
        run_id: str,
        sortie_id: str,
        expires_utc: datetime,
    ) -> None:
        if self.linked:
            self.sheet = cues
            self.sheets.append(tuple(c.key for c in cues))
            self.held = f"{run_id}/{sortie_id}" if cues else None

    async def recall(self, keys: tuple[str, ...]) -> None:
        if self.linked:
            for key in keys:
                if key in self._last:
                    self.report(self._last[key])

    def arrived(self, cue_id: str) -> None:
        """By itself: the vehicle stands where this cue is due."""
        for placed in self.sheet:
            if placed.cue.id == cue_id and placed.key not in self.plays:
                self._begin(placed.cue, placed.key)
                return

    def relink(self) -> None:
        """What waited is reported now."""
        self.linked = True
        waiting, self._waiting = self._waiting, []
        for report in waiting:
            self.report(report)

    async def play(
        self,
        cue: Cue,
        *,
        key: str,
        expires_utc: datetime,
        priority: Priority = Priority.NORMAL,
    ) -> None:
        self.commands.append(key)
        if self.deaf > 0 or not self.linked:
            self.deaf -= 1
        elif key not in self.plays:
            if priority is Priority.URGENT:
                self.cut(CutBy.URGENT)
            self._begin(cue, key)
        else:
            self.report(self._last[key])

    def cut(self, by: CutBy) -> None:
        """Cut what plays, as a real one does for somebody else's sake."""
        if self._now is not None:
            self._cut_by = by
            self._now.set()

    def _begin(self, cue: Cue, key: str) -> None:
        self.plays.append(key)
        hush = asyncio.Event()
        if not self.refuse:
            self._now = hush  # from this moment on it can be cut
        self.group.create_task(self._play(cue, key, hush), name="play")

    async def _play(self, cue: Cue, key: str, hush: asyncio.Event) -> None:
        start = self.clock.utc()
        report = Playback(
            f"b-{key}",
            self.id,
            key,
            cue.clip_sha256,
            PlaybackStatus.STARTED,
            start,
            cue_id=cue.id,
        )
        if self.refuse:
            self.report(
                replace(report, status=PlaybackStatus.REFUSED, reason=self.refuse)
            )
            return
        self.report(report)
        started_s = self.clock.monotonic_s()
        length_s = cue.clip_duration_s * cue.repeats + self.slow_s
        broken = self.cuts > 0
        self.cuts -= broken
        try:
            async with self.clock.timeout(length_s / 2 if broken else length_s):
                await hush.wait()
        except TimeoutError:
            pass
        self.spans.append((started_s, self.clock.monotonic_s()))
        cut = broken or hush.is_set()
        self._now = None if self._now is hush else self._now
        if not cut:
            self.whole.append(key)
        self.report(
            replace(
                report,
                status=PlaybackStatus.CUT if cut else PlaybackStatus.COMPLETED,
                complete=not cut,
                end_utc=self.clock.utc(),
                repeats_done=0 if cut else cue.repeats,
                reason=f"{self._cut_by} came between" if hush.is_set() else None,
                cut_by=self._cut_by if hush.is_set() else None,
            )
        )

    def report(self, playback: Playback) -> None:
        self._last[playback.key] = playback
        if playback.end_utc is not None and self.lost_ends > 0:
            self.lost_ends -= 1
            return
        if not self.linked:
            self._waiting.append(playback)
            return
        for listener in self._listeners:
            listener.put_nowait(playback)

    async def silence(self) -> None:
        self.silenced += 1
        self.cut(CutBy.SILENCE)

    async def talk_begin(self, talk_id: str, *, expires_utc: datetime) -> None:
        if self.deaf > 0:
            self.deaf -= 1
            return
        refused = PlaybackStatus.REFUSED if self.refuse else PlaybackStatus.STARTED
        self.talk(talk_id, refused, self.refuse)

    def talk(
        self, talk_id: str, status: PlaybackStatus, reason: str | None = None
    ) -> None:
        now = self.clock.utc()
        self.report(
            Playback(
                f"t{next(IDS)}",
                self.id,
                f"talk-{talk_id}",
                "",
                status,
                now,
                reason=reason,
            )
        )

    def talk_frame(self, talk_id: str, seq: int, packet: bytes) -> bool:
        self.frames.append((seq, packet))
        return True

    async def talk_end(self, talk_id: str) -> None:
        self.ended.append(talk_id)

    async def playbacks(self) -> AsyncIterator[Playback]:
        queue: asyncio.Queue[Playback] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.remove(queue)


class FakeGate(Gate):
    """Finds what the test tells it to find."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.plan_found: tuple[Violation, ...] = ()
        self.mission_found: list[tuple[Violation, ...]] = []
        self.missions_checked = 0

    async def plan_violations(self, plan: Plan, site: Site) -> tuple[Violation, ...]:
        return self.plan_found

    async def insist_mission(self, *args: object) -> None:
        self.missions_checked += 1
        _insist(self.mission_found.pop(0) if self.mission_found else ())


class FakeSynthesizer:
    async def render(self, announcement: Announcement) -> Clip:
        return CLIP


def copter_sortie(name: str, stations: int = 2, **more: object) -> Sortie:
    def at(seq: int, kind: ItemType, north: float, **item: object) -> PlanItem:
        place = SITE.frame.point_latlon(10.0, north)
        return PlanItem(seq, kind, place.lat_deg, place.lon_deg, 30.0, **item)

    items = [at(1, ItemType.TAKEOFF, 0.0)]
    for n in range(stations):
        cue = PlanCue(SHA, 1)
        items.append(at(len(items) + 1, ItemType.FLY, 20.0 * (n + 1)))
        items.append(
            at(
                len(items) + 1,
                ItemType.DWELL,
                20.0 * (n + 1),
                duration_s=22.0,
                heading_deg=0.0,
                cue=cue,
                station=f"{name}-st{n}",
            )
        )
    items.append(at(len(items) + 1, ItemType.RETURN_HOME, 0.0))
    return Sortie(
        SortieId(name), VehicleKind.COPTER, tuple(items), 120.0, 200.0, 0.3, **more
    )


def rover_sortie(name: str, loops: int) -> Sortie:
    def at(seq: int, kind: ItemType, north: float, **item: object) -> PlanItem:
        place = SITE.frame.point_latlon(0.0, north)
        return PlanItem(seq, kind, place.lat_deg, place.lon_deg, 0.0, **item)

    items = (
        at(1, ItemType.DRIVE, 0.0),
        at(2, ItemType.DRIVE, 50.0),
        at(3, ItemType.DWELL, 50.0, duration_s=22.0, cue=PlanCue(SHA, 1)),
        at(4, ItemType.DRIVE, 10.0),
        at(5, ItemType.DRIVE, 0.0),
    )
    return Sortie(
        SortieId(name), VehicleKind.ROVER, items, 90.0, 100.0, 0.05, loops=loops
    )


def make_plan(*sorties: Sortie, kind: PlanKind = PlanKind.DRONE) -> Plan:
    return Plan(
        kind=kind,
        site_sha256=SITE.sha256,
        seed=1,
        created_utc=ManualClock().utc(),
        requirement=Requirement(),
        speaker=SpeakerProfile(),
        vehicle=VehicleProfile(return_altitude_m=40.0),
        announcement=PlanAnnouncement(AnnouncementId("a"), 20.0, 1, SHA),
        home=PlanHome(ORIGIN.lat_deg, ORIGIN.lon_deg, 30.0),
        sorties=sorties,
        receivers=(),
        summary=PlanSummary(),
        site_id=SITE.id,
    )


def end_the_world() -> None:
    """Whatever flies and sounds ends now."""
    current = asyncio.current_task()
    for task in asyncio.all_tasks():
        if task is not current and task.get_name() in {"flight", "landing", "play"}:
            task.cancel()


@dataclass
class Kit:
    """The whole fleet in memory."""

    clock: ManualClock = field(default_factory=ManualClock)
    store: MemoryStore = field(default_factory=MemoryStore)
    vehicles: dict[str, FakeVehicle] = field(default_factory=dict)
    speakers: dict[str, FakeSpeaker] = field(default_factory=dict)
    published: list[object] = field(default_factory=list)
    limits: Limits = field(default_factory=Limits)
    world: asyncio.TaskGroup | None = None

    def __post_init__(self) -> None:
        self.feed = LiveFeed(self.store, ())
        self.gate = FakeGate(self.clock)
        self.entries = [
            FleetVehicle(
                VehicleId(name), kind, endpoint="tcp:x:1", speaker_id=SpeakerId(f"k{n}")
            )
            for n, (name, kind) in enumerate(
                [
                    ("d1", VehicleKind.COPTER),
                    ("d2", VehicleKind.COPTER),
                    ("car", VehicleKind.ROVER),
                ]
            )
        ]
        self.brief = Brief(
            "Yard",
            SITE,
            (Announcement(AnnouncementId("a"), (Utterance("en", "hello"),)),),
            tuple(self.entries),
            Requirement(),
        )
        for entry in self.entries:
            self.vehicles[entry.id] = FakeVehicle(entry, self.clock)
            self.speakers[entry.id] = FakeSpeaker(entry.speaker_id, self.clock)

    @asynccontextmanager
    async def connect(self, entry: FleetVehicle) -> AsyncIterator[FakeVehicle]:
        yield self.vehicles[entry.id]

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Kit"]:
        self.fleet = Fleet(
            self.entries,
            connector=self.connect,
            speakers=self.speakers,
            feed=self.feed,
            clock=self.clock,
        )
        self.services = Services(
            self.feed, self.gate, self.store, self.clock, self.limits
        )
        async with asyncio.TaskGroup() as group:
            for fake in (*self.vehicles.values(), *self.speakers.values()):
                fake.group = self.world or group
            tending = group.create_task(self.fleet.tend(), name="fleet")
            await self.clock.advance(1.0)
            try:
                yield self
            finally:
                tending.cancel()
                if self.world is None:
                    end_the_world()

    async def until(
        self, done: Callable[[], bool], limit_s: float = 2000.0, step_s: float = 0.5
    ) -> None:
        """Let time pass until something is so."""
        end_s = self.clock.monotonic_s() + limit_s
        while not done():
            assert self.clock.monotonic_s() < end_s, "it never came to be"
            await self.clock.advance(step_s, step_s=step_s)
            await asyncio.sleep(0.0005)  # threads: compile and gate
            async with self.services.feed._order:  # and the database
                pass


def active_run(kit, plan, clips, assignment) -> ActiveRun:
    state = RunState(
        RunId("r1"),
        PlanId("p1"),
        kit.clock.utc(),
        sorties=tuple(
            SortieRun(s.id, VehicleId(assignment[s.id]), loops=s.loops)
            for s in plan.sorties
        ),
    )
    lanes = {}
    for s in plan.sorties:
        job = SortieJob(RunId("r1"), plan, s, clips["site"], clips["clips"])
        lanes.setdefault(assignment[s.id], []).append(job)
    return ActiveRun(
        state,
        tuple(
            Lane(kit.fleet.member(VehicleId(v)), tuple(jobs))
            for v, jobs in lanes.items()
        ),
        kit.services,
    )


class Flight:
    """A run of one or two drones under way."""

    def __init__(self, kit, make, sorties, assignment):
        plan = make.plan(*sorties)
        clips = {"site": make.site, "clips": {make.clip.sha256: make.clip}}
        self.kit = kit
        self.run = active_run(kit, plan, clips, assignment)

    async def __aenter__(self):
        self.group = asyncio.TaskGroup()
        await self.group.__aenter__()
        self.task = self.group.create_task(self.run.fly(), name="fly")
        return self

    async def __aexit__(self, *error):
        self.task.cancel()
        await self.group.__aexit__(*error)

    @property
    def state(self):
        return self.run.state

    def texts(self):
        return [e.text for e in self.kit.store.events]

    async def to_the_end(self):
        await self.kit.until(self.task.done)
        assert self.state.phase in ENDED


@pytest.fixture
def kit() -> Kit:
    return Kit()


@pytest.fixture
def make() -> SimpleNamespace:
    return SimpleNamespace(
        plan=make_plan,
        copter=copter_sortie,
        rover=rover_sortie,
        kit=Kit,
        flight=Flight,
        end_the_world=end_the_world,
        site=SITE,
        clip=CLIP,
        synthesizer=FakeSynthesizer,
        conflict=Conflict,
        seconds=lambda s: timedelta(seconds=s),
    )
