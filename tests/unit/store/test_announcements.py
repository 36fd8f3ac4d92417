from datetime import UTC, datetime
from pathlib import Path

from patrolctl.clock import ManualClock
from patrolctl.domain.announcements import (
    Content,
    Standing,
    StoredAnnouncement,
    Wording,
    approved,
    changed,
)
from patrolctl.domain.templates import FieldValue
from patrolctl.store import open_store

NOW = datetime(2026, 1, 5, tzinfo=UTC)


async def test_versions_and_clips_are_kept(tmp_path: Path) -> None:
    content = Content(
        "Water",
        (Wording("zh", "{block}号楼", 2),),
        (FieldValue("block", "3"),),
        valid_until_utc=NOW,
    )
    first = StoredAnnouncement("a", 1, content, "li", NOW, areas=("yard: block 3",))
    async with open_store(tmp_path / "p.db", ManualClock()) as store:
        kept = store.announcements
        await kept.save(first)
        await kept.save(approved(first, "wu", NOW))
        await kept.save(changed(first, content, "wu", NOW))
        await kept.note_clip("a", 1, "c" * 64)
        await kept.note_clip("a", 1, "c" * 64)
    async with open_store(tmp_path / "p.db", ManualClock()) as store:
        one, two = await store.announcements.versions()
        assert one == approved(first, "wu", NOW)
        assert (two.version, two.standing) == (2, Standing.DRAFT)
        assert await store.announcements.clips() == (("a", 1, "c" * 64),)
