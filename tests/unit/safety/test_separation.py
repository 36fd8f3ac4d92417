"""Aircraft of one run against brute force in space and time."""

from dataclasses import replace

import numpy as np
import pytest

from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.violation import Severity
from patrolctl.safety import DEFAULT_LIMITS, check_plan
from patrolctl.safety.route import Move, Route
from patrolctl.safety.separation import (
    ground_distance_m,
    nearest_meeting,
    pieces_of,
)

SLIP_S = DEFAULT_LIMITS.timing_slip_s


def _route(rng: np.random.Generator, moves: int) -> Route:
    here = tuple(rng.uniform((-150, -150, 10), (150, 150, 80)))
    made = []
    for n in range(moves):
        there = tuple(rng.uniform((-150, -150, 10), (150, 150, 80)))
        if rng.random() < 0.3:
            there = here
        made.append(Move(n, "leg", here, there, float(rng.uniform(5, 40))))
        here = there
    start = float(rng.uniform(0, 60))
    return Route("s", VehicleKind.COPTER, tuple(made), made[0].a_m, start_s=start)


def _sampled(route: Route, step_s: float) -> tuple[np.ndarray, np.ndarray]:
    times, points, now = [], [], route.start_s
    for move in route.moves:
        n = max(2, round(move.time_s / step_s) + 1)
        t = np.linspace(0, 1, n)[:, None]
        points.append(np.array(move.a_m) + t * (np.array(move.b_m) - move.a_m))
        times.append(now + t[:, 0] * move.time_s)
        now += move.time_s
    return np.concatenate(times), np.concatenate(points)


def _meets_by_sampling(
    one: Route, other: Route, slip_s: float, shrink_m: float = 0.0
) -> bool:
    """Dense samples of both, every pair within the slip."""
    t1, p1 = _sampled(one, 0.25)
    t2, p2 = _sampled(other, 0.25)
    flat = np.hypot(*(p1[:, None, :2] - p2[None, :, :2]).transpose(2, 0, 1))
    up = np.abs(p1[:, None, 2] - p2[None, :, 2])
    soon = np.abs(t1[:, None] - t2[None, :]) <= slip_s
    horizontal = DEFAULT_LIMITS.separation_h_m - 0.2 - shrink_m
    vertical = DEFAULT_LIMITS.separation_v_m - 0.2 - shrink_m
    return bool((soon & (flat < horizontal) & (up < vertical)).any())


def campaign(pairs: int, seed: int) -> tuple[int, int, int]:
    """(misses, meetings, needless refusals) over random pairs of routes."""
    rng = np.random.default_rng(seed)
    misses = meetings = needless = 0
    for _ in range(pairs):
        one, other = (_route(rng, int(rng.integers(1, 4))) for _ in range(2))
        said = nearest_meeting(pieces_of(one), pieces_of(other), DEFAULT_LIMITS)
        true = _meets_by_sampling(one, other, SLIP_S)
        meetings += true
        misses += true and said is None
        # What the pieces add: two of a second each, and their own length.
        loose = _meets_by_sampling(one, other, SLIP_S + 2.1, shrink_m=-25.0)
        needless += said is not None and not loose
    return misses, meetings, needless


def test_no_meeting_is_missed_and_none_is_invented():
    misses, meetings, needless = campaign(400, seed=4)
    assert misses == 0
    assert needless == 0
    assert 50 < meetings < 390


@pytest.mark.campaign
@pytest.mark.timeout(3600)
def test_no_meeting_is_missed_in_a_hundred_thousand_pairs():
    misses, meetings, needless = campaign(100_000, seed=5)
    assert (misses, needless) == (0, 0)
    assert meetings > 10_000


def test_segment_distance_against_dense_sampling():
    rng = np.random.default_rng(1)
    a1, b1, a2, b2 = rng.uniform(-10, 10, (4, 300, 2))
    b1[:20] = a1[:20]  # points
    b2[10:30] = a2[10:30]
    t = np.linspace(0, 1, 201)[None, :, None]
    p = a1[:, None] + t * (b1 - a1)[:, None]
    q = a2[:, None] + t * (b2 - a2)[:, None]
    dense = np.array(
        [np.hypot(*(x[:, None] - y[None]).transpose(2, 0, 1)).min()
         for x, y in zip(p, q, strict=True)]
    )  # fmt: skip
    exact = ground_distance_m(a1, b1, a2, b2)
    assert (exact <= dense + 1e-9).all()
    assert (dense - exact < 0.15).all()


def _pads(lab):
    """Two sorties from one pad into the same place."""
    one = lab.sortie([(0.0, -60.0, 20.0)], name="s1")
    other = lab.sortie([(0.0, -60.0, 20.0)], name="s2")
    return one, other


def test_two_at_one_place_are_refused_and_named(lab):
    one, other = _pads(lab)
    found = check_plan(lab.plan(one, other), lab.site)
    assert [(v.sortie, v.rule) for v in found] == [("s1", "separation")]
    assert "s2" in found[0].reason


def test_one_after_the_other_is_fine_with_the_slip_between(lab):
    one, other = _pads(lab)
    later = replace(other, start_s=one.duration_s + SLIP_S + 1)
    assert lab.rules(one, later) == set()
    soon = replace(other, start_s=one.duration_s + SLIP_S - 3)
    assert lab.rules(one, soon) == {"separation"}


def test_layers_of_height_keep_apart(lab):
    one = lab.sortie([(0.0, -60.0, 20.0), (60.0, -60.0, 20.0)], name="s1")
    other = lab.sortie([(0.0, -60.0, 36.0)], name="s2", home=lab.home(60, -200))
    far = replace(
        lab.site,
        launches=(
            *lab.site.launches,
            replace(lab.site.launches[0], id="p2", east_m=60, north_m=-200),
        ),
    )
    lab.site = far
    assert "separation" not in lab.rules(one, replace(other, start_s=0.0))
    low = lab.sortie([(0.0, -60.0, 30.0)], name="s2", home=lab.home(60, -200))
    assert "separation" in lab.rules(one, low)


def test_one_vehicle_cannot_fly_two_sorties_at_once(lab):
    one, other = _pads(lab)
    both = replace(other, vehicle="s1", start_s=10.0)
    assert lab.rules(one, both) == {"vehicle-busy"}
    after = replace(other, vehicle="s1", start_s=one.duration_s + 60)
    found = check_plan(lab.plan(one, after), lab.site)
    assert not [v for v in found if v.severity is Severity.REFUSE]
