"""Whole plans, judged from outside."""

from dataclasses import replace

import numpy as np
import pytest
from shapely import MultiPolygon, box

from patrolctl.acoustics import Listening, Source, predict, scene_of
from patrolctl.domain.errors import InputError, NoFeasiblePlan
from patrolctl.domain.jsondoc import decode, encode
from patrolctl.domain.machines import FleetVehicle, SpeakerProfile, VehicleKind
from patrolctl.domain.plan import ItemType, Plan, Requirement, Window
from patrolctl.geo import LatLon
from patrolctl.planning.drone import plan_drone, solve
from patrolctl.safety import check_plan


@pytest.fixture(scope="module")
def plan(estate, order):
    return plan_drone(estate, order)


def stations_of(plan, site):
    """Station → place and heading, from the document's items alone."""
    out = {}
    for sortie in plan.sorties:
        for item in sortie.items:
            if item.station is not None:
                at = LatLon(lat_deg=item.lat_deg, lon_deg=item.lon_deg)
                out[item.station] = (*site.frame.point_en(at), item.alt_m), item
    return out


def test_everybody_is_reached_and_the_gate_agrees(plan, estate):
    s = plan.summary
    assert s.receivers == len(plan.receivers) > 100
    assert s.reached == s.reachable == s.receivers
    assert s.households == s.households_reached
    assert check_plan(plan, estate) == ()


def test_claims_hold_from_the_document_alone_within_the_position_error(plan, estate):
    """Recompute from lat, lon and heading, from displaced positions too."""
    scene = scene_of(estate)
    listening = Listening.of(plan.requirement)
    latlon = np.array([[r.lat_deg, r.lon_deg] for r in plan.receivers])
    en = estate.frame.to_en(latlon[:, 0], latlon[:, 1])
    points = np.column_stack([en, [r.up_m for r in plan.receivers]])
    indoors = np.array([r.building_id is not None for r in plan.receivers])
    rng = np.random.default_rng(3)
    for shift_m in (0.0, 1.4):
        best = np.zeros(len(points))
        reached = np.zeros(len(points), dtype=bool)
        for at, item in stations_of(plan, estate).values():
            error = rng.normal(size=3)
            place = np.array(at) + shift_m * error / np.linalg.norm(error)
            source = Source(tuple(place), item.heading_deg, plan.speaker)
            got = predict(scene, source, points, indoors, listening)
            ok = got.heard(plan.requirement.sti_min)
            reached |= ok
            best = np.maximum(best, np.where(ok, got.sti, 0.0))
        assert reached.all()
        if shift_m == 0.0:
            told = np.array([r.sti for r in plan.receivers])
            assert told == pytest.approx(best, abs=2e-3)


def test_items_are_one_flight_after_another(plan):
    for sortie in plan.sorties:
        kinds = [i.type for i in sortie.items]
        assert kinds[0] is ItemType.TAKEOFF
        assert kinds[-1] is ItemType.LAND
        assert [i.seq for i in sortie.items] == list(range(1, len(kinds) + 1))
        total = sum(i.duration_s for i in sortie.items)
        assert sortie.duration_s == pytest.approx(total, abs=0.1)
        assert sortie.energy_ratio <= 1 - plan.requirement.reserve_ratio + 1e-9
        for before, item in zip(sortie.items, sortie.items[1:], strict=False):
            if item.type is ItemType.DWELL:
                here = (item.lat_deg, item.lon_deg, item.alt_m)
                assert here == (before.lat_deg, before.lon_deg, before.alt_m)
                assert before.heading_deg == item.heading_deg


def test_the_bounds_are_in_order(plan):
    s = plan.summary
    assert 0 < s.lower_bound_s <= s.conditional_bound_s <= s.mission_time_s
    assert s.gap == pytest.approx(1 - s.lower_bound_s / s.mission_time_s, abs=1e-3)


def test_the_document_survives_json(plan):
    assert decode(encode(plan), Plan, source="plan") == plan


def test_the_same_seed_gives_the_same_plan(plan, estate, order):
    again = plan_drone(estate, order)
    assert replace(again.summary, solve_s=None) == replace(plan.summary, solve_s=None)
    assert again.sorties == plan.sorties


def test_turning_and_shifting_changes_nothing(plan, estate, order, moved):
    other = plan_drone(moved(estate, 37.0, (90.0, -40.0)), order)
    assert other.summary.stations == plan.summary.stations
    assert other.summary.mission_time_s == pytest.approx(
        plan.summary.mission_time_s, abs=0.2
    )
    assert other.summary.lower_bound_s == pytest.approx(
        plan.summary.lower_bound_s, rel=1e-3
    )


