"""Late reports are waited for before anything is flown again; people are reminded."""

import asyncio

import pytest

from patrolctl.control.aftermath.gaps import Gaps, Shelf
from patrolctl.control.aftermath.reminders import Reminders
from patrolctl.domain.alerts import AlertKind
from patrolctl.domain.errors import Conflict
from patrolctl.domain.gaps import FollowUp, GapDeed, GapState, Rerun
from patrolctl.domain.ids import RunId

R1 = RunId("r1")
END_S = 60.0  # a run of the court ends so long after it began


async def pass_s(court, seconds: float) -> None:
    await asyncio.sleep(0)
    await court.clock.advance(seconds, step_s=5.0)
    await asyncio.sleep(0.05)  # the database answers from a thread


async def ordered(court) -> list[object]:
    """What was ordered; the database may take its time."""
    async with asyncio.timeout(20):
        while not court.planner.orders:  # noqa: ASYNC110 - the planner is a list
            await asyncio.sleep(0.02)
    return court.planner.orders


async def missed(court, heard: str = "E"):
    """A run of a schedule that spoke only at some of its stations."""
    court.policy.setdefault("morning", Rerun.LAUNCH)
    evidence = await court.flown("r1", heard, schedule_id="morning")
    await court.gaps.follow_up(evidence)


async def deeds(court) -> list[GapDeed]:
    return [s.deed for s in (await court.store.aftermath.gap(R1)).steps]


async def test_it_waits_for_its_grace_and_then_flies_what_is_missing(court):
    async with court.gaps.open():
        await missed(court)
        await pass_s(court, 290.0)
        assert court.planner.orders == []
        await pass_s(court, 20.0)
        async with asyncio.timeout(5):
            while not court.runs.launched:  # noqa: ASYNC110 - the fake tells no event
                await asyncio.sleep(0.01)
        gap = await court.store.aftermath.gap(R1)
        noted = next(s for s in gap.steps if s.deed is GapDeed.NOTED)
        assert noted.actor == "schedule morning"
        assert "late reports have had 300 s" in noted.text


async def test_what_was_only_reported_late_is_not_flown_again(court):
    """The loudspeaker of W had no link: its report comes within the grace."""
    async with court.gaps.open():
        await missed(court)
        await pass_s(court, 200.0)
        await court.gaps.follow_up(await court.flown("r1", "EW", schedule_id="morning"))
        assert (await court.store.aftermath.gap(R1)).state is GapState.CLOSED
        await pass_s(court, 400.0)
        assert court.planner.orders == []
        assert court.runs.launched == []


async def test_of_what_came_in_part_only_the_rest_is_flown(court):
    async with court.gaps.open():
        await missed(court, "")
        all_missing = (await court.store.aftermath.gap(R1)).missing
        await pass_s(court, 100.0)
        await court.gaps.follow_up(await court.flown("r1", "E", schedule_id="morning"))
        left = (await court.store.aftermath.gap(R1)).missing
        assert 0 < len(left.receivers) < len(all_missing.receivers)
        await pass_s(court, 300.0)
        (order,) = await ordered(court)
        assert order.rerun_of == R1  # the planner takes what is missing then


async def test_a_policy_that_was_changed_meanwhile_holds(court):
    async with court.gaps.open():
        await missed(court)
        court.policy["morning"] = Rerun.OFFER
        await pass_s(court, 400.0)
        assert court.planner.orders == []


async def test_a_restart_within_the_grace_goes_on_waiting(court):
    async with court.gaps.open():
        await missed(court)
        await pass_s(court, 100.0)
    async with court.gaps.open():
        await pass_s(court, 150.0)
        assert court.planner.orders == []
        await pass_s(court, 120.0)
        assert len(await ordered(court)) == 1
    # Begun is begun: it is not done a second time, whatever became of it.
    async with court.gaps.open():
        await pass_s(court, 600.0)
        assert len(await ordered(court)) == 1


async def test_another_nodes_gap_is_left_to_it(court):
    await court.gaps.follow_up(await court.flown("r1", "E", schedule_id="morning"))
    court.policy["morning"] = Rerun.LAUNCH
    by = court.gaps._by
    shelf = Shelf(
        by.library, by.planner, by.runs, by.store, by.aftermath, ours=lambda _: False
    )
    other = Gaps(
        shelf,
        court.ledger,
        court.gaps._bulletin,
        court.clock,
        policy=court.gaps._policy,
    )
    async with other.open():
        await pass_s(court, 600.0)
        assert court.planner.orders == []


async def test_off_flies_nothing_again_not_for_a_person_either(court):
    court.policy["morning"] = Rerun.OFF
    async with court.gaps.open():
        await missed(court)
        await pass_s(court, 600.0)
        assert court.planner.orders == []
        with pytest.raises(Conflict, match="schedule morning has its runs not flown"):
            await court.gaps.rerun(R1, "li")
        assert (await court.gaps.acknowledge(R1, "li", "seen")).acknowledged_by == "li"


# -- reminders


def reminders(court, **more) -> Reminders:
    return Reminders(
        court.store.aftermath,
        court.gaps._bulletin,
        court.clock,
        policy=court.gaps._policy,
        habits=FollowUp(remind_s=600.0),
        **more,
    )


async def reminded(court) -> list[str]:
    alerts = await court.store.aftermath.alerts()
    return [a.text for a in alerts if a.kind is AlertKind.GAP_REMINDER]


async def test_a_gap_that_nobody_acknowledged_is_told_of_again_and_again(court):
    await court.gaps.follow_up(await court.flown("r1", "E"))
    one, other = reminders(court), reminders(court)  # a second node
    watcher = court.feed.subscribe()
    for minute in range(31):
        await one.look()
        await other.look()
        expected = minute // 10
        assert len(await reminded(court)) == expected, minute
        await court.clock.advance(60.0, step_s=10.0)
    text = (await reminded(court))[0]
    assert "for 30 min nobody has acknowledged that r1 missed" in text
    kind, raw = await anext(watcher)
    assert (kind, b"gap_reminder" in raw) == ("alert", True)


@pytest.mark.parametrize("how", ["acknowledge", "close"])
async def test_it_ends_when_somebody_has_seen_or_closed_it(court, how):
    await court.gaps.follow_up(await court.flown("r1", "E"))
    desk = reminders(court)
    await court.clock.advance(601.0, step_s=10.0)
    await desk.look()
    assert len(await reminded(court)) == 1
    await getattr(court.gaps, how)(R1, "li", "seen to")
    await court.clock.advance(3600.0, step_s=60.0)
    await desk.look()
    assert len(await reminded(court)) == 1


async def test_nobody_is_reminded_of_what_a_schedule_has_off(court):
    court.policy["morning"] = Rerun.OFF
    await court.gaps.follow_up(await court.flown("r1", "E", schedule_id="morning"))
    await court.clock.advance(3600.0, step_s=60.0)
    await reminders(court).look()
    assert await reminded(court) == []


async def test_a_database_that_fails_ends_no_reminding(court, monkeypatch):
    await court.gaps.follow_up(await court.flown("r1", "E"))
    desk = reminders(court)
    looks = 0

    async def broken() -> None:
        nonlocal looks
        looks += 1
        raise Conflict("database away")

    monkeypatch.setattr(desk, "look", broken)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(desk.run())
        await asyncio.sleep(0)
        await court.clock.advance(46.0, step_s=5.0)
        task.cancel()
    assert looks == 4
