"""The ledger: what households had today, and what they may not have more."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from patrolctl.control.conditions.exposure import (
    Ledger,
    Promise,
    laeq_24h_db,
    local_day,
)
from patrolctl.control.conditions.thinning import LEFT_OUT
from patrolctl.control.running.promised import promises_at
from patrolctl.domain.errors import GateRefused
from patrolctl.domain.exposure import (
    Excess,
    ExposureCaps,
    HouseholdDose,
    RunExposure,
)
from patrolctl.domain.ids import PlanId, RunId
from patrolctl.domain.run import Phase, RunState
from patrolctl.domain.violation import Severity
from patrolctl.evidence import RunRecord


async def noted(court, run_id: str, heard: str, **more):
    """Fly and enter into the ledger."""
    evidence = await court.flown(run_id, heard, **more)
    plan = await court.store.plan(PlanId(evidence.plan_id))
    record = RunRecord(
        evidence.run_id, PlanId(evidence.plan_id), plan,
        await court.store.track(evidence.run_id),
        await court.store.playbacks(evidence.run_id), 0, court.clock.utc(),
    )  # fmt: skip
    return await court.ledger.note(record, court.site)


def ledger_of(court, **caps) -> Ledger:
    return Ledger(court.store.aftermath, court.clock, ExposureCaps(**caps))


async def test_a_run_is_entered_household_by_household(court):
    await noted(court, "r1", "E")
    day = await court.ledger.day(court.site)
    assert (day.runs, day.day) == (1, local_day(court.site, court.clock.utc()))
    got = {h.household: h for h in day.households}
    assert all(h.repeats == 1 for h in got.values())
    east = got["east/3-2"]
    # 105 dB at 1 m, 24.5 m away, 20 of 86,400 s.
    told = 105 - 20 * math.log10(24.5) + 10 * math.log10(20 / 86_400)
    assert east.laeq_24h_db == pytest.approx(told, abs=1.0)
    assert east.loudest_db == pytest.approx(told + 36.4, abs=1.0)


async def test_runs_add_up_within_a_day_of_the_site(court):
    await noted(court, "r1", "EW")
    await noted(court, "r2", "EW")
    day = await court.ledger.day(court.site)
    assert day.runs == 2
    first = (await court.store.aftermath.exposures("court", day.day))[0]
    one = {d.household: d for d in first.doses}
    for h in day.households:
        assert h.runs == 2
        assert h.repeats == 2 * one[h.household].repeats
        assert h.laeq_24h_db == pytest.approx(
            laeq_24h_db(2 * one[h.household].energy), abs=0.06
        )


async def test_the_same_run_again_is_entered_once(court):
    await noted(court, "r1", "E")
    await noted(court, "r1", "E")
    assert (await court.ledger.day(court.site)).households[0].runs == 1


def test_the_day_is_the_sites(court):
    before, after = (
        datetime(2026, 3, 1, h, 30, tzinfo=UTC) for h in (15, 16)
    )  # 23:30 and 00:30 in Shanghai
    assert local_day(court.site, before) != local_day(court.site, after)


async def test_the_night_begins_a_new_day(court):
    await noted(court, "r1", "E")
    today = (await court.ledger.day(court.site)).day
    await court.clock.advance(86_400, step_s=3600)
    assert (await court.ledger.day(court.site)).households == ()
    assert (await court.ledger.day(court.site, today)).runs == 1


async def test_a_run_that_never_sounded_is_not_entered(court):
    assert await noted(court, "r1", "") is None
    assert (await court.ledger.day(court.site)).runs == 0


async def test_a_plan_within_the_caps_is_admitted_as_it_is(court):
    plan = court.plan_of()
    admitted = await court.ledger.admit(plan, court.site)
    assert admitted.plan is plan
    assert admitted.advice == ()
    assert admitted.id_after(PlanId("p"), plan) == "p"


@pytest.mark.parametrize(
    ("caps", "rule"),
    [({"repeats": 1}, "exposure-day-repeats"),
     ({"laeq_24h_db": 40.5}, "exposure-day-level")],
)  # fmt: skip
async def test_one_too_many_is_refused_and_the_households_named(court, caps, rule):
    plan = court.plan_of("E")
    ledger = ledger_of(court, **caps)
    await ledger.admit(plan, court.site)
    await noted(court, "r1", "E", plan=plan)
    with pytest.raises(GateRefused) as refused:
        await ledger.admit(plan, court.site)
    (violation,) = refused.value.violations
    assert violation.rule == rule
    assert violation.severity is Severity.REFUSE
    assert "east/3-2" in violation.reason
    assert violation.measured > violation.limit
    await court.clock.advance(86_400, step_s=3600)
    assert (await ledger.admit(plan, court.site)).plan is plan


async def test_what_runs_under_way_will_say_counts_until_it_is_entered(court):
    plan = court.plan_of("E")
    under_way = [Promise(RunId("r1"), plan)]

    async def promises(site_id: str) -> list[Promise]:
        assert site_id == court.site.id
        return under_way

    ledger = Ledger(
        court.store.aftermath, court.clock, ExposureCaps(repeats=1), promises=promises
    )
    with pytest.raises(GateRefused, match="up to 2 of 1 messages") as refused:
        await ledger.admit(plan, court.site)
    assert "east/3-2" in str(refused.value)
    # It said nothing in the end, and is in the books with less than it promised.
    day = local_day(court.site, court.clock.utc())
    await court.store.aftermath.save_exposure(
        RunExposure(RunId("r1"), court.site.id, day, ())
    )
    assert (await ledger.admit(plan, court.site)).plan is plan


async def test_promises_are_those_of_runs_not_proved_yet_at_the_site(court):
    async def promised(site: str = "court") -> list[str]:
        found = await promises_at(site, court.store, court.library, court.clock)
        return [p.run_id for p in found]

    await court.store.save_plan(PlanId("p"), court.plan_of("EW"))
    now = court.clock.utc()
    states = {
        "flies": RunState(RunId("flies"), PlanId("p"), now, Phase.RUNNING),
        "ended": RunState(RunId("ended"), PlanId("p"), now, Phase.FINISHED),
        "old": RunState(RunId("old"), PlanId("p"), now - timedelta(2), Phase.RUNNING),
    }
    for state in states.values():
        await court.store.save_run(state, None)
    assert sorted(await promised()) == ["ended", "flies"]
    assert await promised("elsewhere") == []
    evidence = await court.flown("ended", "E")
    assert evidence.run_id == "ended"
    assert await promised() == ["flies"]


async def test_a_single_plan_can_be_too_much(court):
    with pytest.raises(GateRefused, match="of 3 messages"):
        await ledger_of(court, repeats=3).admit(
            court.plan_of("E", repeats=4), court.site
        )


async def test_where_nobody_hears_it_is_only_advice(court):
    ledger = Ledger(
        court.store.aftermath, court.clock, ExposureCaps(repeats=1), enforce=False
    )
    plan = court.plan_of("E", repeats=2)
    admitted = await ledger.admit(plan, court.site)
    assert admitted.plan is plan
    assert admitted.advice[0].severity is Severity.ADVISE


async def fill(court, side: str, repeats: int) -> None:
    """The households of a side had this many messages today."""
    homes = [f"{side}/{f}-{n}" for f in range(1, 5) for n in (1, 2)]
    doses = tuple(HouseholdDose(h, 1.0, repeats, 60.0) for h in homes)
    day = local_day(court.site, court.clock.utc())
    await court.store.aftermath.save_exposure(
        RunExposure(RunId(f"before-{side}"), "court", day, doses)
    )


async def test_thinning_leaves_out_what_the_full_would_hear(court):
    await fill(court, "west", 5)
    ledger = ledger_of(court, repeats=5, excess=Excess.THIN)
    plan = court.plan_of()
    admitted = await ledger.admit(plan, court.site)
    cues = [i.station for s in admitted.plan.sorties for i in s.items if i.cue]
    assert cues == ["E"]
    assert len(admitted.plan.sorties[0].items) == len(plan.sorties[0].items)
    left = {r.building_id for r in admitted.plan.receivers if not r.reached}
    assert left == {"west"}
    assert {r.reason for r in admitted.plan.receivers if not r.reached} == {LEFT_OUT}
    assert "1 of 2 messages are left out" in admitted.advice[0].reason
    assert admitted.id_after(PlanId("p"), plan).startswith("p-thin-")


async def test_when_all_would_have_to_go_it_is_refused(court):
    await fill(court, "west", 5)
    await fill(court, "east", 5)
    ledger = ledger_of(court, repeats=5, excess=Excess.THIN)
    with pytest.raises(GateRefused, match="8 households"):
        await ledger.admit(court.plan_of(), court.site)


async def test_a_silent_plan_needs_no_ledger(court):
    plan = court.plan_of()
    quiet = tuple(
        replace(s, items=tuple(replace(i, cue=None) for i in s.items))
        for s in plan.sorties
    )
    silent = replace(plan, sorties=quiet)
    court.store.broken = True
    assert (await court.ledger.admit(silent, court.site)).plan is silent


def test_levels_over_a_day():
    assert laeq_24h_db(86_400 * 10**7) == pytest.approx(70.0)
    assert timedelta(days=1).total_seconds() == 86_400
