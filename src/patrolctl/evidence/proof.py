"""Who was reached by a run: tracks and playbacks in, evidence out."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics import Source
from patrolctl.domain.evidence import (
    BuildingEvidence,
    Evidence,
    EvidenceSummary,
    ReceiverEvidence,
)
from patrolctl.domain.plan import Plan, PlanReceiver
from patrolctl.domain.site import Site
from patrolctl.evidence.hear import Hearing, Reception
from patrolctl.evidence.messages import Heard, Message, messages_of
from patrolctl.evidence.reasons import Reasons
from patrolctl.evidence.record import RunRecord
from patrolctl.evidence.track import Track, Tracks

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

# Of an unreached receiver, so many of the nearest messages are looked at.
NEAREST = 2

RULE = (
    "a receiver is reached when a whole message was intelligible there, with"
    " nothing solid in between, in every second of it and wherever within the"
    " error of its track the vehicle may have been; a household when one of its"
    " receivers is"
)


@dataclass
class Best:
    """The best that each receiver got of any message; −1: nothing known."""

    sti: Floats
    level_db: Floats
    messages: Ints
    seen: Bools

    @classmethod
    def nothing(cls, n: int) -> "Best":
        """Before the first message."""
        return cls(
            np.full(n, -1.0),
            np.full(n, -np.inf),
            np.zeros(n, dtype=np.int64),
            np.zeros(n, dtype=np.bool_),
        )

    def add(self, got: Reception) -> None:
        """Take what some receivers got of one message into account."""
        better = got.sti > self.sti[got.rows]
        rows = got.rows[better]
        self.sti[rows] = got.sti[better]
        self.level_db[rows] = got.level_db[better]
        self.seen[got.rows] |= got.seen


def prove(record: RunRecord, site: Site) -> Evidence:
    """Prove who was reached.

    Levels and intelligibility are computed anew from where the vehicle was
    and where its nose pointed while it spoke; of the plan only the
    receivers, the loudspeaker, the message and the requirement are used.

    Args:
        record: tracks, playbacks, plan.
        site: the place that the plan was made for.

    Returns:
        Reached or not for each receiver, with the reason where not.
    """
    plan = record.plan
    heard = messages_of(plan, record.playbacks)
    tracks = Tracks(record.tracks, record.playbacks, site.frame)
    placed = _placed(heard, tracks)
    best = _best(placed, plan, site)
    receivers = _receivers(plan, best, Reasons(plan, heard, placed))
    return Evidence(
        run_id=record.run_id,
        plan_id=record.plan_id,
        created_utc=record.created_utc,
        summary=_summary(record, heard, receivers),
        buildings=_buildings(receivers),
        receivers=receivers,
        notes=(RULE, *heard.notes, *_compared(plan, receivers)),
    )


def _placed(heard: Heard, tracks: Tracks) -> list[tuple[Message, Track]]:
    """The messages whose whole span lies in a track; others are noted."""
    placed = []
    for message in heard.messages:
        begin_s, end_s = message.begin_s, message.end_s
        vehicle = tracks.vehicle(message.vehicle)
        track = tracks.of(message.playback, vehicle, begin_s, end_s)
        if track is not None and track.covers(begin_s, end_s):
            placed.append((message, track))
            continue
        why = (
            "it is not known on which vehicle"
            if vehicle is None
            else f"there is no track of {vehicle}"
            if track is None
            else f"the track of {vehicle} has a gap"
        )
        heard.notes.append(
            f"playback {message.playback} ({message.station or 'no station'}) proves"
            f" nothing: {why}"
        )
    return placed


def _best(placed: list[tuple[Message, Track]], plan: Plan, site: Site) -> Best:
    best = Best.nothing(len(plan.receivers))
    if not plan.receivers or not placed:
        return best
    hearing = Hearing(plan, site)
    spoken = [(m, hearing.sources(m, track)) for m, track in placed]
    for _, sources in spoken:
        got = hearing.whole(sources)
        best.add(got)
        best.messages[got.rows] += 1
    _look_closer(best, hearing, spoken)
    return best


def _look_closer(
    best: Best, hearing: Hearing, spoken: list[tuple[Message, list[Source]]]
) -> None:
    """What the unreached got of the messages nearest to them, and of their own."""
    missed = np.flatnonzero(best.messages == 0)
    if not len(missed):
        return
    ears = hearing.ears.place_m[missed]
    starts = np.array([sources[0].position_m for _, sources in spoken])
    gap = np.linalg.norm(ears[:, None] - starts[None], axis=2)
    nearest = np.argsort(gap, axis=1)[:, :NEAREST]
    wanted = np.zeros(gap.shape, dtype=np.bool_)
    np.put_along_axis(wanted, nearest, values=True, axis=1)
    stations = [set(hearing.plan.receivers[k].stations) for k in missed]
    for column, (message, sources) in enumerate(spoken):
        own = np.array([message.station in s for s in stations])
        rows = missed[wanted[:, column] | own]
        if len(rows):
            best.add(hearing.partly(sources, rows))


def _receivers(
    plan: Plan, best: Best, reasons: Reasons
) -> tuple[ReceiverEvidence, ...]:
    found = []
    for k, r in enumerate(plan.receivers):
        reached = bool(best.messages[k])
        sti = float(best.sti[k]) if best.sti[k] >= 0 else None
        level = float(best.level_db[k]) if np.isfinite(best.level_db[k]) else None
        found.append(
            ReceiverEvidence(
                id=r.id,
                building_id=r.building_id,
                household=r.household,
                floor=r.floor,
                reached=reached,
                sti=None if sti is None else round(sti, 4),
                level_db=None if level is None else round(level, 2),
                messages=int(best.messages[k]),
                planned=r.reached,
                reason=None
                if reached
                else reasons.why(r, sti, seen=bool(best.seen[k])),
            )
        )
    return tuple(found)


def _household(r: ReceiverEvidence | PlanReceiver) -> tuple[str | None, str] | None:
    return None if r.household is None else (r.building_id, r.household)


def _households(receivers: tuple[ReceiverEvidence, ...]) -> tuple[int, int]:
    """All households, and those of which a receiver is reached."""
    every = {_household(r) for r in receivers} - {None}
    reached = {_household(r) for r in receivers if r.reached} - {None}
    return len(every), len(reached)


def _summary(
    record: RunRecord, heard: Heard, receivers: tuple[ReceiverEvidence, ...]
) -> EvidenceSummary:
    reached = sum(r.reached for r in receivers)
    households, households_reached = _households(receivers)
    return EvidenceSummary(
        receivers=len(receivers),
        reachable=max(record.plan.summary.reachable, reached),
        reached=reached,
        households=households,
        households_reached=households_reached,
        playbacks=heard.playbacks,
        playbacks_complete=heard.complete,
        loops_completed=record.loops_completed,
    )


def _buildings(
    receivers: tuple[ReceiverEvidence, ...],
) -> tuple[BuildingEvidence, ...]:
    by_building: dict[str | None, list[ReceiverEvidence]] = {}
    for r in receivers:
        by_building.setdefault(r.building_id, []).append(r)
    found = []
    for building, rows in sorted(by_building.items(), key=lambda b: b[0] or ""):
        households, reached = _households(tuple(rows))
        found.append(
            BuildingEvidence(
                building_id=building,
                receivers=len(rows),
                reached=sum(r.reached for r in rows),
                households=households,
                households_reached=reached,
            )
        )
    return tuple(found)


def _compared(plan: Plan, receivers: tuple[ReceiverEvidence, ...]) -> list[str]:
    """Predicted against flown, in one line each."""
    promised = [
        (p, r) for p, r in zip(plan.receivers, receivers, strict=True) if p.reached
    ]
    kept = [(p, r) for p, r in promised if r.reached]
    lines = [
        f"{len(kept)} of {len(promised)} receivers that the plan promised are reached"
    ]
    off = [
        r.level_db - p.level_db
        for p, r in kept
        if p.level_db is not None and r.level_db is not None
    ]
    if off:
        lines.append(
            f"level flown less predicted: median {np.median(off):+.1f} dB,"
            f" {np.percentile(off, 5):+.1f} to {np.percentile(off, 95):+.1f} dB for"
            " nine in ten of them"
        )
    return lines
