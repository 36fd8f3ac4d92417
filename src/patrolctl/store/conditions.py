"""The ConditionStore port on the store's own connections."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from patrolctl.clock import whole
from patrolctl.domain.conditions import NoFlyNotice, Weather
from patrolctl.domain.jsondoc import decode, encode
from patrolctl.store.condition_tables import entered_weather, no_fly_notices
from patrolctl.store.upsert import upsert

Opening = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


class SqlConditions:
    """Closed airspace, and the weather that people entered."""

    def __init__(self, write: Opening, read: Opening) -> None:
        self._write = write
        self._read = read

    @whole
    async def save_notice(self, notice: NoFlyNotice) -> None:
        """Keep it under its id."""
        doc = {"doc": encode(notice)}
        row = upsert(no_fly_notices).values(id=notice.id, **doc)
        async with self._write() as db:
            await db.execute(row.on_conflict_do_update(index_elements=["id"], set_=doc))

    @whole
    async def remove_notice(self, notice_id: str) -> bool:
        """Forget it."""
        c = no_fly_notices.c
        gone = delete(no_fly_notices).where(c.id == notice_id).returning(c.id)
        async with self._write() as db:
            return (await db.execute(gone)).first() is not None

    async def notices(self) -> tuple[NoFlyNotice, ...]:
        """All, by id."""
        c = no_fly_notices.c
        async with self._read() as db:
            rows = (await db.execute(select(c.doc).order_by(c.id))).all()
        return tuple(decode(r[0], NoFlyNotice, source="database") for r in rows)

    @whole
    async def save_weather(self, site_id: str, weather: Weather) -> None:
        """Replace what was entered for the site."""
        doc = {"doc": encode(weather)}
        row = upsert(entered_weather).values(site_id=site_id, **doc)
        async with self._write() as db:
            await db.execute(
                row.on_conflict_do_update(index_elements=["site_id"], set_=doc)
            )

    async def weather(self, site_id: str) -> Weather | None:
        """What was entered last."""
        c = entered_weather.c
        async with self._read() as db:
            row = (await db.execute(select(c.doc).where(c.site_id == site_id))).first()
        return None if row is None else decode(row[0], Weather, source="database")
