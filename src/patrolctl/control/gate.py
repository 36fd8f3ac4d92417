"""The safety gate: nothing is uploaded or started that it did not pass."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from patrolctl.clock import Clock
from patrolctl.domain.errors import GateRefused
from patrolctl.domain.machines import FleetVehicle, VehicleProfile
from patrolctl.domain.mission import Mission
from patrolctl.domain.plan import Plan, Requirement
from patrolctl.domain.site import QuietHours, Site
from patrolctl.domain.violation import Severity, Violation
from patrolctl.safety import check_mission, check_plan, check_spot


def _is_quiet(span: QuietHours, minute: int) -> bool:
    if span.start_min <= span.end_min:
        return span.start_min <= minute < span.end_min
    return minute >= span.start_min or minute < span.end_min


def quiet_hours_broken(
    site: Site, zone: str | None, now_utc: datetime
) -> tuple[Violation, ...]:
    """The zones whose quiet hours it is, as violations."""
    local = now_utc.astimezone(ZoneInfo(site.time_zone))
    minute = local.hour * 60 + local.minute
    return tuple(
        Violation(
            sortie=None,
            seq=None,
            rule="quiet-hours",
            reason=f"zone {z.name} is quiet from {q.start_min // 60:02d}:"
            f"{q.start_min % 60:02d} to {q.end_min // 60:02d}:{q.end_min % 60:02d},"
            f" it is {local:%H:%M} {site.time_zone}",
        )
        for z in site.zones
        if zone in {None, z.id, z.name}
        for q in z.quiet_hours
        if _is_quiet(q, minute)
    )


def refusals(found: tuple[Violation, ...]) -> tuple[Violation, ...]:
    """Those that stop a launch."""
    return tuple(v for v in found if v.severity is Severity.REFUSE)


MaySay = Callable[[Plan], tuple[Violation, ...]]
Closed = Callable[[Site], Site]


def _nothing_closed(site: Site) -> Site:
    return site


def _anything(plan: Plan) -> tuple[Violation, ...]:
    del plan
    return ()


def _insist(found: tuple[Violation, ...]) -> tuple[Violation, ...]:
    if refused := refusals(found):
        raise GateRefused(refused)
    return found


class Gate:
    """Runs the independent checks off the event loop and insists on them.

    Args:
        clock: tells whether it is quiet hours.
        enforce_quiet_hours: False where the speakers are simulated and
            nobody hears them; the broken rule is then only advice.
        may_say: tells why a plan's announcement may not be said now.
        closed: lays airspace that is closed for a time over a site.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        enforce_quiet_hours: bool = True,
        may_say: MaySay = _anything,
        closed: Closed = _nothing_closed,
    ) -> None:
        self._closed = closed
        self._may_say = may_say
        self._clock = clock
        self._enforce_quiet_hours = enforce_quiet_hours

    async def plan_violations(self, plan: Plan, site: Site) -> tuple[Violation, ...]:
        """Everything the checker finds in the plan."""
        return await asyncio.to_thread(check_plan, plan, self._closed(site))

    def conditions(self, plan: Plan, site: Site) -> tuple[Violation, ...]:
        """What forbids announcing now."""
        return self._may_say(plan) + self._quiet(plan, site)

    def _quiet(self, plan: Plan, site: Site) -> tuple[Violation, ...]:
        if not any(i.cue for s in plan.sorties for i in s.items):
            return ()
        zone = plan.requirement.zone
        found = quiet_hours_broken(site, zone, self._clock.utc())
        if self._enforce_quiet_hours:
            return found
        return tuple(replace(v, severity=Severity.ADVISE) for v in found)

    async def insist_plan(self, plan: Plan, site: Site) -> tuple[Violation, ...]:
        """Pass, with what is to be advised, or raise.

        Raises:
            GateRefused: with every violation that stops a launch.
        """
        found = self._may_say(plan) + await self.plan_violations(plan, site)
        return _insist(found + self._quiet(plan, site))

    async def insist_mission(
        self,
        mission: Mission,
        site: Site,
        profile: VehicleProfile,
        requirement: Requirement,
    ) -> None:
        """Pass, or raise GateRefused: before each upload, launch and resume."""
        site = self._closed(site)
        _insist(
            await asyncio.to_thread(check_mission, mission, site, profile, requirement)
        )

    async def spot_violations(
        self,
        entry: FleetVehicle,
        site: Site,
        spot_m: tuple[float, float, float],
        max_level_db: float,
    ) -> tuple[Violation, ...]:
        """What forbids announcing now where a vehicle is, without any plan.

        Args:
            entry: the vehicle, for how loud it is.
            site: its quiet hours (of every zone) and façades.
            spot_m: its loudspeaker in site ENU.
            max_level_db: the mission's cap.
        """
        quiet = quiet_hours_broken(site, None, self._clock.utc())
        loud = await asyncio.to_thread(
            check_spot, site, entry.kind, spot_m, entry.speaker, max_level_db
        )
        return loud + (quiet if self._enforce_quiet_hours else ())
