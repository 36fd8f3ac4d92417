"""Kernels: lines of sight through prisms, and ways around them.

A straight segment meets an upright prism exactly when it crosses one of its
walls between bottom and top, or when one of its ends is inside: with a
height that is linear along the segment it cannot enter by the roof and leave
by the roof.
"""

import math

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.compiled import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
Solids = tuple[Floats, Ints, Floats, Floats]
_MOST = 512  # crossings and corners that one line may gather


@compiled
def _outside(signed: float, scale2: float, e: float) -> bool:
    """Whether a signed distance, given times sqrt(scale2), is at least e."""
    return signed >= 0.0 and signed * signed >= e * e * scale2


@compiled
def _upright_blocks(a: Floats, b: Floats, edge: Floats, e: float, out: Floats) -> bool:
    """Whether a wall is, on the plan, between b and any point within e of a.

    ``out`` gets what :func:`_slopes_block` needs.
    """
    px, py = edge[0] - b[0], edge[1] - b[1]
    qx, qy = edge[2] - b[0], edge[3] - b[1]
    c = px * qy - py * qx
    if c == 0.0:
        return False  # seen edge-on: its neighbours hide as much
    if c < 0.0:
        px, py, qx, qy, c = qx, qy, px, py, -c
    ax, ay = a[0] - b[0], a[1] - b[1]
    if _outside(py * ax - px * ay, px * px + py * py, e):
        return False
    if _outside(qx * ay - qy * ax, qx * qx + qy * qy, e):
        return False
    wx, wy = qx - px, qy - py
    wall2 = wx * wx + wy * wy
    along = ax * wy - ay * wx  # distance from b to a across the wall, × its length
    if _outside(c - along, wall2, e):
        return False
    out[0], out[1], out[2] = c, along, wall2
    return True


@compiled
def _slopes_block(az: float, bz: float, e: float, wall: Floats) -> bool:
    """Whether the shadow's upper and lower planes hold the ball too.

    ``wall`` is c, along, its length squared, bottom and top.
    """
    c, along, wall2 = wall[0], wall[1], wall[2]
    rise = az - bz
    slope = (wall[4] - bz) / c  # of the upper plane, per unit of ``along``
    if _outside(rise - slope * along, 1.0 + slope * slope * wall2, e):
        return False
    slope = (wall[3] - bz) / c
    return not _outside(slope * along - rise, 1.0 + slope * slope * wall2, e)


@compiled
def _wall_blocks(a: Floats, b: Floats, edge: Floats, e: float, wall: Floats) -> bool:
    """Whether a wall hides b from any point within e of a.

    ``wall`` ends with the wall's bottom and top; the rest is room for figures.

    The wall's shadow, cast by a lamp at b, is a pyramid cut off by the wall:
    five planes. A ball of radius e that lies wholly outside one of them is
    in no shadow; at the shadow's edges this errs towards hidden.
    """
    upright = _upright_blocks(a, b, edge, e, wall)
    return bool(upright and _slopes_block(a[2], b[2], e, wall))


@compiled
def _prism_blocks(
    a: Floats, b: Floats, e: float, k: int, solids: Solids, wall: Floats
) -> bool:
    """Whether any wall of solid k does; ``wall`` is room for five figures."""
    edges, starts, boxes, spans = solids
    box, span = boxes[k], spans[k]
    wall[3], wall[4] = span
    if min(a[2], b[2]) - e >= span[1] or max(a[2], b[2]) + e <= span[0]:
        return False
    if max(a[0], b[0]) + e < box[0] or min(a[0], b[0]) - e > box[2]:
        return False
    if max(a[1], b[1]) + e < box[1] or min(a[1], b[1]) - e > box[3]:
        return False
    for j in range(starts[k], starts[k + 1]):
        if _wall_blocks(a, b, edges[j], e, wall):
            return True
    return False


@compiled
def _solids_near(a: Floats, reach: float, boxes: Floats, near: Ints) -> int:
    """List the solids whose box is within reach of a, on the plan."""
    count = 0
    for k in range(len(boxes)):
        gap_x = max(boxes[k, 0] - a[0], a[0] - boxes[k, 2], 0.0)
        gap_y = max(boxes[k, 1] - a[1], a[1] - boxes[k, 3], 0.0)
        if gap_x * gap_x + gap_y * gap_y <= reach * reach:
            near[count] = k
            count += 1
    return count


