"""What was missed is followed until it is reached."""

import asyncio
import json
from dataclasses import replace

import pytest

from patrolctl.control.aftermath.gaps import Gaps, Shelf
from patrolctl.domain.alerts import AlertKind
from patrolctl.domain.errors import Conflict, NotFound
from patrolctl.domain.gaps import GapDeed, GapState, Rerun
from patrolctl.domain.ids import PlanId, RunId
from patrolctl.domain.run import Phase

R1 = RunId("r1")


async def until(done) -> None:
    """Wait for another task's work on the database."""
    async with asyncio.timeout(10):
        while not await done():  # noqa: ASYNC110 - the database tells no event
            await asyncio.sleep(0.01)


async def settled(court, deed: GapDeed):
    async def done() -> bool:
        gap = await court.store.aftermath.gap(R1)
        return any(s.deed is deed for s in gap.steps)

    await until(done)
    return await court.store.aftermath.gap(R1)


async def test_a_run_that_missed_nobody_opens_no_gap(court):
    evidence = await court.flown("r1", "EW")
    await court.gaps.follow_up(evidence)
    assert await court.store.aftermath.gaps() == ()
    with pytest.raises(NotFound):
        await court.gaps.gap(R1)


async def test_what_was_missed_is_named_and_told(court):
    watcher = court.feed.subscribe()
    await court.gaps.follow_up(await court.flown("r1", "E"))
    gap = await court.gaps.gap(R1)
    assert gap.state is GapState.OPEN
    assert len(gap.missing.households) == 4
    assert all(h.startswith("west/") for h in gap.missing.households)
    (alert,) = await court.store.aftermath.alerts()
    assert alert.kind is AlertKind.GAP_OPENED
    assert alert.site_id == "court"
    told = [await anext(watcher) for _ in range(2)]
    assert [kind for kind, _ in told] == ["gap", "alert"]
    assert json.loads(told[0][1])["missing_households"] == 4


async def test_following_up_again_changes_nothing(court):
    evidence = await court.flown("r1", "E")
    for _ in range(3):
        await court.gaps.follow_up(evidence)
    assert len(await court.store.aftermath.gaps()) == 1
    assert len((await court.gaps.gap(R1)).steps) == 1
    assert len(await court.store.aftermath.alerts()) == 1


async def test_late_reports_close_the_gap_of_their_own_run(court):
    await court.gaps.follow_up(await court.flown("r1", "E"))
    better = await court.flown("r1", "EW")
    await court.gaps.follow_up(better)
    gap = await court.gaps.gap(R1)
    assert gap.state is GapState.CLOSED
    assert gap.missing.receivers == ()


async def test_any_later_run_of_the_message_takes_away_what_it_reached(court):
    await court.gaps.follow_up(await court.flown("r1", ""))
    assert len((await court.gaps.gap(R1)).missing.households) == 8
    await court.gaps.follow_up(await court.flown("r2", "E"))
    left = await court.gaps.gap(R1)
    assert left.state is GapState.OPEN
    assert len(left.missing.households) == 4
    reached = left.steps[-1]
    assert (reached.deed, reached.run_id) == (GapDeed.REACHED, "r2")
    await court.gaps.follow_up(await court.flown("r3", "W"))
    assert (await court.gaps.gap(R1)).state is GapState.CLOSED
    kinds = [a.kind for a in await court.store.aftermath.alerts()]
    assert kinds[0] is AlertKind.GAP_OPENED  # r3 missed the east
    assert AlertKind.GAP_CLOSED in kinds


async def test_a_run_for_the_rest_opens_no_gap_of_its_own(court):
    await court.gaps.follow_up(await court.flown("r1", ""))
    rest = court.plan_of("EW", parent="r1")
    await court.gaps.follow_up(await court.flown("r2", "E", plan=rest, plan_id="rest"))
    assert [g.id for g in await court.store.aftermath.gaps()] == ["r1"]
    assert (await court.gaps.gap(RunId("r2"))).id == "r1"


async def test_people_acknowledge_note_and_close(court):
    await court.gaps.follow_up(await court.flown("r1", "E"))
    await court.gaps.acknowledge(R1, "li", "seen")
    await court.gaps.acknowledge(R1, "wang", "called the doorman")
    gap = await court.gaps.gap(R1)
    assert gap.state is GapState.ACKNOWLEDGED
    assert gap.acknowledged_by == "li"
    closed = await court.gaps.close(R1, "li", "told at the door")
    deeds = [(s.actor, s.deed) for s in closed.steps]
    assert deeds == [
        ("service", GapDeed.OPENED),
        ("li", GapDeed.ACKNOWLEDGED),
        ("wang", GapDeed.NOTED),
        ("li", GapDeed.CLOSED),
    ]
    for again in (
        court.gaps.close(R1, "li", "again"),
        court.gaps.acknowledge(R1, "li", "again"),
        court.gaps.rerun(R1, "li"),
    ):
        with pytest.raises(Conflict, match="closed"):
            await again
    audit = {(a.actor, a.action) for a in await court.store.audit_log()}
    assert ("li", "gap closed") in audit
    assert ("wang", "gap noted") in audit


