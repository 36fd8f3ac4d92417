"""Messages in flight: who hears them whole, and when they are worth it."""

import random
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from shapely import MultiPolygon, box

from patrolctl.domain.jsondoc import decode, encode
from patrolctl.domain.machines import DjiAddress, FleetVehicle, VehicleKind
from patrolctl.domain.plan import (
    ItemType,
    Passes,
    Plan,
    PlanAnnouncement,
    Requirement,
)
from patrolctl.domain.site import Building, SitePoint
from patrolctl.planning.drone import plan_drone
from patrolctl.planning.drone.coverage import transposed
from patrolctl.planning.drone.passes import (
    STEP_M,
    TIMING,
    Glide,
    Pace,
    pace_of,
    told,
)
from patrolctl.planning.drone.passes_bound import priced_down
from patrolctl.planning.drone.prices import Costs, bound_of
from patrolctl.safety import check_plan

ACCEL = 2.5


def heard_in_flight(pace: Pace, shot: tuple[float, float], draw: random.Random) -> int:
    """Whole renditions that one flight brings to somebody, moment by moment.

    ``shot`` is where along the way the loudspeaker is understood. Speed,
    acceleration, the start and the pauses are drawn within their margins.
    """
    early = draw.uniform(*TIMING.early_s)
    speed = pace.speed_m_s * draw.uniform(1 / TIMING.speed_ratio, TIMING.speed_ratio)
    accel = pace.accel_m_s2 * draw.uniform(1 / TIMING.accel_ratio, TIMING.accel_ratio)
    glide = Glide(pace.length_m, speed, accel)
    begin, whole = 0.0, 0
    for _ in range(pace.renditions):
        moments = np.append(
            np.arange(begin, begin + pace.message_s, 0.05), begin + pace.message_s
        )
        at = glide.at_m(moments - early)
        whole += bool(((at >= shot[0]) & (at <= shot[1])).all())
        begin += pace.message_s + draw.uniform(0.0, TIMING.gap_s)
    return whole


def a_pass(draw: random.Random) -> Pace:
    """Any that can be flown."""
    while True:
        need = draw.choice([1, 1, 2, 3])
        message = (draw.uniform(2.0, 15.0), need)
        length = draw.uniform(15.0, 400.0)
        pace = pace_of(length, draw.randint(need, 14), (8.0, ACCEL), message)
        if pace is not None:
            return pace


@pytest.mark.parametrize("seed", range(20))
def test_who_is_counted_hears_it_whole_with_any_timing(seed):
    draw = random.Random(seed)
    counted_in_all = 0
    for _ in range(20):
        pace = a_pass(draw)
        count = int(np.ceil(pace.length_m / STEP_M)) + 1
        at = np.linspace(0.0, pace.length_m, count)
        middle = np.array([draw.uniform(-20, pace.length_m + 20) for _ in range(60)])
        wide = np.array([draw.uniform(2.0, 90.0) for _ in range(60)])
        audible = np.abs(at[:, None] - middle) <= wide
        for k in np.flatnonzero(told(audible, pace)):
            shot = (middle[k] - wide[k] - 1e-6, middle[k] + wide[k] + 1e-6)
            counted_in_all += 1
            for _ in range(4):
                assert heard_in_flight(pace, shot, draw) >= pace.need, (pace, shot)
    assert counted_in_all > 100


def test_most_are_counted_who_hear_it_with_every_timing():
    """The condition is careful, but no more than the timing asks for."""
    pace = pace_of(200.0, 6, (8.0, ACCEL), (5.0, 1))
    draw = random.Random(1)
    at = np.linspace(0.0, 200.0, 135)
    middle = np.linspace(0.0, 200.0, 101)
    audible = np.abs(at[:, None] - middle) <= 55.0
    counted = told(audible, pace)
    sure = [
        all(heard_in_flight(pace, (m - 55, m + 55), draw) >= 1 for _ in range(60))
        for m in middle
    ]
    assert counted.sum() >= 0.8 * np.sum(sure)
    assert not counted[~np.array(sure)].any()


def test_a_pass_takes_as_long_as_what_it_says():
    for length, count in ((60.0, 3), (200.0, 7), (352.0, 10)):
        pace = pace_of(length, count, (8.0, ACCEL), (5.0, 1))
        assert pace.total_s == pytest.approx(count * 5.05 + 4.0, abs=0.01)
        assert pace.travel_s < pace.total_s
        spans = pace.spans_m()
        assert (spans[:, 0] <= spans[:, 1]).all()
        assert (np.diff(spans, axis=0) >= 0).all()
    assert pace_of(400.0, 4, (8.0, ACCEL), (5.0, 1)) is None  # too fast
    assert pace_of(20.0, 9, (8.0, ACCEL), (5.0, 1)) is None  # hovering does


def test_a_glide_is_where_its_motion_brings_it():
    for glide in (Glide(100.0, 5.0, 2.0), Glide(4.0, 5.0, 2.0)):
        t = np.linspace(0.0, glide.time_s, 20001)
        v = np.gradient(glide.at_m(t), t)
        assert glide.at_m(np.array([0.0, glide.time_s + 9.0])) == pytest.approx(
            [0.0, glide.length_m]
        )
        assert v.max() <= 5.0 + 1e-6
        assert np.abs(np.gradient(v, t)[5:-5]).max() <= 2.0 + 1e-3


def test_no_pass_is_worth_more_than_it_takes_at_the_prices_of_the_bound():
    rng = np.random.default_rng(5)
    for _ in range(50):
        rows, passes = 30, 8
        u = rng.uniform(0.0, 5.0, rows)
        takes = rng.uniform(4.0, 40.0, passes)
        member = rng.random((rows, passes)) < 0.4
        lists = [np.flatnonzero(m) for m in member]
        low = priced_down(u, lists, takes)
        assert (low <= u + 1e-12).all()
        assert (member.T @ low <= takes + 1e-9).all()
        untold = ~member.any(axis=1)
        assert low[untold] == pytest.approx(u[untold])


