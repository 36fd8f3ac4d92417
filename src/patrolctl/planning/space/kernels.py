"""Kernels: points and segments against upright prisms."""

import math

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.compiled import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
Solids = tuple[Floats, Ints, Floats, Floats]
# Square cells of the plan: west, south and size; how many each way; where
# each one's list of prisms begins; the lists.
Cells = tuple[tuple[float, float, float], tuple[int, int], Ints, Ints]
FOREVER_M = 1.0e6  # a top at or above this cannot be flown over


@compiled
def _within(x: float, y: float, k: int, solids: Solids) -> bool:
    """Even-odd rule over all rings of prism k."""
    edges, starts, boxes, _spans = solids
    box = boxes[k]
    if x < box[0] or x > box[2] or y < box[1] or y > box[3]:
        return False
    odd = False
    for j in range(starts[k], starts[k + 1]):
        x1, y1, x2, y2 = edges[j]
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            odd = not odd
    return odd


@compiled
def inside(points: Floats, solids: Solids, out: Ints) -> None:
    """Which prism each point is in, −1 for none."""
    spans = solids[3]
    for i in range(len(points)):
        out[i] = -1
        for k in range(len(spans)):
            if not spans[k, 0] < points[i, 2] < spans[k, 1]:
                continue
            if _within(points[i, 0], points[i, 1], k, solids):
                out[i] = k
                break


@compiled
def _meets(a: Floats, b: Floats, edge: Floats) -> float:
    """Where the segment crosses a wall on the plan, 0 to 1, else −1."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    ex, ey = edge[2] - edge[0], edge[3] - edge[1]
    det = dx * ey - dy * ex
    if det == 0.0:
        return -1.0
    wx, wy = edge[0] - a[0], edge[1] - a[1]
    t = (wx * ey - wy * ex) / det
    u = (wx * dy - wy * dx) / det
    return float(t) if 0.0 <= t <= 1.0 and 0.0 <= u <= 1.0 else -1.0


@compiled
def _apart(a: Floats, b: Floats, box: Floats) -> bool:
    if max(a[0], b[0]) < box[0] or min(a[0], b[0]) > box[2]:
        return True
    return bool(max(a[1], b[1]) < box[1] or min(a[1], b[1]) > box[3])


@compiled
def _hits(a: Floats, b: Floats, k: int, solids: Solids) -> bool:
    edges, starts, boxes, spans = solids
    low, high = spans[k]
    if min(a[2], b[2]) >= high or max(a[2], b[2]) <= low or _apart(a, b, boxes[k]):
        return False
    for j in range(starts[k], starts[k + 1]):
        t = _meets(a, b, edges[j])
        if t >= 0.0 and low < a[2] + t * (b[2] - a[2]) < high:
            return True
    # No wall crossed between bottom and top: an end may be inside, or the
    # segment may be upright.
    if _within(a[0], a[1], k, solids):
        upright = a[0] == b[0] and a[1] == b[1]
        if upright or low < a[2] < high:
            return True
    return bool(low < b[2] < high and _within(b[0], b[1], k, solids))


@compiled
def mark(cells: Cells, solids: Solids, out: Bools) -> None:
    """Which prisms each cell of the plan may touch: ``out`` (cells, prisms)."""
    edges, starts, boxes, spans = solids
    x0, y0, size = cells[0]
    nx, ny = cells[1]
    for k in range(len(spans)):
        for ix in range(nx):
            west = x0 + ix * size
            if west > boxes[k, 2] or west + size < boxes[k, 0]:
                continue
            for iy in range(ny):
                south = y0 + iy * size
                if south > boxes[k, 3] or south + size < boxes[k, 1]:
                    continue
                hit = _within(west + 0.5 * size, south + 0.5 * size, k, solids)
                for j in range(starts[k], starts[k + 1]):
                    hit = hit or not _apart_of(west, south, size, edges[j])
                out[ix * ny + iy, k] = hit


@compiled
def _apart_of(west: float, south: float, size: float, edge: Floats) -> bool:
    """Whether the boxes of a cell and of an edge have nothing in common."""
    if max(edge[0], edge[2]) < west or min(edge[0], edge[2]) > west + size:
        return True
    return bool(max(edge[1], edge[3]) < south or min(edge[1], edge[3]) > south + size)


@compiled
def _block_of(a: Floats, b: Floats, cells: Cells) -> tuple[int, int, int, int]:
    """The cells about a segment; the first is −1 where one would be outside."""
    x0, y0, size = cells[0]
    nx, ny = cells[1]
    west = math.floor((min(a[0], b[0]) - x0) / size)
    east = math.floor((max(a[0], b[0]) - x0) / size)
    south = math.floor((min(a[1], b[1]) - y0) / size)
    north = math.floor((max(a[1], b[1]) - y0) / size)
    if west < 0 or south < 0 or east >= nx or north >= ny:
        return -1, 0, 0, 0
    return west, east, south, north


@compiled
def _misses(a: Floats, b: Floats, ix: int, iy: int, cells: Cells) -> bool:
    """Whether the line through a and b keeps out of a cell's circle."""
    x0, y0, size = cells[0]
    dx, dy = b[0] - a[0], b[1] - a[1]
    cross = dx * (y0 + (iy + 0.5) * size - a[1]) - dy * (x0 + (ix + 0.5) * size - a[0])
    return bool(cross * cross > 0.51 * size * size * (dx * dx + dy * dy) + 1e-9)


