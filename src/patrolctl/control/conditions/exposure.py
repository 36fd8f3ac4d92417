"""What households got to hear today, and whether they may hear more.

The ledger is fed by what was flown and played (``evidence.exposure``); a plan
is reckoned ahead in the same way. The day is that of the site's time zone.
"""

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from patrolctl.clock import Clock
from patrolctl.domain.errors import GateRefused
from patrolctl.domain.exposure import (
    DAY_S,
    Excess,
    ExposureCaps,
    ExposureDay,
    HouseholdDay,
    HouseholdDose,
    RunExposure,
)
from patrolctl.domain.ids import PlanId, StationId
from patrolctl.domain.jsondoc import encode
from patrolctl.domain.plan import Plan, PlanReceiver, Sortie
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
LEFT_OUT = "left out: its household has had its share of today"


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
    """

    def __init__(
        self,
        store: AftermathStore,
        clock: Clock,
        caps: ExposureCaps,
        *,
        enforce: bool = True,
    ) -> None:
        self._store = store
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

    async def day(self, site: Site, day: date | None = None) -> ExposureDay:
        """A site's day so far (None: today)."""
        when = day or local_day(site, self._clock.utc())
        runs = await self._store.exposures(site.id, when)
        households = [
            HouseholdDay(
                household=name,
                laeq_24h_db=round(laeq_24h_db(sum(d.energy for d in doses)), 1),
                repeats=sum(d.repeats for d in doses),
                loudest_db=max(d.loudest_db for d in doses),
                runs=len(doses),
            )
            for name, doses in sorted(_by_household(runs).items())
        ]
        return ExposureDay(site.id, when, self.caps, len(runs), tuple(households))

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
        had = _by_household(today)
        return await asyncio.to_thread(self._admit, plan, site, cues, had)

    def _admit(
        self,
        plan: Plan,
        site: Site,
        cues: list[tuple[str, int, Sounding]],
        had: Mapping[str, list[HouseholdDose]],
    ) -> Admitted:
        exposed = _exposed(plan, site)
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

    def _violation(self, over: list[_Over]) -> Violation:
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
                f"{len(over)} households would have more than their share of today"
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
    runs: tuple[RunExposure, ...],
) -> dict[str, list[HouseholdDose]]:
    found: dict[str, list[HouseholdDose]] = {}
    for run in runs:
        for dose in run.doses:
            found.setdefault(dose.household, []).append(dose)
    return found


def _exposed(plan: Plan, site: Site) -> Exposed:
    # The drone planner brings its solver along, which starts slowly.
    from patrolctl.planning.drone import listeners_of  # noqa: PLC0415

    return Exposed(site, listeners_of(site, plan.requirement.receiver_spacing_m))


def _flown(record: RunRecord, site: Site) -> tuple[HouseholdDose, ...]:
    return _exposed(record.plan, site).doses(flown_soundings(record, site))


def thinned(plan: Plan, silent: set[tuple[str, int]], why: str) -> Plan:
    """The plan with some of its cues (sortie, item) taken away.

    The vehicles go their ways as before and pass those stops in silence.
    """
    gone = {
        i.station
        for s in plan.sorties
        for i in s.items
        if (s.id, i.seq) in silent and i.station is not None
    }
    stay = {
        i.station
        for s in plan.sorties
        for i in s.items
        if i.cue is not None and (s.id, i.seq) not in silent
    }
    sorties = tuple(_silenced(s, silent) for s in plan.sorties)
    receivers = tuple(_without(r, gone - stay) for r in plan.receivers)
    homes = {(r.building_id, r.household) for r in receivers if r.reached}
    summary = replace(
        plan.summary,
        reached=sum(r.reached for r in receivers),
        households_reached=len({h for h in homes if h[1] is not None}),
    )
    return replace(
        plan,
        sorties=sorties,
        receivers=receivers,
        summary=summary,
        warnings=(*plan.warnings, why),
    )


def _silenced(sortie: Sortie, silent: set[tuple[str, int]]) -> Sortie:
    items = tuple(
        replace(i, cue=None, duration_s=1.0) if (sortie.id, i.seq) in silent else i
        for i in sortie.items
    )
    return replace(sortie, items=items)


def _without(receiver: PlanReceiver, gone: set[StationId]) -> PlanReceiver:
    left = tuple(s for s in receiver.stations if s not in gone)
    if left == receiver.stations:
        return receiver
    reached = receiver.reached and bool(left)
    reason = receiver.reason if reached or not receiver.reached else LEFT_OUT
    return replace(receiver, stations=left, reached=reached, reason=reason)
