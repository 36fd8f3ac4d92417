"""A lap as plan items: drives along straight stretches, stays at stops."""

import itertools
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import shapely

from patrolctl.domain.ids import StationId
from patrolctl.domain.plan import ItemType, PlanCue, PlanItem
from patrolctl.domain.site import Site
from patrolctl.geo import bearing_deg
from patrolctl.planning.loop.lap import UTURN_S, Lap, Pace
from patrolctl.planning.loop.router import Router

Floats = npt.NDArray[np.float64]

# Bends flatter than this are driven as one straight stretch.
STRAIGHT_M = 0.5


def station_of(stop: str) -> StationId:
    """The station at a sampling point."""
    return StationId(f"stop-{stop}")


@dataclass
class ItemWriter:
    """Writes the items of one sortie in order."""

    site: Site
    router: Router
    pace: Pace
    cue: PlanCue
    items: list[PlanItem] = field(default_factory=list)
    here_m: tuple[float, float] = (0.0, 0.0)
    heading_deg: float = 0.0
    driven_m: float = 0.0
    straight_m: float = STRAIGHT_M

    def drive_to(
        self, at_m: tuple[float, float], speed_m_s: float, *, more_s: float = 0.0
    ) -> None:
        """One straight drive; ``more_s`` is lost in starting or turning."""
        run = (at_m[0] - self.here_m[0], at_m[1] - self.here_m[1])
        length = float(np.hypot(*run))
        if length > 1e-6:
            self.heading_deg = bearing_deg(*run)
        self.driven_m += length
        self.here_m = at_m
        self._add(
            ItemType.DRIVE,
            speed_m_s=speed_m_s,
            duration_s=round(length / speed_m_s + more_s, 3),
        )

    def dwell(self, stop: str) -> None:
        """Stand and play."""
        self._add(
            ItemType.DWELL,
            heading_deg=round(self.heading_deg, 1),
            duration_s=round(self.pace.dwell_s, 3),
            cue=self.cue,
            station=station_of(stop),
        )

    def lap(self, lap: Lap) -> None:
        """All arcs and stops of a lap."""
        stops: dict[int, list[str]] = {}
        for p, s in lap.stops:
            stops.setdefault(p, []).append(s)
        for s in stops.pop(0, ()):
            self.dwell(s)
        stretch: list[int] = []
        late_s = self.pace.start_s
        for k, arc in enumerate(lap.arcs, start=1):
            if stretch and self._breaks(stretch[-1], arc):
                turn = self.router.turns_round(stretch[-1], arc)
                self._stretch(stretch, late_s)
                stretch, late_s = [], UTURN_S if turn else 0.0
            stretch.append(arc)
            if k in stops or k == len(lap.arcs):
                self._stretch(stretch, late_s + self.pace.start_s)
                stretch, late_s = [], self.pace.start_s
            for s in stops.get(k, ()):
                self.dwell(s)

    def _breaks(self, before: int, after: int) -> bool:
        turn = self.router.turns_round(before, after)
        return turn or self._limit(before) != self._limit(after)

    def _limit(self, arc: int) -> float | None:
        return self.router.network.edges[int(self.router.number[arc]) // 2].speed_m_s

    def _stretch(self, arcs: list[int], more_s: float) -> None:
        network = self.router.network
        lines = [network.arc_line(int(self.router.number[a])) for a in arcs]
        points = np.concatenate([lines[0], *(line[1:] for line in lines[1:])])
        points = straightened(points, self.straight_m)
        speed = self.pace.speed_m_s(self._limit(arcs[0]))
        for n, (_, q) in enumerate(itertools.pairwise(points)):
            at = (float(q[0]), float(q[1]))
            self.drive_to(at, speed, more_s=0.0 if n else more_s)

    def home(self, at_m: tuple[float, float], speed_m_s: float) -> None:
        """The way from the road to the launch point, as the autopilot goes."""
        length = float(np.hypot(at_m[0] - self.here_m[0], at_m[1] - self.here_m[1]))
        self.here_m = at_m
        self.driven_m += length
        spent = length / speed_m_s + 2 * self.pace.start_s
        self._add(ItemType.RETURN_HOME, duration_s=round(spent, 3))

    def _add(
        self,
        kind: ItemType,
        *,
        heading_deg: float | None = None,
        speed_m_s: float | None = None,
        duration_s: float | None = None,
        cue: PlanCue | None = None,
        station: StationId | None = None,
    ) -> None:
        place = self.site.frame.point_latlon(*self.here_m)
        item = PlanItem(
            seq=len(self.items) + 1,
            type=kind,
            lat_deg=round(place.lat_deg, 8),
            lon_deg=round(place.lon_deg, 8),
            alt_m=0.0,
            heading_deg=heading_deg,
            speed_m_s=speed_m_s,
            duration_s=duration_s,
            cue=cue,
            station=station,
        )
        self.items.append(item)


def straightened(points: Floats, tolerance_m: float) -> Floats:
    """Fewer points, none of the line moved by more than the tolerance."""
    kept = np.concatenate([[True], np.hypot(*np.diff(points, axis=0).T) > 1e-6])
    points = points[kept]
    if len(points) < 3:
        return points
    closed = np.hypot(*(points[0] - points[-1])) < 1e-6
    if closed:  # a line that ends where it begins would shrink to nothing
        far = int(np.argmax(np.hypot(*(points - points[0]).T)))
        halves = (points[: far + 1], points[far:])
        return np.concatenate(
            [
                straightened(halves[0], tolerance_m),
                straightened(halves[1], tolerance_m)[1:],
            ]
        )
    line = shapely.LineString(points).simplify(tolerance_m, preserve_topology=False)
    return shapely.get_coordinates(line)