def test_two_drones_share_and_keep_apart(plan, estate, order):
    fleet = tuple(FleetVehicle(f"d{k}", VehicleKind.COPTER) for k in (1, 2))
    both = plan_drone(estate, replace(order, fleet=fleet))
    assert both.summary.reached == plan.summary.reached
    assert check_plan(both, estate) == ()
    assert both.summary.mission_time_s <= plan.summary.mission_time_s + 1.0


def test_a_stop_gives_a_whole_plan_at_once(estate, order):
    plan = plan_drone(estate, replace(order, stop=lambda: True))
    assert plan.summary.reached == plan.summary.reachable > 0
    assert check_plan(plan, estate) == ()


def test_a_zone_is_all_that_is_planned(estate, order):
    with pytest.raises(InputError, match="zone"):
        plan_drone(estate, replace(order, requirement=Requirement(zone="nowhere")))


@pytest.mark.parametrize(
    ("requirement", "profile", "speaker", "binds"),
    [
        ({"standoff_m": 135.0}, {}, {}, "standoff"),
        ({}, {"ceiling_m": 9.0}, {}, "ceiling"),
        ({}, {"endurance_s": 60.0}, {}, "battery"),
        ({"window": Window.CLOSED}, {}, {"level_1m_db": 90.0}, "loudspeaker"),
    ],
)
def test_what_cannot_be_says_what_binds(
    estate, order, requirement, profile, speaker, binds
):
    vehicle = order.fleet[0]
    vehicle = replace(
        vehicle,
        profile=replace(vehicle.profile, **profile),
        speaker=SpeakerProfile(**speaker),
    )
    wish = replace(
        order, fleet=(vehicle,), requirement=replace(order.requirement, **requirement)
    )
    with pytest.raises(NoFeasiblePlan) as caught:
        plan_drone(estate, wish)
    assert caught.value.exit_code == 3
    assert any(binds in reason for reason in caught.value.reasons)


def test_a_launch_point_beside_a_wall_is_named(estate, order):
    site = replace(
        estate, launches=(replace(estate.launches[0], east_m=0.0, north_m=38.0),)
    )
    with pytest.raises(NoFeasiblePlan, match="pad is not clear of building north"):
        plan_drone(site, order)


@pytest.mark.parametrize("effort", [0.1, 1.0])
def test_a_closed_yard_is_left_over_the_roof(estate, order, effort):
    ring = box(-60, -60, 60, 60).difference(box(-40, -40, 40, 40))
    house = replace(estate.buildings[0], id="ring", footprint=MultiPolygon([ring]))
    site = replace(estate, buildings=(house,), no_fly=())
    plan = plan_drone(site, replace(order, effort=effort))
    assert plan.summary.reached == plan.summary.reachable > 0
    outside = [r for r in plan.receivers if r.reached and not r.id.startswith("court")]
    assert len(outside) > 200
    assert check_plan(plan, site) == ()


def test_nobody_is_promised_beyond_walls_that_cannot_be_flown_over(estate, order):
    ring = box(-60, -60, 60, 60).difference(box(-11.5, -11.5, 11.5, 11.5))
    tall = replace(
        estate.buildings[0],
        id="ring",
        footprint=MultiPolygon([ring]),
        height_m=118.0,
        floors=39,
    )
    site = replace(estate, buildings=(tall,), no_fly=())
    wide = replace(order.requirement, receiver_spacing_m=30.0)
    plan = plan_drone(site, replace(order, requirement=wide))
    assert 0 < plan.summary.reached == plan.summary.reachable < len(plan.receivers)
    for r in plan.receivers:
        at = LatLon(lat_deg=r.lat_deg, lon_deg=r.lon_deg)
        inside = max(abs(v) for v in site.frame.point_en(at)) < 12
        assert r.reached <= inside
        assert (r.reason is None) == r.reached
    assert check_plan(plan, site) == ()


def test_a_plan_of_greedy_stations_says_so(estate, order, monkeypatch):
    """Where the fine grid's survey took too long for pricing."""
    monkeypatch.setattr(solve, "_PLAIN", 0.0)
    plan = plan_drone(estate, order)
    assert plan.summary.reached == plan.summary.reachable > 0
    assert [w for w in plan.warnings if "greedily" in w]
    monkeypatch.undo()
    assert not [w for w in plan_drone(estate, order).warnings if "stopped" in w]
