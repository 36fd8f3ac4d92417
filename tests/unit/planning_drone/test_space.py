"""Free space and the ways through it, against sampling."""

import numpy as np
import pytest
from shapely import box, contains_xy

from patrolctl.domain.machines import VehicleProfile
from patrolctl.domain.site import NoFlyArea
from patrolctl.planning.space import Legs, Limits, Motion, free_space

LIMITS = Limits(standoff_m=8.0, ceiling_m=60.0, floor_m=10.0)


@pytest.fixture(scope="module")
def space(estate):
    high = NoFlyArea("wires", "wires", box(-30, -20, 30, -10), 25.0, 200.0)
    from dataclasses import replace  # noqa: PLC0415 - only here

    return free_space(replace(estate, no_fly=(*estate.no_fly, high)), LIMITS)


def solid_at(estate, xyz, margin):
    """Whether points are nearer to something than the margin allows."""
    x, y, z = xyz.T
    out = np.zeros(len(xyz), dtype=bool)
    for b in estate.buildings:
        near = contains_xy(b.footprint.buffer(margin, 32), x, y)
        out |= near & (z < b.height_m + margin)
    out |= contains_xy(box(90, -60, 130, 60), x, y)
    out |= ~contains_xy(estate.geofence, x, y)
    return out | (contains_xy(box(-30, -20, 30, -10), x, y) & (z > 25))


def test_free_points_keep_their_distance(space, estate):
    rng = np.random.default_rng(2)
    points = rng.uniform((-150, -150, 0), (150, 150, 70), size=(20000, 3))
    free = space.free(points)
    assert 0.1 < free.mean() < 0.9
    assert not solid_at(estate, points[free], 8.0).any()
    assert points[free, 2].min() >= 10.0
    assert points[free, 2].max() <= 60.0


def test_cells_leave_no_solid_out(space):
    """Short flights tried against near solids, and all against all."""
    from dataclasses import replace  # noqa: PLC0415 - only here

    nothing = np.zeros(1, dtype=np.int32)
    blind = replace(space, cells=((0.0, 0.0, 1.0), (0, 0), nothing, nothing[:0]))
    rng = np.random.default_rng(4)
    a = rng.uniform((-260, -260, -5), (260, 260, 90), size=(4000, 3))
    for length_m in (0.0, 5.0, 40.0, 300.0):
        b = a + rng.normal(size=a.shape) * length_m
        b[:300, :2] = a[:300, :2]  # straight up
        clear = space.clear(a, b)
        assert np.array_equal(clear, blind.clear(a, b))
        assert 0.01 < clear.mean() < 0.99


def test_clear_flights_stay_clear_all_along(space, estate):
    rng = np.random.default_rng(3)
    points = rng.uniform((-135, -135, 10), (135, 135, 58), size=(3000, 3))
    points = points[space.free(points)]
    a, b = points[: len(points) // 2], points[-(len(points) // 2) :]
    clear = space.clear(a, b)
    assert np.array_equal(clear, space.clear(b, a))
    assert 0.02 < clear.mean() < 0.9
    t = np.linspace(0, 1, 400)[:, None]
    for p, q in zip(a[clear], b[clear], strict=True):
        assert not solid_at(estate, p + t * (q - p), 8.0).any()
    blocked = np.flatnonzero(~clear)[:200]
    hits = [
        not space.free(p + t * (q - p)).all()
        for p, q in zip(a[blocked], b[blocked], strict=True)
    ]
    assert np.mean(hits) > 0.95  # the rest graze a corner between samples


def test_upright_flights(space):
    at = np.array([[0.0, 0.0, 10.0], [0.0, -15.0, 10.0]])
    top = at + np.array([0, 0, 40.0])
    assert space.clear(at, top).tolist() == [True, False]  # under the wires


def test_over_heights_clear_everything_between(space):
    a = np.array([[0.0, 30.0 - 5, 12.0]])
    b = np.array([[0.0, 70.0, 12.0]])
    height = space.over_m(a, b)[0]
    assert height == pytest.approx(27 + 8.5, abs=0.1)
    lift = np.array([0, 0, 1.0])
    up_a, up_b = a * (1, 1, 0) + height * lift, b * (1, 1, 0) + height * lift
    assert space.clear(up_a, up_b)[0]
    assert not space.clear(up_a - 0.2 * lift, up_b - 0.2 * lift)[0]


def test_every_way_of_the_leg_table_is_flyable(space):
    rng = np.random.default_rng(4)
    nodes = rng.uniform((-130, -130, 10), (130, 130, 58), size=(900, 3))
    nodes = nodes[space.free(nodes)]
    motion = Motion(VehicleProfile())
    legs = Legs.over(space, motion, nodes, np.array([40.0, 40.0, 15.0]))
    table = legs.table(np.arange(0, len(nodes), 12))
    n = len(table.points_m)
    assert np.isfinite(table.time_s).mean() > 0.9
    kinds = set()
    for i in range(0, n, 2):
        for j in range(1, n, 3):
            if i == j or not np.isfinite(table.time_s[i, j]):
                continue
            way = table.path(i, j)
            kinds.add(int(table.kind[i, j]))
            assert space.clear(way[:-1], way[1:]).all()
            assert np.allclose(way[[0, -1]], table.points_m[[i, j]])
            least = float(motion.leg_s(way[0], way[-1]))
            assert table.exact(i, j) >= least - 1e-6
            assert table.exact(i, j) == pytest.approx(motion.path_s(way))
    assert kinds == {0, 1, 2}
