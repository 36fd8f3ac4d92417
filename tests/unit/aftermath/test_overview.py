"""Situation, trend, and alerts that come once."""

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace

from patrolctl.control.aftermath.alerts import Bulletin, Watch
from patrolctl.control.aftermath.overview import Overviews
from patrolctl.domain.alerts import AlertKind, AlertLevel
from patrolctl.domain.ids import PlanId, RunId, SortieId, VehicleId
from patrolctl.domain.machines import FleetVehicle, LinkState, VehicleKind
from patrolctl.domain.run import Phase, RunEvent, RunState, SortieRun
from patrolctl.domain.telemetry import EventKind, Telemetry, VehicleEvent


@dataclass
class Fleet:
    """Two drones of the court, one out."""

    clock: object

    def views(self):
        out = []
        for name, armed, link in (
            ("d1", True, LinkState.LIVE),
            ("d2", False, LinkState.LOST),
            ("stranger", True, LinkState.LIVE),
        ):
            entry = FleetVehicle(VehicleId(name), VehicleKind.COPTER)
            sample = Telemetry(
                entry.id, entry.kind, self.clock.utc(), link, armed=armed
            )
            out.append(SimpleNamespace(entry=entry, telemetry=sample, sortie=None))
        return out


def overviews(court) -> Overviews:
    brief = court.library.briefs["court"]
    fleet = tuple(FleetVehicle(VehicleId(n), VehicleKind.COPTER) for n in ("d1", "d2"))
    court.library.briefs["court"] = type(brief)(
        brief.name, brief.site, brief.announcements, fleet
    )
    return Overviews(
        court.library, Fleet(court.clock), court.runs, court.store,
        court.store.aftermath, court.clock,
    )  # fmt: skip


async def test_the_situation_is_that_of_the_site(court):
    court.runs.under_way = (
        RunState(
            RunId("r9"), PlanId("p"), court.clock.utc(), Phase.RUNNING,
            (SortieRun(SortieId("F1"), VehicleId("d1"), Phase.RUNNING, 2, 4),),
        ),
    )  # fmt: skip
    await court.gaps.follow_up(await court.flown("r1", "E"))
    (site,) = (await overviews(court).overview()).sites
    s = site.situation
    assert (site.site_id, site.name) == ("court", "Court")
    assert (s.vehicles, s.vehicles_live, s.vehicles_out) == (2, 1, 1)
    assert (s.gaps_open, s.households_missing) == (1, 4)
    (run,) = s.runs
    assert (run.id, run.phase, run.vehicles) == ("r9", Phase.RUNNING, ("d1",))
    assert run.progress_ratio == 0.5


async def test_the_trend_is_day_by_day_at_the_site(court):
    for day in range(3):
        await court.flown(f"a{day}", "EW")
        await court.flown(f"b{day}", "EW"[: day % 2 + 1], phase=Phase.ABORTED)
        await court.clock.advance(86_400, step_s=3600)
    found = await overviews(court).overview(days=14)
    trend = found.sites[0].trend
    assert [d.runs for d in trend] == [2, 2, 2]
    assert [d.finished for d in trend] == [1, 1, 1]
    assert [d.ratio for d in trend] == [0.75, 1.0, 0.75]
    assert trend[0].households_reached == 12
    assert trend[1].day - trend[0].day == timedelta(days=1)
    few = await overviews(court).overview(days=1)
    assert len(few.sites[0].trend) <= 2


async def test_late_evidence_changes_the_trend_of_a_fresh_run(court):
    view = overviews(court)
    await court.flown("r1", "E")
    assert (await view.overview()).sites[0].trend[0].ratio == 0.5
    await court.flown("r1", "EW")
    assert (await view.overview()).sites[0].trend[0].ratio == 1.0


async def test_open_gaps_and_alerts_are_in_it_and_closed_ones_are_not(court):
    await court.gaps.follow_up(await court.flown("r1", "E"))
    found = await overviews(court).overview()
    assert [g.id for g in found.gaps] == ["r1"]
    assert [a.kind for a in found.alerts] == [AlertKind.GAP_OPENED]
    await court.gaps.close(RunId("r1"), "li", "told at the door")
    found = await overviews(court).overview()
    assert found.gaps == ()
    assert found.alerts[0].kind is AlertKind.GAP_CLOSED


class Outlet:
    """What MQTT would get."""

    def __init__(self) -> None:
        self.alerts: list[object] = []
        self.gaps: list[object] = []

    async def alert(self, alert: object) -> None:
        self.alerts.append(alert)

    async def gap(self, head: object) -> None:
        self.gaps.append(head)


def fact(court, kind: EventKind, name: str = "e1") -> VehicleEvent:
    return VehicleEvent(name, court.clock.utc(), VehicleId("d1"), kind, "battery low")


async def test_what_is_alarming_is_pushed_once(court):
    outlet = Outlet()
    bulletin = Bulletin(court.store.aftermath, court.feed, court.clock, outlet)
    watch = Watch({VehicleId("d1"): "court"})
    watcher = court.feed.subscribe()
    for event in (
        fact(court, EventKind.STEP, "e0"),
        fact(court, EventKind.FAILSAFE),
        fact(court, EventKind.FAILSAFE),  # told again
    ):
        await watch.vehicle_event(event)
    failed = RunState(
        RunId("r1"), PlanId("p"), court.clock.utc(), Phase.FAILED,
        (SortieRun(SortieId("F1"), VehicleId("d1"), Phase.FAILED),), reason="lost",
    )  # fmt: skip
    event = RunEvent("x", court.clock.utc(), failed.id, "lost", SortieId("F1"))
    await watch.run_event(event, failed)
    await watch.run_event(event, failed)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(watch.push(bulletin))
        told = [await anext(watcher) for _ in range(2)]
        task.cancel()
    assert [a.kind for a in outlet.alerts] == [
        AlertKind.VEHICLE,
        AlertKind.RUN_BROKE_OFF,
    ]
    assert {a.level for a in outlet.alerts} == {AlertLevel.URGENT}
    assert {a.site_id for a in outlet.alerts} == {"court"}
    assert [json.loads(raw)["text"] for _, raw in told] == [
        "d1: failsafe: battery low",
        "r1 is FAILED: lost",
    ]
    assert len(await court.store.aftermath.alerts()) == 2


async def test_a_finished_run_alarms_nobody(court):
    watch = Watch({})
    done = RunState(RunId("r1"), PlanId("p"), court.clock.utc(), Phase.FINISHED)
    await watch.run_event(RunEvent("x", court.clock.utc(), done.id, "done"), done)
    await watch.telemetry(Fleet(court.clock).views()[0].telemetry, sortie=None)
    assert watch._notes.empty()
