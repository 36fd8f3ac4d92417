"""Lines along façades that a copter may pass on.

Windows with the same outlook that lie in one plane make a front, across the
gaps between buildings too. Before each front run lines at some distances and
heights; the free stretches of them are where a pass may go.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.bands import Floats
from patrolctl.planning.drone.passes import STEP_M
from patrolctl.planning.drone.task import Task

Ints = npt.NDArray[np.int64]

SHORTEST_M = 30.0  # shorter fronts are heard from one place
_BEYOND_M = 10.0  # how far a line goes on beyond its front
_PLANE_M = 6.0  # windows this far apart in depth are still one front
_TURN_DEG = 5.0
_GAP_M = 40.0  # between buildings of one front
_AWAY_M = (1.5, 12.0)  # beyond the standoff
_TALL_M = 30.0  # a front higher than this is passed at two heights
MOST_FRONTS = 90


@dataclass(frozen=True, slots=True)
class Front:
    """Windows in one plane: ``rows`` of the receivers.

    ``normal`` (2,) points away from the wall; ``depth_m`` is the plane's
    distance from the origin along it; ``ends_m`` and ``heights_m`` are its
    extent along the wall and upwards.
    """

    rows: Ints
    normal: Floats
    depth_m: float
    ends_m: tuple[float, float]
    heights_m: tuple[float, float]

    @property
    def along(self) -> Floats:
        """(2,) along the wall."""
        return np.array([-self.normal[1], self.normal[0]])

    @property
    def heading_deg(self) -> float:
        """Where a nose points that looks at the wall."""
        return math.degrees(math.atan2(-self.normal[0], -self.normal[1])) % 360.0


@dataclass(frozen=True, slots=True)
class Line:
    """(n, 3) points ``STEP_M`` apart, all in free space and clear between."""

    points_m: Floats
    heading_deg: float


def fronts_of(task: Task) -> list[Front]:
    """Every front worth passing, those with the most windows first."""
    r = task.receivers
    rows = np.flatnonzero(np.linalg.norm(r.normal, axis=1) > 0.5)
    if not len(rows):
        return []
    angle = np.degrees(np.arctan2(r.normal[rows, 1], r.normal[rows, 0])) % 360.0
    turn = np.round(angle / _TURN_DEG).astype(np.int64) % round(360.0 / _TURN_DEG)
    out: list[Front] = []
    for t in np.unique(turn):
        mine = rows[turn == t]
        normal = r.normal[mine].mean(axis=0)
        normal = normal / np.linalg.norm(normal)
        out += _planes(task, mine, normal)
    out.sort(key=lambda f: (-len(f.rows), int(f.rows[0])))
    return out[:MOST_FRONTS]


def _planes(task: Task, rows: Ints, normal: Floats) -> Iterator[Front]:
    """Fronts among windows that look the same way."""
    points = task.receivers.points_m[rows]
    depth = points[:, :2] @ normal
    order = np.argsort(depth, kind="stable")
    cuts = np.flatnonzero(np.diff(depth[order]) > _PLANE_M) + 1
    along = np.array([-normal[1], normal[0]])
    for plane in np.split(order, cuts):
        at = points[plane, :2] @ along
        by = np.argsort(at, kind="stable")
        gaps = np.flatnonzero(np.diff(at[by]) > _GAP_M) + 1
        for part in np.split(plane[by], gaps):
            ends = points[part, :2] @ along
            if ends.max() - ends.min() < SHORTEST_M - task.requirement.standoff_m:
                continue
            z = points[part, 2]
            yield Front(
                np.sort(rows[part]),
                normal,
                float(depth[part].max()),
                (float(ends.min()), float(ends.max())),
                (float(z.min()), float(z.max())),
            )


def _heights(task: Task, front: Front) -> list[float]:
    low, high = (
        float(np.clip(h, task.space.floor_m, task.space.ceiling_m))
        for h in front.heights_m
    )
    shares = (0.3, 0.7) if high - low > _TALL_M else (0.5,)
    return sorted({round(low + s * (high - low), 1) for s in shares})


def lines_of(task: Task, front: Front) -> Iterator[Line]:
    """The free stretches of the lines before a front."""
    low, high = front.ends_m
    length = high - low + 2.0 * _BEYOND_M
    count = max(2, math.ceil(length / STEP_M) + 1)
    at = np.linspace(low - _BEYOND_M, high + _BEYOND_M, count)
    for away in _AWAY_M:
        off = front.depth_m + task.requirement.standoff_m + away
        for up in _heights(task, front):
            flat = at[:, None] * front.along + off * front.normal
            points = np.column_stack([flat, np.full(count, up)])
            for run in _stretches(task, points):
                yield Line(points[run], front.heading_deg)


def _stretches(task: Task, points: Floats) -> Iterator[slice]:
    """Runs of free points with clear ways between them."""
    free = task.space.free(points)
    joined = free[:-1] & free[1:] & task.space.clear(points[:-1], points[1:])
    edges = np.diff(np.r_[False, joined, False].astype(np.int8))
    for a, b in zip(
        np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True
    ):
        if (b - a) * STEP_M >= SHORTEST_M / 2.0:
            yield slice(int(a), int(b) + 1)
