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
    items = tuple(
        _silent(sortie, i, part) for i in sortie.items if _to_do(sortie, i, part)
    )
    before_s, after_s = (
        sum(i.duration_s or 0.0 for i in some) for some in (sortie.items, items)
    )
    saved_s = before_s - after_s
    return replace(sortie, items=items, duration_s=sortie.duration_s - saved_s)


def _silent(sortie: Sortie, item: PlanItem, part: Part) -> PlanItem:
    """A pass whose message was heard is flown as any other leg.

    At the speed of the pass: the rest is to be slow rather than wrong.
    """
    said = item.cue is not None and f"{sortie.id}.{item.seq}" in part.cues_done
    if item.type is not ItemType.PASS or not said:
        return item
    quiet_s = (item.duration_s or 0.0) - (item.hold_s or 0.0)
    return replace(
        item,
        type=ItemType.FLY,
        cue=None,
        station=None,
        hold_s=None,
        duration_s=max(0.0, quiet_s),
    )


def _to_do(sortie: Sortie, item: PlanItem, part: Part) -> bool:
    if item.type is not ItemType.DWELL:
        return True
    if item.cue is None:
        return item.seq >= part.step
    return f"{sortie.id}.{item.seq}" not in part.cues_done
