"""Whether the times are possible, the speeds allowed, the battery enough."""

import math
from collections import defaultdict

from patrolctl.domain.machines import VehicleProfile
from patrolctl.domain.plan import ItemType, Plan, Sortie
from patrolctl.domain.violation import Severity, Violation
from patrolctl.safety.route import Finder, Move, Route

SLACK_RATIO = 0.02
SLACK_S = 1.0


def check_durations(route: Route, find: Finder) -> list[Violation]:
    """No item states less time than the vehicle can do it in."""
    by_item: dict[int, list[Move]] = defaultdict(list)
    for move in route.moves:
        by_item[move.seq].append(move)
    found: list[Violation] = []
    for seq, moves in by_item.items():
        stated = next((m.stated_s for m in moves if m.stated_s is not None), None)
        least = sum(m.least_s for m in moves)
        if stated is not None and stated < least * (1 - SLACK_RATIO) - SLACK_S:
            reason = (
                f"{moves[-1].what} is planned in {stated:.1f} s,"
                f" the vehicle needs {least:.1f} s"
            )
            found.append(
                find("duration", reason, seq=seq, measured=stated, limit=least)
            )
    return found


def check_total(sortie: Sortie, route: Route, find: Finder) -> list[Violation]:
    """The sortie's stated duration against the sum of its moves."""
    total = sum(m.time_s for m in route.once())
    if math.isclose(sortie.duration_s, total, rel_tol=0.1, abs_tol=10.0):
        return []
    reason = f"states {sortie.duration_s:.0f} s, its items take {total:.0f} s"
    short = sortie.duration_s < total
    return [
        find(
            "duration",
            reason,
            measured=sortie.duration_s,
            limit=total,
            severity=Severity.REFUSE if short else Severity.ADVISE,
        )
    ]


def check_speeds(
    route: Route, profile: VehicleProfile, find: Finder
) -> list[Violation]:
    """No leg faster than the vehicle's cruise speed."""
    top = profile.cruise_m_s
    return [
        find(
            "speed",
            f"{m.what} at {m.speed_m_s:.1f} m/s, the vehicle cruises at {top:g} m/s",
            seq=m.seq,
            measured=m.speed_m_s,
            limit=top,
        )
        for m in route.moves
        if m.speed_m_s is not None and m.speed_m_s > top * 1.001
    ]


def energy_ratio(route: Route, profile: VehicleProfile) -> float:
    """Share of a full battery that the route takes, by its moves."""
    spent = sum(m.time_s * m.power for m in route.once())
    return spent / profile.endurance_s if profile.endurance_s > 0 else math.inf


def check_battery(
    route: Route,
    profile: VehicleProfile,
    reserve_ratio: float,
    find: Finder,
    stated: float | None = None,
) -> list[Violation]:
    """Home with the reserve, by the gate's own reckoning."""
    used = energy_ratio(route, profile)
    limit = 1.0 - reserve_ratio
    found: list[Violation] = []
    if used > limit + 0.001:
        reason = (
            f"takes {used:.1%} of the battery, {limit:.0%} at most"
            f" ({reserve_ratio:.0%} stay in reserve)"
        )
        found.append(find("battery", reason, measured=used, limit=limit))
    if stated is not None and used > stated + 0.05:
        reason = (
            f"the plan reckons with {stated:.1%} of the battery, the gate {used:.1%}"
        )
        found.append(
            find(
                "battery-figure",
                reason,
                measured=stated,
                limit=used,
                severity=Severity.ADVISE,
            )
        )
    return found


def check_dwells(plan: Plan, sortie: Sortie, find: Finder) -> list[Violation]:
    """A stay is at least as long as what is played in it."""
    found: list[Violation] = []
    once = plan.announcement.duration_s
    for item in sortie.items:
        if item.cue is None:
            continue
        if item.cue.repeats < 1:
            found.append(find("dwell", "a cue that plays nothing", seq=item.seq))
        need = once * max(1, item.cue.repeats)
        if item.type is ItemType.DWELL and (item.duration_s or 0.0) < need - 0.05:
            reason = (
                f"stays {item.duration_s or 0.0:.1f} s,"
                f" the announcement takes {need:.1f} s"
            )
            found.append(
                find(
                    "dwell", reason, seq=item.seq, measured=item.duration_s, limit=need
                )
            )
        clip, planned = item.cue.clip_sha256, plan.announcement.clip_sha256
        if clip is not None and planned is not None and clip != planned:
            reason = "plays another clip than the one the plan was made for"
            found.append(find("clip", reason, seq=item.seq))
    return found
