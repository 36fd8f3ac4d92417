"""Who is still to be reached, by the evidence of runs."""

from collections.abc import Iterable

from patrolctl.domain.evidence import Evidence, ReceiverEvidence
from patrolctl.domain.gaps import Missing
from patrolctl.domain.ids import ReceiverId


def missing_of(evidence: Evidence) -> Missing:
    """What a run missed of what its plan promised.

    Receivers that no station reaches are not missed: no flight of this plan
    could have reached them.
    """
    reached = {r.household for r in evidence.receivers if r.reached}
    missed = [
        r
        for r in evidence.receivers
        if r.planned and not r.reached and not _elsewhere(r, reached)
    ]
    return Missing(
        receivers=tuple(r.id for r in missed),
        households=_households(r.household for r in missed),
    )


def still_missing(
    before: Missing, evidence: Evidence, homes: dict[str, str]
) -> Missing:
    """What is missing still after another run.

    Args:
        before: what was missing.
        evidence: of the other run, at the same site.
        homes: the household of each receiver that has one.
    """
    got = {r.id for r in evidence.receivers if r.reached}
    reached = {r.household for r in evidence.receivers if r.reached} - {None}

    def missed(receiver: ReceiverId) -> bool:
        return receiver not in got and homes.get(receiver) not in reached

    receivers = tuple(r for r in before.receivers if missed(r))
    return Missing(receivers, _households(homes.get(r) for r in receivers))


def _elsewhere(r: ReceiverEvidence, reached: set[str | None]) -> bool:
    return r.household is not None and r.household in reached


def _households(found: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(h for h in found if h is not None))
