"""What a pass claims, reckoned anew from its exact line."""

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics import Air, Prediction, Source, predict
from patrolctl.acoustics.bands import Bools, Floats
from patrolctl.planning.drone.coverage import Hearing
from patrolctl.planning.drone.flight import Stop
from patrolctl.planning.drone.passes import (
    Pace,
    phase_free_samples,
    rendition_samples,
    told,
)
from patrolctl.planning.drone.passes_lines import Line
from patrolctl.planning.drone.passes_offer import audible, flying
from patrolctl.planning.drone.task import Task

Ints = npt.NDArray[np.int64]

# Margins are seen to when passes are chosen; here the claims are reckoned.
EVERY_M = 3.0
_QUICK = Air(diffraction=False)


def told_by(task: Task, stop: Stop, hearing: Hearing, shift_m: Floats) -> Ints:
    """Receivers that a pass tells, all of it displaced, where this is heard."""
    if stop.way is None:
        return np.empty(0, dtype=np.int64)
    line = Line(stop.places_m(EVERY_M) + shift_m, stop.heading_deg)
    rows, mask = audible(task, line, hearing)
    return rows[told(mask, stop.way.pace)]


def hear_passing(task: Task, stop: Stop, near: Ints) -> tuple[Ints, Prediction]:
    """Who of those near has a pass in sight, and what they get of it.

    The STI is the worst moment's of the best renditions that are asked for
    (0 where the line is broken in every one of them), the level the mean
    over the best one.
    """
    if stop.way is None:
        msg = f"{stop.name} is no pass"
        raise ValueError(msg)
    sti, level, seen = _moments(task, stop, near)
    rows = np.flatnonzero(seen.any(axis=0))
    pace = stop.way.pace
    worst, power = _renditions(sti[:, rows], level[:, rows], pace)
    best = worst.argmax(axis=0)
    top = np.sort(worst, axis=0)[::-1]
    got = top[min(pace.need, len(top)) - 1] if len(top) else np.zeros(len(rows))
    wide = _earshot(sti[:, rows], pace)
    mean = 10.0 * np.log10(np.maximum(power[best, np.arange(len(rows))], 1e-9))
    bands = np.full((len(rows), 8), np.nan)
    visible = np.ones(len(rows), dtype=np.bool_)
    return near[rows], Prediction(bands, mean, np.maximum(got, wide), visible)


def _moments(task: Task, stop: Stop, near: Ints) -> tuple[Floats, Floats, Bools]:
    """(samples, receivers) STI, level and sight; STI 0 out of sight."""
    r = task.receivers
    points = stop.places_m(EVERY_M)
    sti = np.zeros((len(points), len(near)))
    level = np.full((len(points), len(near)), -np.inf)
    seen = task.scene.visible(points, r.points_m[near])
    speaker = flying(task.speaker)
    for k, (x, y, z) in enumerate(points.tolist()):
        rows = np.flatnonzero(seen[k])
        source = Source((x, y, z), stop.heading_deg, speaker, task.order.spectrum_db)
        at, indoors = r.points_m[near[rows]], r.indoors[near[rows]]
        got = predict(task.scene, source, at, indoors, task.listening, _QUICK)
        sti[k, rows], level[k, rows] = got.sti, got.level_db
    return sti, level, seen


def _renditions(sti: Floats, level: Floats, pace: Pace) -> tuple[Floats, Floats]:
    """(renditions, receivers): worst STI and mean power of each rendition."""
    worst, power = [], []
    for first, last in rendition_samples(_at_m(sti, pace), pace):
        part = slice(first, last + 1)
        worst.append(sti[part].min(axis=0))
        power.append(np.power(10.0, level[part] / 10.0).mean(axis=0))
    return np.array(worst), np.array(power)


def _earshot(sti: Floats, pace: Pace) -> Floats:
    """The worst STI of the best window that is wide enough for any phase."""
    best = np.zeros(sti.shape[1])
    for first, last in phase_free_samples(_at_m(sti, pace), pace):
        best = np.maximum(best, sti[first : last + 1].min(axis=0))
    return best


def _at_m(sti: Floats, pace: Pace) -> Floats:
    """How far along the pass each sample is."""
    return np.linspace(0.0, pace.length_m, len(sti))
