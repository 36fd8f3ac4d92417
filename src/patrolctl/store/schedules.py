"""The book of schedules and occurrences."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, Select, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from patrolctl.clock import Clock, whole
from patrolctl.domain.brief import Occurrence, OccurrenceState, StoredSchedule
from patrolctl.domain.ids import ScheduleId
from patrolctl.domain.jsondoc import decode, encode
from patrolctl.store import tables as t
from patrolctl.store.schedule_tables import holidays, schedule_marks, schedules
from patrolctl.store.upsert import upsert

Opening = Callable[[], AbstractAsyncContextManager[AsyncConnection]]
WORKING = (OccurrenceState.CLAIMED, OccurrenceState.LAUNCHING)
c = t.occurrences.c


def _query() -> Select[Any]:
    return select(t.occurrences)


def _occurrence(row: Row[Any]) -> Occurrence:
    return Occurrence(
        ScheduleId(row.schedule_id),
        t.from_us(row.due_us),
        row.outcome,
        OccurrenceState(row.state),
        manual=row.manual,
        node=row.node,
        claimed_utc=t.from_us(row.claimed_us),
        beat_utc=None if row.beat_us is None else t.from_us(row.beat_us),
    )


class SqlSchedules:
    """The ScheduleStore port on the store's own connections."""

    def __init__(self, write: Opening, read: Opening, clock: Clock) -> None:
        self._write = write
        self._read = read
        self._clock = clock

    # -- schedules and holidays

    @whole
    async def save(self, stored: StoredSchedule) -> None:
        """Keep it, and watch it from the moment of the change on."""
        doc = encode(stored)
        since = {"since_us": t.to_us(stored.changed_utc)}
        schedule_id = stored.schedule.id
        row = upsert(schedules).values(id=schedule_id, doc=doc)
        mark = upsert(schedule_marks).values(schedule_id=schedule_id, **since)
        async with self._write() as db:
            await db.execute(
                row.on_conflict_do_update(index_elements=["id"], set_={"doc": doc})
            )
            await db.execute(
                mark.on_conflict_do_update(index_elements=["schedule_id"], set_=since)
            )

    async def stored(self) -> tuple[StoredSchedule, ...]:
        """All of them, by id."""
        async with self._read() as db:
            rows = await db.execute(select(schedules.c.doc).order_by(schedules.c.id))
            return tuple(
                decode(r[0], StoredSchedule, source="database") for r in rows.all()
            )

    @whole
    async def save_holidays(self, name: str, dates: tuple[date, ...]) -> None:
        """Replace a list; an empty one is removed."""
        doc = {"doc": encode(tuple(sorted(set(dates))))}
        async with self._write() as db:
            if not dates:
                await db.execute(delete(holidays).where(holidays.c.name == name))
                return
            row = upsert(holidays).values(name=name, **doc)
            await db.execute(
                row.on_conflict_do_update(index_elements=["name"], set_=doc)
            )

    async def holidays(self) -> dict[str, tuple[date, ...]]:
        """The lists by name."""
        query = select(holidays.c.name, holidays.c.doc).order_by(holidays.c.name)
        async with self._read() as db:
            rows = (await db.execute(query)).all()
        return {
            name: decode(doc, tuple[date, ...], source="database") for name, doc in rows
        }

    # -- up to when all is settled

    async def watched_from(self, schedule_id: ScheduleId) -> datetime | None:
        """The later of its mark and its newest occurrence."""
        marks = schedule_marks.c
        mark = select(marks.since_us).where(marks.schedule_id == schedule_id)
        newest = select(func.max(c.due_us)).where(
            c.schedule_id == schedule_id, c.manual.is_(False)
        )
        async with self._read() as db:
            found = [(await db.execute(q)).scalar() for q in (mark, newest)]
        known = [int(us) for us in found if us is not None]
        return t.from_us(max(known)) if known else None

    @whole
    async def watch_from(self, schedule_id: ScheduleId, since_utc: datetime) -> None:
        """Set its mark."""
        since = {"since_us": t.to_us(since_utc)}
        mark = upsert(schedule_marks).values(schedule_id=schedule_id, **since)
        async with self._write() as db:
            await db.execute(
                mark.on_conflict_do_update(index_elements=["schedule_id"], set_=since)
            )

    # -- occurrences

    @whole
    async def claim(
        self,
        schedule_id: ScheduleId,
        due_utc: datetime,
        *,
        node: str,
        manual: bool = False,
    ) -> bool:
        """True for exactly one caller: the table holds each due moment once."""
        now_us = t.to_us(self._clock.utc())
        row = (
            upsert(t.occurrences)
            .values(
                schedule_id=schedule_id,
                due_us=t.to_us(due_utc),
                claimed_us=now_us,
                beat_us=now_us,
                state=OccurrenceState.CLAIMED.value,
                manual=manual,
                node=node,
            )
            .on_conflict_do_nothing(index_elements=["schedule_id", "due_us"])
            .returning(c.seq)
        )
        async with self._write() as db:
            return (await db.execute(row)).first() is not None

    @whole
    async def change(
        self,
        known: Occurrence,
        state: OccurrenceState,
        *,
        outcome: str | None = None,
        node: str | None = None,
    ) -> bool:
        """Compare and set, in one statement."""
        values: dict[str, object] = {"state": state.value}
        if outcome is not None:
            values["outcome"] = outcome
        if node is not None:
            values |= {"node": node, "beat_us": t.to_us(self._clock.utc())}
        changed = (
            t.occurrences.update()
            .where(
                c.schedule_id == known.schedule_id,
                c.due_us == t.to_us(known.due_utc),
                c.state == known.state.value,
                c.node.is_(None) if known.node is None else c.node == known.node,
            )
            .values(**values)
            .returning(c.seq)
        )
        async with self._write() as db:
            return (await db.execute(changed)).first() is not None

    @whole
    async def beat(self, node: str, now_utc: datetime) -> None:
        """Everything that the node works at is alive."""
        async with self._write() as db:
            await db.execute(
                t.occurrences.update()
                .where(c.node == node, c.state.in_(WORKING))
                .values(beat_us=t.to_us(now_utc))
            )

    async def unfinished(self) -> tuple[Occurrence, ...]:
        """Claimed or launching, oldest first."""
        return await self._found(_query().where(c.state.in_(WORKING)))

    async def questions(self) -> tuple[Occurrence, ...]:
        """Waiting for the operator, oldest first."""
        asking = c.state == OccurrenceState.ASKING.value
        return await self._found(_query().where(asking))

    async def recent(
        self, schedule_id: ScheduleId, *, limit: int = 50
    ) -> tuple[Occurrence, ...]:
        """Newest first."""
        query = _query().where(c.schedule_id == schedule_id)
        return await self._found(query, newest=limit)

    async def occurrence(
        self, schedule_id: ScheduleId, due_utc: datetime
    ) -> Occurrence | None:
        """One of them."""
        found = await self._found(
            _query().where(c.schedule_id == schedule_id, c.due_us == t.to_us(due_utc))
        )
        return found[0] if found else None

    @whole
    async def release_after(self, schedule_id: ScheduleId, now_utc: datetime) -> int:
        """Delete what was only skipped or asked."""
        ended = (OccurrenceState.SKIPPED.value, OccurrenceState.ASKING.value)
        gone = (
            delete(t.occurrences)
            .where(
                c.schedule_id == schedule_id,
                c.due_us > t.to_us(now_utc),
                c.state.in_(ended),
                c.manual.is_(False),
            )
            .returning(c.seq)
        )
        async with self._write() as db:
            return len((await db.execute(gone)).all())

    async def _found(
        self, query: Select[Any], *, newest: int | None = None
    ) -> tuple[Occurrence, ...]:
        order = c.due_us if newest is None else c.due_us.desc()
        async with self._read() as db:
            rows = (await db.execute(query.order_by(order, c.seq).limit(newest))).all()
        return tuple(_occurrence(r) for r in rows)
