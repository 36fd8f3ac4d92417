"""Order of the stops: a directed travelling salesman, with a bound.

The bound comes from the assignment relaxation with subtour cuts added until
one tour is left or the time is up (Dantzig, Fulkerson & Johnson, 1954);
every round's bound is valid by itself.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, linear_sum_assignment, milp
from scipy.sparse import csr_array

from patrolctl.planning.loop.order import Deadline

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_FOR_MIP = 80


@dataclass(frozen=True, slots=True)
class Tour:
    """A closed order of all stops, its length, and what none is below."""

    order: list[int]
    length_m: float
    bound_m: float


def tour_length_m(matrix_m: Floats, order: list[int]) -> float:
    """Length of the closed tour."""
    return float(
        sum(matrix_m[a, b] for a, b in zip(order, order[1:] + order[:1], strict=True))
    )


def shortest_tour(matrix_m: Floats, seed: int, deadline: Deadline) -> Tour:
    """Order all stops, starting with the first.

    Args:
        matrix_m: (n, n) directed distances.
        seed: of the search's choices.
        deadline: when to be done.

    Returns:
        The best order found and a valid lower bound on the best there is.
    """
    n = len(matrix_m)
    if n <= 2:
        order = list(range(n))
        length = tour_length_m(matrix_m, order)
        return Tour(order, length, length)
    order = _search(matrix_m, seed, deadline)
    length = tour_length_m(matrix_m, order)
    exact, bound = _cut_plane(matrix_m, deadline)
    if exact is not None and tour_length_m(matrix_m, exact) <= length:
        order, length = exact, tour_length_m(matrix_m, exact)
    return Tour(order, length, min(bound, length))


def tour_bound_m(matrix_m: Floats, deadline: Deadline) -> float:
    """Only the lower bound."""
    if len(matrix_m) <= 2:
        return tour_length_m(matrix_m, list(range(len(matrix_m))))
    return _cut_plane(matrix_m, deadline)[1]


def _search(matrix_m: Floats, seed: int, deadline: Deadline) -> list[int]:
    """Nearest neighbour, then moving runs of stops, shaken a few times."""
    rng = np.random.default_rng(seed)
    n = len(matrix_m)
    best = _improve(matrix_m, _nearest_neighbour(matrix_m))
    length = tour_length_m(matrix_m, best)
    half_s = deadline.left_s() / 2
    for _ in range(30 + 2 * n):
        if deadline.left_s() <= half_s:
            break
        cuts = np.sort(rng.choice(np.arange(1, n), size=min(3, n - 1), replace=False))
        parts = [list(map(int, p)) for p in np.split(np.array(best), cuts)]
        shaken = parts[0] + [s for p in parts[:0:-1] for s in p]
        shaken = _improve(matrix_m, shaken)
        now = tour_length_m(matrix_m, shaken)
        if now < length - 1e-9:
            best, length = shaken, now
    k = best.index(0)
    return best[k:] + best[:k]


def _nearest_neighbour(matrix_m: Floats) -> list[int]:
    left = set(range(1, len(matrix_m)))
    order = [0]
    while left:
        here = order[-1]
        order.append(min(sorted(left), key=lambda j: matrix_m[here, j]))
        left.remove(order[-1])
    return order


def _improve(matrix_m: Floats, order: list[int]) -> list[int]:
    """Move runs of one to three stops while that helps (Or, 1976)."""
    better = True
    while better:
        better = False
        for size, i in itertools.product((1, 2, 3), range(len(order))):
            moved = _move_run(matrix_m, order, i, size)
            if moved is not None:
                order, better = moved, True
                break
    return order


def _move_run(
    matrix_m: Floats, order: list[int], i: int, size: int
) -> list[int] | None:
    n = len(order)
    if n - size < 2:
        return None
    turned = order[i:] + order[:i]
    run, rest = turned[:size], turned[size:]
    saved = (
        matrix_m[rest[-1], run[0]]
        + matrix_m[run[-1], rest[0]]
        - matrix_m[rest[-1], rest[0]]
    )
    a = np.array(rest)
    b = np.roll(a, -1)
    added = matrix_m[a, run[0]] + matrix_m[run[-1], b] - matrix_m[a, b]
    k = int(np.argmin(added))
    if added[k] < saved - 1e-9:
        return rest[: k + 1] + run + rest[k + 1 :]
    return None


def _cut_plane(matrix_m: Floats, deadline: Deadline) -> tuple[list[int] | None, float]:
    n = len(matrix_m)
    cost = matrix_m.copy()
    np.fill_diagonal(cost, cost.max() * n + 1.0)
    rows, cols = linear_sum_assignment(cost)
    bound = float(cost[rows, cols].sum())
    order = _single(cols)
    if order is not None or n > MOST_FOR_MIP:
        return order, bound
    flat = cost.ravel()
    degree = _degrees(n)
    cuts = [_cut(n, c) for c in _cycles(cols)]
    while deadline.left_s() > 0.05:
        rules = [LinearConstraint(degree, 1, 1)]
        rules.append(LinearConstraint(csr_array(np.array(cuts)), 1, np.inf))
        result = milp(
            flat,
            integrality=np.ones(n * n, dtype=np.int64),
            bounds=Bounds(0, (1 - np.eye(n)).ravel()),
            constraints=rules,
            options={"time_limit": deadline.left_s(), "mip_rel_gap": 0.0},
        )
        if result.mip_dual_bound is not None:
            bound = max(bound, float(result.mip_dual_bound))
        if result.x is None or result.status != 0:
            return None, bound
        follow = np.argmax(result.x.reshape(n, n), axis=1)
        order = _single(follow)
        if order is not None:
            return order, max(bound, float(result.fun))
        cuts += [_cut(n, c) for c in _cycles(follow)]
    return None, bound


def _degrees(n: int) -> csr_array:
    k = np.arange(n * n)
    out = csr_array((np.ones(n * n), (k // n, k)), shape=(n, n * n))
    into = csr_array((np.ones(n * n), (k % n, k)), shape=(n, n * n))
    return csr_array(np.vstack([out.toarray(), into.toarray()]))


def _cut(n: int, inside: list[int]) -> Floats:
    """The tour leaves this set at least once."""
    row = np.zeros((n, n))
    within = np.array(inside, dtype=np.int64)
    outside = np.setdiff1d(np.arange(n), within)
    row[np.ix_(within, outside)] = 1.0
    return row.ravel()


def _cycles(follow: Ints) -> list[list[int]]:
    seen: set[int] = set()
    found = []
    for start in range(len(follow)):
        cycle, here = [], start
        while here not in seen:
            seen.add(here)
            cycle.append(here)
            here = int(follow[here])
        if cycle:
            found.append(cycle)
    return found


def _single(follow: Ints) -> list[int] | None:
    cycles = _cycles(follow)
    return cycles[0] if len(cycles) == 1 else None
