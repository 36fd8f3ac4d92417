"""From road lines to a graph."""

import numpy as np
from shapely import LineString, MultiPolygon, box

from patrolctl.domain.site import Building
from patrolctl.planning.loop.network import build_network, split_at


def _sizes(site):
    net = build_network(site)
    return len(net.nodes), len(net.edges)


def test_roads_meet_at_shared_vertices(make_site):
    site = make_site([[(-50, 0), (0, 0), (50, 0)], [(0, -50), (0, 0), (0, 50)]])
    assert _sizes(site) == (5, 4)


def test_lines_that_only_cross_are_a_bridge(make_site):
    assert _sizes(make_site([[(-50, 0), (50, 0)], [(0, -50), (0, 50)]])) == (4, 2)


def test_an_end_on_another_road_is_a_junction(make_site):
    site = make_site([[(-50, 0), (50, 0)], [(0, 0.3), (0, 50)]])
    net = build_network(site)
    assert (len(net.nodes), len(net.edges)) == (4, 3)
    assert len(set(net.parts())) == 1
    apart = make_site([[(-50, 0), (50, 0)], [(0, 2.0), (0, 50)]])
    assert len(set(build_network(apart).parts())) == 2


def test_a_one_way_dead_end_is_in_no_part(make_site):
    site = make_site([[(0, 0), (50, 0)], [(50, 0), (90, 0)]], oneway=(1,))
    net = build_network(site)
    ends = {e.road: int(p) for e, p in zip(net.edges, net.parts(), strict=True)}
    assert ends["w1"] == -1
    assert ends["w0"] >= 0


def test_a_ring_road_alone_is_a_loop(make_site):
    ring = [(0, 0), (50, 0), (50, 50), (0, 50), (0, 0)]
    net = build_network(make_site([ring], oneway=(0,)))
    assert len(net.edges) == 1
    assert net.edges[0].tail == net.edges[0].head
    assert net.parts()[0] >= 0


def test_roads_end_at_walls_and_fence_in_their_direction(make_site):
    house = Building("b", "", MultiPolygon([box(20, -5, 30, 5)]), 9, 3, 3)
    site = make_site(
        [[(0, 0), (100, 0)]],
        oneway=(0,),
        buildings=(house,),
        geofence=box(-10, -50, 80, 50),
    )
    net = build_network(site)
    spans = sorted((e.line[0, 0], e.line[-1, 0]) for e in net.edges)
    assert np.allclose(spans, [(0, 19.2), (30.8, 78)], atol=0.01)


def test_a_road_under_a_raised_building_goes_on(make_site):
    bridge = Building("b", "", MultiPolygon([box(20, -5, 30, 5)]), 9, 3, 3, base_m=4)
    site = make_site([[(0, 0), (100, 0)]], buildings=(bridge,))
    assert _sizes(site) == (2, 1)


def test_splitting_keeps_length_and_finds_ends(make_site):
    net = build_network(make_site([[(0, 0), (60, 0), (60, 40)]]))
    cut, nodes = split_at(net, [(0, 70.0), (0, 30.0), (0, 0.0), (0, 100.0), (0, 30.0)])
    assert len(cut.edges) == 3
    assert sum(e.length_m for e in cut.edges) == 100.0
    places = cut.nodes[nodes]
    assert np.allclose(places, [(60, 10), (30, 0), (0, 0), (60, 40), (30, 0)])
    assert nodes[1] == nodes[4]
    joined = np.vstack([e.line for e in cut.edges])
    assert LineString(joined).length == 100.0
