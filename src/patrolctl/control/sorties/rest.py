"""The rest of a sortie that broke off. Pure.

A copter flies the way that was approved, without the dwells whose messages
were heard: a straight line to the station where it broke off might lead
through a building. A patrol that goes round keeps its loop, fewer times, and
passes the stations of which everything was heard. Whatever comes out is
compiled, checked, uploaded and read back like any other sortie.
"""

from dataclasses import replace

from patrolctl.domain.plan import ItemType, PlanItem, Sortie
from patrolctl.domain.run import Part


def rest_of(sortie: Sortie, part: Part | None) -> Sortie:
    """What ``part`` leaves to be done of a sortie."""
    if part is None:
        return sortie
    if sortie.loops > 1:
        return replace(sortie, loops=max(1, sortie.loops - part.laps))
    items = tuple(i for i in sortie.items if _to_do(sortie, i, part))
    saved_s = sum(i.duration_s or 0.0 for i in sortie.items if i not in items)
    return replace(sortie, items=items, duration_s=sortie.duration_s - saved_s)


def _to_do(sortie: Sortie, item: PlanItem, part: Part) -> bool:
    if item.type is not ItemType.DWELL:
        return True
    if item.cue is None:
        return item.seq >= part.step
    return f"{sortie.id}.{item.seq}" not in part.cues_done
