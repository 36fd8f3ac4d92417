"""Clearance against dense sampling with arithmetic of its own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point, Polygon, box

from patrolctl.safety.solids import Solid, SolidIndex, SolidKind


def _inside(points: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Even-odd rule, without shapely."""
    inside = np.zeros(len(points), dtype=bool)
    x, y = points.T
    for (x1, y1), (x2, y2) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        crosses = (y1 > y) != (y2 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = x1 + (y - y1) * (x2 - x1) / (y2 - y1)
        inside ^= crosses & (x < at)
    return inside


def _distance(points: np.ndarray, ring: np.ndarray) -> np.ndarray:
    best = np.full(len(points), np.inf)
    for p, q in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        run = q - p
        t = np.clip((points - p) @ run / (run @ run), 0, 1)
        best = np.minimum(best, np.hypot(*(points - (p + t[:, None] * run)).T))
    return np.where(_inside(points, ring), 0.0, best)


def _worst(a, b, ring, bottom, top, above) -> float:
    """Least distance over dense samples in the prism's band of heights."""
    t = np.linspace(0, 1, 1501)[:, None]
    p = np.array(a) + t * (np.array(b) - np.array(a))
    low = bottom - above if bottom > 0 else -np.inf
    band = (p[:, 2] > low) & (p[:, 2] < top + above)
    if not band.any():
        return np.inf
    return float(_distance(p[band][:, :2], ring).min())


def _shape(rng: np.random.Generator) -> np.ndarray:
    """A star-shaped ring, concave as often as not."""
    n = int(rng.integers(3, 9))
    angle = np.sort(rng.uniform(0, 2 * np.pi, n)) + np.arange(n) * 1e-3
    radius = rng.uniform(5, 40, n)
    ring = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    return ring + rng.uniform(-30, 30, 2)


@pytest.mark.parametrize("seed", range(8))
def test_random_legs_and_prisms_against_dense_sampling(seed):
    rng = np.random.default_rng(seed)
    rings, solids = [], []
    while len(rings) < 25:
        ring = _shape(rng)
        if not Polygon(ring).is_valid:
            continue
        bottom = float(rng.choice([0.0, rng.uniform(5, 30)]))
        top = bottom + float(rng.uniform(5, 60))
        rings.append((ring, bottom, top))
        solids.append(
            Solid(SolidKind.BUILDING, f"{len(rings)}", "", Polygon(ring), bottom, top)
        )
    n = 40
    a = rng.uniform((-90, -90, 0), (90, 90, 90), (n, 3))
    b = rng.uniform((-90, -90, 0), (90, 90, 90), (n, 3))
    b[:5, :2] = a[:5, :2]  # climbs
    b[5:10, 2] = a[5:10, 2]  # level
    beside, above = 10.0, 5.0
    near = SolidIndex(tuple(solids)).approaches(a, b, beside_m=beside, above_m=above)
    said = {(k.leg, k.solid): k.distance_m for k in near}
    for i in range(n):
        for j, (ring, bottom, top) in enumerate(rings):
            dense = _worst(a[i], b[i], ring, bottom, top, above)
            exact = said.get((i, j))
            if dense < beside - 1e-6:
                assert exact is not None, (seed, i, j, dense)
                assert exact <= dense + 1e-6
            if exact is not None:  # a sample lies within 0.2 m of the worst place
                assert dense < exact + 0.25 or dense == np.inf


@settings(max_examples=150, deadline=None)
@given(
    z=st.floats(0, 100),
    x=st.floats(-60, 60),
    top=st.floats(1, 80),
    standoff=st.floats(0.5, 20),
)
def test_a_point_is_judged_by_wall_and_roof(z, x, top, standoff):
    solid = Solid(SolidKind.BUILDING, "b", "", box(-10, -10, 10, 10), 0.0, top)
    here = np.array([[x, 0.0, z]])
    near = SolidIndex((solid,)).approaches(here, here, beside_m=standoff, above_m=5.0)
    wall = max(0.0, abs(x) - 10.0)
    if abs(wall - standoff) > 1e-9 and abs(z - top - 5.0) > 1e-9:
        assert bool(near) == (wall < standoff and z < top + 5.0)


def test_distance_to_a_prism_in_three_dimensions():
    solid = Solid(SolidKind.BUILDING, "b", "", box(-10, -10, 10, 10), 0.0, 30.0)
    points = np.array([[13.0, 0, 34], [0, 0, 10], [20, 0, 10], [0, 0, 50]], float)
    distance, which = SolidIndex((solid,)).nearest_m(points)
    assert distance == pytest.approx([5.0, 0.0, 10.0, 20.0])
    assert list(which) == [0, 0, 0, 0]


def test_points_and_lines_are_obstacles_too():
    mast = Solid(SolidKind.OBSTACLE, "m", "", Point(0, 0), 0.0, 40.0)
    a, b = np.array([[-50.0, 4, 20]]), np.array([[50.0, 4, 20]])
    near = SolidIndex((mast,)).approaches(a, b, beside_m=10.0, above_m=5.0)
    assert near[0].distance_m == pytest.approx(4.0)
    assert near[0].point_m == pytest.approx((0.0, 4.0, 20.0))
