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
from patrolctl.planning.drone.receivers import stacks
from patrolctl.planning.drone.task import MOST_REACH_M, Task

NOISE_DB = 3.0
ERROR_M = 5.0
_CHUNK = 32  # stations at a time: a row of receivers each
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
    who, far, cosine = [], [], []
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


def _ratio(task: Task, sight: _Sight, hearing: Hearing) -> float:
    """Share of receivers that some station in sight reaches."""
    row = task.receivers.indoors[sight.receiver].astype(np.int64)
    at = np.clip(sight.metres - 1, 0, hearing.cosines.shape[1] - 1)
    ok = (sight.metres <= hearing.range_m) & (sight.cosine >= hearing.cosines[row, at])
    return round(len(np.unique(sight.receiver[ok])) / len(task.receivers), 4)


def sensitivity_of(task: Task, stops: list[Stop]) -> dict[str, float]:
    """Share of all receivers that the same stations reach in other worlds.

    Noise 3 dB up and down, windows in every state, and every station 5 m
    from its place, each in another direction (the worse of two draws).
    """
    if not stops:
        return {}
    at = np.array([s.point_m for s in stops])
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
    out = {f"reached_ratio_{name}": _ratio(task, sight, h) for name, h in heard.items()}
    angle = _TURN_RAD * np.arange(len(stops))
    shift = ERROR_M * np.column_stack(
        [np.cos(angle), np.sin(angle), np.zeros(len(stops))]
    )
    base_range = heard["planned"].range_m
    out["reached_ratio_position_error_5_m"] = min(
        _ratio(task, _sight(task, moved, stops, base_range), heard["planned"])
        for moved in (at + shift, at - shift)
    )
    return out
