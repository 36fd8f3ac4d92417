"""Sorties compiled: numbering, way home, fence, cues; judged by the gate."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from shapely import LineString, MultiPolygon, Point, Polygon, box

from patrolctl.domain.errors import InputError, NoFeasiblePlan, SiteError
from patrolctl.domain.ids import AnnouncementId, SortieId, StationId
from patrolctl.domain.machines import SpeakerProfile, VehicleKind, VehicleProfile
from patrolctl.domain.mission import StepType
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
from patrolctl.domain.site import Building, NoFlyArea, Road, Site, SitePoint
from patrolctl.domain.violation import Severity
from patrolctl.geo import Datum, LatLon, LocalFrame
from patrolctl.planning.compile import compile_mission
from patrolctl.safety import check_mission

FRAME = LocalFrame(LatLon(lat_deg=34.2, lon_deg=117.2))
SITE = Site(
    id="s",
    name="S",
    sha256="a" * 64,
    frame=FRAME,
    buildings=(Building("t1", "", MultiPolygon([box(80, -20, 120, 20)]), 60, 3, 20),),
    no_fly=(NoFlyArea("school", "", box(-40, 80, 40, 140)),),
    geofence=box(-300, -300, 300, 300),
    launches=(SitePoint("pad", "", 0, 0),),
    rallies=(SitePoint("field", "", -200, -200),),
    roads=(Road("r", "", LineString([(-200, 0), (60, 0)])),),
    ground_amsl_m=30.0,
)
HOME = PlanHome(34.2, 117.2, 30.0)


def _item(seq, kind, at, **more):
    p = FRAME.point_latlon(at[0], at[1])
    return PlanItem(seq, kind, p.lat_deg, p.lon_deg, at[2], **more)


def _flight(**more):
    cue = PlanCue("c" * 64, 2)
    points = [(0.0, -60.0, 20.0), (140.0, -60.0, 25.0), (140.0, 0.0, 30.0)]
    items = [_item(1, ItemType.TAKEOFF, (0, 0, 20.0))]
    for p in points:
        n = len(items) + 1
        items.append(_item(n, ItemType.FLY, p, speed_m_s=8.0, duration_s=20.0))
        items.append(
            _item(n + 1, ItemType.DWELL, p, heading_deg=270.0, duration_s=41.0,
                  cue=cue, station=StationId(f"st{n}"))
        )  # fmt: skip
    items.append(_item(len(items) + 1, ItemType.RETURN_HOME, (0, 0, 0.0)))
    kind = VehicleKind.COPTER
    return Sortie(SortieId("a1"), kind, tuple(items), 300.0, 500.0, 0.2, **more)


def _plan(sortie, kind=VehicleKind.COPTER, **more):
    base = {
        "kind": PlanKind.DRONE,
        "site_sha256": SITE.sha256,
        "seed": 0,
        "created_utc": datetime(2026, 1, 1, tzinfo=UTC),
        "requirement": Requirement(),
        "speaker": SpeakerProfile(),
        "vehicle": VehicleProfile.default_for(kind),
        "announcement": PlanAnnouncement(AnnouncementId("x"), 20.0, 2, "c" * 64),
        "home": HOME,
        "sorties": (sortie,),
        "receivers": (),
        "summary": PlanSummary(),
    }
    return Plan(**{**base, **more})


def _refused(mission, site=SITE, profile=None):
    found = check_mission(mission, site, profile or VehicleProfile(), Requirement())
    return [str(v) for v in found if v.severity is Severity.REFUSE]


def test_a_flight_compiles_to_what_the_gate_accepts():
    sortie = _flight()
    mission, cues = compile_mission(_plan(sortie), sortie, SITE)
    kinds = [s.type for s in mission.steps]
    assert kinds == [StepType.TAKEOFF, *[StepType.GO, StepType.DWELL] * 3,
                     StepType.GO, StepType.GO, StepType.RETURN_HOME]  # fmt: skip
    assert [s.seq for s in mission.steps] == list(range(1, 11))
    assert [c.seq for c in cues.cues] == [3, 5, 7]
    assert {c.id for c in cues.cues} == {"a1.3", "a1.5", "a1.7"}
    assert cues.at(3).clip_duration_s == 20.0
    assert cues.at(3).repeats == 2
    assert mission.steps[2].heading_deg == 270.0
    assert mission.steps[2].duration_s == 41.0
    assert mission.steps[1].speed_m_s == 8.0
    assert [s.plan_seq for s in mission.steps[-3:]] == [8, 8, 8]
    assert _refused(mission) == []


def test_the_way_home_leads_over_every_roof_by_ordinary_steps():
    sortie = _flight()
    mission, _ = compile_mission(_plan(sortie), sortie, SITE)
    assert mission.return_altitude.value_m == 65.0
    up, above_home = mission.steps[7], mission.steps[8]
    assert up.altitude.value_m == above_home.altitude.value_m == 65.0
    assert up.position == mission.steps[6].position
    assert above_home.position == mission.home


def test_the_profile_s_return_height_comes_first():
    sortie = _flight()
    profile = replace(VehicleProfile(), return_altitude_m=90.0)
    mission, _ = compile_mission(_plan(sortie, vehicle=profile), sortie, SITE)
    assert mission.return_altitude.value_m == 90.0
    assert mission.fence.altitude_max.value_m == 95.0
    planned = replace(sortie.items[-1], alt_m=77.0)
    sortie = replace(sortie, items=(*sortie.items[:-1], planned))
    mission, _ = compile_mission(_plan(sortie), sortie, SITE)
    assert mission.return_altitude.value_m == 77.0


def test_a_tower_higher_than_the_ceiling_on_the_way_home_is_named():
    sortie = _flight()
    tall = replace(SITE, buildings=(replace(SITE.buildings[0], height_m=118.0),))
    with pytest.raises(NoFeasiblePlan, match="t1"):
        compile_mission(_plan(sortie), sortie, tall)
    aside = replace(tall.buildings[0], footprint=MultiPolygon([box(80, 100, 120, 140)]))
    aside = replace(tall, buildings=(aside,))
    mission, _ = compile_mission(_plan(sortie), sortie, aside)
    assert mission.return_altitude.value_m == 120.0


def test_the_fence_is_the_site_s_with_its_no_fly_areas():
    sortie = _flight()
    mission, _ = compile_mission(_plan(sortie), sortie, SITE)
    ring = [FRAME.point_en(p) for p in mission.fence.inclusion]
    assert Polygon(ring).symmetric_difference(SITE.geofence).area < 1.0
    assert len(mission.fence.exclusions) == 1
    assert mission.fence.altitude_max.value_m == 70.0
    assert mission.rally[0][1].value_m == 65.0


def test_a_no_fly_area_that_is_passed_over_is_no_exclusion():
    sortie = _flight()
    yard = NoFlyArea("yard", "", box(60, -80, 70, -40), 0.0, 10.0)
    over = replace(SITE, no_fly=(yard,))
    mission, _ = compile_mission(_plan(sortie), sortie, over)
    assert mission.fence.exclusions == ()
    assert _refused(mission, over) == []


def test_an_intricate_geofence_is_simplified_inwards():
    angle = np.linspace(0, 2 * np.pi, 600, endpoint=False)
    radius = 280 + 5 * np.sin(angle * 40)
    fence = Polygon(np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]))
    site = replace(SITE, geofence=fence, rallies=())
    sortie = _flight()
    mission, _ = compile_mission(_plan(sortie), sortie, site)
    assert 3 < len(mission.fence.inclusion) <= 70
    ring = Polygon([FRAME.point_en(p) for p in mission.fence.inclusion])
    assert fence.buffer(0.01).covers(ring)
    assert _refused(mission, site) == []


def test_amsl_items_become_home_altitudes():
    sortie = _flight()
    raised = tuple(
        replace(i, alt_m=i.alt_m + 30.0, datum=Datum.AMSL) for i in sortie.items
    )
    plain, _ = compile_mission(_plan(sortie), sortie, SITE)
    other = replace(sortie, items=raised)
    same, _ = compile_mission(_plan(other), other, SITE)
    assert same == plain
    assert same.digest() == plain.digest()


def test_a_patrol_of_several_loops_jumps_back():
    points = [(-50.0, 0.0), (-150.0, 0.0), (0.0, 0.0)]
    items = [_item(1, ItemType.DRIVE, (0, 0, 0.0), speed_m_s=2.0)]
    items += [_item(n, ItemType.DRIVE, (*p, 0.0), speed_m_s=2.0)
              for n, p in enumerate(points, start=2)]  # fmt: skip
    items.insert(
        3, _item(4, ItemType.DWELL, (-150, 0, 0.0), duration_s=41.0,
                 cue=PlanCue(None, 2), station=StationId("sp"))
    )  # fmt: skip
    items = [replace(i, seq=n) for n, i in enumerate(items, start=1)]
    items.append(_item(6, ItemType.RETURN_HOME, (0, 0, 0.0)))
    sortie = Sortie(SortieId("r"), VehicleKind.ROVER, tuple(items), 1, 1, 0.1, loops=3)
    plan = _plan(sortie, VehicleKind.ROVER)
    mission, cues = compile_mission(plan, sortie, SITE)
    kinds = [s.type for s in mission.steps]
    assert kinds == [StepType.GO, StepType.GO, StepType.GO, StepType.DWELL,
                     StepType.GO, StepType.JUMP, StepType.RETURN_HOME]  # fmt: skip
    jump = mission.steps[5]
    assert (jump.jump_to, jump.jump_times) == (2, 2)
    assert [(c.seq, c.clip_sha256) for c in cues.cues] == [(4, "c" * 64)]
    assert mission.fence.altitude_max is None
    assert mission.return_altitude is None
    assert mission.rally == ()
    assert _refused(mission, profile=plan.vehicle) == []


def test_what_cannot_be_compiled_says_why():
    sortie = _flight()
    with pytest.raises(SiteError, match="geofence"):
        compile_mission(_plan(sortie), sortie, replace(SITE, geofence=None))
    silent = tuple(
        replace(i, cue=PlanCue(None, 1)) if i.cue else i for i in sortie.items
    )
    plan = _plan(sortie, announcement=PlanAnnouncement(AnnouncementId("x"), 20.0, 1))
    with pytest.raises(InputError, match="item 3"):
        compile_mission(plan, replace(sortie, items=silent), SITE)


def test_home_is_not_above_the_tower():
    """The sample's geometry itself: keeps the other tests honest."""
    assert SITE.buildings[0].footprint.distance(Point(0, 0)) == 80.0
