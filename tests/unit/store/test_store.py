import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from patrolctl.clock import ManualClock
from patrolctl.domain.errors import Conflict, NotFound, StoreFailed
from patrolctl.domain.evidence import Evidence, EvidenceSummary, TrackPoint
from patrolctl.domain.ids import (
    AnnouncementId,
    PlanId,
    RunId,
    ScheduleId,
    SortieId,
    SpeakerId,
    VehicleId,
)
from patrolctl.domain.machines import SpeakerProfile, VehicleProfile
from patrolctl.domain.plan import (
    Plan,
    PlanAnnouncement,
    PlanHome,
    PlanKind,
    PlanSummary,
    Requirement,
)
from patrolctl.domain.run import Phase, RunEvent, RunState, SortieRun
from patrolctl.domain.sound import Playback, PlaybackStatus
from patrolctl.domain.telemetry import EventKind, VehicleEvent
from patrolctl.store import open_store
from patrolctl.store.tables import metadata

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
RUN = RunId("r1")


def plan(seed: int = 1) -> Plan:
    return Plan(
        kind=PlanKind.DRONE,
        site_sha256="ab" * 32,
        seed=seed,
        created_utc=NOW,
        requirement=Requirement(),
        speaker=SpeakerProfile(),
        vehicle=VehicleProfile(),
        announcement=PlanAnnouncement(AnnouncementId("a"), 20.0, 1),
        home=PlanHome(34.0, 117.0, 30.0),
        sorties=(),
        receivers=(),
        summary=PlanSummary(receivers=7),
        site_id="s",
    )


def run_state() -> RunState:
    return RunState(
        id=RUN,
        plan_id=PlanId("p1"),
        created_utc=NOW,
        sorties=(SortieRun(SortieId("s1"), VehicleId("v1")),),
    )


async def test_plans_are_kept_once_and_found_by_their_content(
    place: Path | str,
) -> None:
    async with open_store(place, ManualClock()) as store:
        await store.save_plan(PlanId("p1"), plan(), key="k")
        await store.save_plan(PlanId("p1"), plan(), key="k")
        await store.save_plan(PlanId("p2"), plan(2), key="k")
        with pytest.raises(Conflict):
            await store.save_plan(PlanId("p1"), plan(3))
        assert await store.plan(PlanId("p1")) == plan()
        assert await store.plans() == ("p2", "p1")
        assert await store.plan_of("k") == "p2"
        assert await store.plan_of("other") is None
        heads = await store.plan_heads()
        assert [h.id for h in heads] == ["p2", "p1"]
        assert heads[0].summary.receivers == 7
        with pytest.raises(NotFound):
            await store.plan(PlanId("nope"))


async def test_what_returned_is_there_after_reopening(place: Path | str) -> None:
    event = RunEvent("e1", NOW, RUN, "checked", phase=Phase.CHECKED)
    async with open_store(place, ManualClock()) as store:
        await store.save_run(run_state(), None)
        await store.save_run(replace(run_state(), phase=Phase.CHECKED), event)
        await store.save_run(replace(run_state(), phase=Phase.CHECKED), event)
    async with open_store(place, ManualClock()) as store:
        assert (await store.run(RUN)).phase is Phase.CHECKED
        assert await store.run_events(RUN) == (event,)
        assert [r.id for r in await store.runs()] == [RUN]
        with pytest.raises(NotFound):
            await store.run(RunId("r9"))


NOTHING = EvidenceSummary(9, 8, 7, 3, 2, 1, 1, 0)


async def test_every_unfinished_run_is_found_oldest_first(place: Path | str) -> None:
    async with open_store(place, ManualClock()) as store:
        for n, phase in enumerate((*Phase, Phase.HELD)):
            state = replace(run_state(), id=RunId(f"r{n}"), phase=phase)
            made = state.created_utc - timedelta(days=n)
            await store.save_run(replace(state, created_utc=made), None)
        left = await store.unfinished_runs()
        assert [r.id for r in left] == ["r9", "r5", "r4", "r3", "r2", "r1", "r0"]


async def test_runs_that_ended_without_evidence_are_found(place: Path | str) -> None:
    async with open_store(place, ManualClock()) as store:
        for n, phase in enumerate(Phase):
            state = replace(run_state(), id=RunId(f"r{n}"), phase=phase)
            made = state.created_utc - timedelta(days=n)
            await store.save_run(replace(state, created_utc=made), None)
        await store.save_evidence(Evidence(RunId("r7"), "p1", NOW, NOTHING, (), ()))
        left = await store.unproved_runs()
        assert [r.phase for r in left] == [Phase.FAILED, Phase.FINISHED]


