"""The Store port on SQLAlchemy Core."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from patrolctl.clock import Clock, whole
from patrolctl.domain.audit import AuditEntry, chain_digest
from patrolctl.domain.errors import Conflict, NotFound, StoreFailed
from patrolctl.domain.evidence import Evidence, TrackPoint
from patrolctl.domain.ids import PlanId, RunId, ScheduleId, VehicleId
from patrolctl.domain.jsondoc import decode, encode
from patrolctl.domain.plan import Plan, PlanHead
from patrolctl.domain.run import ENDED, RunEvent, RunState
from patrolctl.domain.sound import Playback, PlaybackStatus
from patrolctl.domain.telemetry import VehicleEvent
from patrolctl.store import tables as t
from patrolctl.store.aftermath import SqlAftermath
from patrolctl.store.announcements import SqlAnnouncements
from patrolctl.store.conditions import SqlConditions
from patrolctl.store.postgres import CHAINING, hold_async
from patrolctl.store.schedules import SqlSchedules
from patrolctl.store.upsert import upsert

WRITES = "patrolctl_writes"
GENESIS = "0" * 64
T = TypeVar("T")


def _decoded(doc: bytes, kind: type[T]) -> T:
    return decode(doc, kind, source="database")


class SqlStore:
    """Everything that is kept, in one SQLite file or PostgreSQL database.

    Writers queue on a lock inside the process, and between processes on the
    database's own; readers see the last commit and never wait.
    """

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._writing = asyncio.Lock()
        self.aftermath = SqlAftermath(self._write, self._read)
        self.announcements = SqlAnnouncements(self._write, self._read)
        self.schedules = SqlSchedules(self._write, self._read, clock)
        self.conditions = SqlConditions(self._write, self._read)

    @asynccontextmanager
    async def _write(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._writing, self._engine.connect() as base:
                connection = await base.execution_options(**{WRITES: True})
                async with connection.begin():
                    yield connection
        except (SQLAlchemyError, OSError) as e:
            raise StoreFailed(f"database: {e}") from e

    @asynccontextmanager
    async def _read(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.connect() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as e:
            raise StoreFailed(f"database: {e}") from e

    async def server_utc(self) -> datetime:
        """What a PostgreSQL server's clock says, whatever time zone it has."""
        async with self._read() as db:
            told = await db.execute(select(func.clock_timestamp()))
            moment: datetime = told.scalar_one()
        return moment.astimezone(UTC)

    # -- plans

    @whole
    async def save_plan(
        self, plan_id: PlanId, plan: Plan, *, key: str | None = None
    ) -> None:
        """Keep a plan under its id and the key of what it was made from."""
        doc = encode(plan)
        head = PlanHead(
            id=plan_id,
            kind=plan.kind,
            site_id=plan.site_id,
            created_utc=plan.created_utc,
            summary=plan.summary,
            parent_run=plan.parent_run,
        )
        values = {"id": plan_id, "content_key": key, "head": encode(head), "doc": doc}
        added = upsert(t.plans).values(values).on_conflict_do_nothing()
        async with self._write() as db:
            await db.execute(added)
            query = select(t.plans.c.doc).where(t.plans.c.id == plan_id)
            if (await db.execute(query)).one()[0] != doc:
                raise Conflict(f"plan {plan_id} is already another plan")

    async def plan_of(self, key: str) -> PlanId | None:
        """The newest plan made from this content."""
        query = (
            select(t.plans.c.id)
            .where(t.plans.c.content_key == key)
            .order_by(t.plans.c.seq.desc())
        )
        async with self._read() as db:
            row = (await db.execute(query)).first()
        return None if row is None else PlanId(row[0])

    async def plan(self, plan_id: PlanId) -> Plan:
        """One plan, or NotFound."""
        query = select(t.plans.c.doc).where(t.plans.c.id == plan_id)
        async with self._read() as db:
            row = (await db.execute(query)).first()
        if row is None:
            raise NotFound("plan", plan_id)
        return _decoded(row[0], Plan)

    async def plans(self) -> tuple[PlanId, ...]:
        """Ids, newest first."""
        query = select(t.plans.c.id).order_by(t.plans.c.seq.desc())
        async with self._read() as db:
            return tuple(PlanId(r[0]) for r in await db.execute(query))

    async def plan_heads(self, *, limit: int = 200) -> tuple[PlanHead, ...]:
        """Plans without their receivers, newest first."""
        query = select(t.plans.c.head).order_by(t.plans.c.seq.desc()).limit(limit)
        async with self._read() as db:
            return tuple(_decoded(r[0], PlanHead) for r in await db.execute(query))

    # -- runs

    @whole
    async def save_run(self, state: RunState, event: RunEvent | None) -> None:
        """Keep the state and its event in one transaction."""
        values = {"phase": state.phase.value, "doc": encode(state)}
        run = upsert(t.runs).values(
            id=state.id, created_us=t.to_us(state.created_utc), **values
        )
        async with self._write() as db:
            await db.execute(
                run.on_conflict_do_update(index_elements=["id"], set_=values)
            )
            if event is not None:
                await db.execute(
                    upsert(t.run_events)
                    .values(id=event.id, run_id=event.run_id, doc=encode(event))
                    .on_conflict_do_nothing(index_elements=["id"])
                )

    async def run(self, run_id: RunId) -> RunState:
        """One run, or NotFound."""
        query = select(t.runs.c.doc).where(t.runs.c.id == run_id)
        async with self._read() as db:
            row = (await db.execute(query)).first()
        if row is None:
            raise NotFound("run", run_id)
        return _decoded(row[0], RunState)

    async def runs(self, *, limit: int = 100) -> tuple[RunState, ...]:
        """Runs, newest first."""
        query = select(t.runs.c.doc).order_by(t.runs.c.created_us.desc()).limit(limit)
        async with self._read() as db:
            return tuple(_decoded(r[0], RunState) for r in await db.execute(query))

    async def unfinished_runs(self) -> tuple[RunState, ...]:
        """Every run that has not ended, oldest first."""
        c = t.runs.c
        ended = [p.value for p in ENDED]
        query = select(c.doc).where(c.phase.not_in(ended)).order_by(c.created_us)
        async with self._read() as db:
            return tuple(_decoded(r[0], RunState) for r in await db.execute(query))

    async def unproved_runs(self) -> tuple[RunState, ...]:
        """Every run that has ended and has no evidence, oldest first."""
        c = t.runs.c
        query = (
            select(c.doc)
            .outerjoin(t.evidence, t.evidence.c.run_id == c.id)
            .where(c.phase.in_([p.value for p in ENDED]))
            .where(t.evidence.c.run_id.is_(None))
            .order_by(c.created_us)
        )
        async with self._read() as db:
            return tuple(_decoded(r[0], RunState) for r in await db.execute(query))

    async def run_events(self, run_id: RunId) -> tuple[RunEvent, ...]:
        """The run's events in their order."""
        query = (
            select(t.run_events.c.doc)
            .where(t.run_events.c.run_id == run_id)
            .order_by(t.run_events.c.seq)
        )
        async with self._read() as db:
            return tuple(_decoded(r[0], RunEvent) for r in await db.execute(query))

    # -- facts and samples

    @whole
    async def add_vehicle_event(self, event: VehicleEvent) -> None:
        """Keep a fact about a vehicle, once."""
        async with self._write() as db:
            await db.execute(
                upsert(t.vehicle_events)
                .values(id=event.id, vehicle_id=event.vehicle_id, doc=encode(event))
                .on_conflict_do_nothing(index_elements=["id"])
            )

    async def vehicle_events(
        self, vehicle_id: VehicleId, *, limit: int = 200
    ) -> tuple[VehicleEvent, ...]:
        """The latest facts about a vehicle, newest first."""
        query = (
            select(t.vehicle_events.c.doc)
            .where(t.vehicle_events.c.vehicle_id == vehicle_id)
            .order_by(t.vehicle_events.c.seq.desc())
            .limit(limit)
        )
        async with self._read() as db:
            return tuple(_decoded(r[0], VehicleEvent) for r in await db.execute(query))

    @whole
    async def add_track(self, run_id: RunId, points: tuple[TrackPoint, ...]) -> None:
        """Append to a run's track."""
        if not points:
            return
        rows = [
            {
                "run_id": run_id,
                "ts_us": t.to_us(p.ts_utc),
                "vehicle_id": p.vehicle_id,
                "lat_deg": p.lat_deg,
                "lon_deg": p.lon_deg,
                "up_m": p.up_m,
                "heading_deg": p.heading_deg,
            }
            for p in points
        ]
        async with self._write() as db:
            await db.execute(insert(t.tracks), rows)

    async def track(self, run_id: RunId) -> tuple[TrackPoint, ...]:
        """A run's track in time order."""
        c = t.tracks.c
        query = (
            select(c.ts_us, c.vehicle_id, c.lat_deg, c.lon_deg, c.up_m, c.heading_deg)
            .where(c.run_id == run_id)
            .order_by(c.ts_us, c.seq)
        )
        async with self._read() as db:
            rows = (await db.execute(query)).all()
        return tuple(
            TrackPoint(t.from_us(r[0]), VehicleId(r[1]), r[2], r[3], r[4], r[5])
            for r in rows
        )

    @whole
    async def add_playback(self, run_id: RunId | None, playback: Playback) -> None:
        """Keep a report, once; the end of a playback replaces its start."""
        final = playback.status is not PlaybackStatus.STARTED
        values = {"final": final, "doc": encode(playback)}
        row = upsert(t.playbacks).values(
            id=playback.id,
            run_id=run_id,
            start_us=t.to_us(playback.start_utc),
            **values,
        )
        async with self._write() as db:
            await db.execute(
                row.on_conflict_do_update(
                    index_elements=["id"],
                    set_=values,
                    where=t.playbacks.c.final.is_(False),
                )
            )

    async def playbacks(self, run_id: RunId) -> tuple[Playback, ...]:
        """A run's playback reports in time order."""
        query = (
            select(t.playbacks.c.doc)
            .where(t.playbacks.c.run_id == run_id)
            .order_by(t.playbacks.c.start_us, t.playbacks.c.seq)
        )
        async with self._read() as db:
            return tuple(_decoded(r[0], Playback) for r in await db.execute(query))

    # -- evidence

    @whole
    async def save_evidence(self, evidence: Evidence) -> None:
        """Keep the proof of a run; a new one replaces the old."""
        doc = {"doc": encode(evidence)}
        row = upsert(t.evidence).values(run_id=evidence.run_id, **doc)
        async with self._write() as db:
            await db.execute(
                row.on_conflict_do_update(index_elements=["run_id"], set_=doc)
            )

    async def evidence(self, run_id: RunId) -> Evidence:
        """The proof of a run, or NotFound."""
        query = select(t.evidence.c.doc).where(t.evidence.c.run_id == run_id)
        async with self._read() as db:
            row = (await db.execute(query)).first()
        if row is None:
            raise NotFound("evidence of run", run_id)
        return _decoded(row[0], Evidence)

    # -- schedules

    @whole
    async def pause_schedule(self, schedule_id: ScheduleId, *, paused: bool) -> None:
        """Keep whether a schedule is paused."""
        table = t.paused_schedules
        async with self._write() as db:
            await db.execute(delete(table).where(table.c.schedule_id == schedule_id))
            if paused:
                row = upsert(table).values(schedule_id=schedule_id)
                await db.execute(row.on_conflict_do_nothing())

    async def paused_schedules(self) -> frozenset[ScheduleId]:
        """The schedules that are paused."""
        async with self._read() as db:
            rows = (await db.execute(select(t.paused_schedules.c.schedule_id))).all()
        return frozenset(ScheduleId(r[0]) for r in rows)

    # -- audit

    @whole
    async def audit(self, actor: str, action: str, detail: str) -> None:
        """Append an entry that is chained to the one before it."""
        # PostgreSQL's text cannot hold NUL, and names may come from anywhere.
        actor, action, detail = (
            s.replace("\0", "\N{SYMBOL FOR NULL}") for s in (actor, action, detail)
        )
        ts = self._clock.utc()
        newest = (
            select(t.audit.c.seq, t.audit.c.sha256)
            .order_by(t.audit.c.seq.desc())
            .limit(1)
        )
        async with self._write() as db:
            await hold_async(db, CHAINING)
            last = (await db.execute(newest)).first()
            seq = 1 if last is None else last[0] + 1
            before = GENESIS if last is None else last[1]
            await db.execute(
                insert(t.audit).values(
                    seq=seq,
                    ts_us=t.to_us(ts),
                    actor=actor,
                    action=action,
                    detail=detail,
                    sha256=chain_digest(before, seq, ts, (actor, action, detail)),
                )
            )

    async def _audit_rows(self, *, limit: int | None) -> list[AuditEntry]:
        query = select(t.audit).order_by(t.audit.c.seq.desc()).limit(limit)
        async with self._read() as db:
            rows = (await db.execute(query)).all()
        return [
            AuditEntry(r.seq, t.from_us(r.ts_us), r.actor, r.action, r.detail, r.sha256)
            for r in rows
        ]

    async def audit_log(self, *, limit: int = 200) -> tuple[AuditEntry, ...]:
        """The log, newest first."""
        return tuple(await self._audit_rows(limit=limit))

    async def audit_fault(self) -> int | None:
        """The first entry that was edited, moved or follows a removed one.

        Entries cut off the end leave no trace in the file itself.
        """
        before = GENESIS
        for expected, e in enumerate(reversed(await self._audit_rows(limit=None)), 1):
            fields = (e.actor, e.action, e.detail)
            digest = chain_digest(before, e.seq, e.ts_utc, fields)
            if e.seq != expected or e.sha256 != digest:
                return e.seq
            before = e.sha256
        return None
