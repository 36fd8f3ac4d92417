"""What is left of the reach when the world is not as planned."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics import Listening, reach_table
from patrolctl.acoustics.bands import Floats
from patrolctl.domain.plan import Window
from patrolctl.planning.drone.candidates import HEADINGS
from patrolctl.planning.drone.coverage import (
    Hearing,
    Listeners,
    columns_of,
    hearing_of,
)
from patrolctl.planning.drone.flight import Stop
from patrolctl.planning.drone.task import MOST_REACH_M, Task

NOISE_DB = 3.0
ERROR_M = 5.0
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


def _ratio(task: Task, points_m: Floats, stops: list[Stop], hearing: Hearing) -> float:
    r = task.receivers
    axes = task_axes(task)
    indptr, rows = columns_of(
        task.scene, points_m, axes, Listeners(r.points_m, r.indoors, r.normal), hearing
    )
    reached = np.zeros(len(r), dtype=np.bool_)
    for k, stop in enumerate(stops):
        c = k * HEADINGS + stop.column % HEADINGS
        reached[rows[indptr[c] : indptr[c + 1]]] = True
    return round(float(reached.mean()), 4)


def task_axes(task: Task) -> npt.NDArray[np.float64]:
    """(headings, 3) axes of the horn for every heading of the candidates."""
    headings = np.radians(np.linspace(0.0, 360.0, HEADINGS, endpoint=False))
    tilt = np.radians(task.speaker.tilt_deg)
    flat = np.column_stack([np.sin(headings), np.cos(headings)]) * np.cos(tilt)
    return np.column_stack([flat, np.full(HEADINGS, -np.sin(tilt))])


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
    out = {
        f"reached_ratio_{name}": _ratio(task, at, stops, _hearing(task, world))
        for name, world in worlds.items()
    }
    angle = _TURN_RAD * np.arange(len(stops))
    shift = ERROR_M * np.column_stack(
        [np.cos(angle), np.sin(angle), np.zeros(len(stops))]
    )
    hearing = _hearing(task, base)
    out["reached_ratio_position_error_5_m"] = min(
        _ratio(task, at + shift, stops, hearing),
        _ratio(task, at - shift, stops, hearing),
    )
    return out
