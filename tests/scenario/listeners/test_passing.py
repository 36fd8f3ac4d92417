"""Messages said in flight: planned, judged, flown in wind, heard, proved."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from patrolctl.domain.machines import FleetVehicle, VehicleKind
from patrolctl.domain.plan import ItemType, PlanAnnouncement, Requirement
from patrolctl.geo import LatLon, LocalFrame
from patrolctl.planning.compile import compile_mission
from patrolctl.planning.drone import DroneOrder, plan_drone
from patrolctl.safety import check_mission, check_plan
from patrolctl.sites import load_site

CLIP = "c" * 64
FRAME = LocalFrame(LatLon(lat_deg=34.2, lon_deg=117.2))


def ring(west, south, east, north):
    corners = ((west, south), (east, south), (east, north), (west, north))
    lat, lon = FRAME.to_latlon_deg(np.array([*corners, corners[0]], dtype=float)).T
    pairs = [[float(a), float(b)] for a, b in zip(lon, lat, strict=True)]
    return {"type": "Polygon", "coordinates": [pairs]}


def feature(name, kind, geometry, **more):
    return {
        "type": "Feature",
        "id": name,
        "geometry": geometry,
        "properties": {"kind": kind, **more},
    }


@pytest.fixture(scope="module")
def row(tmp_path_factory):
    """A folder with a site: one long row of houses, open to the south only."""
    folder = tmp_path_factory.mktemp("row")
    at = FRAME.point_latlon(20.0, -40.0)
    pad = {"type": "Point", "coordinates": [at.lon_deg, at.lat_deg]}
    features = [
        feature("row", "building", ring(0, 0, 400, 12), height_m=15.0, floors=5),
        feature("fence", "geofence", ring(-60, -100, 460, 21)),
        feature("pad", "launch", pad, vehicle_kind="copter"),
    ]
    document = {"type": "FeatureCollection", "features": features}
    (folder / "site.geojson").write_text(json.dumps(document))
    return folder


@pytest.fixture(scope="module")
def planned_pass(row):
    site = load_site(row / "site.geojson")
    order = DroneOrder(
        announcement=PlanAnnouncement("short", 5.0, 1, CLIP),
        fleet=(FleetVehicle("d1", VehicleKind.COPTER),),
        requirement=Requirement(indoor_noise_db=46.0),
        created_utc=datetime(2026, 1, 1, tzinfo=UTC),
        time_limit_s=600.0,
    )
    return site, plan_drone(site, order)


def test_the_plan_has_a_pass_and_both_gates_let_it_by(planned_pass):
    site, plan = planned_pass
    items = [i for s in plan.sorties for i in s.items if i.type is ItemType.PASS]
    assert len(items) == plan.summary.passes >= 1
    assert check_plan(plan, site) == ()
    for sortie in plan.sorties:
        mission, cues = compile_mission(plan, sortie, site)
        assert check_mission(mission, site, plan.vehicle, plan.requirement) == ()
        moving = [c for c in cues.cues if c.until_seq is not None]
        assert [c.repeats for c in moving] == [i.cue.repeats for i in items]


def test_all_that_was_promised_is_heard_and_proved(row, planned_pass, flight, world):
    site, plan = planned_pass
    promised = {str(r.id) for r in plan.receivers if r.reached}
    by_pass = {i.station for s in plan.sorties for i in s.items
               if i.type is ItemType.PASS}  # fmt: skip
    only = {
        str(r.id) for r in plan.receivers if r.reached and set(r.stations) <= by_pass
    }
    assert len(only) > 0.3 * len(promised)
    for seed, wind_m_s in ((1, 0.0), (2, 6.0)):
        flown = flight(
            str(row),
            site,
            plan,
            world(
                seed=seed, wind_m_s=wind_m_s, nav_sigma_m=0.25, compass_sigma_deg=1.0
            ),
        )
        print(f"wind {wind_m_s}: promised {len(promised)}, by a pass alone {len(only)},"
              f" heard {len(promised & flown.heard_in_view)},"
              f" proved {len(promised & flown.claimed)}")  # fmt: skip
        assert promised <= flown.heard_in_view
        assert promised <= flown.claimed
        assert flown.claimed <= flown.heard
