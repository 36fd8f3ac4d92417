"""Why a receiver is not reached: what would have to change."""

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.bands import Floats
from patrolctl.planning.drone.task import Task

Ints = npt.NDArray[np.int64]
_MOST = 600  # receivers to explain one by one


def _sight(task: Task, points_m: Floats, rows: Ints) -> npt.NDArray[np.float64]:
    """Distance to the nearest of the points in sight, infinite for none."""
    at = task.receivers.points_m[rows]
    out = np.full(len(rows), np.inf)
    for first in range(0, len(points_m), 512):
        part = points_m[first : first + 512]
        seen = task.scene.visible(part, at, range_m=task.hearing.range_m + 60.0)
        gap = np.linalg.norm(part[:, None, :] - at[None, :, :], axis=2)
        out = np.minimum(out, np.where(seen, gap, np.inf).min(axis=0, initial=np.inf))
    return out


def reasons_for(task: Task, points_m: Floats, missed: Ints) -> dict[int, str]:
    """One line for each receiver that is not reached.

    Args:
        task: the task.
        points_m: (k, 3) all positions that were considered.
        missed: indices of the receivers.
    """
    out: dict[int, str] = {}
    some = missed[:_MOST]
    gaps = _sight(task, points_m, some)
    shadow = _shadowed(task, some)
    for i, gap, name in zip(some, gaps, shadow, strict=True):
        out[int(i)] = _reason(task, int(i), float(gap), name)
    for i in missed[_MOST:]:
        out[int(i)] = "not reached from any place to hover"
    return out


def _shadowed(task: Task, rows: Ints) -> list[str]:
    """What forbids hovering before each façade, at standoff and beyond."""
    r = task.receivers
    normal = np.column_stack([r.normal[rows], np.zeros(len(rows))])
    found: list[str] = ["" for _ in rows]
    for away in (1.0, 6.0, 15.0):
        reach = task.requirement.standoff_m + away
        at = r.points_m[rows] + reach * normal
        at[:, 2] = np.clip(at[:, 2], task.space.floor_m, task.space.ceiling_m)
        who = task.space.blocker(at)
        for k, w in enumerate(who):
            if w >= 0 and not found[k]:
                found[k] = task.space.names[w]
    return found


def _reason(task: Task, i: int, gap_m: float, blocker: str) -> str:
    r = task.requirement
    if not np.isfinite(gap_m):
        tail = f"; {blocker} lies before it" if blocker else ""
        return f"no place to hover has it in line of sight{tail}"
    where = f"behind {r.window} windows" if task.receivers.indoors[i] else "outdoors"
    tail = f"; {blocker} keeps the copter away" if blocker else ""
    return (
        f"level too low {where}: the nearest place in sight is {gap_m:.0f} m away or "
        f"does not keep it in sight within {task.profile.position_error_m:g} m of "
        f"position error{tail}"
    )
