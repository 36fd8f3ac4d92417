"""What schedules will want of each other, found days ahead."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from patrolctl.clock import Clock
from patrolctl.control.gate import quiet_hours_broken
from patrolctl.control.schedules.rota import Entry
from patrolctl.control.schedules.timetable import Timetable
from patrolctl.domain.conditions import ConditionRules
from patrolctl.domain.errors import PatrolError
from patrolctl.domain.ids import PlanId
from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.plan import Plan, PlanKind
from patrolctl.ports import Store
from patrolctl.safety.sweep import Sweep, announcing_near, sweep_of

DAYS_MAX = 60
OCCURRENCES_MAX = 3000
CONFLICTS_MAX = 500
# Without a plan yet: what a flight and a loop take at most, roughly.
ASSUMED_S = {PlanKind.DRONE: 1500.0, PlanKind.LOOP: 3600.0}
KINDS = {PlanKind.DRONE: VehicleKind.COPTER, PlanKind.LOOP: VehicleKind.ROVER}


class ConflictKind(StrEnum):
    """Over what two occurrences, or one and its site, conflict."""

    VEHICLES = "vehicles"
    BATTERIES = "batteries"
    AIRSPACE = "airspace"
    NEIGHBOURS = "neighbours"
    QUIET_HOURS = "quiet_hours"


@dataclass(frozen=True, slots=True)
class ScheduleConflict:
    """``schedules`` and ``due_utc`` are those of the occurrences concerned.

    ``assumed`` says that one of them has no plan yet, so that its length and
    vehicles are a stated guess.
    """

    kind: ConflictKind
    schedules: tuple[str, ...]
    due_utc: tuple[datetime, ...]
    text: str
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """What one kind of work of a schedule takes.

    ``vehicles`` are named ones, ``any_of_kind`` how many more it needs.
    """

    kind: PlanKind
    duration_s: float
    vehicles: frozenset[str]
    any_of_kind: int
    sweep: Sweep | None
    assumed: bool


@dataclass(frozen=True, slots=True)
class Doing:
    """One work at one time."""

    entry: Entry
    work: Work
    due_utc: datetime

    @property
    def end_utc(self) -> datetime:
        """When its vehicles are back."""
        return self.due_utc + timedelta(seconds=self.work.duration_s)

    @property
    def name(self) -> str:
        """As it is told."""
        return f"{self.entry.schedule.id} ({self.work.kind})"


def work_of(kind: PlanKind, plan: Plan | None, fleet: frozenset[str]) -> Work:
    """What a plan takes; without one, a guess that takes all of the kind."""
    if plan is None:
        return Work(kind, ASSUMED_S[kind], fleet, 0, None, assumed=True)
    named = frozenset(s.vehicle for s in plan.sorties if s.vehicle is not None)
    return Work(
        kind,
        max((s.start_s + s.duration_s * s.loops for s in plan.sorties), default=0.0),
        named,
        sum(s.vehicle is None for s in plan.sorties),
        sweep_of(plan),
        assumed=False,
    )


class Conflicts:
    """Looks ahead over all schedules.

    Args:
        timetable: the schedules.
        store: the plans.
        clock: now.
        rules: turn-around time, and how near announcements disturb each other.
    """

    def __init__(
        self, timetable: Timetable, store: Store, clock: Clock, rules: ConditionRules
    ) -> None:
        self._timetable = timetable
        self._store = store
        self._clock = clock
        self._rules = rules
        self._works: dict[tuple[PlanId, PlanKind], Work] = {}

    async def ahead(self, days: float = 7.0) -> tuple[ScheduleConflict, ...]:
        """All conflicts of the next days, soonest first."""
        now = self._clock.utc()
        until = now + timedelta(days=min(days, DAYS_MAX))
        doings: list[Doing] = []
        for entry in await self._timetable.rota.entries():
            if entry.fault is None and entry.schedule.enabled:
                doings += await self._doings(entry, now, until)
        doings.sort(key=lambda d: d.due_utc)
        found = [c for d in doings for c in self._quiet(d)]
        found += [c for a, b in self._near(doings) for c in self._between(a, b)]
        found.sort(key=lambda c: c.due_utc)
        return tuple(found[:CONFLICTS_MAX])

    async def _doings(
        self, entry: Entry, now: datetime, until: datetime
    ) -> list[Doing]:
        between = self._timetable.rules.occurrences_between
        try:
            times = between(entry.resolved, now, until)[:OCCURRENCES_MAX]
        except PatrolError:
            return []  # its view tells the fault
        works = [await self._work(entry, kind) for kind in entry.schedule.work]
        return [Doing(entry, work, due) for due in times for work in works]

    async def _work(self, entry: Entry, kind: PlanKind) -> Work:
        fleet = frozenset(
            str(v.id)
            for v in (entry.brief.fleet if entry.brief else ())
            if v.kind is KINDS[kind]
        )
        try:
            plan_id = await self._timetable.plan_of(entry, kind)
        except PatrolError:
            plan_id = None
        if plan_id is None:
            return work_of(kind, None, fleet)
        known = self._works.get((plan_id, kind))
        if known is None:
            known = work_of(kind, await self._store.plan(plan_id), fleet)
            self._works[plan_id, kind] = known
        return known

    def _near(self, doings: list[Doing]) -> Iterator[tuple[Doing, Doing]]:
        """Pairs that overlap, or follow each other within a turn-around."""
        rest = timedelta(seconds=self._rules.turnaround_s)
        open_: list[Doing] = []
        for doing in doings:
            open_ = [d for d in open_ if d.end_utc + rest > doing.due_utc]
            yield from ((before, doing) for before in open_)
            open_.append(doing)

    def _between(self, a: Doing, b: Doing) -> Iterator[ScheduleConflict]:
        overlap = b.due_utc < a.end_utc
        same_works = (a.entry is b.entry) and a.due_utc == b.due_utc
        if not same_works:
            yield from self._vehicles(a, b, overlap=overlap)
        if not overlap or a.work.sweep is None or b.work.sweep is None:
            return
        if not same_works and a.work.sweep.meets(b.work.sweep):
            text = f"{a.name} and {b.name} fly through the same airspace"
            yield self._conflict(ConflictKind.AIRSPACE, a, b, text)
        near_m = announcing_near(a.work.sweep, b.work.sweep)
        if not same_works and near_m < self._rules.talk_over_m:
            text = (
                f"{a.name} and {b.name} announce {near_m:.0f} m from each other at"
                f" the same time (nearer than {self._rules.talk_over_m:.0f} m)"
            )
            yield self._conflict(ConflictKind.NEIGHBOURS, a, b, text)

    def _vehicles(
        self, a: Doing, b: Doing, *, overlap: bool
    ) -> Iterator[ScheduleConflict]:
        shared = sorted(a.work.vehicles & b.work.vehicles)
        if not shared and self._too_many(a, b):
            shared = [f"every {KINDS[a.work.kind]}"]
        if not shared:
            return
        names = ", ".join(shared)
        if overlap:
            text = f"{a.name} and {b.name} want {names} at the same time"
            yield self._conflict(ConflictKind.VEHICLES, a, b, text)
            return
        left_s = (b.due_utc - a.end_utc).total_seconds()
        text = (
            f"{names} has {left_s:.0f} s for its battery between {a.name} and"
            f" {b.name}, it takes {self._rules.turnaround_s:.0f} s"
        )
        yield self._conflict(ConflictKind.BATTERIES, a, b, text)

    @staticmethod
    def _too_many(a: Doing, b: Doing) -> bool:
        """Whether both together need more vehicles than the mission has."""
        if a.work.kind is not b.work.kind or a.entry.mission_id != b.entry.mission_id:
            return False
        fleet = a.entry.brief.fleet if a.entry.brief else ()
        there = sum(v.kind is KINDS[a.work.kind] for v in fleet)
        wanted = [len(d.work.vehicles) + d.work.any_of_kind for d in (a, b)]
        return sum(min(w, there) for w in wanted) > there

    def _quiet(self, doing: Doing) -> Iterator[ScheduleConflict]:
        brief = doing.entry.brief
        if brief is None:
            return
        zone = brief.requirement.zone
        for broken in quiet_hours_broken(brief.site, zone, doing.due_utc):
            yield ScheduleConflict(
                ConflictKind.QUIET_HOURS,
                (doing.entry.schedule.id,),
                (doing.due_utc,),
                f"{doing.name} would be refused: {broken.reason}",
            )

    @staticmethod
    def _conflict(
        kind: ConflictKind, a: Doing, b: Doing, text: str
    ) -> ScheduleConflict:
        return ScheduleConflict(
            kind,
            (a.entry.schedule.id, b.entry.schedule.id),
            (a.due_utc, b.due_utc),
            text,
            assumed=a.work.assumed or b.work.assumed,
        )
