"""Kernels: points and segments against upright prisms."""

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.compiled import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
Solids = tuple[Floats, Ints, Floats, Floats]
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
def clear(a: Floats, b: Floats, solids: Solids, out: Bools) -> None:
    """Which of n segments keep out of every prism."""
    count = len(solids[3])
    last = -1
    for i in range(len(a)):
        out[i] = last < 0 or not _hits(a[i], b[i], last, solids)
        if not out[i]:
            continue
        for k in range(count):
            if k != last and _hits(a[i], b[i], k, solids):
                out[i] = False
                last = k
                break


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
