"""Announcements that are written here: drafts, approval, withdrawal.

Announcements of mission files count as approved by whoever wrote the file;
they are read-only here.
"""

import asyncio
import contextlib
import hashlib
import logging
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from patrolctl.clock import Clock
from patrolctl.control.announcing.judging import judged
from patrolctl.control.announcing.library import Library
from patrolctl.domain.announcements import (
    Content,
    Origin,
    Standing,
    StoredAnnouncement,
    approved,
    changed,
    content_faults,
    fill,
    spoken,
    to_say,
    why_not,
    withdrawn,
)
from patrolctl.domain.errors import Conflict, Fault, InputError, NotFound
from patrolctl.domain.ids import AnnouncementId
from patrolctl.domain.jsondoc import encode
from patrolctl.domain.lint import Lint
from patrolctl.domain.plan import Plan
from patrolctl.domain.sound import Announcement, Clip
from patrolctl.domain.templates import FieldValue
from patrolctl.domain.violation import Violation
from patrolctl.ports import Store
from patrolctl.ports.announcements import AnnouncementStore, SoundDesk

log = logging.getLogger(__name__)

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,59}")
RULE = "announcement"
TRIED = "preview"


@dataclass(frozen=True, slots=True)
class Shelves:
    """Where announcements are kept, and who judges their sound."""

    announcements: AnnouncementStore
    audit: Store
    desk: SoundDesk


def digest(content: Content) -> str:
    """What the audit log says that was approved."""
    return hashlib.sha256(encode(content)).hexdigest()[:16]