@compiled
def _walls_between(
    a: Floats, b: Floats, e: float, near: Ints, solids: Solids, walls: Floats
) -> int:
    """List walls that hide b from points within e of a, heights permitting.

    The first three planes of :func:`_wall_blocks` stand upright: they are the
    same for all heights of a and b. ``walls`` gets, for each, what the
    other two need: c, along, the wall's length squared, bottom and top.
    """
    edges, starts, boxes, spans = solids
    n = 0
    for k in near:
        box = boxes[k]
        if max(a[0], b[0]) + e < box[0] or min(a[0], b[0]) - e > box[2]:
            continue
        if max(a[1], b[1]) + e < box[1] or min(a[1], b[1]) - e > box[3]:
            continue
        for j in range(starts[k], starts[k + 1]):
            if _upright_blocks(a, b, edges[j], e, walls[n]):
                walls[n, 3], walls[n, 4] = spans[k]
                n += 1
    return n


@compiled
def _level_blocks(az: float, bz: float, e: float, walls: Floats, n: int) -> bool:
    """Whether any of the listed walls hides height bz from height az."""
    for i in range(n):
        low, high = walls[i, 3], walls[i, 4]
        if min(az, bz) - e >= high or max(az, bz) + e <= low:
            continue
        if _slopes_block(az, bz, e, walls[i]):
            return True
    return False


@compiled
def _look(
    sources: Floats,
    receivers: Floats,
    limits: tuple[float, float],
    near: Ints,
    solids: Solids,
    work: tuple[Floats, Bools],
) -> None:
    """Clear ``out`` where sources above each other do not see receivers so."""
    reach, error = limits
    walls, out = work
    n = -1
    for i in range(len(sources)):
        a = sources[i]
        for j in range(len(receivers)):
            if not out[i, j]:
                continue
            b = receivers[j]
            dx, dy, dz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
            if dx * dx + dy * dy + dz * dz > reach * reach:
                out[i, j] = False
                continue
            if n < 0:
                n = _walls_between(a, b, error, near, solids, walls)
            out[i, j] = not _level_blocks(a[2], b[2], error, walls, n)


@compiled
def _run(points: Floats, first: int) -> int:
    """The end of the points from the first on that stand on one spot."""
    end = first + 1
    x, y = points[first, 0], points[first, 1]
    while end < len(points) and points[end, 0] == x and points[end, 1] == y:
        end += 1
    return end


@compiled
def see(
    sources: Floats,
    receivers: Floats,
    limits: tuple[float, float],
    normals: Floats,
    solids: Solids,
    out: Bools,
) -> None:
    """Clear ``out`` (k, n) where there is no line of sight.

    Points that stand one above the other and follow each other are looked
    at together: what stands in between on the plan is found once.

    Args:
        sources: (k, 3).
        receivers: (n, 3).
        limits: range and error.
        normals: (n, 2) out of the receivers' own walls, from behind which
            nothing is seen; (0, 2) where they are not known.
        solids: what hides.
        out: True where it is worth looking.
    """
    reach, error = limits
    near = np.empty(len(solids[2]), dtype=np.int32)
    walls = np.empty((len(solids[0]), 5))
    i = 0
    while i < len(sources):
        end, a = _run(sources, i), sources[i]
        count = _solids_near(a, reach + error, solids[2], near)
        j = 0
        while j < len(receivers):
            last = _run(receivers, j)
            _behind(a, receivers[j:last], normals[j:last], out[i:end, j:last])
            if out[i:end, j:last].any():
                _look(
                    sources[i:end],
                    receivers[j:last],
                    limits,
                    near[:count],
                    solids,
                    (walls, out[i:end, j:last]),
                )
            j = last
        i = end


@compiled
def _behind(a: Floats, receivers: Floats, normals: Floats, out: Bools) -> None:
    """Clear ``out`` for receivers whose own wall is in the way."""
    for j in range(len(normals)):
        dx, dy = receivers[j, 0] - a[0], receivers[j, 1] - a[1]
        if dx * normals[j, 0] + dy * normals[j, 1] > 0.0:
            out[:, j] = False


