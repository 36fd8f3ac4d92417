"""Messages that are said in flight: what a pass must keep to.

The gate reckons anew how long a pass takes and how much is said in it, from
the item alone: where the item before ended, its own end, speed and cue.
"""

import math

from patrolctl.domain.machines import VehicleProfile
from patrolctl.domain.mission import Mission, MissionStep, StepType
from patrolctl.domain.plan import ItemType, Plan, PlanItem, Sortie
from patrolctl.domain.violation import Violation
from patrolctl.safety.limits import SafetyLimits
from patrolctl.safety.route import Finder, Move, Point, power_of, travel_s

SLACK_S = 0.05


def pass_moves(
    item: PlanItem, ends_m: tuple[Point, Point], profile: VehicleProfile
) -> list[Move]:
    """Stand at the start, fly to the end, stand there; all of it sounds."""
    here, there = ends_m
    speed = min(item.speed_m_s or profile.cruise_m_s, profile.cruise_m_s)
    hold_s = item.hold_s or 0.0
    flying_s = travel_s(here, there, speed, profile)
    total_s = item.duration_s or 0.0
    least_s = hold_s + math.dist(here, there) / max(speed, 1e-3)
    return [
        Move(item.seq, "pass", here, here, hold_s, cue=True),
        Move(
            item.seq,
            "pass",
            here,
            there,
            flying_s,
            power_of(here, there, profile),
            least_s=least_s,
            speed_m_s=item.speed_m_s,
            cue=True,
        ),
        Move(
            item.seq,
            "pass",
            there,
            there,
            max(0.0, total_s - hold_s - flying_s),
            stated_s=item.duration_s,
            cue=True,
        ),
    ]


def check_passes(
    plan: Plan, sortie: Sortie, find: Finder, limits: SafetyLimits
) -> list[Violation]:
    """Every pass says whole messages, at a bearable speed, looking one way."""
    found: list[Violation] = []
    for number, item in enumerate(sortie.items):
        if item.type is ItemType.PASS:
            if number == 0:
                reason = "a pass begins where an item before it ended"
                found.append(find("pass", reason, seq=item.seq))
            found += _check_pass(plan, item, find, limits)
    return found


def _check_pass(
    plan: Plan, item: PlanItem, find: Finder, limits: SafetyLimits
) -> list[Violation]:
    found: list[Violation] = []

    def broken(reason: str, measured: float | None, limit: float | None) -> None:
        found.append(find("pass", reason, seq=item.seq, measured=measured, limit=limit))

    found += _check_flight(item, find, limits)
    hold_s, longest_s = item.hold_s or 0.0, limits.pass_hold_s
    if not 0.0 < hold_s <= longest_s:
        reason = f"stands {hold_s:g} s before it sets off, {longest_s:g} s at most"
        broken(reason, hold_s, longest_s)
    if item.cue is None:
        broken("a pass that says nothing", None, None)
    else:
        said, once = plan.announcement, plan.announcement.duration_s
        need_s = once * item.cue.repeats
        lasts_s = item.duration_s or 0.0
        if lasts_s < need_s - SLACK_S:
            reason = (
                f"cuts its message: takes {lasts_s:.1f} s, which lasts {need_s:.1f} s"
            )
            broken(reason, lasts_s, need_s)
        if item.cue.repeats < said.repeats:
            reason = f"says {item.cue.repeats} of {said.repeats} repeats"
            broken(reason, item.cue.repeats, said.repeats)
    return found


def check_pass_steps(
    mission: Mission, find: Finder, limits: SafetyLimits
) -> list[Violation]:
    """A compiled pass: a stand that ends by itself, the way, another stand."""
    steps = mission.steps
    found: list[Violation] = []
    for k, step in enumerate(steps):
        if step.type is not StepType.PASS:
            continue
        before = steps[k - 1] if k else None
        after = steps[k + 1] if k + 1 < len(steps) else None
        if not _leaves(before, limits):
            reason = "a pass begins with a stand that ends by itself"
            found.append(find("pass", reason, seq=step.seq))
        if not _stands_at_end(step, after):
            reason = "a pass ends with a stand where the message may end"
            found.append(find("pass", reason, seq=step.seq))
        found += _check_flight(step, find, limits)
    return found


def _check_flight(
    said: PlanItem | MissionStep, find: Finder, limits: SafetyLimits
) -> list[Violation]:
    """It looks one way, and is not too fast."""
    found: list[Violation] = []
    if said.heading_deg is None:
        reason = "a pass without a heading: the loudspeaker would look ahead"
        found.append(find("pass", reason, seq=said.seq))
    speed, fastest = said.speed_m_s or 0.0, limits.pass_speed_m_s
    if not 0.0 < speed <= fastest * 1.001:
        reason = f"is said at {speed:g} m/s, {fastest:g} m/s at most"
        found.append(find("pass", reason, seq=said.seq, measured=speed, limit=fastest))
    return found


def _leaves(before: MissionStep | None, limits: SafetyLimits) -> bool:
    if before is None or before.type is not StepType.DWELL:
        return False
    return 0.0 < (before.leaves_s or 0.0) <= limits.pass_hold_s


def _stands_at_end(step: MissionStep, after: MissionStep | None) -> bool:
    if after is None or after.type is not StepType.DWELL:
        return False
    same = after.position == step.position and after.altitude == step.altitude
    return same and after.heading_deg == step.heading_deg and after.leaves_s is None
