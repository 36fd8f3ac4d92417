"""What must be so at the moment of a launch, scheduled or by hand."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from patrolctl.clock import Clock
from patrolctl.control.conditions.notices import Notices
from patrolctl.control.conditions.skies import Skies
from patrolctl.domain.conditions import Condition, ConditionRules, Daylight, Weather
from patrolctl.domain.errors import GateRefused, InputError, NotFound
from patrolctl.domain.machines import FleetVehicle, VehicleKind
from patrolctl.domain.plan import Plan
from patrolctl.domain.run import ENDED, RunState
from patrolctl.domain.site import Site
from patrolctl.domain.violation import Severity, Violation
from patrolctl.geo import LatLon
from patrolctl.geo.sun import sun_elevation_deg
from patrolctl.ports import Store
from patrolctl.safety.sweep import Sweep, sweep_of

# Upper limb at the horizon with refraction (0.833°), and civil twilight.
HORIZON_DEG = {Daylight.SUN: -0.833, Daylight.CIVIL: -6.0, Daylight.ADVISE: -6.0}


@dataclass(frozen=True, slots=True)
class Launch:
    """What is to be launched, with what, by whom.

    ``override`` names the conditions to be set aside, ``reason`` says why.
    """

    plan: Plan
    site: Site
    vehicles: tuple[FleetVehicle, ...] = ()
    actor: str = "operator"
    authority: str | None = None
    override: frozenset[str] = frozenset()
    reason: str | None = None

    @property
    def flies(self) -> bool:
        """Whether anything leaves the ground."""
        return any(s.vehicle_kind is VehicleKind.COPTER for s in self.plan.sorties)

    @property
    def rated_wind_m_s(self) -> float:
        """What the weakest of its copters may fly in."""
        rated = [
            v.profile.rated_wind_m_s
            for v in self.vehicles
            if v.kind is VehicleKind.COPTER
        ]
        return min(rated, default=self.plan.vehicle.rated_wind_m_s)

    @property
    def duration_s(self) -> float:
        """From the start to when all are back."""
        sorties = self.plan.sorties
        return max((s.start_s + s.duration_s * s.loops for s in sorties), default=0.0)


def _broken(
    rule: Condition,
    reason: str,
    *,
    measured: float | None = None,
    limit: float | None = None,
    advice: bool = False,
) -> Violation:
    severity = Severity.ADVISE if advice else Severity.REFUSE
    return Violation(
        None, None, rule.value, reason, severity, measured=measured, limit=limit
    )


class Conditions:
    """Judges a launch.

    Args:
        skies: the weather.
        notices: closed airspace.
        store: the runs that are under way, on any node, and their plans.
        clock: now.
        rules: what is demanded.
        free_bytes: free space of the disk that records go to; None: unknown.
    """

    def __init__(
        self,
        skies: Skies,
        notices: Notices,
        store: Store,
        clock: Clock,
        *,
        rules: ConditionRules,
        free_bytes: Callable[[], int | None] = lambda: None,
    ) -> None:
        self.skies = skies
        self.notices = notices
        self.rules = rules
        self._store = store
        self._clock = clock
        self._free_bytes = free_bytes
        self._sweeps: dict[tuple[str, tuple[str, ...]], Sweep] = {}

    async def insist(self, launch: Launch) -> tuple[Violation, ...]:
        """Pass, with what is to be advised, or refuse.

        Raises:
            GateRefused: with every condition that is not met.
            InputError: a condition is set aside that may not be, or without
                a reason.
        """
        self._check_override(launch)
        found = await self.judge(launch)
        refused = tuple(v for v in found if v.severity is Severity.REFUSE)
        if refused:
            raise GateRefused(refused)
        return found

    def _check_override(self, launch: Launch) -> None:
        allowed = sorted(self.rules.overridable)
        for name in sorted(launch.override):
            if name not in allowed:
                right = f"one of {', '.join(allowed) or '(none: see the settings)'}"
                raise InputError.one("override", f"{name} may not be set aside", right)
        if launch.override and not (launch.reason or "").strip():
            raise InputError.one("override_reason", "is missing", "why it is set aside")

    async def judge(self, launch: Launch) -> tuple[Violation, ...]:
        """Everything that is not as it should be; set aside ones as advice."""
        found = list(self._disk())
        if self.rules.authority_required and not (launch.authority or "").strip():
            why = "nobody is recorded as having ordered it"
            found.append(_broken(Condition.AUTHORITY, why))
        if launch.flies:
            found += await self._weather(launch)
            found += self._daylight(launch)
            found += await self._airspace(launch)
        return tuple(self._set_aside(v, launch) for v in found)

    @staticmethod
    def _set_aside(violation: Violation, launch: Launch) -> Violation:
        if violation.rule not in launch.override:
            return violation
        said = f"{violation.reason}; set aside by {launch.actor}: {launch.reason}"
        return replace(violation, severity=Severity.ADVISE, reason=said)

    # -- weather

    async def _weather(self, launch: Launch) -> list[Violation]:
        reports = await self.skies.reports(launch.site)
        limit = launch.rated_wind_m_s * self.rules.wind_ratio
        found = [v for w in reports for v in self._wind_and_rain(w, limit)]
        winds = any(w.wind_m_s is not None or w.gust_m_s is not None for w in reports)
        rains = any(w.rain_mm_h is not None for w in reports)
        missing = [n for n, known in (("wind", winds), ("rain", rains)) if not known]
        if missing:
            why = (
                f"nobody told the {' and '.join(missing)} within"
                f" {self.rules.weather_max_age_s / 60:.0f} min"
            )
            advice = not self.rules.weather_required
            found.append(_broken(Condition.WEATHER_UNKNOWN, why, advice=advice))
        return found

    def _wind_and_rain(self, w: Weather, limit_m_s: float) -> list[Violation]:
        found = []
        wind = max(w.wind_m_s or 0.0, w.gust_m_s or 0.0)
        if wind > limit_m_s:
            why = f"{wind:.1f} m/s ({w.source}), at most {limit_m_s:.1f} m/s"
            found.append(_broken(Condition.WIND, why, measured=wind, limit=limit_m_s))
        rain, dry = w.rain_mm_h or 0.0, self.rules.rain_mm_h
        if rain > dry:
            why = f"{rain:.1f} mm/h ({w.source}), at most {dry:.1f} mm/h"
            found.append(_broken(Condition.RAIN, why, measured=rain, limit=dry))
        return found

    # -- light

    def _daylight(self, launch: Launch) -> list[Violation]:
        rule = self.rules.daylight
        if rule is Daylight.OFF:
            return []
        home = launch.plan.home
        at = LatLon(lat_deg=home.lat_deg, lon_deg=home.lon_deg)
        now = self._clock.utc()
        back = now + timedelta(seconds=launch.duration_s)
        lowest = min(sun_elevation_deg(at, when) for when in (now, back))
        limit = HORIZON_DEG[rule]
        if lowest >= limit:
            return []
        name = "the sun is" if rule is Daylight.SUN else "it is dark: the sun is"
        why = (
            f"{name} {-lowest:.1f}° below the horizon"
            f"{' before it is back' if sun_elevation_deg(at, now) >= limit else ''},"
            f" at most {-limit:.1f}°"
        )
        advice = rule is Daylight.ADVISE
        return [
            _broken(
                Condition.DAYLIGHT, why, measured=lowest, limit=limit, advice=advice
            )
        ]

    # -- airspace

    async def _airspace(self, launch: Launch) -> list[Violation]:
        """Whether others fly there: runs under way, whichever node has them."""
        mine = sweep_of(launch.plan)
        found = []
        for state in await self._store.unfinished_runs():
            theirs = await self._sweep(state)
            if theirs is not None and mine.meets(theirs):
                why = f"run {state.id} is {state.phase} in the same airspace"
                found.append(_broken(Condition.AIRSPACE, why))
        return found

    async def _sweep(self, state: RunState) -> Sweep | None:
        left = tuple(s.sortie_id for s in state.sorties if s.phase not in ENDED)
        key = (str(state.plan_id), tuple(map(str, left)))
        if key not in self._sweeps:
            try:
                plan = await self._store.plan(state.plan_id)
            except NotFound:
                return None
            sorties = tuple(s for s in plan.sorties if s.id in left)
            self._sweeps[key] = sweep_of(replace(plan, sorties=sorties))
        return self._sweeps[key]

    # -- the disk

    def _disk(self) -> list[Violation]:
        free, least = self._free_bytes(), self.rules.min_free_bytes
        if free is None or free >= least:
            return []
        why = (
            f"{free / 1e6:.0f} MB are free for the records of the run, at least"
            f" {least / 1e6:.0f} MB"
        )
        return [_broken(Condition.DISK, why, measured=float(free), limit=float(least))]
