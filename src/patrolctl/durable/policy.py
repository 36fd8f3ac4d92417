"""What becomes of an occurrence that is due: run, let go, or ask."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from patrolctl.domain.brief import MissedPolicy, Schedule

# Up to this it is on time: the ticker looks each second, but a node that
# starts again, or takes over from one that died, needs its time.
GRACE_S = 60.0


class Verdict(Enum):
    """What to do with it."""

    RUN = auto()
    SKIP = auto()
    ASK = auto()


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, and why in words."""

    verdict: Verdict
    why: str = ""


RUN = Judgement(Verdict.RUN)


def judge(
    schedule: Schedule,
    due_utc: datetime,
    now_utc: datetime,
    *,
    paused: bool = False,
    superseded: bool = False,
) -> Judgement:
    """Apply the schedule's policy.

    Args:
        schedule: whose occurrence it is.
        due_utc: when it was due.
        now_utc: now.
        paused: the operator has the schedule paused.
        superseded: a later occurrence is due as well.
    """
    late_s = (now_utc - due_utc).total_seconds()
    off = "not enabled" if not schedule.enabled else "paused" if paused else None
    if off is not None:
        return Judgement(Verdict.SKIP, f"skipped: {off}")
    if late_s <= GRACE_S:
        return RUN
    if superseded:
        why = f"skipped: {late_s:.0f} s late, and a later one is due"
        return Judgement(Verdict.SKIP, why)
    return _missed(schedule, late_s)


def _missed(schedule: Schedule, late_s: float) -> Judgement:
    if schedule.missed is MissedPolicy.ASK:
        why = f"missed by {late_s:.0f} s: run it now, or let it go?"
        return Judgement(Verdict.ASK, why)
    at_most_s = schedule.late_s if schedule.missed is MissedPolicy.RUN_LATE else GRACE_S
    if late_s <= at_most_s:
        return RUN
    why = f"skipped: {late_s:.0f} s late, at most {at_most_s:.0f} s"
    return Judgement(Verdict.SKIP, why)
