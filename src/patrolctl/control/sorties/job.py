"""What a sortie's execution is given."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from patrolctl.clock import Clock
from patrolctl.control.announcing.announce import Patience
from patrolctl.control.gate import Gate
from patrolctl.control.live.feed import LiveFeed
from patrolctl.control.vehicles.member import Member
from patrolctl.domain.ids import RunId, SortieId
from patrolctl.domain.mission import Mission
from patrolctl.domain.plan import Plan, Sortie
from patrolctl.domain.run import (
    Part,
    Phase,
    RunEvent,
    RunState,
    SortieRun,
    fact_of,
)
from patrolctl.domain.site import Site
from patrolctl.domain.sound import Clip
from patrolctl.ports import Store


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds that execution waits for things, in the clock's time."""

    ready_s: float = 180.0
    battery_s: float = 3600.0
    cache_s: float = 120.0
    link_lost_s: float = 60.0
    grounded_s: float = 5.0
    parked_s: float = 20.0
    sheet_s: float = 10.0
    recall_s: float = 10.0
    record_s: float = 2.0
    unwritten_s: float = 60.0  # a database may be started again meanwhile
    away_s: float = 900.0
    patience: Patience = Patience()


@dataclass(frozen=True, slots=True)
class SortieJob:
    """What is to be done."""

    run_id: RunId
    plan: Plan
    sortie: Sortie
    site: Site
    clips: Mapping[str, Clip]


@dataclass(frozen=True, slots=True)
class Crew:
    """Who does it, and to whom it is told."""

    member: Member
    gate: Gate
    store: Store
    feed: LiveFeed
    clock: Clock
    limits: Limits
    record: Callable[[RunEvent], Awaitable[None]]
    run: Callable[[], RunState]

    def muted(self) -> bool:
        """Whether nothing is to be said."""
        return self.run().muted

    def held(self) -> bool:
        """Whether nothing is to move on."""
        return self.run().held

    def sortie(self, sortie_id: SortieId) -> SortieRun:
        """What is recorded of a sortie."""
        return next(s for s in self.run().sorties if s.sortie_id == sortie_id)


@dataclass(frozen=True, slots=True)
class Told:
    """What a fact changes in the sortie's state, where anything."""

    phase: Phase | None = None
    step: int | None = None
    steps: int | None = None
    loops_done: int | None = None
    cue_done: str | None = None
    digest: str | None = None
    cut: str | None = None
    launching: bool | None = None
    departures: int | None = None
    key: str | None = None
    waits: str | None = None
    part: Part | None = None


NOTHING = Told()


async def tell(job: SortieJob, crew: Crew, text: str, told: Told = NOTHING) -> None:
    """Record a fact about the sortie."""
    fact = fact_of(job.run_id, crew.clock.utc(), text, job.sortie.id)
    await crew.record(
        replace(
            fact,
            phase=told.phase,
            step=told.step,
            steps=told.steps,
            loops_done=told.loops_done,
            cue_done=told.cue_done,
            digest=told.digest,
            cut=told.cut,
            launching=told.launching,
            departures=told.departures,
            key=told.key,
            waits=told.waits,
            part=told.part,
        )
    )


async def insist(job: SortieJob, crew: Crew, mission: Mission) -> None:
    """Insist on the gate for this mission; raises GateRefused."""
    await crew.gate.insist_mission(
        mission, job.site, crew.member.entry.profile, job.plan.requirement
    )
