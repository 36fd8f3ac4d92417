"""Where people listen."""

from dataclasses import replace

import numpy as np
from shapely import MultiPolygon, box

from patrolctl.domain.site import Building, Site, SitePoint
from patrolctl.geo import LatLon, LocalFrame
from patrolctl.planning.drone.receivers import courtyards, receivers_of


def building(name, shape, floors=3, **more):
    footprint = shape if isinstance(shape, MultiPolygon) else MultiPolygon([shape])
    return Building(name, name, footprint, 3.0 * floors, 3.0, floors, **more)


def site(*buildings):
    frame = LocalFrame(LatLon(lat_deg=0, lon_deg=0))
    return Site("s", "s", "0" * 64, frame, buildings=buildings)


def test_every_facade_of_every_floor():
    r = receivers_of(site(building("a", box(0, 0, 24, 10))), 12.0, None)
    assert len(r) == 3 * (2 + 1 + 2 + 1)
    assert set(r.floor) == {1, 2, 3}
    assert sorted(set(r.points_m[:, 2])) == [1.5, 4.5, 7.5]
    outside = ~((r.points_m[:, 0] > 0) & (r.points_m[:, 0] < 24)
                & (r.points_m[:, 1] > 0) & (r.points_m[:, 1] < 10))  # fmt: skip
    assert outside.all()
    at = r.points_m[:, :2] + r.normal
    assert np.all((at[:, 0] < 0) | (at[:, 0] > 24) | (at[:, 1] < 0) | (at[:, 1] > 10))


def test_party_walls_and_walls_nearer_than_a_metre_have_no_windows():
    a, b = building("a", box(0, 0, 10, 10)), building("b", box(10, 0, 20, 10))
    touching = receivers_of(site(a, b), 12.0, None)
    assert len(touching) == 3 * 6
    near = receivers_of(site(a, building("b", box(10.8, 0, 20, 10))), 12.0, None)
    assert len(near) == 3 * 6
    apart = receivers_of(site(a, building("b", box(11.2, 0, 20, 10))), 12.0, None)
    assert len(apart) == 3 * 8


def test_above_a_lower_neighbour_there_are_windows():
    tall = building("tall", box(0, 0, 10, 10), floors=6)
    low = building("low", box(10, 0, 20, 10), floors=2)
    r = receivers_of(site(tall, low), 12.0, None)
    east = [f for f, n, b in zip(r.floor, r.normal, r.building, strict=True)
            if b == 0 and n[0] > 0.9]  # fmt: skip
    assert sorted(east) == [3, 4, 5, 6]


def test_overlapping_buildings_have_no_windows_inside_each_other():
    r = receivers_of(
        site(building("a", box(0, 0, 20, 10)), building("b", box(10, 5, 30, 15))),
        12.0,
        None,
    )
    inside_a = (r.points_m[:, 0] > 0) & (r.points_m[:, 0] < 20)
    inside_a &= (r.points_m[:, 1] > 0) & (r.points_m[:, 1] < 10)
    assert not inside_a.any()


def test_holes_and_parts_have_facades_and_a_hole_is_a_court():
    ring = box(0, 0, 60, 60).difference(box(15, 15, 45, 45))
    two = MultiPolygon([*MultiPolygon([ring]).geoms, box(80, 0, 90, 10)])
    here = site(building("a", two))
    r = receivers_of(here, 12.0, None)
    inner = (r.points_m[:, 0] > 15) & (r.points_m[:, 0] < 45)
    inner &= (r.points_m[:, 1] > 15) & (r.points_m[:, 1] < 45)
    assert (inner & r.indoors).sum() == 3 * 4 * 3
    assert (inner & ~r.indoors).sum() >= 1
    assert len(courtyards(here)) == 1
    assert len(set(r.ids)) == len(r)


def test_households_share_a_floor_and_shops_have_none():
    a = building("a", box(0, 0, 24, 10), households=6)
    shop = building("shop", box(50, 0, 60, 10), residential=False)
    r = receivers_of(site(a, shop), 12.0, None)
    assert set(r.building) == {0}
    assert len(set(r.household)) == 6


def test_sampling_points_listen_on_the_ground_and_a_zone_limits():
    here = replace(
        site(building("a", box(0, 0, 24, 10))),
        sampling_points=(SitePoint("q", "q", 50.0, 5.0),),
    )
    r = receivers_of(here, 12.0, None)
    assert r.ids[-1] == "sampling/q"
    assert not r.indoors[-1]
    only = receivers_of(here, 12.0, box(-1, -1, 5, 11))
    assert 0 < len(only) < len(r)
    assert "sampling/q" not in only.ids


def test_no_receivers_on_an_empty_site():
    assert len(receivers_of(site(), 12.0, None)) == 0
