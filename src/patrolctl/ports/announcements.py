"""Where announcements are kept, and who judges their sound."""

from typing import Protocol

from patrolctl.domain.announcements import StoredAnnouncement
from patrolctl.domain.cap import CapRecord
from patrolctl.domain.lint import Lint
from patrolctl.domain.sound import Announcement, Clip


class AnnouncementStore(Protocol):
    """Announcements with all their versions; what returned is durable.

    Every method raises StoreFailed when the database itself fails.
    """

    async def save(self, stored: StoredAnnouncement) -> None:
        """Keep a version, or what became of it."""
        ...

    async def versions(self) -> tuple[StoredAnnouncement, ...]:
        """All versions of all, in their order."""
        ...

    async def note_clip(
        self, announcement_id: str, version: int, clip_sha256: str
    ) -> None:
        """Keep that a version was rendered to a clip; again is harmless."""
        ...

    async def clips(self) -> tuple[tuple[str, int, str], ...]:
        """All (announcement, version, clip) there are."""
        ...


class AlertStore(Protocol):
    """Alerts that were taken, and what became of them."""

    async def keep_alert(self, record: CapRecord) -> None:
        """Keep one; again is harmless."""
        ...

    async def alerts(self) -> tuple[CapRecord, ...]:
        """All of them, oldest first."""
        ...


class SoundDesk(Protocol):
    """Recordings and lint."""

    async def take_recording(self, raw: bytes, name: str) -> Clip:
        """Master an uploaded recording and keep it.

        Raises:
            InputError: it is no sound that can be used, in one line.
            SpeechFailed: the disk does not take it.
        """
        ...

    async def find(self, clip_sha256: str) -> Clip | None:
        """A clip that was kept, if it is still whole."""
        ...

    async def check(self, announcement: Announcement) -> None:
        """Refuse texts that cannot be spoken and languages without a voice.

        Raises:
            InputError: with every fault, one line each.
            SpeechFailed: there is no voice for a language.
        """
        ...

    async def lint(self, announcement: Announcement, clip: Clip | None) -> Lint:
        """Judge an announcement; ``clip`` is what it was rendered to, if it was."""
        ...