class Announcements:
    """All announcements that were written here, by id.

    One process writes them (the data directory is locked), so what is in
    memory is what is in the store.

    Args:
        library: missions and clips.
        shelves: what is kept, and the sound of it.
        clock: the time, for validity.
    """

    def __init__(self, library: Library, shelves: Shelves, clock: Clock) -> None:
        self._library = library
        self._by = shelves
        self._clock = clock
        self._versions: dict[str, list[StoredAnnouncement]] = {}
        self._version_of: dict[tuple[str, str], set[int]] = {}
        self._changing = asyncio.Lock()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Announcements"]:
        """Load what is kept, and tell the library of it."""
        taken = {a.id for a in self._library.announcements}
        for stored in await self._by.announcements.versions():
            if stored.id in taken:
                log.warning(
                    "announcement %s stands in a mission file now: that one counts",
                    stored.id,
                )
                continue
            self._versions.setdefault(stored.id, []).append(stored)
        for name, version, sha256 in await self._by.announcements.clips():
            self._version_of.setdefault((name, sha256), set()).add(version)
        for sha256 in {s for _, s in self._version_of} | self._recordings():
            clip = await self._by.desk.find(sha256)
            if clip is not None:
                self._library.keep_tried(clip)
        for stored in self.current:
            if self.why_not(stored) is None:
                self._let_be_said(stored)
        self._library.written = self.to_say
        self._library.on_render = self._note_clip
        yield self

    def _recordings(self) -> set[str]:
        found = (s.content.recording for v in self._versions.values() for s in v)
        return {sha256 for sha256 in found if sha256 is not None}

    def _clips_of(self, stored: StoredAnnouncement) -> set[str]:
        return {
            sha256
            for (name, sha256), versions in self._version_of.items()
            if name == stored.id and stored.version in versions
        }

    def _let_be_said(self, stored: StoredAnnouncement) -> None:
        for sha256 in self._clips_of(stored):
            with contextlib.suppress(NotFound):  # its file is gone: rendered again
                self._library.keep(self._library.sound(sha256))

    def _take_back(self, announcement_id: str) -> None:
        for name, sha256 in self._version_of:
            if name == announcement_id:
                self._library.take_back(sha256)

    # -- looking

    @property
    def current(self) -> tuple[StoredAnnouncement, ...]:
        """The latest version of each."""
        return tuple(v[-1] for v in self._versions.values())

    def get(self, announcement_id: str) -> StoredAnnouncement:
        """The latest version of one; raises NotFound."""
        try:
            return self._versions[announcement_id][-1]
        except KeyError:
            raise NotFound("announcement", announcement_id) from None

    def versions(self, announcement_id: str) -> tuple[StoredAnnouncement, ...]:
        """All versions of one, newest first; raises NotFound."""
        self.get(announcement_id)
        return tuple(reversed(self._versions[announcement_id]))

    def of_alert(self, alert: str) -> tuple[StoredAnnouncement, ...]:
        """The latest versions of those that were made of an alert."""
        return tuple(s for s in self.current if s.alert == alert)

    def why_not(self, stored: StoredAnnouncement) -> str | None:
        """Why it may not be said now; None: it may."""
        return why_not(stored, self._clock.utc())

    # -- writing

    async def create(
        self,
        announcement_id: str | None,
        content: Content,
        actor: str,
        *,
        alert: str | None = None,
        areas: tuple[str, ...] = (),
    ) -> StoredAnnouncement:
        """Keep a first draft.

        Raises:
            InputError: it cannot be used, one fault each.
            Conflict: the id is taken.
        """
        name = announcement_id or f"said-{uuid.uuid4().hex[:8]}"
        if not _ID.fullmatch(name):
            right = "1 to 60 letters, digits, '-', '_' or '.'"
            raise InputError.one("id", f"is {name[:60]!r}", right)
        await self._check(name, content)
        async with self._changing:
            taken = {a.id for a in self._library.announcements} | set(self._versions)
            if name in taken:
                raise Conflict(f"announcement {name} is there already")
            stored = StoredAnnouncement(
                AnnouncementId(name),
                1,
                content,
                written_by=actor,
                written_utc=self._clock.utc(),
                alert=alert,
                areas=areas,
            )
            return await self._keep(stored, actor, "write announcement")

    async def change(
        self, announcement_id: str, version: int, content: Content, actor: str
    ) -> StoredAnnouncement:
        """Keep the next version, a draft again.

        Raises:
            NotFound, InputError: as they say.
            Conflict: ``version`` is not the latest: somebody was faster.
        """
        self.get(announcement_id)
        await self._check(announcement_id, content)
        async with self._changing:
            before = self._latest(announcement_id, version)
            stored = changed(before, content, actor, self._clock.utc())
            # Clips of the version before stay: runs that say it go on.
            return await self._keep(stored, actor, "change announcement")

    async def approve(
        self, announcement_id: str, version: int, actor: str, *, second_person: bool
    ) -> StoredAnnouncement:
        """Let this version be said.

        Raises:
            NotFound: no such announcement.
            Conflict: not the latest version, not a draft, over, or written
                by the one who approves while a second person has to.
            InputError: it cannot be spoken.
        """
        async with self._changing:
            before = self._latest(announcement_id, version)
            if before.standing is not Standing.DRAFT:
                raise Conflict(f"announcement {before.id} is {before.standing} already")
            if second_person and actor == before.written_by:
                raise Conflict(
                    f"announcement {before.id} was written by {actor}:"
                    " somebody else has to approve it"
                )
            until = before.content.valid_until_utc
            if until is not None and until <= self._clock.utc():
                raise Conflict(f"announcement {before.id} is over: change its validity")
            await self._check(announcement_id, before.content)
            stored = approved(before, actor, self._clock.utc())
            kept = await self._keep(stored, actor, "approve announcement")
            self._let_be_said(kept)
            return kept

    async def withdraw(
        self, announcement_id: str, actor: str, reason: str
    ) -> StoredAnnouncement:
        """Let it not be said any more, anywhere; again is harmless."""
        async with self._changing:
            before = self.get(announcement_id)
            if before.standing is Standing.WITHDRAWN:
                return before
            stored = withdrawn(before, actor, self._clock.utc(), reason)
            kept = await self._keep(stored, actor, "withdraw announcement")
            self._take_back(announcement_id)
            return kept

    def _latest(self, announcement_id: str, version: int) -> StoredAnnouncement:
        stored = self.get(announcement_id)
        if stored.version != version:
            raise Conflict(
                f"announcement {announcement_id} is at version {stored.version},"
                f" not {version}: look at it again"
            )
        return stored

    async def check(self, content: Content) -> None:
        """Refuse what could never be said; raises InputError, SpeechFailed."""
        await self._check(TRIED, content)

    async def refresh(self) -> None:
        """See what other nodes wrote into a shared database."""
        async with self._changing:
            taken = {a.id for a in self._library.announcements}
            found: dict[str, list[StoredAnnouncement]] = {}
            for stored in await self._by.announcements.versions():
                if stored.id not in taken:
                    found.setdefault(stored.id, []).append(stored)
            gone = [
                v[-1].id for v in found.values() if v[-1].standing is Standing.WITHDRAWN
            ]
            self._versions = found
        for name in gone:
            self._take_back(name)

    async def _check(self, announcement_id: str, content: Content) -> None:
        """Refuse what could never be said, whatever its fields."""
        faults = content_faults(announcement_id, content)
        if content.recording is not None:
            clip = await self._by.desk.find(content.recording)
            if clip is None:
                place = f"announcement {announcement_id}: recording"
                faults.append(Fault(place, "is not there", "one that was uploaded"))
            else:
                self._library.keep_tried(clip)
        if faults:
            raise InputError(faults)
        await self._by.desk.check(fill(announcement_id, content).announcement)

    async def _keep(
        self, stored: StoredAnnouncement, actor: str, action: str
    ) -> StoredAnnouncement:
        """Into the audit log, the store, and memory; in this order."""
        tail = f": {stored.reason}" if stored.reason else ""
        text = f"{stored.id} version {stored.version} {digest(stored.content)}{tail}"
        await self._by.audit.audit(actor, action, text)
        await self._by.announcements.save(stored)
        versions = self._versions.setdefault(stored.id, [])
        if versions and versions[-1].version == stored.version:
            versions[-1] = stored
        else:
            versions.append(stored)
        return stored

    # -- its sound

    def to_say(
        self, announcement_id: str, given: tuple[FieldValue, ...] = ()
    ) -> Announcement:
        """What a plan is to say.

        Raises:
            NotFound: no such announcement.
            Conflict: it may not be said now, with the reason.
            InputError: its fields.
        """
        stored = self.get(announcement_id)
        if (reason := self.why_not(stored)) is not None:
            raise Conflict(reason)
        return to_say(stored, given)

    async def render(
        self, announcement_id: str, given: tuple[FieldValue, ...] = ()
    ) -> Clip:
        """The clip of the latest version; a draft's is only to listen to."""
        stored = self.get(announcement_id)
        announcement = to_say(stored, given)
        if self.why_not(stored) is None:
            return await self._library.clip_of(announcement)
        clip = await self._library.preview(announcement)
        await self._note_clip(announcement, clip)
        return clip

    async def preview(self, content: Content, given: tuple[FieldValue, ...]) -> Clip:
        """The clip of something that is not kept; raises as :meth:`create`."""
        announcement = spoken(TRIED, content, given)
        await self._by.desk.check(announcement)
        return await self._library.preview(announcement)

    async def lint(
        self, content: Content, given: tuple[FieldValue, ...], *, render: bool
    ) -> Lint:
        """Judge something that need not be kept, as far as it is written."""
        filled = fill(TRIED, content, given)
        return await judged(filled, content, self._by.desk, self._clip(render=render))

    def _clip(
        self, *, render: bool
    ) -> Callable[[Announcement], Awaitable[Clip | None]]:
        async def no_clip(announcement: Announcement) -> Clip | None:
            del announcement
            return None

        return self._library.preview if render else no_clip

    async def take_recording(self, raw: bytes, name: str, actor: str) -> Clip:
        """Master and keep an upload; raises as the desk says."""
        clip = await self._by.desk.take_recording(raw, name)
        self._library.keep_tried(clip)
        text = f"{clip.sha256[:16]} {name}"
        await self._by.audit.audit(actor, "upload recording", text)
        return clip

    async def _note_clip(self, announcement: Announcement, clip: Clip) -> None:
        if announcement.version is None:
            return
        known = self._version_of.setdefault((announcement.id, clip.sha256), set())
        if announcement.version not in known:
            await self._by.announcements.note_clip(
                announcement.id, announcement.version, clip.sha256
            )
            known.add(announcement.version)

    # -- what plans say

    def violations(self, plan: Plan) -> tuple[Violation, ...]:
        """Why a plan's announcement may not be said now."""
        stored = self._said_by(plan)
        if stored is None:
            return ()
        reason = self.why_not(stored)
        if reason is None and stored.version not in self._versions_in(plan):
            others = sorted(self._versions_in(plan))
            says = f"version {others[-1]}" if others else "another text"
            reason = (
                f"the plan says {says} of announcement {stored.id},"
                f" version {stored.version} is approved: plan again"
            )
        if reason is None:
            return ()
        return (Violation(sortie=None, seq=None, rule=RULE, reason=reason),)

    def over(self, plan: Plan) -> str | None:
        """Why what is being said has to end; None: it may go on.

        A newer draft does not end a run that says what was approved.
        """
        stored = self._said_by(plan)
        if stored is None:
            return None
        if stored.standing is Standing.WITHDRAWN:
            return self.why_not(stored)
        versions = self._versions_in(plan)
        ends = [
            s.content.valid_until_utc
            for s in self._versions[stored.id]
            if s.version in versions and s.content.valid_until_utc is not None
        ]
        if ends and max(ends) <= self._clock.utc():
            return f"announcement {stored.id} was valid until {max(ends):%H:%M} UTC"
        return None

    async def expire(self) -> None:
        """Withdraw what is over: made of an alert for good, else its clips."""
        now = self._clock.utc()
        for stored in self.current:
            until = stored.content.valid_until_utc
            if until is None or until > now or stored.standing is Standing.WITHDRAWN:
                continue
            self._take_back(stored.id)
            if stored.origin is Origin.ALERT:
                why = f"the alert was valid until {until:%Y-%m-%d %H:%M} UTC"
                await self.withdraw(stored.id, "patrolctl", why)

    def _said_by(self, plan: Plan) -> StoredAnnouncement | None:
        if not any(i.cue for s in plan.sorties for i in s.items):
            return None
        versions = self._versions.get(plan.announcement.id)
        return versions[-1] if versions else None

    def _versions_in(self, plan: Plan) -> set[int]:
        said = plan.announcement
        return self._version_of.get((said.id, said.clip_sha256 or ""), set())
