"""A small town, and a sortie over it that breaks no rule."""

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from shapely import LineString, MultiPolygon, Point, Polygon, box

from patrolctl.domain.ids import AnnouncementId, SortieId
from patrolctl.domain.machines import SpeakerProfile, VehicleKind, VehicleProfile
from patrolctl.domain.mission import Fence, Mission, MissionStep, StepType
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
from patrolctl.domain.site import (
    Building,
    NoFlyArea,
    Obstacle,
    Road,
    Site,
    SitePoint,
)
from patrolctl.geo import Altitude, Datum, LatLon, LocalFrame
from patrolctl.safety import check_plan

ORIGIN = LatLon(lat_deg=34.2, lon_deg=117.2)


def _town() -> Site:
    """One tower east of the launch, a school north, a mast, a square of roads."""
    return Site(
        id="town",
        name="Town",
        sha256="a" * 64,
        frame=LocalFrame(ORIGIN),
        buildings=(
            Building("t1", "Tower", MultiPolygon([box(80, -20, 120, 20)]), 60, 3, 20),
        ),
        no_fly=(NoFlyArea("school", "School", box(-40, 80, 40, 140)),),
        obstacles=(Obstacle("mast", "", Point(-80, 0), 40),),
        geofence=box(-300, -300, 300, 300),
        launches=(
            SitePoint("pad", "", 0, 0, VehicleKind.COPTER),
            SitePoint("garage", "", 0, -110, VehicleKind.ROVER),
        ),
        roads=(
            Road("south", "", LineString([(-200, -100), (200, -100)])),
            Road("east", "", LineString([(200, -100), (200, 200)]), oneway=True),
            Road("north", "", LineString([(200, 200), (-200, 200)]), oneway=True),
            Road(
                "west",
                "",
                LineString([(-200, 200), (-200, -100)]),
                speed_limit_m_s=1.5,
            ),
        ),
        ground_amsl_m=30.0,
    )


