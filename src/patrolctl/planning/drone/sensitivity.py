"""What is left of the reach when the world is not as planned."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics import Listening, reach_table
from patrolctl.acoustics.bands import Floats
from patrolctl.acoustics.speaker import axis_of
from patrolctl.domain.plan import Window
from patrolctl.planning.drone.coverage import Hearing, hearing_of
from patrolctl.planning.drone.flight import Stop
from patrolctl.planning.drone.passes_heard import told_by
from patrolctl.planning.drone.receivers import stacks
from patrolctl.planning.drone.task import MOST_REACH_M, Task

NOISE_DB = 3.0
ERROR_M = 5.0
_CHUNK = 32  # stations at a time: a row of receivers each
Ints = npt.NDArray[np.int64]
Ears = tuple[Hearing, Floats]  # what is heard, and how far passes are displaced
_TURN_RAD = 2.399963  # golden angle: neighbours are not displaced alike


def _hearing(task: Task, listening: Listening) -> Hearing:
    """Exactly what is heard, without the plan's margins."""
    tables = [
        reach_table(
            task.speaker,
            task.order.spectrum_db,
            listening,
            indoors=inside,
            max_m=MOST_REACH_M,
        )
        for inside in (False, True)
    ]
    return hearing_of(
        tables[0],
        tables[1],
        sti_min=task.requirement.sti_min,
        error_m=0.0,
        error_deg=0.0,
        most_m=MOST_REACH_M,
    )


@dataclass(frozen=True, slots=True)
class _Sight:
    """Pairs of a station and a receiver that see each other.

    ``metres`` is the distance rounded up, ``cosine`` that of the angle off
    the horn's axis.
    """

    receiver: npt.NDArray[np.int64]
    metres: npt.NDArray[np.int64]
    cosine: Floats


def _sight(task: Task, points_m: Floats, stops: list[Stop], range_m: float) -> _Sight:
    r = task.receivers
    order, _ = stacks(r.points_m, r.normal)
    at, normals = r.points_m[order], r.normal[order]
    none = np.empty(0, dtype=np.int64)
    who, far, cosine = [none], [none], [np.empty(0)]
    for first in range(0, len(stops), _CHUNK):
        here = points_m[first : first + _CHUNK]
        visible = task.scene.visible(
            here, at, range_m=range_m, error_m=0.0, normals=normals
        )
        for k, stop in enumerate(stops[first : first + _CHUNK]):
            rows = order[visible[k]]
            delta = r.points_m[rows] - here[k]
            d = np.maximum(np.linalg.norm(delta, axis=1), 1e-6)
            axis = axis_of(stop.heading_deg, task.speaker.tilt_deg)
            who.append(rows)
            far.append(np.ceil(d).astype(np.int64))
            cosine.append(delta @ axis / d)
    return _Sight(np.concatenate(who), np.concatenate(far), np.concatenate(cosine))


def _reached(task: Task, sight: _Sight, hearing: Hearing) -> Ints:
    """Receivers that some station in sight reaches."""
    row = task.receivers.indoors[sight.receiver].astype(np.int64)
    at = np.clip(sight.metres - 1, 0, hearing.cosines.shape[1] - 1)
    ok = (sight.metres <= hearing.range_m) & (sight.cosine >= hearing.cosines[row, at])
    return np.unique(sight.receiver[ok])


def _ratio(task: Task, reached: Ints, passes: list[Stop], ears: Ears) -> float:
    """Share of the receivers that are reached standing or in flight."""
    told = [told_by(task, p, ears[0], ears[1][k]) for k, p in enumerate(passes)]
    every = np.unique(np.concatenate([reached, *told]))
    return round(len(every) / len(task.receivers), 4)


def sensitivity_of(task: Task, stops: list[Stop]) -> dict[str, float]:
    """Share of all receivers that the same stations reach in other worlds.

    Noise 3 dB up and down, windows in every state, and every station 5 m
    from its place, each in another direction (the worse of two draws).
    Passes are whole ways that are displaced.
    """
    if not stops:
        return {}
    passes = [s for s in stops if s.way is not None]
    stops = [s for s in stops if s.way is None]
    at = np.array([s.point_m for s in stops]).reshape(-1, 3)
    base = task.listening
    worlds = {"planned": base}
    for name, change in (("plus", NOISE_DB), ("minus", -NOISE_DB)):
        worlds[f"noise_{name}_3_db"] = replace(
            base,
            indoor_noise_db=base.indoor_noise_db + change,
            outdoor_noise_db=base.outdoor_noise_db + change,
        )
    for window in Window:
        worlds[f"window_{window}"] = replace(base, window=window)
    heard = {name: _hearing(task, world) for name, world in worlds.items()}
    far = max(h.range_m for h in heard.values())
    sight = _sight(task, at, stops, far)
    still = np.zeros((len(passes), 3))
    out = {
        f"reached_ratio_{name}": _ratio(
            task, _reached(task, sight, h), passes, (h, still)
        )
        for name, h in heard.items()
    }
    shift = _shifts(len(stops) + len(passes))
    planned = heard["planned"]
    out["reached_ratio_position_error_5_m"] = min(
        _ratio(
            task,
            _reached(
                task,
                _sight(task, at + sign * shift[: len(stops)], stops, planned.range_m),
                planned,
            ),
            passes,
            (planned, sign * shift[len(stops) :]),
        )
        for sign in (1.0, -1.0)
    )
    return out


def _shifts(count: int) -> Floats:
    """(count, 3) displacements, each in another direction."""
    angle = _TURN_RAD * np.arange(count)
    flat: Floats = ERROR_M * np.column_stack(
        [np.cos(angle), np.sin(angle), np.zeros(count)]
    )
    return flat
