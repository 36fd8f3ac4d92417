"""The passes worth choosing from, with those whom each of them tells."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics import reach_table
from patrolctl.acoustics.bands import Bools, Floats
from patrolctl.acoustics.speaker import axis_of
from patrolctl.domain.machines import SpeakerProfile
from patrolctl.planning.drone.coverage import (
    Hearing,
    Listeners,
    columns_of,
    hearing_of,
)
from patrolctl.planning.drone.order import HEADING_ERROR_DEG
from patrolctl.planning.drone.passes import (
    FASTEST_M_S,
    FLYING_ERROR_DEG,
    FLYING_NOISE_DB,
    STEP_M,
    Pace,
    pace_of,
    told,
)
from patrolctl.planning.drone.passes_lines import Line, fronts_of, lines_of
from patrolctl.planning.drone.task import MOST_REACH_M, Task

Ints = npt.NDArray[np.int64]

_LATTICE_M = 12.0  # between two places where a pass may begin or end
_MOST_ENDS = 12
_MOST_RENDITIONS = 24
_MORE = 3  # numbers of renditions tried beyond the fewest that can be flown
_OF_LINE = 24  # passes kept of one line
MOST_PASSES = 400


@dataclass(frozen=True, slots=True)
class Wanted:
    """What telling each receiver in passing would save, seconds.

    The stops of the stations that tell them now, shared out among them.
    ``cruise_m_s``: a pass spares the flight along its line.
    """

    saves_s: Floats
    cruise_m_s: float

    def gain_s(self, one: "Pass") -> float:
        """What a pass saves at a guess."""
        pace = one.pace
        costs_s = pace.total_s - pace.length_m / self.cruise_m_s
        return float(self.saves_s[one.rows].sum()) - costs_s


def wanted_of(task: Task, indptr: Ints, rows: Ints) -> Wanted:
    """Share out the stops of stations whose receivers these are."""
    n = len(task.receivers)
    p = task.profile
    stop_s = task.order.message_s + p.cruise_m_s / p.accel_m_s2
    share = 1.0 / np.maximum(np.bincount(rows, minlength=n), 1)
    out = np.zeros(n)
    for k in range(len(indptr) - 1):
        mine = rows[indptr[k] : indptr[k + 1]]
        if len(mine):
            out[mine] += stop_s * share[mine] / share[mine].sum()
    return Wanted(out, p.cruise_m_s)


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass in one direction: from ``a_m`` to ``b_m``.

    ``rows`` are the receivers that it tells.
    """

    a_m: tuple[float, float, float]
    b_m: tuple[float, float, float]
    heading_deg: float
    pace: Pace
    rows: Ints


def flying(speaker: SpeakerProfile) -> SpeakerProfile:
    """The loudspeaker with the noise of a vehicle under way."""
    if speaker.noise_1m_db is None:
        return speaker
    return replace(speaker, noise_1m_db=speaker.noise_1m_db + FLYING_NOISE_DB)


def hearing_in_flight(task: Task) -> Hearing:
    """What is heard for certain from anywhere between two looks."""
    tables = [
        reach_table(
            flying(task.speaker),
            task.order.spectrum_db,
            task.listening,
            indoors=inside,
            max_m=MOST_REACH_M,
        )
        for inside in (False, True)
    ]
    return hearing_of(
        tables[0],
        tables[1],
        sti_min=task.requirement.sti_min,
        error_m=task.profile.position_error_m + STEP_M / 2.0,
        error_deg=HEADING_ERROR_DEG + FLYING_ERROR_DEG,
        most_m=MOST_REACH_M,
    )


def worthwhile(task: Task, hearing: Hearing) -> bool:
    """Whether messages are short enough for passes to beat hovering.

    Where earshot is w to each side, a rendition said in flight advances by no
    more than w, and by two thirds of it where its timing is not known to some
    seconds. In the time of three of them a station takes its message, its
    overhead and the way of 2 w to the next one.
    """
    off_m = task.requirement.standoff_m + 1.0
    metres = np.arange(1, hearing.cosines.shape[1] + 1, dtype=np.float64)
    ok = (off_m / metres >= hearing.cosines[1]) & (metres >= off_m)
    if not ok.any():
        return False
    wide_m = math.sqrt(float(metres[ok].max()) ** 2 - off_m**2)
    said = task.order.announcement
    spare_s = task.order.message_s - said.repeats * said.duration_s
    hop_s = 2.0 * wide_m / task.profile.cruise_m_s
    return 2.0 * said.duration_s < spare_s + hop_s


