"""What households got to hear today, and whether they may hear more.

The ledger is fed by what was flown and played (``evidence.exposure``); a plan
is reckoned ahead in the same way. The day is that of the site's time zone.
"""

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from patrolctl.clock import Clock
from patrolctl.control.conditions.thinning import thinned
from patrolctl.domain.errors import GateRefused
from patrolctl.domain.exposure import (
    DAY_S,
    Excess,
    ExposureCaps,
    ExposureDay,
    ExposureSource,
    HouseholdDay,
    HouseholdDose,
    RunExposure,
)
from patrolctl.domain.ids import PlanId, RunId, SiteId
from patrolctl.domain.jsondoc import encode
from patrolctl.domain.plan import Plan
from patrolctl.domain.site import Site
from patrolctl.domain.violation import Severity, Violation
from patrolctl.evidence import (
    Exposed,
    RunRecord,
    Sounding,
    flown_soundings,
    planned_soundings,
)
from patrolctl.ports import AftermathStore

NAMED = 20  # households in one line; the others are counted


@dataclass(frozen=True, slots=True)
class Admitted:
    """A plan as it may be launched, and what is to be said of it."""

    plan: Plan
    advice: tuple[Violation, ...] = ()

    def id_after(self, plan_id: PlanId, before: Plan) -> PlanId:
        """Its id: that of the plan it was made from, or one of its own."""
        if self.plan is before:
            return plan_id
        digest = hashlib.sha256(encode(self.plan)).hexdigest()[:12]
        return PlanId(f"{plan_id}-thin-{digest}")


Admit = Callable[[Plan, Site], Awaitable[Admitted]]


async def as_it_is(plan: Plan, site: Site) -> Admitted:
    """Where no ledger is kept, plans are admitted as they are."""
    del site
    return Admitted(plan)


@dataclass(frozen=True, slots=True)
class Spoken:
    """What was said over one loudspeaker outside of runs.

    ``sounding`` None: in the end nothing was. ``spacing_m`` is the mission's
    distance of windows.
    """

    id: str
    source: ExposureSource
    begin_utc: datetime
    spacing_m: float
    sounding: Sounding | None


@dataclass(frozen=True, slots=True)
class Promise:
    """What a run that is not in the books yet is going to say."""

    run_id: RunId
    plan: Plan


Promises = Callable[[SiteId], Awaitable[Sequence[Promise]]]


async def no_promises(site_id: SiteId) -> tuple[Promise, ...]:
    """Where no runs are under way."""
    del site_id
    return ()


@dataclass(frozen=True, slots=True)
class _Over:
    """A household that would get more than it may."""

    household: str
    laeq_24h_db: float
    repeats: int


