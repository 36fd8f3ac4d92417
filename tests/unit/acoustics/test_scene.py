"""Lines of sight and ways round, against shapely and by hand."""

import numpy as np
import pytest
from shapely import LineString, Point, Polygon, box, contains_xy

from patrolctl.acoustics import (
    Listening,
    Prism,
    Scene,
    Source,
    flatten,
    predict,
)
from patrolctl.domain.machines import SpeakerProfile

TOWER = Prism(box(-10, 10, 10, 20), 0.0, 30.0)


def blocked_by_sampling(a, b, prisms):
    x, y, z = (a + np.linspace(0, 1, 2001)[:, None] * (b - a)).T
    return any(
        ((p.bottom_m < z) & (z < p.top_m) & contains_xy(p.base, x, y)).any()
        for p in prisms
    )


def test_visible_agrees_with_sampling():
    rng = np.random.default_rng(7)
    yard = box(-40, -40, 40, 40).difference(box(-25, -25, 25, 25))
    prisms = [
        TOWER,
        Prism(yard, 0.0, 12.0),  # a ring round a courtyard
        Prism(box(-60, 45, -45, 60), 8.0, 20.0),  # a bridge
        Prism(Polygon([(45, -60), (60, -45), (48, -48)]), 0.0, 25.0),
    ]
    scene = Scene(flatten(prisms))
    solid = [p.base for p in prisms]
    points = []
    while len(points) < 90:
        p = np.array([*rng.uniform(-70, 70, 2), rng.uniform(1, 40)])
        if not any(s.intersects(Point(p[:2])) for s in solid):
            points.append(p)
    sources, receivers = np.array(points[:30]), np.array(points[30:])
    got = scene.visible(sources, receivers)
    want = np.array(
        [[not blocked_by_sampling(a, b, prisms) for b in receivers] for a in sources]
    )
    # Sampling misses corners that are cut by less than its step.
    assert (got != want).sum() <= 2
    assert got.any()
    assert not got.all()


def test_points_above_each_other_are_seen_as_if_alone():
    """Stacked points share their work; wanted pairs alone are looked at."""
    rng = np.random.default_rng(8)
    bases = [box(x, y, x + 12, y + 9) for x, y in rng.uniform(-60, 60, (12, 2))]
    prisms = [
        Prism(b, 0.0, h) for b, h in zip(bases, rng.uniform(5, 35, 12), strict=True)
    ]
    scene = Scene(flatten(prisms))
    places = rng.uniform(-80, 80, (40, 2))
    places = places[[not any(b.covers(Point(p)) for b in bases) for p in places]]
    stacked = np.array([[*p, z] for p in places for z in (2.0, 9.0, 21.0, 40.0)])
    order = rng.permutation(len(stacked))
    for error_m in (0.0, 1.5):
        together = scene.visible(stacked, stacked, range_m=90.0, error_m=error_m)
        mixed = scene.visible(
            stacked[order], stacked[order], range_m=90.0, error_m=error_m
        )
        assert np.array_equal(together[np.ix_(order, order)], mixed)
    wanted = rng.random(together.shape) < 0.5
    some = scene.visible(stacked, stacked, range_m=90.0, error_m=1.5, wanted=wanted)
    assert np.array_equal(some, together & wanted)
    got = scene.visible(stacked[:60], stacked)
    want = [
        [not blocked_by_sampling(a, b, prisms) for b in stacked] for a in stacked[:60]
    ]
    assert (got != np.array(want)).mean() < 0.002  # corners between samples
    assert 0.1 < got.mean() < 0.9


def test_error_cone_means_visible_from_everywhere_near():
    rng = np.random.default_rng(1)
    scene = Scene(flatten([TOWER, Prism(box(20, -10, 30, 30), 0, 18)]))
    receivers = np.array([[0, 30, 5.0], [15, 25, 9.0], [35, 0, 3.0], [-15, 30, 20]])
    for _ in range(200):
        at = np.array([*rng.uniform(-60, 9, 2), rng.uniform(5, 60)])
        if TOWER.base.distance(Point(at[:2])) < 4:
            continue
        sure = scene.visible(at[None], receivers, error_m=3.0)[0]
        shifts = rng.normal(size=(40, 3))
        shifts *= 2.99 / np.linalg.norm(shifts, axis=1)[:, None]
        around = scene.visible(at + shifts, receivers)
        assert around[:, sure].all()


def test_range_limits_what_is_looked_at():
    scene = Scene(flatten([TOWER]))
    far = np.array([[0, -5.0, 5.0], [0, -200.0, 5.0]])
    here = np.array([[0.0, 0.0, 5.0]])
    assert scene.visible(here, far, range_m=50).tolist() == [[True, False]]
    assert scene.visible(here, far).all()


def test_an_empty_scene_hides_nothing():
    scene = Scene(flatten([]))
    assert scene.visible(np.zeros((1, 3)), np.ones((3, 3))).all()


