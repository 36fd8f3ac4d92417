"""All sites at a glance: what runs now, how reach goes over the days."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from patrolctl.clock import Clock
from patrolctl.control.announcing.library import Library
from patrolctl.control.conditions.exposure import local_day
from patrolctl.control.running.runs import Runs
from patrolctl.control.vehicles.fleet import Fleet
from patrolctl.domain.alerts import Alert
from patrolctl.domain.errors import NotFound
from patrolctl.domain.evidence import EvidenceSummary
from patrolctl.domain.gaps import Gap, GapHead, GapState
from patrolctl.domain.ids import RunId
from patrolctl.domain.machines import LinkState
from patrolctl.domain.run import ENDED, Phase, RunState
from patrolctl.domain.site import Site
from patrolctl.ports import AftermathStore, Store

MOST_RUNS = 1000
ALERTS = 50
SETTLES_IN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class RunNow:
    """A run under way."""

    id: RunId
    phase: Phase
    progress_ratio: float
    vehicles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Situation:
    """A site at this moment."""

    runs: tuple[RunNow, ...]
    vehicles: int
    vehicles_live: int
    vehicles_out: int
    gaps_open: int
    households_missing: int


@dataclass(frozen=True, slots=True)
class TrendDay:
    """A site's day: what its runs reached together.

    ``ratio`` is reached of what the plans promised, None without a receiver.
    """

    day: date
    runs: int
    finished: int
    receivers: int
    reached: int
    households: int
    households_reached: int
    ratio: float | None


@dataclass(frozen=True, slots=True)
class SiteOverview:
    """One site."""

    site_id: str
    name: str
    situation: Situation
    trend: tuple[TrendDay, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """All sites, what is open, and the latest alerts."""

    ts_utc: datetime
    sites: tuple[SiteOverview, ...]
    gaps: tuple[GapHead, ...]
    alerts: tuple[Alert, ...]


@dataclass(frozen=True, slots=True)
class _Ended:
    """A run that has ended, with its evidence if it has one."""

    state: RunState
    site_id: str
    summary: EvidenceSummary | None


class Overviews:
    """Puts the overview together from the books."""

    def __init__(
        self,
        library: Library,
        fleet: Fleet,
        runs: Runs,
        store: Store,
        aftermath: AftermathStore,
        clock: Clock,
    ) -> None:
        self._library = library
        self._fleet = fleet
        self._runs = runs
        self._store = store
        self._aftermath = aftermath
        self._clock = clock
        self._known: dict[RunId, _Ended] = {}

    async def overview(self, *, days: int = 14) -> Overview:
        """All sites now, and their last days."""
        now = self._clock.utc()
        gaps = await self._aftermath.gaps(limit=MOST_RUNS)
        open_gaps = [g for g in gaps if g.state is not GapState.CLOSED]
        ended = await self._ended(now - timedelta(days=days + 1))
        sites = self._library.sites.values()
        return Overview(
            ts_utc=now,
            sites=tuple([await self._site(s, open_gaps, ended) for s in sites]),
            gaps=tuple(GapHead.of(g) for g in open_gaps),
            alerts=await self._aftermath.alerts(limit=ALERTS),
        )

    async def _site(
        self, site: Site, gaps: list[Gap], ended: list[_Ended]
    ) -> SiteOverview:
        return SiteOverview(
            site_id=site.id,
            name=site.name,
            situation=await self._situation(site, gaps),
            trend=_trend(site, [e for e in ended if e.site_id == site.id]),
        )

    def _vehicles_of(self, site: Site) -> frozenset[str]:
        return frozenset(
            v.id
            for b in self._library.briefs.values()
            if b.site.id == site.id
            for v in b.fleet
        )

    async def _situation(self, site: Site, gaps: Iterable[Gap]) -> Situation:
        ours = self._vehicles_of(site)
        views = [v for v in self._fleet.views() if v.entry.id in ours]
        mine = [g for g in gaps if g.site_id == site.id]
        runs = [r for r in self._runs.under_way if await self._site_of(r) == site.id]
        return Situation(
            runs=tuple(
                RunNow(
                    r.id,
                    r.phase,
                    round(r.progress_ratio, 4),
                    tuple(dict.fromkeys(s.vehicle_id for s in r.sorties)),
                )
                for r in runs
            ),
            vehicles=len(views),
            vehicles_live=sum(v.telemetry.link is LinkState.LIVE for v in views),
            vehicles_out=sum(v.telemetry.armed is True for v in views),
            gaps_open=len(mine),
            households_missing=len({h for g in mine for h in g.missing.households}),
        )

    async def _site_of(self, state: RunState) -> str:
        plan = await self._store.plan(state.plan_id)
        try:
            return self._library.site_of(plan).id
        except NotFound:
            return plan.site_id or ""

    async def _ended(self, since: datetime) -> list[_Ended]:
        found = []
        for state in await self._store.runs(limit=MOST_RUNS):
            if state.created_utc < since:
                break
            if state.phase not in ENDED:
                continue
            found.append(await self._known_or_read(state))
        return found

    async def _known_or_read(self, state: RunState) -> _Ended:
        known = self._known.get(state.id)
        age = self._clock.utc() - (state.ended_utc or state.created_utc)
        # Late reports can better the evidence of a run that has just ended.
        if known is None or age < SETTLES_IN:
            known = self._known[state.id] = await self._read(state)
        return known

    async def _read(self, state: RunState) -> _Ended:
        try:
            summary = (await self._store.evidence(state.id)).summary
        except NotFound:
            summary = None
        return _Ended(state, await self._site_of(state), summary)


def _trend(site: Site, runs: list[_Ended]) -> tuple[TrendDay, ...]:
    days: dict[date, list[_Ended]] = {}
    for run in runs:
        day = local_day(site, run.state.created_utc)
        days.setdefault(day, []).append(run)
    return tuple(_day(day, found) for day, found in sorted(days.items()))


def _day(day: date, found: list[_Ended]) -> TrendDay:
    proofs = [e.summary for e in found if e.summary is not None]
    reachable = sum(p.reachable for p in proofs)
    reached = sum(p.reached for p in proofs)
    return TrendDay(
        day=day,
        runs=len(found),
        finished=sum(e.state.phase is Phase.FINISHED for e in found),
        receivers=reachable,
        reached=reached,
        households=sum(p.households for p in proofs),
        households_reached=sum(p.households_reached for p in proofs),
        ratio=round(reached / reachable, 4) if reachable else None,
    )