async def test_facts_are_kept_once(place: Path | str) -> None:
    v1 = VehicleId("v1")
    fact = VehicleEvent("f1", NOW, v1, EventKind.ARMED)
    async with open_store(place, ManualClock()) as store:
        await store.add_vehicle_event(fact)
        await store.add_vehicle_event(fact)
        later = VehicleEvent("f2", NOW, v1, EventKind.TEXT, "<b>")
        await store.add_vehicle_event(later)
        assert await store.vehicle_events(v1) == (later, fact)


async def test_the_end_of_a_playback_replaces_its_start_and_stays(
    place: Path | str,
) -> None:
    started = Playback("b1", SpeakerId("k"), "r1:c1", "00", PlaybackStatus.STARTED, NOW)
    done = replace(
        started,
        status=PlaybackStatus.COMPLETED,
        complete=True,
        end_utc=NOW + timedelta(seconds=20),
    )
    async with open_store(place, ManualClock()) as store:
        for report in (started, done, started):
            await store.add_playback(RUN, report)
        assert await store.playbacks(RUN) == (done,)


async def test_track_keeps_time_order_and_microseconds(place: Path | str) -> None:
    v1 = VehicleId("v1")
    points = tuple(
        TrackPoint(NOW + timedelta(seconds=s), v1, 34.0, 117.0, s, 0.0) for s in (2, 1)
    )
    async with open_store(place, ManualClock()) as store:
        await store.add_track(RUN, points)
        await store.add_track(RUN, ())
        assert await store.track(RUN) == (points[1], points[0])


async def test_evidence(place: Path | str) -> None:
    proof = Evidence(RUN, "p1", NOW, NOTHING, (), ())
    async with open_store(place, ManualClock()) as store:
        with pytest.raises(NotFound):
            await store.evidence(RUN)
        await store.save_evidence(proof)
        assert await store.evidence(RUN) == proof


async def test_paused_schedules(place: Path | str) -> None:
    daily = ScheduleId("daily")
    async with open_store(place, ManualClock()) as store:
        for _ in range(2):
            await store.pause_schedule(daily, paused=True)
        assert await store.paused_schedules() == {"daily"}
        await store.pause_schedule(daily, paused=False)
        assert not await store.paused_schedules()


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE audit SET detail='x' WHERE seq=2", 2),
        ("UPDATE audit SET ts_us=ts_us+1 WHERE seq=3", 3),
        ("DELETE FROM audit WHERE seq=2", 3),
        ("UPDATE audit SET seq=9 WHERE seq=3", 9),
        ("SELECT 1", None),
    ],
)
async def test_the_audit_chain_shows_edits(
    place: Path | str, damage: str, found: int | None
) -> None:
    async with open_store(place, ManualClock()) as store:
        for n in range(3):
            await store.audit("operator", "launch", f"run {n}")
        assert await store.audit_fault() is None
        assert [e.detail for e in await store.audit_log(limit=2)] == ["run 2", "run 1"]
        async with store._write() as db:
            await db.exec_driver_sql(damage)
    async with open_store(place, ManualClock()) as store:
        assert await store.audit_fault() == found


async def test_durable_settings_are_in_force(tmp_path: Path) -> None:
    async with (
        open_store(tmp_path / "p.db", ManualClock()) as store,
        store._engine.connect() as db,
    ):
        for pragma, value in (("journal_mode", "wal"), ("synchronous", 2)):
            row = (await db.exec_driver_sql(f"PRAGMA {pragma}")).one()
            assert row[0] == value


async def test_what_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    path.write_bytes(b"not a database at all, but long enough to look at" * 50)
    with pytest.raises(StoreFailed, match="not a database"):
        async with open_store(path, ManualClock()):
            pass


async def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    async with open_store(path, ManualClock()):
        pass
    with sqlite3.connect(path) as db:
        db.execute("UPDATE alembic_version SET version_num='9999'")
    db.close()
    with pytest.raises(StoreFailed, match="newer patrolctl"):
        async with open_store(path, ManualClock()):
            pass


async def test_tables_and_migrations_agree(place: Path | str) -> None:
    async with (
        open_store(place, ManualClock()) as store,
        store._engine.connect() as db,
    ):
        difference = await db.run_sync(
            lambda c: compare_metadata(MigrationContext.configure(c), metadata)
        )
    assert difference == []


async def test_a_full_disk_is_a_store_failure(tmp_path: Path) -> None:
    async with open_store(tmp_path / "p.db", ManualClock()) as store:
        async with store._engine.connect() as db:
            pages = (await db.exec_driver_sql("PRAGMA page_count")).one()[0]
        async with store._write() as db:
            await db.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        with pytest.raises(StoreFailed, match="full"):
            await store.audit("operator", "launch", "x" * 500_000)
        assert await store.audit_fault() is None