def test_a_mast_is_a_thin_solid():
    scene = Scene(flatten([Prism(Point(0, 10), 0, 20), Prism(LineString(), 0, 5)]))
    src = np.array([[0, 0, 5.0]])
    rec = np.array([[0, 20, 5.0], [3, 20, 5.0]])
    assert scene.visible(src, rec)[0].tolist() == [False, True]


def test_ways_over_and_around_a_tower():
    scene = Scene(flatten([TOWER]))
    ways = scene.detours(np.array([0.0, 0.0, 10.0]), np.array([[0.0, 30.0, 10.0]]))
    over, left, right = ways[0]
    assert over == pytest.approx([np.hypot(10, 20), 10, np.hypot(10, 20)])
    for side in (left, right):
        assert side == pytest.approx([np.hypot(10, 10), 10, np.hypot(10, 10)])


def test_no_way_round_when_walled_in():
    ring = box(-40, -40, 40, 40).difference(box(-25, -25, 25, 25))
    scene = Scene(flatten([Prism(ring, 0, 12)]))
    ways = scene.detours(np.array([0.0, 0.0, 2.0]), np.array([[0.0, 90.0, 2.0]]))
    assert np.isfinite(ways[0, 0]).all()
    assert np.isinf(ways[0, 1:]).all()


def test_prediction_behind_a_tower_is_weaker_and_never_counted():
    scene = Scene(flatten([TOWER]))
    source = Source((0.0, 0.0, 10.0), 0.0, SpeakerProfile())
    receivers = np.array([[0.0, 9.0, 10.0], [0.0, 30.0, 10.0], [40.0, 30.0, 10.0]])
    inside = np.ones(3, dtype=bool)
    got = predict(scene, source, receivers, inside, Listening())
    free = predict(Scene(flatten([])), source, receivers, inside, Listening())
    assert got.visible.tolist() == [True, False, True]
    assert got.heard(0.0).tolist() == [True, False, True]
    assert got.level_db[[0, 2]] == pytest.approx(free.level_db[[0, 2]])
    loss = free.bands_db[1] - got.bands_db[1]
    assert np.all((loss > 4.7) & (loss <= 25.0))
    assert np.all(np.diff(loss) >= 0)
    # 105 dB(A) at 1 m, 9 m on axis: divergence and a little air.
    assert got.level_db[0] == pytest.approx(105 - 20 * np.log10(9), abs=0.1)


def test_a_grazing_line_loses_what_an_edge_at_its_height_takes():
    scene = Scene(flatten([TOWER]))
    source = Source((0.0, 0.0, 30.0 - 1e-9), 0.0, SpeakerProfile())
    receivers = np.array([[0.0, 40.0, 30.0 - 1e-9]])
    got = predict(scene, source, receivers, np.array([True]), Listening())
    free = predict(Scene(flatten([])), source, receivers, np.array([True]), Listening())
    assert np.isfinite(got.bands_db).all()
    loss = free.bands_db - got.bands_db
    assert np.all((loss > 2.5) & (loss < 5.0))


def test_rotor_noise_lowers_intelligibility_only():
    scene = Scene(flatten([]))
    at, here = np.array([[0.0, 40.0, 10.0]]), np.array([False])
    quiet = Source((0.0, 0.0, 10.0), 0.0, SpeakerProfile())
    noisy = Source((0.0, 0.0, 10.0), 0.0, SpeakerProfile(noise_1m_db=95.0))
    a = predict(scene, quiet, at, here, Listening())
    b = predict(scene, noisy, at, here, Listening())
    assert b.level_db == pytest.approx(a.level_db)
    assert b.sti[0] < a.sti[0] - 0.02


def test_rotation_changes_nothing():
    turn = np.radians(33.0)
    m = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])

    def turned(xyz):
        return np.hstack([xyz[:, :2] @ m.T + (500.0, -200.0), xyz[:, 2:]])

    ring = np.array(TOWER.base.exterior.coords)
    other = Prism(Polygon(ring @ m.T + (500.0, -200.0)), 0.0, 30.0)
    receivers = np.array([[0.0, 9.0, 10.0], [0.0, 30.0, 10.0], [40.0, 30.0, 10.0]])
    here = np.array([[1.0, 0.0, 10.0]])
    inside = np.ones(3, dtype=bool)
    a = predict(
        Scene(flatten([TOWER])),
        Source(tuple(here[0]), 20.0, SpeakerProfile()),
        receivers,
        inside,
        Listening(),
    )
    b = predict(
        Scene(flatten([other])),
        Source(tuple(turned(here)[0]), 20.0 - 33.0, SpeakerProfile()),
        turned(receivers),
        inside,
        Listening(),
    )
    assert b.level_db == pytest.approx(a.level_db, abs=1e-6)
    assert b.sti == pytest.approx(a.sti, abs=1e-6)
    assert b.visible.tolist() == a.visible.tolist()
