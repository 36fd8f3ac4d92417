"""Where a loudspeaker drone may hover: a grid of free space, and headings."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.bands import Floats
from patrolctl.acoustics.speaker import axis_of
from patrolctl.planning.drone.receivers import Receivers
from patrolctl.planning.space import FreeSpace

Ints = npt.NDArray[np.int64]

FLOOR_M = 10.0  # nobody on the ground has a loudspeaker nearer above
HEADINGS = 12
_STEPS_M = (6.0, 20.0)  # least and greatest spacing of the grid
_RISE_M = 10.0
COARSE = 1000  # asked for fewer positions than this, the grid may be wider:
_COARSE_STEP_M = 45.0
_COARSE_RISE_M = 20.0
_MOST = 5200
_AROUND_M = 45.0  # how far outside the outermost receiver it is worth hovering


@dataclass(frozen=True, slots=True)
class Candidates:
    """Hover positions p, in the canonical frame, each with every heading.

    ``step_m`` (3,) is the grid's spacing; a column of the cover is
    ``position * len(headings_deg) + heading``.
    """

    points_m: Floats
    headings_deg: Floats
    step_m: Floats

    def axes(self, tilt_deg: float) -> Floats:
        """(headings, 3) axes of the horn."""
        return np.array([axis_of(float(h), tilt_deg) for h in self.headings_deg])


def _levels(
    space: FreeSpace, receivers: Receivers, standoff_m: float, rise_m: float
) -> Floats:
    low = space.floor_m
    top = float(receivers.points_m[:, 2].max(initial=low))
    # Above the highest window plus standoff nothing gets better.
    high = min(space.ceiling_m, max(low, top + standoff_m))
    count = max(1, int(np.ceil((high - low) / rise_m)) + 1) if high > low else 1
    return np.linspace(low, high, count)


def _grid(low: Floats, high: Floats, step_m: float) -> Floats:
    axes = []
    for a, b in zip(low, high, strict=True):
        count = max(1, int(np.floor((b - a) / step_m)))
        offset = ((b - a) - (count - 1) * step_m) / 2.0
        axes.append(a + offset + step_m * np.arange(count))
    return np.column_stack([g.ravel() for g in np.meshgrid(*axes, indexing="ij")])


def _lift(xy: Floats, levels: Floats) -> Floats:
    z = np.tile(levels, len(xy))
    return np.column_stack([np.repeat(xy, len(levels), axis=0), z])


def _spacing_m(low: Floats, high: Floats, levels: int, most: int) -> float:
    area = float(np.prod(np.maximum(high - low, 1.0)))
    # Buildings with their standoff take about half of it.
    fit = np.sqrt(0.5 * area * levels / most)
    least, greatest = _STEPS_M
    return float(np.clip(fit, least, greatest if most >= COARSE else _COARSE_STEP_M))


def candidates_of(
    space: FreeSpace,
    receivers: Receivers,
    *,
    standoff_m: float,
    most: int = _MOST,
) -> Candidates:
    """Lay a grid through the free space around the receivers.

    Args:
        space: where flying is allowed.
        receivers: who is to be reached.
        standoff_m: clearance of buildings.
        most: about how many positions are wanted.
    """
    xy = receivers.points_m[:, :2]
    low, high = xy.min(axis=0) - _AROUND_M, xy.max(axis=0) + _AROUND_M
    rise_m = _RISE_M if most >= COARSE else _COARSE_RISE_M
    levels = _levels(space, receivers, standoff_m, rise_m)
    step = _spacing_m(low, high, len(levels), most)
    points = _lift(_grid(low, high, step), levels)
    points = np.round(points, 3)
    rise = float(levels[1] - levels[0]) if len(levels) > 1 else rise_m
    return Candidates(
        points_m=np.ascontiguousarray(points[space.free(points)]),
        headings_deg=np.linspace(0.0, 360.0, HEADINGS, endpoint=False),
        step_m=np.array([step, step, rise]),
    )


def facing(
    space: FreeSpace, receivers: Receivers, rows: Ints, standoff_m: float
) -> Floats:
    """Positions straight before façades that the grid does not reach.

    Args:
        space: where flying is allowed.
        receivers: all of them.
        rows: (k,) indices of those not reached.
        standoff_m: clearance of buildings.

    Returns:
        (m, 3) free positions.
    """
    chosen = rows
    normal = np.column_stack([receivers.normal[chosen], np.zeros(len(chosen))])
    up = np.array([0.0, 0.0, 1.0])
    out: list[Floats] = []
    for away_m in (standoff_m + 1.0, standoff_m + 6.0, standoff_m + 15.0):
        for rise_m in (0.0, 6.0, 15.0):
            at = receivers.points_m[chosen] + away_m * normal + rise_m * up
            at[:, 2] = np.clip(at[:, 2], space.floor_m, space.ceiling_m)
            out.append(at)
    points: Floats = np.unique(np.round(np.vstack(out), 1), axis=0)
    return points[space.free(points)]