@dataclass
class Lab:
    """Builds plans from ENU metres and names the rules that they break."""

    site: Site

    def home(self, east_m: float = 0.0, north_m: float = 0.0) -> PlanHome:
        p = self.site.frame.point_latlon(east_m, north_m)
        return PlanHome(p.lat_deg, p.lon_deg, self.site.ground_amsl_m)

    def item(
        self, seq: int, kind: ItemType, at: tuple[float, float, float], **more: Any
    ) -> PlanItem:
        p = self.site.frame.point_latlon(at[0], at[1])
        return PlanItem(seq, kind, p.lat_deg, p.lon_deg, at[2], **more)

    def sortie(
        self,
        points: list[tuple[float, float, float]],
        *,
        name: str = "s1",
        dwell_s: float = 20.0,
        **more: Any,
    ) -> Sortie:
        """Take off, go to each point, play there, return."""
        home = more.get("home") or self.home()
        east, north = self.site.frame.point_en(
            LatLon(lat_deg=home.lat_deg, lon_deg=home.lon_deg)
        )
        items = [self.item(1, ItemType.TAKEOFF, (east, north, points[0][2]))]
        for p in points:
            items.append(self.item(len(items) + 1, ItemType.FLY, p))
            items.append(
                self.item(
                    len(items) + 1,
                    ItemType.DWELL,
                    p,
                    heading_deg=90.0,
                    duration_s=dwell_s,
                    cue=PlanCue("c" * 64, 1),
                )
            )
        items.append(
            self.item(len(items) + 1, ItemType.RETURN_HOME, (east, north, 0.0))
        )
        more.setdefault("vehicle", name)
        return self.timed(
            Sortie(SortieId(name), VehicleKind.COPTER, tuple(items), 0, 0, 1, **more)
        )

    def timed(self, sortie: Sortie) -> Sortie:
        """With the duration that the gate reckons, so only others are found."""
        found = check_plan(self.plan(sortie), self.site)
        total = next((v.limit for v in found if v.rule == "duration"), None)
        return sortie if total is None else replace(sortie, duration_s=total)

    def drive(
        self, points: list[tuple[float, float]], *, loops: int = 1, speed: float = 1.5
    ) -> Sortie:
        items = [
            self.item(n, ItemType.DRIVE, (*p, 0.0), speed_m_s=speed)
            for n, p in enumerate(points, start=1)
        ]
        items.append(self.item(len(items) + 1, ItemType.RETURN_HOME, (0, -110, 0.0)))
        return self.timed(
            Sortie(
                SortieId("r1"),
                VehicleKind.ROVER,
                tuple(items),
                0,
                0,
                1,
                vehicle="r1",
                loops=loops,
                home=self.home(0, -110),
            )
        )

    def plan(self, *sorties: Sortie, **more: Any) -> Plan:
        rover = bool(sorties) and sorties[0].vehicle_kind is VehicleKind.ROVER
        kind = VehicleKind.ROVER if rover else VehicleKind.COPTER
        base: dict[str, Any] = {
            "kind": PlanKind.LOOP if rover else PlanKind.DRONE,
            "site_sha256": self.site.sha256,
            "seed": 1,
            "created_utc": datetime(2026, 1, 1, tzinfo=UTC),
            "requirement": Requirement(),
            "speaker": SpeakerProfile(),
            "vehicle": replace(
                VehicleProfile.default_for(kind),
                return_altitude_m=None if rover else 70.0,
            ),
            "announcement": PlanAnnouncement(AnnouncementId("a"), 20.0, 1, "c" * 64),
            "home": self.home(),
            "sorties": sorties,
            "receivers": (),
            "summary": PlanSummary(),
        }
        return Plan(**{**base, **more})

    def rules(self, *sorties: Sortie, **more: Any) -> set[str]:
        """Rules broken, advice left out."""
        found = check_plan(self.plan(*sorties, **more), self.site)
        return {v.rule for v in found if v.severity == "refuse"}

    def mission(self, points: list[tuple[float, float, float]]) -> Mission:
        """A hand-made mission that breaks no rule for harmless points."""

        def at(p: tuple[float, float]) -> LatLon:
            return self.site.frame.point_latlon(*p)

        def up(value_m: float) -> Altitude:
            return Altitude(value_m, Datum.HOME)

        steps = [MissionStep(1, StepType.TAKEOFF, at((0, 0)), up(points[0][2]))]
        for p in points:
            seq = len(steps) + 1
            steps.append(MissionStep(seq, StepType.GO, at(p[:2]), up(p[2])))
        last = points[-1]
        n = len(steps)
        steps += [
            MissionStep(n + 1, StepType.GO, at(last[:2]), up(70)),
            MissionStep(n + 2, StepType.GO, at((0, 0)), up(70)),
            MissionStep(n + 3, StepType.RETURN_HOME),
        ]

        def ring(polygon: Polygon) -> tuple[LatLon, ...]:
            return tuple(at(c) for c in list(polygon.exterior.coords)[:-1])

        assert self.site.geofence is not None
        return Mission(
            sortie_id=SortieId("s1"),
            vehicle_kind=VehicleKind.COPTER,
            home=at((0, 0)),
            home_amsl_m=self.site.ground_amsl_m,
            steps=tuple(steps),
            fence=Fence(
                ring(self.site.geofence),
                tuple(ring(n.area) for n in self.site.no_fly),
                up(80),
            ),
            return_altitude=up(70),
        )

    def turned(
        self, points: tuple[LatLon, ...], angle_deg: float
    ) -> tuple[LatLon, ...]:
        """Points rotated about the site's origin."""
        c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
        flat = [self.site.frame.point_en(p) for p in points]
        return tuple(
            self.site.frame.point_latlon(e * c - n * s, e * s + n * c) for e, n in flat
        )


@pytest.fixture
def lab() -> Lab:
    return Lab(_town())