class Ledger:
    """The exposure of each household of each day.

    Args:
        store: where it is kept.
        clock: tells the day.
        caps: how much is allowed.
        enforce: False where the loudspeakers are simulated and nobody hears
            them; what exceeds a cap is then only advice.
        promises: tells what runs under way are going to say at a site; what
            they have promised counts as said.
    """

    def __init__(
        self,
        store: AftermathStore,
        clock: Clock,
        caps: ExposureCaps,
        *,
        enforce: bool = True,
        promises: Promises = no_promises,
    ) -> None:
        self._store = store
        self._promises = promises
        self._clock = clock
        self._enforce = enforce
        self.caps = caps

    # -- what was

    async def note(self, record: RunRecord, site: Site) -> RunExposure | None:
        """Keep what a run gave; None when nothing sounded."""
        if not record.playbacks:
            return None
        doses = await asyncio.to_thread(_flown, record, site)
        first = min(p.start_utc for p in record.playbacks)
        exposure = RunExposure(record.run_id, site.id, local_day(site, first), doses)
        await self._store.save_exposure(exposure)
        return exposure

    async def enter(
        self, spoken: Sequence[Spoken], site: Site
    ) -> tuple[Violation, ...]:
        """Keep what was said outside of runs; again replaces it.

        Returns:
            As advice, the households that heard it and have had more than
            their share of today with it.
        """
        heard: dict[str, HouseholdDose] = {}
        days = set()
        for one in spoken:
            doses = await asyncio.to_thread(_heard, one, site)
            day = local_day(site, one.begin_utc)
            await self._store.save_exposure(
                RunExposure(RunId(one.id), site.id, day, doses, one.source)
            )
            heard |= {d.household: d for d in doses}
            days.add(day)
        over = [o for day in days for o in await self._over_on(site, day, heard)]
        if not over:
            return ()
        return (replace(self._violation(over, "have had"), severity=Severity.ADVISE),)

    async def _over_on(
        self, site: Site, day: date, heard: Mapping[str, HouseholdDose]
    ) -> list[_Over]:
        had = _by_household(await self._store.exposures(site.id, day))
        nothing = [HouseholdDose(name, 0.0, 0, 0.0) for name in heard]
        return self._over(tuple(nothing), had)

    async def day(self, site: Site, day: date | None = None) -> ExposureDay:
        """A site's day so far (None: today)."""
        when = day or local_day(site, self._clock.utc())
        entries = await self._store.exposures(site.id, when)
        runs = [e for e in entries if e.source is ExposureSource.RUN]
        spoken = [e for e in entries if e.source is not ExposureSource.RUN and e.doses]
        of_runs, of_others = _by_household(runs), _by_household(spoken)
        households = [
            HouseholdDay(
                household=name,
                laeq_24h_db=round(laeq_24h_db(sum(d.energy for d in doses)), 1),
                repeats=sum(d.repeats for d in doses),
                loudest_db=max(d.loudest_db for d in doses),
                runs=len(of_runs.get(name, ())),
                spoken=len(of_others.get(name, ())),
            )
            for name, doses in sorted(_by_household(entries).items())
        ]
        return ExposureDay(
            site.id, when, self.caps, len(runs), tuple(households), len(spoken)
        )

    # -- what would be

    async def admit(self, plan: Plan, site: Site) -> Admitted:
        """The plan as it may be launched now.

        Raises:
            GateRefused: it would exceed the caps of the households named.
        """
        cues = planned_soundings(plan, site)
        if not cues:
            return Admitted(plan)
        today = await self._store.exposures(site.id, local_day(site, self._clock.utc()))
        noted = {e.run_id for e in today}
        open_ = [
            p for p in await self._promises(SiteId(site.id)) if p.run_id not in noted
        ]
        had = _by_household(today)
        return await asyncio.to_thread(self._admit, plan, site, cues, had, open_)

    def _admit(
        self,
        plan: Plan,
        site: Site,
        cues: list[tuple[str, int, Sounding]],
        had: dict[str, list[HouseholdDose]],
        promised: Sequence[Promise],
    ) -> Admitted:
        exposed = _exposed(site, plan.requirement.receiver_spacing_m)
        for promise in promised:
            soon = [s for *_, s in planned_soundings(promise.plan, site)]
            for dose in exposed.doses(soon):
                had.setdefault(dose.household, []).append(dose)
        over = self._over(exposed.doses([s for *_, s in cues]), had)
        if not over:
            return Admitted(plan)
        told = self._violation(over)
        if not self._enforce:
            return Admitted(plan, (replace(told, severity=Severity.ADVISE),))
        if self.caps.excess is Excess.REFUSE:
            raise GateRefused((told,))
        return self._thin(plan, exposed, cues, had)

    def _thin(
        self,
        plan: Plan,
        exposed: Exposed,
        cues: list[tuple[str, int, Sounding]],
        had: Mapping[str, list[HouseholdDose]],
    ) -> Admitted:
        """Silence those cues that the households over their caps would hear."""
        named = self._over(exposed.doses([s for *_, s in cues]), had)
        kept, over = list(cues), named
        while over and kept:
            full = {o.household for o in over}
            worst = max(kept, key=lambda c: (len(exposed.reach(c[2]) & full), -c[1]))
            if not exposed.reach(worst[2]) & full:
                break
            kept.remove(worst)
            over = self._over(exposed.doses([s for *_, s in kept]), had)
        if over or not kept:
            raise GateRefused((self._violation(named),))
        silent = {c[:2] for c in cues} - {c[:2] for c in kept}
        told = replace(self._violation(named), severity=Severity.ADVISE)
        reason = f"{told.reason}; {len(silent)} of {len(cues)} messages are left out"
        told = replace(told, reason=reason)
        return Admitted(thinned(plan, silent, reason), (told,))

    def _over(
        self,
        doses: tuple[HouseholdDose, ...],
        had: Mapping[str, list[HouseholdDose]],
    ) -> list[_Over]:
        found = []
        for dose in doses:
            before = had.get(dose.household, [])
            level = laeq_24h_db(dose.energy + sum(d.energy for d in before))
            repeats = dose.repeats + sum(d.repeats for d in before)
            if level > self.caps.laeq_24h_db or repeats > self.caps.repeats:
                found.append(_Over(dose.household, level, repeats))
        return found

    def _violation(self, over: list[_Over], verb: str = "would have") -> Violation:
        names = ", ".join(o.household for o in over[:NAMED])
        more = f" and {len(over) - NAMED} more" if len(over) > NAMED else ""
        worst_db = max(o.laeq_24h_db for o in over)
        most = max(o.repeats for o in over)
        level = worst_db > self.caps.laeq_24h_db
        return Violation(
            sortie=None,
            seq=None,
            rule="exposure-day-level" if level else "exposure-day-repeats",
            reason=(
                f"{len(over)} households {verb} more than their share of today"
                f" (up to {most} of {self.caps.repeats} messages,"
                f" {worst_db:.0f} of {self.caps.laeq_24h_db:g} dB over 24 h):"
                f" {names}{more}"
            ),
            measured=round(worst_db, 1) if level else float(most),
            limit=self.caps.laeq_24h_db if level else float(self.caps.repeats),
        )


def local_day(site: Site, when: datetime) -> date:
    """The calendar day at the site."""
    return when.astimezone(ZoneInfo(site.time_zone)).date()


def laeq_24h_db(energy: float) -> float:
    """The level over 24 hours of a sound exposure, dB(A)."""
    return 10.0 * math.log10(max(energy, 1e-9) / DAY_S)


def _by_household(
    runs: Iterable[RunExposure],
) -> dict[str, list[HouseholdDose]]:
    found: dict[str, list[HouseholdDose]] = {}
    for run in runs:
        for dose in run.doses:
            found.setdefault(dose.household, []).append(dose)
    return found


def _exposed(site: Site, spacing_m: float) -> Exposed:
    # The drone planner brings its solver along, which starts slowly.
    from patrolctl.planning.drone import listeners_of  # noqa: PLC0415

    return Exposed(site, listeners_of(site, spacing_m))


def _flown(record: RunRecord, site: Site) -> tuple[HouseholdDose, ...]:
    exposed = _exposed(site, record.plan.requirement.receiver_spacing_m)
    return exposed.doses(flown_soundings(record, site))


def _heard(spoken: Spoken, site: Site) -> tuple[HouseholdDose, ...]:
    if spoken.sounding is None:
        return ()
    return _exposed(site, spoken.spacing_m).doses([spoken.sounding])