@compiled
def _first_hit(a: Floats, b: Floats, which: Ints, solids: Solids) -> int:
    for k in which:
        if _hits(a, b, k, solids):
            return int(k)
    return -1


@compiled
def _blocking(a: Floats, b: Floats, solids: Solids, cells: Cells) -> int:
    """A prism that the segment hits, −1 for none."""
    west, east, south, north = _block_of(a, b, cells)
    if west < 0:
        return _first_hit(a, b, np.arange(len(solids[3]), dtype=np.int32), solids)
    for ix in range(west, east + 1):
        for iy in range(south, north + 1):
            if _misses(a, b, ix, iy, cells):
                continue
            cell = ix * cells[1][1] + iy
            listed = cells[3][cells[2][cell] : cells[2][cell + 1]]
            hit = _first_hit(a, b, listed, solids)
            if hit >= 0:
                return hit
    return -1


@compiled
def clear(a: Floats, b: Floats, solids: Solids, cells: Cells, out: Bools) -> None:
    """Which of n segments keep out of every prism."""
    last = -1
    for i in range(len(a)):
        # Neighbouring segments mostly hit the same prism.
        out[i] = last < 0 or not _hits(a[i], b[i], last, solids)
        if not out[i]:
            continue
        hit = _blocking(a[i], b[i], solids, cells)
        if hit >= 0:
            out[i], last = False, hit


@compiled
def _under(a: Floats, b: Floats, k: int, solids: Solids) -> bool:
    """Whether the segment passes over or under prism k on the plan."""
    edges, starts, boxes, _spans = solids
    if _apart(a, b, boxes[k]):
        return False
    for j in range(starts[k], starts[k + 1]):
        if _meets(a, b, edges[j]) >= 0.0:
            return True
    return _within(a[0], a[1], k, solids)


@compiled
def heights(a: Floats, b: Floats, solids: Solids, out: Floats) -> None:
    """The least height from which a level flight a–b clears every prism.

    Not below either end. Infinite where something cannot be flown over.
    """
    spans = solids[3]
    for i in range(len(a)):
        need = max(a[i, 2], b[i, 2])
        k = 0
        while k < len(spans):
            low, high = spans[k]
            if low < need < high and _under(a[i], b[i], k, solids):
                need = high if high < FOREVER_M else np.inf
                k = 0  # higher up, something passed before may be in the way
            else:
                k += 1
        out[i] = need
