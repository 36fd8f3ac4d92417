"""A tower, one hover station before it, and records of what happened there."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from shapely import MultiPolygon, box

from patrolctl.domain.evidence import Evidence, TrackPoint
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
from patrolctl.domain.machines import SpeakerProfile, VehicleKind, VehicleProfile
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
from patrolctl.domain.site import Building, Site, Zone, ZoneClass
from patrolctl.domain.sound import Playback, PlaybackStatus
from patrolctl.evidence import RunRecord, prove
from patrolctl.geo import LatLon, LocalFrame

T0 = datetime(2026, 1, 1, 8, tzinfo=UTC)
CLIP = "c" * 64
FRAME = LocalFrame(LatLon(lat_deg=34.2, lon_deg=117.2))
SITE = Site(
    id="s",
    name="S",
    sha256="a" * 64,
    frame=FRAME,
    buildings=(
        Building("t1", "Tower", MultiPolygon([box(40, -20, 60, 20)]), 30, 3, 10),
    ),
    zones=(Zone("z", "Z", ZoneClass.SEALED, box(30, -30, 70, 30)),),
    geofence=box(-300, -300, 300, 300),
)


def _receiver(
    name: str, floor: int, en: tuple[float, float], **more: Any
) -> PlanReceiver:
    p = FRAME.point_latlon(*en)
    base: dict[str, Any] = {
        "building_id": "t1",
        "household": f"f{floor}",
        "reached": True,
        "stations": (StationId("S1"),),
        "sti": 0.6,
        "level_db": 70.0,
    }
    return PlanReceiver(
        id=ReceiverId(name),
        floor=floor,
        lat_deg=p.lat_deg,
        lon_deg=p.lon_deg,
        up_m=floor * 3.0 - 1.5,
        **{**base, **more},
    )


def _plan(repeats: int, kind: VehicleKind) -> Plan:
    place = FRAME.point_latlon(0, 0)
    item = PlanItem(
        1, ItemType.DWELL, place.lat_deg, place.lon_deg, 15.0, heading_deg=90.0,
        duration_s=25.0, cue=PlanCue(CLIP, repeats), station=StationId("S1"),
    )  # fmt: skip
    front = tuple(_receiver(f"w{floor}", floor, (39.9, 0.0)) for floor in range(1, 11))
    back = _receiver(
        "e5", 5, (60.1, 0.0), reached=False, stations=(), reason="no line of sight"
    )
    return Plan(
        kind=PlanKind.DRONE,
        site_sha256=SITE.sha256,
        seed=0,
        created_utc=T0,
        requirement=Requirement(),
        speaker=SpeakerProfile(),
        vehicle=VehicleProfile(),
        announcement=PlanAnnouncement(AnnouncementId("a"), 20.0, repeats, CLIP),
        home=PlanHome(place.lat_deg, place.lon_deg, 0.0),
        sorties=(Sortie(SortieId("F1"), kind, (item,), 25.0, 0.0, 0.1, vehicle="d1"),),
        receivers=(*front, back),
        summary=PlanSummary(receivers=11, reachable=10, reached=10),
    )


@dataclass
class Story:
    """What happened, told in few words, and the evidence drawn from it."""

    plan: Plan

    def track(
        self,
        where: Callable[[float], tuple[float, float, float, float]] | None = None,
        *,
        seconds: tuple[float, float] = (-10.0, 70.0),
        step_s: float = 0.5,
    ) -> tuple[TrackPoint, ...]:
        """East, north, up and heading at each moment; hovering by default."""
        where = where or (lambda _t: (0.0, 0.0, 15.0, 90.0))
        points = []
        for k in range(round((seconds[1] - seconds[0]) / step_s) + 1):
            t = seconds[0] + k * step_s
            e, n, up, heading = where(t)
            p = FRAME.point_latlon(e, n)
            points.append(
                TrackPoint(T0 + timedelta(seconds=t), VehicleId("d1"), p.lat_deg,
                           p.lon_deg, up, heading)
            )  # fmt: skip
        return tuple(points)

    def played(
        self, begin_s: float = 0.0, length_s: float = 20.0, **more: Any
    ) -> Playback:
        """A whole playback, unless told otherwise."""
        base: dict[str, Any] = {
            "id": f"p{begin_s}",
            "speaker_id": SpeakerId("sp"),
            "key": f"k{begin_s}",
            "clip_sha256": CLIP,
            "status": PlaybackStatus.COMPLETED,
            "start_utc": T0 + timedelta(seconds=begin_s),
            "end_utc": T0 + timedelta(seconds=begin_s + length_s),
            "cue_id": "F1.1",
            "vehicle_id": VehicleId("d1"),
            "repeats_done": 1,
            "complete": True,
        }
        return Playback(**{**base, **more})

    def prove(
        self,
        *playbacks: Playback,
        tracks: tuple[TrackPoint, ...] | None = None,
    ) -> Evidence:
        record = RunRecord(
            run_id=RunId("r"),
            plan_id=PlanId("p"),
            plan=self.plan,
            tracks=self.track() if tracks is None else tracks,
            playbacks=playbacks,
            loops_completed=0,
            created_utc=T0,
        )
        return prove(record, SITE)


@pytest.fixture
def story() -> Story:
    return Story(_plan(1, VehicleKind.COPTER))


@pytest.fixture
def repeated() -> Story:
    return Story(_plan(2, VehicleKind.COPTER))


@pytest.fixture
def rover() -> Story:
    plan = _plan(1, VehicleKind.ROVER)
    return Story(replace(plan, kind=PlanKind.LOOP))


@pytest.fixture
def site() -> Site:
    return SITE
