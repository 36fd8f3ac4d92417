"""Which solids stand where: short flights need not be tried against all."""

import math

import numpy as np

from patrolctl.acoustics import Prisms
from patrolctl.planning.space import kernels
from patrolctl.planning.space.kernels import Cells

_SIZE_M = 25.0
_AROUND_M = 75.0
_MOST = 20_000


def cells_of(prisms: Prisms) -> Cells:
    """Lay square cells over all prisms that end somewhere.

    What lies outside of the cells is tried against every prism.
    """
    boxes = prisms.boxes[prisms.spans[:, 0] > -kernels.FOREVER_M]
    if not len(boxes):
        none = np.zeros(1, dtype=np.int32)
        return (0.0, 0.0, 1.0), (0, 0), none, none[:0]
    west, south = (float(v) - _AROUND_M for v in boxes[:, :2].min(axis=0))
    east, north = (float(v) + _AROUND_M for v in boxes[:, 2:].max(axis=0))
    size = max(_SIZE_M, math.sqrt((east - west) * (north - south) / _MOST))
    count = (math.ceil((east - west) / size), math.ceil((north - south) / size))
    empty = np.zeros(1, dtype=np.int32)
    grid: Cells = ((west, south, size), count, empty, empty)
    hit = np.zeros((count[0] * count[1], len(prisms)), dtype=np.bool_)
    solids = (prisms.edges, prisms.starts, prisms.boxes, prisms.spans)
    kernels.mark(grid, solids, hit)
    cell, which = np.nonzero(hit)
    starts = np.searchsorted(cell, np.arange(len(hit) + 1)).astype(np.int32)
    return grid[0], count, starts, which.astype(np.int32)
