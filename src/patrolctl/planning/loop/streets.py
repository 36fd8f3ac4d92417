"""Announcing along streets: where to stop, and who listens there.

While it covers streets a vehicle stops every so often and plays; how often
follows from how far its horn is understood along an open road.
"""

import heapq
import math
from dataclasses import replace

import numpy as np
import shapely
from scipy.spatial import cKDTree

from patrolctl.acoustics import (
    Listening,
    Scene,
    Source,
    flatten,
    predict,
    scene_of,
)
from patrolctl.domain.machines import ROVER_SPEAKER_UP_M, SpeakerProfile
from patrolctl.domain.site import Site, SitePoint
from patrolctl.geo import bearing_deg
from patrolctl.planning.loop.anchor import Anchored
from patrolctl.planning.loop.hearing import EAR_UP_M, in_view
from patrolctl.planning.loop.lap import Lap
from patrolctl.planning.loop.network import split_at
from patrolctl.planning.loop.order import LoopOrder
from patrolctl.planning.loop.router import Router

EAR_STEP_M = 25.0
LEAST_REACH_M = 20.0
PLACES_A_REACH = 3
FARTHEST_M = 250.0


def reach_m(order: LoopOrder, speaker: SpeakerProfile) -> float:
    """How long a stretch of open road hears one stop, ahead and behind."""
    listening = Listening.of(order.requirement)
    steps = np.arange(2.0, FARTHEST_M, 2.0)
    source = Source((0.0, 0.0, ROVER_SPEAKER_UP_M), 90.0, speaker, order.spectrum_db)
    total = 0.0
    for side in (1.0, -1.0):
        up = np.full(len(steps), EAR_UP_M)
        ears = np.column_stack([side * steps, np.zeros(len(steps)), up])
        outdoors = np.zeros(len(steps), dtype=np.bool_)
        got = predict(Scene(flatten(())), source, ears, outdoors, listening)
        deaf = np.flatnonzero(~got.heard(order.requirement.sti_min))
        total += float(steps[deaf[0]] if len(deaf) else FARTHEST_M) - 2.0
    return max(LEAST_REACH_M, total)


def with_places(
    anchored: Anchored, wanted: set[int], reach: float
) -> tuple[Anchored, list[list[int]]]:
    """Nodes to stop at along the wanted edges.

    Returns:
        The network with these edges cut, and the edges that each one became,
        in its direction.
    """
    cuts: list[tuple[int, float]] = []
    became: list[list[int]] = []
    count = 0
    for e, edge in enumerate(anchored.network.edges):
        step = max(reach / PLACES_A_REACH, 1.0)
        pieces = max(1, math.ceil(edge.length_m / step)) if e in wanted else 1
        cuts += [(e, edge.length_m * k / pieces) for k in range(1, pieces)]
        became.append(list(range(count, count + pieces)))
        count += pieces
    network, _ = split_at(anchored.network, cuts)
    return replace(anchored, network=network), became