async def test_the_rest_is_offered_and_not_launched(court):
    async with court.gaps.open():
        await court.gaps.follow_up(await court.flown("r1", "E"))
        job = await court.gaps.rerun(R1, "li")
        assert (job.order.mission_id, job.order.rerun_of) == ("court", "r1")
        gap = await settled(court, GapDeed.PLANNED)
        assert gap.steps[-1].plan_id == "rest"
        assert court.runs.launched == []


async def test_the_rest_is_launched_when_that_is_asked_for(court):
    async with court.gaps.open():
        await court.gaps.follow_up(await court.flown("r1", "E"))
        await court.gaps.rerun(R1, "li", launch=True, authority="order 9")
        gap = await settled(court, GapDeed.LAUNCHED)
        assert gap.steps[-1].run_id == "rerun-1"
        (order,) = court.runs.launched
        assert (order.plan_id, order.actor, order.authority) == (
            "rest",
            "li",
            "order 9",
        )


async def test_why_the_rest_was_not_planned_or_launched_is_noted(court):
    async with court.gaps.open():
        await court.gaps.follow_up(await court.flown("r1", "E"))
        court.planner.plan_id = None
        await court.gaps.rerun(R1, "li", launch=True)
        gap = await settled(court, GapDeed.NOTED)
        assert gap.steps[-1].text == "no plan for the rest: no way"
        court.planner.plan_id = PlanId("rest")
        court.runs.refuse = Conflict("drone-1 is busy")
        await court.gaps.rerun(R1, "li", launch=True)

        async def told() -> bool:
            return "busy" in (await court.gaps.gap(R1)).steps[-1].text

        await until(told)


@pytest.mark.parametrize(("rule", "launched"), [(Rerun.LAUNCH, 1), (Rerun.OFFER, 0)])
async def test_a_schedule_says_whether_it_flies_again_by_itself(court, rule, launched):
    court.policy["morning"] = rule
    async with court.gaps.open():
        evidence = await court.flown("r1", "E", schedule_id="morning")
        await court.gaps.follow_up(evidence)
        await asyncio.sleep(0)
        await court.clock.advance(600.0, step_s=10.0)
        if launched:
            await settled(court, GapDeed.LAUNCHED)
        assert len(court.planner.orders) == launched
        # Its rest opens no gap, so that nothing is flown for ever.
        rest = court.plan_of("EW", parent="r1")
        await court.gaps.follow_up(
            await court.flown(
                "r2", "", plan=rest, plan_id="rest", schedule_id="morning"
            )
        )
        assert len(court.planner.orders) == launched


async def test_a_run_of_a_person_is_never_flown_again_by_itself(court):
    async with court.gaps.open():
        await court.gaps.follow_up(await court.flown("r1", "E"))
        assert court.planner.orders == []


async def test_what_is_proved_while_it_listens_is_followed_up(court):
    async with court.gaps.open():
        await asyncio.sleep(0)
        court.runs.proved.send(await court.flown("r1", "E"))
        await until(court.store.aftermath.followed)
        assert (await court.gaps.gap(R1)).state is GapState.OPEN


async def test_after_a_restart_what_was_proved_before_is_followed_up(court):
    await court.flown("r1", "E")
    await court.flown("r2", "", phase=Phase.RUNNING)
    async with court.gaps.open():
        await until(court.store.aftermath.followed)
    assert await court.store.aftermath.followed() == {"r1"}
    assert (await court.gaps.gap(R1)).missing.receivers


async def test_another_message_or_site_leaves_a_gap_alone(court):
    await court.gaps.follow_up(await court.flown("r1", ""))
    other = court.plan_of()
    other = replace(
        other, announcement=replace(other.announcement, id="another"), seed=9
    )
    await court.gaps.follow_up(
        await court.flown("r2", "EW", plan=other, plan_id="other")
    )
    assert len((await court.gaps.gap(R1)).missing.households) == 8


async def test_a_gap_whose_site_is_gone_is_told_in_the_log(court, caplog):
    evidence = await court.flown("r1", "E")
    court.library.briefs.clear()
    shelf = Shelf(
        court.library, court.planner, court.runs, court.store, court.store.aftermath
    )
    gaps = Gaps(shelf, court.ledger, court.gaps._bulletin, court.clock)
    async with gaps.open():
        await asyncio.sleep(0)
        court.runs.proved.send(evidence)

        async def logged() -> bool:
            return "not followed up" in caplog.text

        await until(logged)
