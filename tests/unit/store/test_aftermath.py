"""Gaps, exposure and alerts in both databases."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from patrolctl.clock import ManualClock
from patrolctl.domain.alerts import Alert, AlertKind, AlertLevel
from patrolctl.domain.errors import NotFound
from patrolctl.domain.exposure import HouseholdDose, RunExposure
from patrolctl.domain.gaps import Gap, GapDeed, GapState, GapStep, Missing
from patrolctl.domain.ids import PlanId, ReceiverId, RunId
from patrolctl.domain.plan import PlanKind
from patrolctl.store import open_store

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
DAY = date(2026, 3, 1)


def gap(name: str, hours: int = 0) -> Gap:
    missing = Missing((ReceiverId("b/1/1"),), ("b/1-1",))
    return Gap(
        RunId(name), "site", PlanId("p"), PlanKind.DRONE, "a",
        NOW + timedelta(hours=hours), missing, missing,
        steps=(GapStep(NOW, "service", GapDeed.OPENED, "1 receiver"),),
    )  # fmt: skip


async def test_gaps_are_kept_as_they_are_now(place):
    async with open_store(place, ManualClock()) as store:
        books = store.aftermath
        with pytest.raises(NotFound):
            await books.gap(RunId("r1"))
        for k in range(3):
            await books.save_gap(gap(f"r{k}", k))
        closed = replace(gap("r1", 1), state=GapState.CLOSED, missing=Missing())
        await books.save_gap(closed)
        assert await books.gap(RunId("r1")) == closed
        assert [g.id for g in await books.gaps()] == ["r2", "r1", "r0"]
        assert [g.id for g in await books.gaps(state=GapState.OPEN)] == ["r2", "r0"]
        assert [g.id for g in await books.gaps(limit=1)] == ["r2"]
    async with open_store(place, ManualClock()) as store:
        assert await store.aftermath.gap(RunId("r1")) == closed


async def test_a_runs_exposure_is_kept_once_and_found_by_its_day(place):
    dose = HouseholdDose("b/1-1", 1.5e9, 2, 71.5)
    async with open_store(place, ManualClock()) as store:
        books = store.aftermath
        first = RunExposure(RunId("r1"), "site", DAY, (dose,))
        await books.save_exposure(replace(first, doses=()))
        await books.save_exposure(first)
        await books.save_exposure(
            replace(first, run_id=RunId("r2"), day=DAY + timedelta(days=1))
        )
        await books.save_exposure(replace(first, run_id=RunId("r3"), site_id="other"))
        assert await books.exposures("site", DAY) == (first,)
        assert await books.exposures("nowhere", DAY) == ()


async def test_an_alert_is_new_once(place):
    alert = Alert("a1", NOW, "site", AlertKind.VEHICLE, AlertLevel.URGENT, "low")
    async with open_store(place, ManualClock()) as store:
        books = store.aftermath
        assert await books.add_alert(alert) is True
        assert await books.add_alert(alert) is False
        assert await books.add_alert(replace(alert, id="a2")) is True
        assert [a.id for a in await books.alerts()] == ["a2", "a1"]
        assert [a.id for a in await books.alerts(limit=1)] == ["a2"]


async def test_a_run_is_followed_up_once(place):
    async with open_store(place, ManualClock()) as store:
        for _ in range(2):
            await store.aftermath.mark_followed(RunId("r1"))
        assert await store.aftermath.followed() == {"r1"}