@pytest.fixture(scope="module")
def row(estate):
    """One long row of houses, open to the south only."""
    house = Building(
        id="row",
        name="row",
        footprint=MultiPolygon([box(0, 0, 400, 12)]),
        height_m=15.0,
        floor_height_m=3.0,
        floors=5,
    )
    return replace(
        estate,
        buildings=(house,),
        no_fly=(),
        geofence=box(-60, -100, 460, 21),
        launches=(SitePoint("pad", "pad", 20.0, -40.0),),
    )


def order_of(order, message_s, **more):
    said = PlanAnnouncement("short", message_s, 1)
    return replace(order, announcement=said, **more)


@pytest.fixture(scope="module")
def short(row, order):
    return plan_drone(row, order_of(order, 5.0))


def test_a_short_message_is_said_in_flight_where_that_is_quicker(row, order, short):
    never = replace(order.requirement, passes=Passes.NEVER)
    standing = plan_drone(row, order_of(order, 5.0, requirement=never))
    assert short.summary.passes == 1
    assert standing.summary.passes == standing.summary.passes_offered == 0
    assert short.summary.reached == standing.summary.reached
    assert short.summary.mission_time_s < 0.96 * standing.summary.mission_time_s
    assert check_plan(short, row) == ()
    assert decode(encode(short), Plan, source="plan") == short


def test_the_bound_says_what_it_holds_over(short):
    s = short.summary
    assert 0 < s.lower_bound_s <= s.conditional_bound_s <= s.mission_time_s
    assert f"{s.passes_offered} passes" in s.bound_over
    assert s.passes_offered > 0


def test_a_pass_is_one_item_with_all_that_a_reader_needs(short):
    items = short.sorties[0].items
    number = next(k for k, i in enumerate(items) if i.type is ItemType.PASS)
    item, before = items[number], items[number - 1]
    assert before.type is ItemType.FLY
    assert before.heading_deg == item.heading_deg
    assert item.cue.repeats > 1
    assert item.duration_s >= item.cue.repeats * 5.0
    assert 0 < item.speed_m_s <= short.vehicle.cruise_m_s
    assert 0 < item.hold_s < item.duration_s
    told_by = [r for r in short.receivers if item.station in r.stations]
    assert len(told_by) > 20
    assert all(r.reached and r.sti >= 0.5 for r in told_by if r.stations)


def test_a_long_message_is_never_said_in_flight(row, order):
    plan = plan_drone(row, order_of(order, 20.0))
    assert plan.summary.passes == 0
    assert "no passes" in plan.summary.bound_over


@pytest.mark.parametrize(
    "vehicle",
    [
        FleetVehicle("d1", VehicleKind.COPTER, autopilot="px4"),
        FleetVehicle(
            "d1", VehicleKind.COPTER, speaker_dji=DjiAddress("gateway", "device")
        ),
    ],
)
def test_who_cannot_hold_the_nose_or_loop_the_message_hovers(row, order, vehicle):
    plan = plan_drone(row, order_of(order, 5.0, fleet=(vehicle,)))
    assert plan.summary.passes == 0
    assert "not allowed" in plan.summary.bound_over


def test_repeats_are_honoured(row, order):
    """Twice as often asked for: twice as much said on the same way."""
    said = PlanAnnouncement("short", 3.0, 2)
    wish = replace(order, announcement=said, requirement=Requirement())
    plan = plan_drone(row, wish)
    for sortie in plan.sorties:
        for item in sortie.items:
            assert item.cue is None or item.cue.repeats >= 2
    assert check_plan(plan, row) == ()


def test_the_bound_never_exceeds_the_best_mixture_of_stations_and_passes():
    """Every mixture of small random instances, the cheapest one that covers."""
    rng = np.random.default_rng(11)
    tight = 0
    for _ in range(60):
        rows, places, passes = 7, 5, 3
        hold, takes = 10.0, rng.uniform(8.0, 40.0, passes)
        by_place = rng.random((places, rows)) < 0.35
        by_place[rng.integers(places, size=rows), np.arange(rows)] = True
        by_pass = rng.random((passes, rows)) < 0.5
        indptr = np.r_[0, np.cumsum(by_place.sum(axis=1))]
        members = np.concatenate([np.flatnonzero(m) for m in by_place])
        cover = transposed(
            indptr.astype(np.int64),
            members.astype(np.int32),
            np.ones(rows, dtype=np.int32),
        )
        costs = Costs(hold, np.zeros(places), headings=1)
        u = rng.uniform(0.0, hold, rows)
        low = priced_down(u, [np.flatnonzero(m) for m in by_pass.T], takes)
        bound = bound_of(cover, costs, low).bound_s
        columns, price = np.vstack([by_place, by_pass]), np.r_[[hold] * places, takes]
        best = min(
            price[list(chosen)].sum()
            for n in range(1, places + passes + 1)
            for chosen in combinations(range(places + passes), n)
            if columns[list(chosen)].any(axis=0).all()
        )
        assert bound <= best + 1e-9
        tight += bound > 0.5 * best
    assert tight > 0  # it is not always nothing


def test_two_drones_pass_without_meeting_or_talking_over_each_other(row, order):
    fleet = tuple(FleetVehicle(f"d{k}", VehicleKind.COPTER) for k in (1, 2))
    plan = plan_drone(row, order_of(order, 5.0, fleet=fleet))
    assert plan.summary.reached == 180
    assert check_plan(plan, row) == ()
