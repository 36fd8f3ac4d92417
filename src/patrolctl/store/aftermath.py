"""The store's part for gaps, exposure and alerts."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from patrolctl.clock import whole
from patrolctl.domain.alerts import Alert
from patrolctl.domain.errors import NotFound
from patrolctl.domain.exposure import RunExposure
from patrolctl.domain.gaps import Gap, GapState
from patrolctl.domain.ids import RunId
from patrolctl.domain.jsondoc import decode, encode
from patrolctl.store.aftermath_tables import (
    alerts,
    exposures,
    followed_runs,
    gaps,
)
from patrolctl.store.tables import to_us
from patrolctl.store.upsert import upsert

Opening = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


class SqlAftermath:
    """The AftermathStore port on the store's own connections."""

    def __init__(self, write: Opening, read: Opening) -> None:
        self._write = write
        self._read = read

    @whole
    async def save_gap(self, gap: Gap) -> None:
        """Keep a gap as it is now."""
        now = {"state": gap.state.value, "doc": encode(gap)}
        statement = (
            upsert(gaps)
            .values(run_id=gap.id, opened_us=to_us(gap.opened_utc), **now)
            .on_conflict_do_update(index_elements=["run_id"], set_=now)
        )
        async with self._write() as db:
            await db.execute(statement)

    async def gap(self, run_id: RunId) -> Gap:
        """The gap that a run opened; raises NotFound."""
        query = select(gaps.c.doc).where(gaps.c.run_id == run_id)
        async with self._read() as db:
            row = (await db.execute(query)).first()
        if row is None:
            raise NotFound("gap of run", run_id)
        return decode(row[0], Gap, source="database")

    async def gaps(
        self, *, state: GapState | None = None, limit: int = 200
    ) -> tuple[Gap, ...]:
        """Gaps, newest first."""
        query = select(gaps.c.doc).order_by(gaps.c.opened_us.desc()).limit(limit)
        if state is not None:
            query = query.where(gaps.c.state == state.value)
        async with self._read() as db:
            rows = (await db.execute(query)).all()
        return tuple(decode(r[0], Gap, source="database") for r in rows)

    @whole
    async def save_exposure(self, exposure: RunExposure) -> None:
        """Keep a run's exposure; again replaces it."""
        now = {
            "site_id": exposure.site_id,
            "day": exposure.day.isoformat(),
            "doc": encode(exposure),
        }
        statement = (
            upsert(exposures)
            .values(run_id=exposure.run_id, **now)
            .on_conflict_do_update(index_elements=["run_id"], set_=now)
        )
        async with self._write() as db:
            await db.execute(statement)

    async def exposures(self, site_id: str, day: date) -> tuple[RunExposure, ...]:
        """What the runs of a site's day gave."""
        c = exposures.c
        query = select(c.doc).where(c.site_id == site_id, c.day == day.isoformat())
        async with self._read() as db:
            rows = (await db.execute(query.order_by(c.run_id))).all()
        return tuple(decode(r[0], RunExposure, source="database") for r in rows)

    @whole
    async def add_alert(self, alert: Alert) -> bool:
        """Keep an alert; False when one of its id is known already."""
        statement = (
            upsert(alerts)
            .values(id=alert.id, doc=encode(alert))
            .on_conflict_do_nothing(index_elements=["id"])
            .returning(alerts.c.seq)
        )
        async with self._write() as db:
            return (await db.execute(statement)).first() is not None

    async def alerts(self, *, limit: int = 200) -> tuple[Alert, ...]:
        """Alerts, newest first."""
        query = select(alerts.c.doc).order_by(alerts.c.seq.desc()).limit(limit)
        async with self._read() as db:
            rows = (await db.execute(query)).all()
        return tuple(decode(r[0], Alert, source="database") for r in rows)

    @whole
    async def mark_followed(self, run_id: RunId) -> None:
        """Keep that a run's evidence was followed up."""
        statement = upsert(followed_runs).values(run_id=run_id).on_conflict_do_nothing()
        async with self._write() as db:
            await db.execute(statement)

    async def followed(self) -> frozenset[RunId]:
        """The runs whose evidence was followed up."""
        async with self._read() as db:
            rows = (await db.execute(select(followed_runs.c.run_id))).all()
        return frozenset(RunId(r[0]) for r in rows)
