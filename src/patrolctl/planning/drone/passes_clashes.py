"""Who talks over whom where some of them move while they talk."""

from collections.abc import Callable

import numpy as np

from patrolctl.planning.drone.flight import Stop
from patrolctl.planning.drone.order import never
from patrolctl.planning.drone.schedule import Clashes, clashes_of
from patrolctl.planning.drone.task import Task

_EVERY_M = 20.0  # a pass is looked at as stations this far apart


def clashes_with_ways(
    task: Task, stops: list[Stop], enough: Callable[[], bool] = never
) -> Clashes:
    """Which stations and passes may not speak at once.

    A pass disturbs whoever any of its places disturbs.
    """
    spots: list[Stop] = []
    owner: list[int] = []
    for k, stop in enumerate(stops):
        for place in stop.places_m(_EVERY_M):
            x, y, z = (float(v) for v in place)
            spots.append(Stop(len(spots), (x, y, z), stop.heading_deg, stop.name))
            owner.append(k)
    found = clashes_of(task, spots, enough).clash
    clash = np.zeros((len(stops), len(stops)), dtype=np.bool_)
    who = np.array(owner)
    i, j = np.nonzero(found)
    clash[who[i], who[j]] = True
    np.fill_diagonal(clash, val=False)
    return Clashes({s.column: k for k, s in enumerate(stops)}, clash)
