"""Playback reports → whole messages, each with its span of time.

A message is the announcement said once, from beginning to end. What was cut
before its end counts for nothing, however much of it was heard; of a
playback of several repeats every whole one counts.
"""

from dataclasses import dataclass, field

from patrolctl.domain.ids import StationId, VehicleId
from patrolctl.domain.plan import Plan, Sortie
from patrolctl.domain.sound import Playback, PlaybackStatus
from patrolctl.evidence.track import seconds

# A speaker that reports a whole message in less than this share of its
# length has not played it.
SHORTEST_RATIO = 0.95


@dataclass(frozen=True, slots=True)
class Message:
    """One whole message: who said it, when, and at which station."""

    playback: str
    vehicle: VehicleId | None
    sortie: Sortie | None
    station: StationId | None
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a station's cue when no whole message came of it."""

    station: StationId | None
    text: str


@dataclass
class Heard:
    """All whole messages of a run, and what went wrong with the others."""

    messages: list[Message] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    playbacks: int = 0
    complete: int = 0


def unique(playbacks: tuple[Playback, ...]) -> tuple[list[Playback], int]:
    """One report for each command: the last word on it.

    A speaker reports STARTED and then the end under one key, and a report
    may come twice. An end is final: the first one counts.

    Returns:
        The reports in time order, and how many repeated ends were dropped.
    """
    by_key: dict[str, Playback] = {}
    seen: set[str] = set()
    dropped = 0
    for p in sorted(playbacks, key=lambda p: (p.start_utc, p.id)):
        if p.id in seen:
            dropped += 1
            continue
        seen.add(p.id)
        known = by_key.get(p.key)
        if known is None or known.status is PlaybackStatus.STARTED:
            by_key[p.key] = p
        elif p.status is not PlaybackStatus.STARTED:
            dropped += 1
    return sorted(by_key.values(), key=lambda p: (p.start_utc, p.id)), dropped


def messages_of(plan: Plan, playbacks: tuple[Playback, ...]) -> Heard:
    """Find the whole messages among the reports."""
    reports, dropped = unique(playbacks)
    heard = Heard(playbacks=len(reports))
    if dropped:
        heard.notes.append(f"{dropped} repeated playback reports were left out")
    for p in reports:
        sortie, station = origin_of(plan, p)
        fault = _fault(plan, p)
        if p.status is PlaybackStatus.COMPLETED and p.complete and fault is None:
            heard.complete += 1
        spans = [] if fault else _spans(plan, p)
        if not spans:
            text = fault or "no whole message came of it"
            heard.outcomes.append(Outcome(station, text))
            heard.notes.append(f"playback {p.id} ({station or 'no station'}): {text}")
        heard.messages += [
            Message(p.id, p.vehicle_id, sortie, station, a, b) for a, b in spans
        ]
    return heard


def origin_of(plan: Plan, p: Playback) -> tuple[Sortie | None, StationId | None]:
    """The sortie and station of a report, by its cue, else by its vehicle."""
    for sortie in plan.sorties:
        for item in sortie.items:
            if item.cue and p.cue_id == f"{sortie.id}.{item.seq}":
                return sortie, p.station or item.station
    by_vehicle = [s for s in plan.sorties if s.vehicle == p.vehicle_id]
    at_station = [
        s
        for s in plan.sorties
        if p.station is not None and any(i.station == p.station for i in s.items)
    ]
    found = at_station or by_vehicle
    return (found[0] if found else None), p.station


def _fault(plan: Plan, p: Playback) -> str | None:
    """Why nothing of a report can count; None where something may."""
    wanted = plan.announcement.clip_sha256
    if wanted is not None and p.clip_sha256 != wanted:
        return "played another clip than the announcement"
    if p.status is PlaybackStatus.REFUSED:
        return f"the speaker refused: {p.reason or 'no reason given'}"
    if p.status is PlaybackStatus.STARTED:
        return "started, and its end was never reported"
    if p.end_utc is None or p.end_utc <= p.start_utc:
        return "reported without an end"
    return _too_short(plan, p, seconds(p.end_utc) - seconds(p.start_utc))


def _too_short(plan: Plan, p: Playback, played_s: float) -> str | None:
    whole = plan.announcement.duration_s
    if p.status is PlaybackStatus.CUT and p.repeats_done < 1:
        why = f" ({p.reason})" if p.reason else ""
        return f"cut after {played_s:.0f} of {whole:.0f} s{why}"
    if played_s < whole * SHORTEST_RATIO:
        return f"said to be whole, but {played_s:.0f} s long and not {whole:.0f} s"
    return None


def _spans(plan: Plan, p: Playback) -> list[tuple[float, float]]:
    """The whole messages of one report, as spans of seconds."""
    if p.end_utc is None:
        return []
    once = plan.announcement.duration_s
    begin, end = seconds(p.start_utc), seconds(p.end_utc)
    done = max(p.repeats_done, 1 if p.complete else 0)
    if not done or (end - begin) / done < once * SHORTEST_RATIO:
        # More is claimed than the time allows: count what it allows.
        done = int((end - begin) / (once * SHORTEST_RATIO))
    if not done:
        return []
    # Between two repeats the player pauses a little; of a cut playback the
    # last, broken one takes up the rest.
    step = (end - begin) / done if p.complete else once
    return [(begin + k * step, begin + k * step + min(step, once)) for k in range(done)]
