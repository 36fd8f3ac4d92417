"""A plan without those of its messages that some have heard enough of. Pure."""

from dataclasses import replace

from patrolctl.domain.ids import StationId
from patrolctl.domain.plan import Plan, PlanReceiver, Sortie

LEFT_OUT = "left out: its household has had its share of today"


def thinned(plan: Plan, silent: set[tuple[str, int]], why: str) -> Plan:
    """The plan with some of its cues (sortie, item) taken away.

    The vehicles go their ways as before and pass those stops in silence.
    """
    gone = {
        i.station
        for s in plan.sorties
        for i in s.items
        if (s.id, i.seq) in silent and i.station is not None
    }
    stay = {
        i.station
        for s in plan.sorties
        for i in s.items
        if i.cue is not None and (s.id, i.seq) not in silent
    }
    sorties = tuple(_silenced(s, silent) for s in plan.sorties)
    receivers = tuple(_without(r, gone - stay) for r in plan.receivers)
    homes = {(r.building_id, r.household) for r in receivers if r.reached}
    summary = replace(
        plan.summary,
        reached=sum(r.reached for r in receivers),
        households_reached=len({h for h in homes if h[1] is not None}),
    )
    return replace(
        plan,
        sorties=sorties,
        receivers=receivers,
        summary=summary,
        warnings=(*plan.warnings, why),
    )


def _silenced(sortie: Sortie, silent: set[tuple[str, int]]) -> Sortie:
    items = tuple(
        replace(i, cue=None, duration_s=1.0) if (sortie.id, i.seq) in silent else i
        for i in sortie.items
    )
    return replace(sortie, items=items)


def _without(receiver: PlanReceiver, gone: set[StationId]) -> PlanReceiver:
    left = tuple(s for s in receiver.stations if s not in gone)
    if left == receiver.stations:
        return receiver
    reached = receiver.reached and bool(left)
    reason = receiver.reason if reached or not receiver.reached else LEFT_OUT
    return replace(receiver, stations=left, reached=reached, reason=reason)
