"""Patrol vehicles stay on roads, go the permitted way, at permitted speed."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely import LineString

from patrolctl.domain.site import Road, Site
from patrolctl.domain.violation import Violation
from patrolctl.safety.limits import SafetyLimits
from patrolctl.safety.route import Finder, Move, Route

Floats = npt.NDArray[np.float64]
SAMPLE_M = 5.0
ALIGNED = math.cos(math.radians(35.0))


@dataclass(frozen=True, slots=True)
class _Samples:
    """Points along drives: move index, place, and unit direction driven."""

    move: npt.NDArray[np.int64]
    at: Floats
    along: Floats


class Roads:
    """A site's road pieces, each a straight stretch of one road."""

    def __init__(self, site: Site, limits: SafetyLimits) -> None:
        self.site = site
        self.limits = limits
        stretches: list[LineString] = []
        owners: list[Road] = []
        for road in site.roads:
            points = shapely.get_coordinates(road.line)
            for p, q in itertools.pairwise(points):
                if (p != q).any():
                    stretches.append(LineString([p, q]))
                    owners.append(road)
        self._owners = owners
        self._shapes = np.array(stretches, dtype=object)
        self._tree = shapely.STRtree(self._shapes)

    def check(self, route: Route) -> list[Violation]:
        """Every drive on the road, except the way from and to home."""
        find = Finder(self.site, route.sortie)
        if not self._owners:
            return [find("road", "the site has no roads to drive on")]
        drives = [(k, m) for k, m in enumerate(route.moves) if not m.stays and _long(m)]
        if not drives:
            return []
        samples = _sample(drives)
        near, hits = self._tree.query(
            shapely.points(samples.at),
            predicate="dwithin",
            distance=self.limits.road_width_m,
        )
        found = self._off_road(route, samples, near, find)
        return found + self._against(route, samples, (near, hits), find)

    def _off_road(
        self,
        route: Route,
        samples: _Samples,
        near: npt.NDArray[np.int64],
        find: Finder,
    ) -> list[Violation]:
        on = np.zeros(len(samples.at), dtype=bool)
        on[near] = True
        home = np.array(route.home_m[:2])
        found: dict[int, Violation] = {}
        for k in np.flatnonzero(~on):
            index = int(samples.move[k])
            move = route.moves[index]
            at_home = index in {0, len(route.moves) - 1}
            reach = float(np.hypot(*(samples.at[k] - home)))
            if at_home and reach <= self.limits.road_access_m:
                continue
            off = self._off_m(samples.at[k])
            if index in found and off <= (found[index].measured or 0.0):
                continue
            found[index] = find(
                "road",
                f"{move.what} goes {off:.1f} m off the nearest road",
                seq=move.seq,
                measured=off,
                limit=self.limits.road_width_m,
                at_m=(float(samples.at[k][0]), float(samples.at[k][1]), 0.0),
            )
        return list(found.values())

    def _off_m(self, at_m: Floats) -> float:
        _, gaps = self._tree.query_nearest(
            shapely.points(at_m), return_distance=True, all_matches=False
        )
        return float(gaps[0])

    def _against(
        self,
        route: Route,
        samples: _Samples,
        pairs: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
        find: Finder,
    ) -> list[Violation]:
        """One-way streets against their direction, and speed limits."""
        ways: dict[int, list[tuple[Road, float]]] = {}
        for k, hit in zip(*pairs, strict=True):
            run = np.diff(shapely.get_coordinates(self._shapes[hit]), axis=0)[0]
            cosine = float(run @ samples.along[k]) / float(np.hypot(*run))
            if abs(cosine) >= ALIGNED:
                ways.setdefault(int(k), []).append((self._owners[hit], cosine))
        found: dict[tuple[int, str], Violation] = {}
        last = len(route.moves) - 1
        for k, roads in ways.items():
            index = int(samples.move[k])
            move = route.moves[index]
            short = math.dist(move.a_m, move.b_m) < 2 * self.limits.road_width_m
            if index in {0, last} and short:
                continue  # from the pad onto the road, whichever way it lies
            at = (float(samples.at[k][0]), float(samples.at[k][1]), 0.0)
            if all(r.oneway and c < 0 for r, c in roads):
                name = roads[0][0].name or roads[0][0].id
                found[move.seq, "oneway"] = find(
                    "oneway",
                    f"{move.what} goes against the one-way road {name}",
                    seq=move.seq,
                    at_m=at,
                )
            top = max(r.speed_limit_m_s or math.inf for r, _ in roads)
            if move.speed_m_s is not None and move.speed_m_s > top * 1.001:
                found[move.seq, "speed"] = find(
                    "speed-limit",
                    f"{move.what} at {move.speed_m_s:.1f} m/s, {top:g} m/s allowed",
                    seq=move.seq,
                    measured=move.speed_m_s,
                    limit=top,
                    at_m=at,
                )
        return list(found.values())


def _long(move: Move) -> bool:
    return math.dist(move.a_m[:2], move.b_m[:2]) > 0.05


def _sample(drives: list[tuple[int, Move]]) -> _Samples:
    index: list[int] = []
    at: list[Floats] = []
    along: list[Floats] = []
    for k, move in drives:
        a, b = np.array(move.a_m[:2]), np.array(move.b_m[:2])
        length = float(np.hypot(*(b - a)))
        n = max(1, math.ceil(length / SAMPLE_M))
        cuts = (np.arange(n) + 0.5) / n
        at.append(a + cuts[:, None] * (b - a))
        along.append(np.tile((b - a) / length, (n, 1)))
        index.extend([k] * n)
    return _Samples(
        np.array(index, dtype=np.int64), np.concatenate(at), np.concatenate(along)
    )
