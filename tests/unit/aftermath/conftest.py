"""A court with two towers, plans for it, and the books in a real database."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from shapely import MultiPolygon, box

from patrolctl.clock import ManualClock
from patrolctl.control.aftermath.alerts import Bulletin
from patrolctl.control.aftermath.gaps import Gaps, Shelf
from patrolctl.control.announcing.library import Library
from patrolctl.control.conditions.exposure import Ledger
from patrolctl.control.live.broadcast import Broadcast
from patrolctl.control.live.feed import LiveFeed
from patrolctl.control.live.jobs import JobState, PlanJob, PlanOrder
from patrolctl.domain.brief import Brief
from patrolctl.domain.evidence import Evidence, TrackPoint
from patrolctl.domain.exposure import ExposureCaps
from patrolctl.domain.gaps import Rerun
from patrolctl.domain.ids import (
    AnnouncementId,
    PlanId,
    RunId,
    SortieId,
    SpeakerId,
    StationId,
    VehicleId,
)
from patrolctl.domain.machines import SpeakerProfile, VehicleKind, VehicleProfile
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
from patrolctl.domain.run import Phase, RunState
from patrolctl.domain.site import Building, Site
from patrolctl.domain.sound import Announcement, Clip, Playback, PlaybackStatus
from patrolctl.evidence import RunRecord, prove
from patrolctl.geo import LatLon, LocalFrame
from patrolctl.planning.drone import listeners_of
from patrolctl.store import SqlStore, open_store

CLIP = "c" * 64
FRAME = LocalFrame(LatLon(lat_deg=34.2, lon_deg=117.2))
SITE = Site(
    id="court",
    name="Court",
    sha256="b" * 64,
    frame=FRAME,
    buildings=(
        Building("east", "East", MultiPolygon([box(80, -12, 92, 12)]), 12, 3, 4,
                 households=8),
        Building("west", "West", MultiPolygon([box(-92, -12, -80, 12)]), 12, 3, 4,
                 households=8),
    ),
    geofence=box(-300, -300, 300, 300),
    time_zone="Asia/Shanghai",
)  # fmt: skip
STATIONS = {"E": (55.0, 90.0), "W": (-55.0, 270.0)}
# Only the windows that face the court; each sees one of the two stations.
FACING = {"east": (79.5, "E"), "west": (-79.5, "W")}


def _receivers(wanted: frozenset[str] | None = None):
    out = []
    for r in listeners_of(SITE, 12.0):
        east, _ = FRAME.point_en(LatLon(lat_deg=r.lat_deg, lon_deg=r.lon_deg))
        wall, station = FACING[r.building_id]
        if abs(east - wall) > 0.6 or (wanted is not None and r.id not in wanted):
            continue
        out.append(replace(r, reached=True, stations=(StationId(station),), sti=0.6))
    return tuple(out)


def make_plan(
    stations: str = "EW", *, repeats: int = 1, parent: str | None = None
) -> Plan:
    items = [PlanItem(1, ItemType.TAKEOFF, 34.2, 117.2, 8.0, duration_s=4.0)]
    for name in stations:
        east, heading = STATIONS[name]
        at = FRAME.point_latlon(east, 0.0)
        items.append(
            PlanItem(len(items) + 1, ItemType.DWELL, at.lat_deg, at.lon_deg, 8.0,
                     heading_deg=heading, duration_s=24.0,
                     cue=PlanCue(CLIP, repeats), station=StationId(name))
        )  # fmt: skip
    receivers = [r for r in _receivers() if set(r.stations) & set(stations)]
    return Plan(
        kind=PlanKind.DRONE,
        site_sha256=SITE.sha256,
        seed=0,
        created_utc=datetime(2026, 1, 1, tzinfo=UTC),
        requirement=Requirement(),
        speaker=SpeakerProfile(),
        vehicle=VehicleProfile(),
        announcement=PlanAnnouncement(AnnouncementId("a"), 20.0, repeats, CLIP),
        home=PlanHome(34.2, 117.2, 0.0),
        sorties=(
            Sortie(SortieId("F1"), VehicleKind.COPTER, tuple(items), 60.0, 0.0, 0.1,
                   vehicle="d1"),
        ),
        receivers=tuple(receivers),
        summary=PlanSummary(reachable=len(receivers), reached=len(receivers)),
        site_id=SITE.id,
        parent_run=None if parent is None else RunId(parent),
    )  # fmt: skip


class Voice:
    async def render(self, announcement: object) -> Clip:
        return Clip(CLIP, "/nowhere.wav", duration_s=20.0, sample_rate_hz=22050)


class FakePlanner:
    """Answers at once with the plan that the test put there."""

    def __init__(self) -> None:
        self.orders: list[PlanOrder] = []
        self.plan_id: PlanId | None = PlanId("rest")

    def submit(self, order: PlanOrder) -> PlanJob:
        self.orders.append(order)
        return PlanJob(f"job-{len(self.orders)}", order)

    async def wait(self, job_id: str) -> PlanJob:
        if self.plan_id is None:
            return PlanJob(job_id, self.orders[-1], JobState.FAILED, text="no way")
        return PlanJob(job_id, self.orders[-1], JobState.DONE, plan_id=self.plan_id)


class FakeRuns:
    """Knows states from the store; launches are kept, or refused."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.proved: Broadcast[Evidence] = Broadcast()
        self.launched: list[object] = []
        self.refuse: Exception | None = None
        self.under_way: tuple[RunState, ...] = ()

    async def state(self, run_id: RunId) -> RunState:
        return await self.store.run(run_id)

    async def launch(self, order: object) -> object:
        if self.refuse is not None:
            raise self.refuse
        self.launched.append(order)
        return SimpleNamespace(id=RunId(f"rerun-{len(self.launched)}"))


