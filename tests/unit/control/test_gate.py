from dataclasses import replace
from datetime import UTC, datetime

import pytest
from shapely import box

from patrolctl.clock import ManualClock
from patrolctl.control.gate import Gate, quiet_hours_broken
from patrolctl.domain.errors import GateRefused
from patrolctl.domain.site import QuietHours, Zone, ZoneClass
from patrolctl.domain.violation import Severity, Violation

ADVICE = Violation(None, None, "wind", "it is gusty", Severity.ADVISE)
REFUSAL = Violation("s1", 3, "no-fly", "crosses the school")


def quiet_site(site, *spans: tuple[int, int]):
    zone = Zone(
        "z",
        "Court",
        ZoneClass.CONTROLLED,
        box(0, 0, 1, 1),
        tuple(QuietHours(*s) for s in spans),
    )
    return replace(site, zones=(zone,))


@pytest.mark.parametrize(
    ("hour_utc", "quiet"),
    [(13, False), (14, True), (16, True), (21, True), (22, False), (4, False)],
)
def test_a_span_across_midnight_in_the_sites_time(make, hour_utc, quiet) -> None:
    site = quiet_site(make.site, (22 * 60, 6 * 60))  # 14:00 to 22:00 UTC
    now = datetime(2026, 1, 5, hour_utc, tzinfo=UTC)
    assert bool(quiet_hours_broken(site, None, now)) is quiet
    assert not quiet_hours_broken(site, "another zone", now)


class Fixed(Gate):
    found: tuple[Violation, ...] = ()

    async def plan_violations(self, plan, site):
        return self.found


async def test_quiet_hours_refuse_unless_nobody_hears_it(make) -> None:
    site = quiet_site(make.site, (0, 24 * 60))
    plan = make.plan(make.copter("s1"))
    with pytest.raises(GateRefused, match="quiet"):
        await Fixed(ManualClock()).insist_plan(plan, site)
    told = await Fixed(ManualClock(), enforce_quiet_hours=False).insist_plan(plan, site)
    assert [v.rule for v in told] == ["quiet-hours"]
    assert [v.severity for v in told] == [Severity.ADVISE]
    # The check that people see says the same.
    gate = Fixed(ManualClock(), enforce_quiet_hours=False)
    assert gate.conditions(plan, site) == told


async def test_a_plan_that_says_nothing_may_fly_at_night(make) -> None:
    site = quiet_site(make.site, (0, 24 * 60))
    assert not await Fixed(ManualClock()).insist_plan(
        make.plan(make.copter("s1", stations=0)), site
    )


async def test_advice_passes_and_refusals_do_not(make) -> None:
    gate = Fixed(ManualClock())
    gate.found = (ADVICE,)
    assert await gate.insist_plan(make.plan(), make.site) == (ADVICE,)
    gate.found = (ADVICE, REFUSAL)
    with pytest.raises(GateRefused) as refused:
        await gate.insist_plan(make.plan(), make.site)
    assert refused.value.violations == (REFUSAL,)