def may_pass(task: Task) -> bool:
    """Whether it is worth looking for passes at all."""
    return _hearing_if_worth(task) is not None


def _hearing_if_worth(task: Task) -> Hearing | None:
    if not task.passes:
        return None
    hearing = hearing_in_flight(task)
    far = hearing.range_m > task.requirement.standoff_m
    return hearing if far and worthwhile(task, hearing) else None


def passes_of(
    task: Task, ask: Callable[[], Wanted], enough: Callable[[], bool]
) -> list[Pass]:
    """The best passes before every front, those that save most first.

    Args:
        task: the task.
        ask: what there is to save; not asked where passes never do.
        enough: asked between fronts; True ends the search.
    """
    hearing = _hearing_if_worth(task)
    if hearing is None:
        return []
    wanted, found = ask(), list[Pass]()
    for front in fronts_of(task):
        if enough():
            break
        for line in lines_of(task, front):
            found += _on_line(task, line, hearing, wanted)
    return _best(found, wanted, MOST_PASSES)


def _best(passes: list[Pass], wanted: Wanted, most: int) -> list[Pass]:
    """Those that would save anything, the best first."""
    rated = [(wanted.gain_s(p), p) for p in passes]
    good = [r for r in rated if r[0] > 0.0]
    good.sort(key=lambda r: (-round(r[0], 6), r[1].a_m, r[1].b_m, r[1].pace.renditions))
    return [p for _, p in good[:most]]


def audible(task: Task, line: Line, hearing: Hearing) -> tuple[Ints, Bools]:
    """Receivers in earshot of a line, and from which of its points."""
    r = task.receivers
    lo, hi = line.points_m.min(axis=0), line.points_m.max(axis=0)
    gap = np.maximum(np.maximum(lo - r.points_m, r.points_m - hi), 0.0)
    near = np.flatnonzero(np.linalg.norm(gap, axis=1) <= hearing.range_m)
    axes = np.array([axis_of(line.heading_deg, task.speaker.tilt_deg)])
    listeners = Listeners(
        np.ascontiguousarray(r.points_m[near]),
        r.indoors[near],
        np.ascontiguousarray(r.normal[near]),
    )
    indptr, rows = columns_of(
        task.scene, np.ascontiguousarray(line.points_m), axes, listeners, hearing
    )
    mask = np.zeros((len(line.points_m), len(near)), dtype=np.bool_)
    sample = np.repeat(np.arange(len(line.points_m)), np.diff(indptr))
    mask[sample, rows] = True
    heard = np.flatnonzero(mask.any(axis=0))
    return near[heard], mask[:, heard]


def _on_line(task: Task, line: Line, hearing: Hearing, wanted: Wanted) -> list[Pass]:
    rows, mask = audible(task, line, hearing)
    if not len(rows):
        return []
    found = []
    n = len(line.points_m)
    step = max(round(_LATTICE_M / STEP_M), math.ceil((n - 1) / _MOST_ENDS))
    ends = sorted({*range(0, n, step), n - 1})
    for i in ends:
        for j in ends:
            if i != j:
                found += _between(task, line, (i, j), (rows, mask))
    return _best(found, wanted, _OF_LINE)


def _between(
    task: Task, line: Line, ends: tuple[int, int], heard: tuple[Ints, Bools]
) -> list[Pass]:
    """Passes from one point of a line to another, with more or less to say."""
    (i, j), (rows, mask) = ends, heard
    a, b = line.points_m[i], line.points_m[j]
    cut = mask[i : j + 1] if i < j else mask[j : i + 1][::-1]
    found: list[Pass] = []
    for pace in _paces(task, float(np.linalg.norm(b - a))):
        ok = told(cut, pace)
        if found and ok.sum() <= len(found[-1].rows):
            continue
        if ok.any():
            start, end = (tuple(float(v) for v in p) for p in (a, b))
            found.append(Pass(start, end, line.heading_deg, pace, rows[ok]))  # type: ignore[arg-type]
    return found


def _paces(task: Task, length_m: float) -> list[Pace]:
    said, p = task.order.announcement, task.profile
    fastest = min(p.cruise_m_s, FASTEST_M_S)
    found: list[Pace] = []
    for count in range(said.repeats, _MOST_RENDITIONS + 1):
        pace = pace_of(
            length_m,
            count,
            (fastest, p.accel_m_s2),
            (said.duration_s, said.repeats),
        )
        if pace is not None:
            found.append(pace)
        if len(found) > _MORE:
            break
    return found