def translated(arcs: list[int], became: list[list[int]]) -> list[int]:
    """Arc numbers after the edges were cut."""
    found: list[int] = []
    for arc in arcs:
        pieces = became[arc // 2]
        if arc % 2:
            found += [2 * e + 1 for e in reversed(pieces)]
        else:
            found += [2 * e for e in pieces]
    return found


class Quiet:
    """Where not to play: too near to façades."""

    def __init__(self, site: Site, distance_m: float) -> None:
        self.site = site
        self._distance_m = distance_m
        self._walls = shapely.STRtree([b.footprint for b in site.buildings])

    def spoils(self, at_m: tuple[float, float]) -> bool:
        """Whether the exposure cap would be exceeded at a façade."""
        near = self._walls.query(
            shapely.Point(at_m), predicate="dwithin", distance=self._distance_m
        )
        return bool(len(near))


def covering_stops(
    lap: Lap,
    router: Router,
    ears: tuple[SitePoint, ...],
    order: LoopOrder,
    voice: tuple[SpeakerProfile, Quiet],
) -> Lap:
    """The lap with as few stops as a greedy cover needs for all ears.

    Every end of an arc is a place to stop, with the horn along the way just
    driven; the stops that the lap already has count first.

    Args:
        lap: the round, with its stops at sampling points.
        router: its network.
        ears: listeners along the streets.
        order: the requirement and the clip's spectrum.
        voice: the loudspeaker, and where it may not play.
    """
    speaker, quiet = voice
    hears = _hearing(_places(lap, router, quiet), ears, order, (speaker, quiet.site))
    fixed = {p for p, _ in lap.stops}
    left: set[int] = set().union(*hears.values())
    for n in fixed:
        left -= hears.get(n, set())
    chosen = _greedy(hears, left)
    stops = [*lap.stops, *((n, f"street-{n}") for n in chosen if n not in fixed)]
    return replace(lap, stops=tuple(sorted(stops)))


def _hearing(
    places: dict[int, tuple[float, float, float]],
    ears: tuple[SitePoint, ...],
    order: LoopOrder,
    voice: tuple[SpeakerProfile, Site],
) -> dict[int, set[int]]:
    """Who hears a message from each place."""
    speaker, site = voice
    scene, listening = scene_of(site), Listening.of(order.requirement)
    at = np.array([(e.east_m, e.north_m, EAR_UP_M) for e in ears]).reshape(-1, 3)
    tree = cKDTree(at[:, :2])
    far = min(FARTHEST_M, reach_m(order, speaker))
    hears: dict[int, set[int]] = {}
    for n, (east, north, heading) in places.items():
        source = Source(
            (east, north, ROVER_SPEAKER_UP_M), heading, speaker, order.spectrum_db
        )
        near = tree.query_ball_point((east, north), far, return_sorted=True)
        rows = in_view(scene, source, at, np.array(near, dtype=np.int64))
        if len(rows):
            outdoors = np.zeros(len(rows), dtype=np.bool_)
            got = predict(scene, source, at[rows], outdoors, listening)
            hears[n] = set(rows[got.heard(order.requirement.sti_min)].tolist())
    return hears


def _places(
    lap: Lap, router: Router, quiet: Quiet
) -> dict[int, tuple[float, float, float]]:
    """Arcs driven → east, north, heading; each arc's end but once."""
    places: dict[int, tuple[float, float, float]] = {}
    seen: set[int] = set()
    for n, arc in enumerate(lap.arcs, start=1):
        if arc in seen:
            continue
        seen.add(arc)
        line = router.network.arc_line(int(router.number[arc]))
        east, north = float(line[-1, 0]), float(line[-1, 1])
        if not quiet.spoils((east, north)):
            run = line[-1] - line[-2]
            heading = bearing_deg(float(run[0]), float(run[1]))
            places[n] = (east, north, heading)
    return places


def _greedy(hears: dict[int, set[int]], left: set[int]) -> list[int]:
    """Places in the order of what they add; lazily, since gains only fall."""
    heap = [(-len(h), n) for n, h in hears.items()]
    heapq.heapify(heap)
    chosen: list[int] = []
    while left and heap:
        gain, n = heapq.heappop(heap)
        now = len(hears[n] & left)
        if -gain > now:
            if now:
                heapq.heappush(heap, (-now, n))
            continue
        chosen.append(n)
        left = left - hears[n]
    return chosen


def street_ears(anchored: Anchored, wanted: set[int]) -> tuple[SitePoint, ...]:
    """A listener each 25 m along the wanted streets."""
    counts: dict[str, int] = {}
    ears = []
    for e in sorted(wanted):
        edge = anchored.network.edges[e]
        line = shapely.LineString(edge.line)
        pieces = max(1, round(edge.length_m / EAR_STEP_M))
        for k in range(pieces):
            at = line.interpolate((k + 0.5) / pieces, normalized=True)
            counts[edge.road] = counts.get(edge.road, 0) + 1
            name = f"{edge.road}-{counts[edge.road]}"
            ears.append(SitePoint(name, edge.name, float(at.x), float(at.y)))
    return tuple(ears)
