"""Evidence counted by floor and zone, and against what was predicted."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import shapely

from patrolctl.domain.evidence import Evidence, ReceiverEvidence
from patrolctl.domain.plan import Plan
from patrolctl.domain.site import Site


@dataclass(frozen=True, slots=True)
class FloorCount:
    """One floor of one building."""

    building_id: str
    floor: int
    receivers: int
    reached: int


@dataclass(frozen=True, slots=True)
class ZoneCount:
    """All zones of one class (``none``: outside every zone)."""

    zone_class: str
    receivers: int
    reached: int


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """One reason for not reaching, and how many receivers have it."""

    reason: str
    receivers: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Flown less predicted, over the promised receivers that were reached."""

    receivers: int
    promised: int
    promised_and_reached: int
    level_median_db: float | None
    level_p5_db: float | None
    level_p95_db: float | None
    sti_median: float | None


def floors_of(evidence: Evidence) -> tuple[FloorCount, ...]:
    """Counts per building and floor, from the ground up."""
    rows: dict[tuple[str, int], list[ReceiverEvidence]] = {}
    for r in evidence.receivers:
        if r.building_id is not None and r.floor is not None:
            rows.setdefault((r.building_id, r.floor), []).append(r)
    return tuple(
        FloorCount(building, floor, len(found), sum(r.reached for r in found))
        for (building, floor), found in sorted(rows.items())
    )


def zone_classes(plan: Plan, site: Site) -> list[str]:
    """The class of the strictest zone that each of the plan's receivers is in."""
    order = {"sealed": 0, "controlled": 1, "precaution": 2}
    zones = sorted(site.zones, key=lambda z: order[z.zone_class])
    lat = np.array([r.lat_deg for r in plan.receivers], dtype=np.float64)
    lon = np.array([r.lon_deg for r in plan.receivers], dtype=np.float64)
    if not len(lat):
        return []
    flat = site.frame.to_en(lat, lon)
    found = np.full(len(lat), "none", dtype=object)
    for zone in reversed(zones):  # the strictest last, so that it stays
        found[shapely.intersects_xy(zone.area, flat[:, 0], flat[:, 1])] = str(
            zone.zone_class
        )
    return [str(c) for c in found]


def zones_of(evidence: Evidence, classes: list[str]) -> tuple[ZoneCount, ...]:
    """Counts per class of zone."""
    rows: dict[str, list[bool]] = {}
    for zone, r in zip(classes, evidence.receivers, strict=True):
        rows.setdefault(zone, []).append(r.reached)
    return tuple(ZoneCount(z, len(f), sum(f)) for z, f in sorted(rows.items()))


def reasons_of(evidence: Evidence) -> tuple[ReasonCount, ...]:
    """Reasons for not reaching, the commonest first."""
    counts: dict[str, int] = {}
    for r in evidence.receivers:
        if not r.reached:
            reason = r.reason or "no reason recorded"
            counts[reason] = counts.get(reason, 0) + 1
    ordered = sorted(counts.items(), key=lambda c: (-c[1], c[0]))
    return tuple(ReasonCount(reason, n) for reason, n in ordered)


def _off(pairs: Iterable[tuple[float | None, float | None]]) -> list[float]:
    return [
        flown - told for told, flown in pairs if told is not None and flown is not None
    ]


def compare(plan: Plan, evidence: Evidence) -> Comparison:
    """Predicted against flown."""
    both = list(zip(plan.receivers, evidence.receivers, strict=True))
    kept = [(p, r) for p, r in both if p.reached and r.reached]
    level = _off((p.level_db, r.level_db) for p, r in kept)
    sti = _off((p.sti, r.sti) for p, r in kept)

    def at(values: list[float], percent: float) -> float | None:
        return round(float(np.percentile(values, percent)), 3) if values else None

    return Comparison(
        receivers=len(level),
        promised=sum(p.reached for p, _ in both),
        promised_and_reached=len(kept),
        level_median_db=at(level, 50),
        level_p5_db=at(level, 5),
        level_p95_db=at(level, 95),
        sti_median=at(sti, 50),
    )