@dataclass
class Court:
    """The whole aftermath over fakes and a real database."""

    store: SqlStore
    clock: ManualClock
    feed: LiveFeed
    library: Library
    runs: FakeRuns
    planner: FakePlanner
    ledger: Ledger
    gaps: Gaps
    site: Site = SITE
    plan_of: Callable[..., Plan] = make_plan
    policy: dict[str, Rerun] = field(default_factory=dict)

    async def flown(
        self,
        run_id: str,
        heard: str,
        *,
        plan: Plan | None = None,
        plan_id: str = "p",
        phase: Phase = Phase.FINISHED,
        schedule_id: str | None = None,
    ) -> Evidence:
        """A run that spoke whole at the stations of ``heard``."""
        plan = plan or make_plan()
        await self.store.save_plan(PlanId(plan_id), plan)
        start = self.clock.utc()
        record = _record(run_id, plan_id, plan, heard, start)
        state = RunState(
            RunId(run_id), PlanId(plan_id), start, phase, started_utc=start,
            ended_utc=start + timedelta(seconds=60), schedule_id=schedule_id,
        )  # fmt: skip
        await self.store.save_run(state, None)
        await self.store.add_track(state.id, record.tracks)
        for playback in record.playbacks:
            await self.store.add_playback(state.id, playback)
        evidence = prove(record, SITE)
        await self.store.save_evidence(evidence)
        return evidence


def _record(
    run_id: str, plan_id: str, plan: Plan, heard: str, start: datetime
) -> RunRecord:
    tracks, playbacks = [], []
    for k, item in enumerate(i for i in plan.sorties[0].items if i.cue):
        begin = start + timedelta(seconds=30 * k)
        tracks += [
            TrackPoint(begin + timedelta(seconds=t), VehicleId("d1"), item.lat_deg,
                       item.lon_deg, item.alt_m, item.heading_deg)
            for t in range(-2, 24)
        ]  # fmt: skip
        if item.station in heard:
            playbacks.append(
                Playback(
                    f"{run_id}-{item.station}", SpeakerId("s"), f"{run_id}:{item.seq}",
                    CLIP, PlaybackStatus.COMPLETED, begin,
                    begin + timedelta(seconds=20 * item.cue.repeats),
                    cue_id=f"F1.{item.seq}", station=item.station,
                    vehicle_id=VehicleId("d1"), repeats_done=item.cue.repeats,
                    complete=True,
                )
            )  # fmt: skip
    return RunRecord(
        RunId(run_id), PlanId(plan_id), plan, tuple(tracks), tuple(playbacks), 0, start
    )


@pytest.fixture
async def court(tmp_path) -> AsyncIterator[Court]:
    clock = ManualClock()
    brief = Brief("Court", SITE, (Announcement(AnnouncementId("a"), ()),), ())
    async with open_store(tmp_path / "p.db", clock) as store:
        feed = LiveFeed(store)
        library = Library({"court": brief}, Voice())
        runs, planner = FakeRuns(store), FakePlanner()
        ledger = Ledger(store.aftermath, clock, ExposureCaps())
        bulletin = Bulletin(store.aftermath, feed, clock)
        policies: dict[str, Rerun] = {}

        async def policy(schedule_id: str) -> Rerun:
            return policies.get(schedule_id, Rerun.OFFER)

        gaps = Gaps(
            Shelf(library, planner, runs, store, store.aftermath),
            ledger,
            bulletin,
            clock,
            policy=policy,
        )
        yield Court(
            store, clock, feed, library, runs, planner, ledger, gaps, policy=policies
        )
