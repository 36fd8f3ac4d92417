"""The announcements' part of the store."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from patrolctl.domain.announcements import StoredAnnouncement
from patrolctl.domain.jsondoc import decode, encode
from patrolctl.store.announcement_tables import announcement_clips, announcements

Opening = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


class SqlAnnouncements:
    """The AnnouncementStore port on the store's own connections."""

    def __init__(self, write: Opening, read: Opening) -> None:
        self._write = write
        self._read = read

    async def save(self, stored: StoredAnnouncement) -> None:
        """Keep a version, or what became of it."""
        doc = encode(stored)
        statement = (
            sqlite_insert(announcements)
            .values(id=stored.id, version=stored.version, doc=doc)
            .on_conflict_do_update(index_elements=["id", "version"], set_={"doc": doc})
        )
        async with self._write() as db:
            await db.execute(statement)

    async def current(self) -> tuple[StoredAnnouncement, ...]:
        """The latest version of each."""
        c = announcements.c
        query = select(c.doc).order_by(c.id, c.version)
        async with self._read() as db:
            rows = (await db.execute(query)).all()
        latest = {s.id: s for s in (_decoded(r[0]) for r in rows)}
        return tuple(latest.values())

    async def versions(self, announcement_id: str) -> tuple[StoredAnnouncement, ...]:
        """All versions of one, newest first."""
        c = announcements.c
        query = select(c.doc).where(c.id == announcement_id).order_by(c.version.desc())
        async with self._read() as db:
            return tuple(_decoded(r[0]) for r in (await db.execute(query)).all())

    async def note_clip(
        self, announcement_id: str, version: int, clip_sha256: str
    ) -> None:
        """Keep that a version was rendered to a clip; again is harmless."""
        statement = (
            sqlite_insert(announcement_clips)
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


def _decoded(doc: bytes) -> StoredAnnouncement:
    return decode(doc, StoredAnnouncement, source="database")
