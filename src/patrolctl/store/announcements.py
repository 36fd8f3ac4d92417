"""The announcements' part of the store."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from patrolctl.clock import whole
from patrolctl.domain.announcements import StoredAnnouncement
from patrolctl.domain.cap import CapRecord
from patrolctl.domain.jsondoc import decode, encode
from patrolctl.store.announcement_tables import (
    announcement_clips,
    announcements,
    cap_alerts,
)
from patrolctl.store.upsert import upsert

Opening = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


class SqlAnnouncements:
    """The AnnouncementStore port on the store's own connections."""

    def __init__(self, write: Opening, read: Opening) -> None:
        self._write = write
        self._read = read

    @whole
    async def save(self, stored: StoredAnnouncement) -> None:
        """Keep a version, or what became of it."""
        doc = encode(stored)
        statement = (
            upsert(announcements)
            .values(id=stored.id, version=stored.version, doc=doc)
            .on_conflict_do_update(index_elements=["id", "version"], set_={"doc": doc})
        )
        async with self._write() as db:
            await db.execute(statement)

    async def versions(self) -> tuple[StoredAnnouncement, ...]:
        """All versions of all, in their order."""
        c = announcements.c
        query = select(c.doc).order_by(c.id, c.version)
        async with self._read() as db:
            return tuple(_decoded(r[0]) for r in (await db.execute(query)).all())

    @whole
    async def note_clip(
        self, announcement_id: str, version: int, clip_sha256: str
    ) -> None:
        """Keep that a version was rendered to a clip; again is harmless."""
        statement = (
            upsert(announcement_clips)
            .values(
                announcement_id=announcement_id,
                version=version,
                clip_sha256=clip_sha256,
            )
            .on_conflict_do_nothing()
        )
        async with self._write() as db:
            await db.execute(statement)

    async def clips(self) -> tuple[tuple[str, int, str], ...]:
        """All (announcement, version, clip) there are."""
        c = announcement_clips.c
        query = select(c.announcement_id, c.version, c.clip_sha256)
        async with self._read() as db:
            return tuple((r[0], r[1], r[2]) for r in (await db.execute(query)).all())

    @whole
    async def keep_alert(self, record: CapRecord) -> None:
        """Keep an alert that was taken, once."""
        statement = (
            upsert(cap_alerts)
            .values(key=record.alert.name.key, doc=encode(record))
            .on_conflict_do_nothing()
        )
        async with self._write() as db:
            await db.execute(statement)

    async def alerts(self) -> tuple[CapRecord, ...]:
        """All of them, oldest first."""
        async with self._read() as db:
            rows = (await db.execute(select(cap_alerts.c.doc))).all()
        found = (decode(r[0], CapRecord, source="database") for r in rows)
        return tuple(sorted(found, key=lambda r: r.taken_utc))


def _decoded(doc: bytes) -> StoredAnnouncement:
    return decode(doc, StoredAnnouncement, source="database")
