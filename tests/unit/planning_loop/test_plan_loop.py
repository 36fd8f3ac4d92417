"""Whole loop plans, judged by the gate, on drawn and on real roads."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from shapely import MultiPolygon, box

from patrolctl.cli.site import command as site_command
from patrolctl.domain.errors import NoFeasiblePlan
from patrolctl.domain.jsondoc import decode, encode
from patrolctl.domain.machines import VehicleKind, VehicleProfile
from patrolctl.domain.plan import ItemType, Plan, Requirement
from patrolctl.domain.site import Building, SitePoint, Zone, ZoneClass
from patrolctl.planning.compile import compile_mission
from patrolctl.planning.loop import plan_loop
from patrolctl.planning.loop.network import build_network
from patrolctl.safety import check_mission, check_plan
from patrolctl.sites import load_site, with_defaults

SQUARE = [[(0, 0), (200, 0)], [(200, 0), (200, 200)], [(200, 200), (0, 200)],
          [(0, 200), (0, 0)]]  # fmt: skip
ROUND = (0, 1, 2, 3)
DATA = Path(__file__).parents[4] / "shared" / "data"


def _accepted(plan, site):
    assert [str(v) for v in check_plan(plan, site)] == []
    for sortie in plan.sorties:
        mission, _ = compile_mission(plan, sortie, site)
        found = check_mission(mission, site, plan.vehicle, plan.requirement)
        assert [str(v) for v in found] == []


def test_a_one_way_square_is_driven_round(make_site, make_order):
    site = make_site(SQUARE, [(100, 205), (203, 100)], oneway=ROUND)
    plan = plan_loop(site, make_order())
    s = plan.summary
    assert s.distance_m == pytest.approx(800, abs=0.1)
    assert s.lower_bound_m == pytest.approx(800, abs=0.1)
    assert s.gap == 0.0
    assert s.deadhead_m == 0.0
    assert (s.receivers, s.reached, s.stations) == (2, 2, 2)
    assert s.loop_time_s > 800 / 2.0 + 2 * 20
    dwells = [i for i in plan.sorties[0].items if i.type is ItemType.DWELL]
    assert [d.station for d in dwells] == ["stop-p1", "stop-p0"]  # with the traffic
    assert [round(d.heading_deg) for d in dwells] == [0, 270]
    _accepted(plan, site)
    assert decode(encode(plan), Plan, source="plan") == plan


def test_out_and_back_counts_the_way_back_as_deadhead(make_site, make_order):
    site = make_site([[(0, 0), (300, 0)]], [(250, 4)])
    plan = plan_loop(site, make_order())
    assert plan.summary.distance_m == pytest.approx(500, abs=0.1)
    assert plan.summary.deadhead_m == pytest.approx(250, abs=0.1)
    assert plan.summary.lower_bound_m == pytest.approx(500, abs=0.1)
    _accepted(plan, site)


def test_every_street_is_driven(make_site, make_order):
    site = make_site([*SQUARE, [(200, 0), (260, 0)]], [(100, 5)])
    plan = plan_loop(site, make_order(cover="streets"))
    assert plan.summary.distance_m == pytest.approx(800 + 120, abs=0.1)
    assert plan.summary.deadhead_m == pytest.approx(60, abs=0.1)
    _accepted(plan, site)


def test_covering_streets_is_heard_all_along_them(make_site, make_order):
    site = make_site(SQUARE, oneway=ROUND)
    plan = plan_loop(site, make_order(cover="streets"))
    assert len(plan.receivers) == 32  # every 25 m
    assert all(r.reached for r in plan.receivers)
    stays = [i for i in plan.sorties[0].items if i.type is ItemType.DWELL]
    assert all(i.cue is not None for i in stays)
    assert 8 <= len(stays) <= 24
    assert plan.summary.distance_m == pytest.approx(800, abs=0.1)
    _accepted(plan, site)


def test_nothing_is_played_close_to_a_facade(make_site, make_order, rovers):
    loud = replace(rovers[0], speaker=replace(rovers[0].speaker, level_1m_db=130.0))
    row = Building("b", "", MultiPolygon([box(40, 4, 160, 14)]), 9, 3, 3)
    site = make_site(SQUARE[:1], [(20, 8)], buildings=(row,))
    plan = plan_loop(site, make_order(cover="streets", fleet=(loud,)))
    for item in plan.sorties[0].items:
        if item.cue is not None:
            east, _ = site.frame.point_en(item.position)
            assert not 40 < east < 160
    _accepted(plan, site)


def test_a_zone_limits_what_is_covered(make_site, make_order):
    zone = Zone("z", "Z", ZoneClass.CONTROLLED, box(150, -50, 250, 250))
    site = make_site(SQUARE, [(0, 100), (200, 100)], zones=(zone,))
    order = make_order(requirement=Requirement(zone="Z"), cover="streets")
    plan = plan_loop(site, order)
    assert plan.receivers[0].id == "ground-p1"
    roads = {r.id.split("-")[1] for r in plan.receivers[1:]}
    assert roads == {"w1"}  # those whose middle is in the zone
    assert plan.summary.distance_m == pytest.approx(800, abs=0.1)
    _accepted(plan, site)
    with pytest.raises(NoFeasiblePlan, match="no zone elsewhere"):
        plan_loop(site, make_order(requirement=Requirement(zone="elsewhere")))


def test_vehicles_share_the_round_evenly(make_site, make_order):
    site = make_site(SQUARE, [(100, 205)], oneway=ROUND)
    plan = plan_loop(site, make_order(vehicles=3))
    loop_s = plan.summary.loop_time_s
    assert plan.summary.max_revisit_s == pytest.approx(loop_s / 3, abs=0.2)
    starts = [s.start_s for s in plan.sorties]
    assert starts == pytest.approx([0, loop_s / 3, 2 * loop_s / 3], abs=0.5)
    assert [s.vehicle for s in plan.sorties] == ["rover-1", "rover-2", "rover-3"]
    _accepted(plan, site)


def test_vehicles_from_different_garages_keep_the_spacing(
    make_site, make_order, rovers
):
    garages = (
        SitePoint("a", "", 0, -3, VehicleKind.ROVER),
        SitePoint("b", "", 203, 200, VehicleKind.ROVER),
    )
    site = make_site(SQUARE, [(100, 205)], oneway=ROUND, launches=garages)
    fleet = (replace(rovers[0], launch="a"), replace(rovers[1], launch="b"))
    plan = plan_loop(site, make_order(fleet=fleet, vehicles=2))
    assert plan.sorties[0].home != plan.sorties[1].home
    at = [_when_at(s, site, "stop-p0") for s in plan.sorties]
    loop_s = plan.summary.loop_time_s
    apart = (at[1] - at[0]) % loop_s
    assert apart == pytest.approx(loop_s / 2, abs=8)
    _accepted(plan, site)


def _when_at(sortie, site, station):
    del site
    now = sortie.start_s
    for item in sortie.items:
        if item.station == station:
            return now
        now += item.duration_s
    raise AssertionError(station)


def test_a_headway_asks_for_vehicles(make_site, make_order):
    site = make_site(SQUARE, [(100, 205)], oneway=ROUND)
    once = plan_loop(site, make_order()).summary.loop_time_s
    plan = plan_loop(site, make_order(headway_s=once / 2))
    assert len(plan.sorties) == 2
    assert plan.summary.max_revisit_s <= once / 2 + 0.1
    with pytest.raises(NoFeasiblePlan, match="needs 9 vehicles, there are 3"):
        plan_loop(site, make_order(headway_s=once / 8.5))


def test_loops_are_compiled_as_a_jump(make_site, make_order):
    site = make_site(SQUARE, [(100, 205)], oneway=ROUND)
    one = plan_loop(site, make_order())
    plan = plan_loop(site, make_order(loops=4))
    assert plan.summary.loop_time_s == one.summary.loop_time_s
    extra = plan.sorties[0].duration_s - one.sorties[0].duration_s
    assert extra == pytest.approx(3 * one.summary.loop_time_s, abs=0.5)
    mission, _ = compile_mission(plan, plan.sorties[0], site)
    jump = next(s for s in mission.steps if s.type == "jump")
    assert (jump.jump_to, jump.jump_times) == (2, 3)
    _accepted(plan, site)


def test_a_round_too_long_for_the_battery_is_cut(make_site, make_order, rovers):
    lines = [[(0, 0), (300, 0)], [(0, 0), (-300, 0)], [(0, 0), (0, 300)]]
    site = make_site(lines, [(295, 3), (-295, 3), (3, 295)])
    profile = replace(VehicleProfile.default_for(VehicleKind.ROVER), endurance_s=1300.0)
    fleet = tuple(replace(r, profile=profile) for r in rovers[:2])
    for cover in ("points", "streets"):
        plan = plan_loop(site, make_order(fleet=fleet, vehicles=2, cover=cover))
        assert len(plan.sorties) > 1
        assert all(s.energy_ratio <= 0.7 for s in plan.sorties)
        stops = [i.station for s in plan.sorties for i in s.items if i.station]
        named = [s for s in stops if "street" not in s]
        assert sorted(named) == ["stop-p0", "stop-p1", "stop-p2"]
        assert any("too long for one battery" in w for w in plan.warnings)
        _accepted(plan, site)


def test_a_street_out_of_battery_range_is_named(make_site, make_order, rovers):
    site = make_site([[(0, 0), (900, 0)]], [(890, 2)])
    profile = replace(VehicleProfile.default_for(VehicleKind.ROVER), endurance_s=900.0)
    fleet = (replace(rovers[0], profile=profile),)
    with pytest.raises(NoFeasiblePlan, match="road w0"):
        plan_loop(site, make_order(fleet=fleet))


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([(100, 90)], "sampling point p0: the nearest road is 90 m away"),
        ([(500, 3)], "sampling point p0: road w2 cannot be reached from launch"),
        ([(250, 3)], "sampling point p0: its roads are one-way"),
    ],
)
def test_unreachable_points_are_named_with_the_reason(
    make_site, make_order, points, words
):
    lines = [[(0, 0), (200, 0)], [(200, 0), (300, 0)], [(400, 0), (600, 0)]]
    site = make_site(lines, [(50, 3), *points][1:], oneway=(1,))
    with pytest.raises(NoFeasiblePlan, match=words.replace("(", r"\(")):
        plan_loop(site, make_order())


def test_what_is_missing_is_said(make_site, make_order, rovers):
    copter = replace(rovers[0], kind=VehicleKind.COPTER)
    good = make_site(SQUARE, [(100, 3)])
    cases = [
        (good, {"fleet": (copter,)}, "no patrol vehicle"),
        (good, {"vehicles": 4}, "4 vehicles are asked for, the fleet has 3"),
        (make_site(SQUARE), {}, "no sampling point"),
        (make_site([], [(0, 0)]), {}, "no road"),
        (make_site(SQUARE, [(9, 3)], launch=(0, -80)), {}, "nearest road is 80 m"),
        (replace(good, launches=()), {}, "no launch point"),
        (good, {"fleet": (replace(rovers[0], launch="x"),)}, "launch point x"),
    ]
    for site, order, words in cases:
        with pytest.raises(NoFeasiblePlan, match=words):
            plan_loop(site, make_order(**order))


def test_a_launch_behind_a_wall_is_said(make_site, make_order):
    wall = Building("b", "", MultiPolygon([box(-50, -12, 250, -5)]), 9, 3, 3)
    site = make_site(SQUARE[:1], [(100, 3)], launch=(100, -20), buildings=(wall,))
    with pytest.raises(NoFeasiblePlan, match="a building or the geofence"):
        plan_loop(site, make_order())


def test_a_house_between_road_and_point_is_the_reason(make_site, make_order):
    house = Building("b", "", MultiPolygon([box(60, 5, 140, 15)]), 30, 3, 10)
    site = make_site(SQUARE[:1], [(100, 25)], buildings=(house,))
    receiver = plan_loop(site, make_order()).receivers[0]
    assert not receiver.reached
    assert "building" in receiver.reason


def test_the_same_seed_gives_the_same_plan(make_site, make_order):
    lines = [[(100 * i, 0), (100 * i, 300)] for i in range(4)]
    lines += [[(0, 100 * j), (100, 100 * j), (200, 100 * j), (300, 100 * j)]
              for j in range(4)]  # fmt: skip
    lines = [[(x, y) for x in [line[0][0]] for y in (0, 100, 200, 300)]
             if line[0][0] == line[-1][0] else line for line in lines]  # fmt: skip
    points = [(50, 3), (250, 103), (150, 203), (297, 250), (3, 150), (203, 50)]
    site = make_site(lines, points)
    one, two = (plan_loop(site, make_order(seed=3)) for _ in range(2))
    assert one.sorties == two.sorties
    assert one.summary.gap == 0.0
    _accepted(one, site)


def test_turning_and_shifting_the_site_changes_nothing(make_site, make_order):
    points = [(50, 3), (203, 100), (100, 197)]
    plain = plan_loop(make_site(SQUARE, points), make_order())
    a = math.radians(33)

    def turn(p):
        return (p[0] * math.cos(a) - p[1] * math.sin(a) + 300,
                p[0] * math.sin(a) + p[1] * math.cos(a) - 200)  # fmt: skip

    lines = [[turn(p) for p in line] for line in SQUARE]
    moved = make_site(lines, [turn(p) for p in points], launch=turn((0, 0)))
    other = plan_loop(moved, make_order())
    assert other.summary.distance_m == pytest.approx(plain.summary.distance_m, abs=0.05)
    assert other.summary.reached == plain.summary.reached
    kinds = [i.type for i in other.sorties[0].items]
    assert kinds == [i.type for i in plain.sorties[0].items]
    _accepted(other, moved)


def test_no_time_still_gives_a_plan(make_site, make_order):
    site = make_site(SQUARE, [(100, 3), (203, 100)])
    told = []
    plan = plan_loop(site, make_order(time_limit_s=0.0), told.append)
    assert told
    assert plan.summary.lower_bound_m <= plan.summary.distance_m
    _accepted(plan, site)


@pytest.mark.parametrize("name", ["moscow.osm.gz", "Helsinki.osm.pbf"])
def test_real_roads(name, make_order, tmp_path):
    source = DATA / name
    if not source.exists():
        pytest.skip(f"no real places at {DATA}")
    site = _real_site(source, tmp_path)
    net = build_network(site)
    parts = net.parts()
    part = np.bincount(parts[parts >= 0]).argmax()
    middles = [e.line[len(e.line) // 2] for e, p in zip(net.edges, parts, strict=True)
               if p == part]  # fmt: skip
    points = tuple(
        SitePoint(f"p{n}", "", float(x), float(y))
        for n, (x, y) in enumerate(middles[:: len(middles) // 12])
    )
    launch = SitePoint("g", "", *map(float, middles[3]), VehicleKind.ROVER)
    site = replace(site, sampling_points=points, launches=(launch,))
    plan = plan_loop(site, make_order(time_limit_s=8.0))
    assert plan.summary.gap < 0.01
    assert len(plan.receivers) == len(points)
    _accepted(plan, site)
    with pytest.raises(NoFeasiblePlan, match="headway"):
        plan_loop(site, make_order(headway_s=30.0))


def _real_site(source, tmp_path):
    out = tmp_path / "site.geojson"
    done = CliRunner().invoke(site_command, ["import", str(source), "-o", str(out)])
    assert done.exit_code == 0, done.output
    site, _ = with_defaults(load_site(out))
    return site