@compiled
def _over(s: Floats, h: Floats, n: int, out: Floats) -> None:
    """Upper hull of n points sorted by s; lengths of its chain into out."""
    keep = np.empty(n, dtype=np.int32)
    top = 0
    for i in range(n):
        while top >= 2:
            p, q = keep[top - 2], keep[top - 1]
            turn = (s[q] - s[p]) * (h[i] - h[p]) - (h[q] - h[p]) * (s[i] - s[p])
            if turn < 0.0:
                break
            top -= 1
        keep[top] = i
        top += 1
    out[1] = 0.0
    if top < 3:
        out[0], out[2] = math.hypot(s[n - 1] - s[0], h[n - 1] - h[0]), 0.0
        return  # nothing rises above the line: it grazes
    for m in range(top - 1):
        p, q = keep[m], keep[m + 1]
        length = math.hypot(s[q] - s[p], h[q] - h[p])
        if m == 0:
            out[0] = length
        elif m == top - 2:
            out[2] = length
        else:
            out[1] += length


@compiled
def _leftmost(cx: float, cy: float, d: float, u: Floats, v: Floats) -> int:
    """The corner that all others lie right of, seen from (cx, cy).

    −1 is the end (d, 0) itself; −2: there is none, the place is walled in.
    """
    best, px, py = -1, d, 0.0
    for turn in range(2):
        for i in range(len(u)):
            if (px - cx) * (v[i] - cy) - (py - cy) * (u[i] - cx) > 1e-9:
                if turn == 1:
                    return -2
                best, px, py = i, u[i], v[i]
    return best


@compiled
def _around(u: Floats, v: Floats, n: int, ends: Floats, out: Floats) -> None:
    """Taut string on the side v > 0 from (0, 0) to (D, 0) round n corners.

    ``ends`` is D and the rise; lengths are scaled to three dimensions.
    """
    d, rise = ends[0], ends[1]
    cx, cy = 0.0, 0.0
    first = between = last = 0.0
    for step in range(64):
        best = _leftmost(cx, cy, d, u[:n], v[:n])
        if best == -2:
            return  # walled in on this side
        px, py = (d, 0.0) if best == -1 else (u[best], v[best])
        length = math.hypot(px - cx, py - cy)
        home = best == -1
        if step == 0:
            if home:
                return
            first = length
        elif home:
            last = length
        else:
            between += length
        if home:
            flat = first + between + last
            scale = math.hypot(flat, rise) / flat
            out[0], out[1], out[2] = first * scale, between * scale, last * scale
            return
        cx, cy = px, py


@compiled
def _gather(
    a: Floats, b: Floats, solids: Solids, profile: Floats, corners: Floats
) -> tuple[int, int]:
    """Roof edges on the way (s, height) and corners (u, v) of what blocks."""
    edges, starts, _boxes, spans = solids
    dx, dy = b[0] - a[0], b[1] - a[1]
    d = math.hypot(dx, dy)
    n = m = 0
    wall = np.empty(5)
    for k in range(len(spans)):
        if not _prism_blocks(a, b, 1.0e-6, k, solids, wall):
            continue
        for j in range(starts[k], starts[k + 1]):
            e = edges[j]
            wx, wy = e[0] - a[0], e[1] - a[1]
            if m < _MOST:
                corners[0, m] = (wx * dx + wy * dy) / d
                corners[1, m] = (wy * dx - wx * dy) / d
                m += 1
            ex, ey = e[2] - e[0], e[3] - e[1]
            det = dx * ey - dy * ex
            if det == 0.0 or n >= _MOST - 2:
                continue
            t = (wx * ey - wy * ex) / det
            w = (wx * dy - wy * dx) / det
            if 0.0 <= t <= 1.0 and 0.0 <= w <= 1.0:
                profile[0, n], profile[1, n] = t * d, spans[k, 1]
                n += 1
    return n, m


@compiled
def bend(source: Floats, receivers: Floats, solids: Solids, out: Floats) -> None:
    """Fill ``out`` (n, 3, 3) with the ways over, left and right."""
    profile = np.empty((2, _MOST))
    corners = np.empty((2, _MOST))
    ends = np.empty(2)
    for j in range(len(receivers)):
        b = receivers[j]
        d = math.hypot(b[0] - source[0], b[1] - source[1])
        if d < 1e-6:
            continue
        n, m = _gather(source, b, solids, profile, corners)
        order = np.argsort(profile[0, :n])
        s, h = np.empty(n + 2), np.empty(n + 2)
        s[0], h[0], s[n + 1], h[n + 1] = 0.0, source[2], d, b[2]
        for i in range(n):
            s[i + 1], h[i + 1] = profile[0, order[i]], profile[1, order[i]]
        _over(s, h, n + 2, out[j, 0])
        ends[0], ends[1] = d, b[2] - source[2]
        _around(corners[0], corners[1], m, ends, out[j, 1])
        _around(corners[0], -corners[1], m, ends, out[j, 2])
