"""What the service knows: missions, their sites, rendered clips."""

from collections.abc import Awaitable, Callable, Mapping

from patrolctl.domain.brief import Brief
from patrolctl.domain.errors import Conflict, InputError, NotFound, SpeechFailed
from patrolctl.domain.ids import AnnouncementId
from patrolctl.domain.plan import Plan
from patrolctl.domain.site import Site
from patrolctl.domain.sound import Announcement, Clip
from patrolctl.domain.templates import FieldValue
from patrolctl.ports import Synthesizer

MOST_TRIED = 2000
Written = Callable[[str, tuple[FieldValue, ...]], Announcement]
Rendered = Callable[[Announcement, Clip], Awaitable[None]]


def _nothing_written(name: str, given: tuple[FieldValue, ...]) -> Announcement:
    del given
    raise NotFound("announcement", name)


async def _not_noted(announcement: Announcement, clip: Clip) -> None:
    del announcement, clip


class Library:
    """The loaded missions and the clips of their announcements.

    ``written`` gives an announcement that was written here, or says why it
    may not be said; ``on_render`` is told of every clip.

    Args:
        briefs: missions by id (the name of their folder).
        synthesizer: renders announcements.
    """

    def __init__(self, briefs: Mapping[str, Brief], synthesizer: Synthesizer) -> None:
        self.briefs = dict(briefs)
        self._synthesizer = synthesizer
        self._clips: dict[str, Clip] = {}
        self._tried: dict[str, Clip] = {}
        self._clip_of: dict[AnnouncementId, str] = {}
        self.written: Written = _nothing_written
        self.on_render: Rendered = _not_noted

    @property
    def sites(self) -> dict[str, Site]:
        """The sites by id."""
        return {b.site.id: b.site for b in self.briefs.values()}

    @property
    def clips(self) -> dict[str, Clip]:
        """The clips rendered so far, by digest."""
        return self._clips

    def brief(self, mission_id: str) -> Brief:
        """One mission; raises NotFound."""
        try:
            return self.briefs[mission_id]
        except KeyError:
            raise NotFound("mission", mission_id) from None

    def site(self, site_id: str) -> Site:
        """One site; raises NotFound."""
        try:
            return self.sites[site_id]
        except KeyError:
            raise NotFound("site", site_id) from None

    def site_of(self, plan: Plan) -> Site:
        """The very site that a plan was made for; raises NotFound."""
        for brief in self.briefs.values():
            if brief.site.sha256 == plan.site_sha256:
                return brief.site
        raise NotFound("site with digest", plan.site_sha256[:12])

    def announcement(self, announcement_id: str) -> Announcement:
        """One announcement of any mission, or one that may be said.

        Raises:
            NotFound: there is none of that id.
            Conflict: it is a draft, withdrawn or not valid now.
            InputError: it has fields that are open.
        """
        for brief in self.briefs.values():
            for announcement in brief.announcements:
                if announcement.id == announcement_id:
                    return announcement
        return self.written(announcement_id, ())

    def message(
        self, brief: Brief, name: str | None, given: tuple[FieldValue, ...] = ()
    ) -> Announcement:
        """What a plan of a mission is to say.

        Args:
            brief: the mission.
            name: None: its first announcement; else one of its own, or one
                that was written here and may be said.
            given: values for fields that are still open.

        Raises:
            NotFound: no such announcement.
            Conflict: it may not be said, with the reason.
            InputError: a field that has no value, or is not asked for.
        """
        for announcement in brief.announcements:
            if name in {None, announcement.id}:
                if given:
                    place = f"announcement {announcement.id}"
                    raise InputError.one(place, "has no fields", "no values for it")
                return announcement
        if name is None:
            raise NotFound("announcement", f"of mission {brief.name}")
        return self.written(name, given)

    @property
    def announcements(self) -> tuple[Announcement, ...]:
        """All announcements, each once."""
        found = {a.id: a for b in self.briefs.values() for a in b.announcements}
        return tuple(found.values())

    async def clip_of(self, announcement: Announcement) -> Clip:
        """The announcement rendered (or from the cache).

        Raises:
            SpeechFailed: nothing usable came out.
            InputError: the text cannot be spoken.
            NotFound: its recording is not there any more.
        """
        clip = await self._clip(announcement)
        self._clips[clip.sha256] = clip
        self._clip_of[announcement.id] = clip.sha256
        await self.on_render(announcement, clip)
        return clip

    async def preview(self, announcement: Announcement) -> Clip:
        """The clip of what nobody approved yet: to listen to, not to be said.

        Raises:
            SpeechFailed, InputError, NotFound: as :meth:`clip_of`.
        """
        clip = await self._clip(announcement)
        self.keep_tried(clip)
        return clip

    async def _clip(self, announcement: Announcement) -> Clip:
        if announcement.recording is not None:
            return self.sound(announcement.recording)
        return await self._synthesizer.render(announcement)

    def keep(self, clip: Clip) -> None:
        """Know a clip that was rendered before and may be said."""
        self._clips[clip.sha256] = clip

    def keep_tried(self, clip: Clip) -> None:
        """Know a clip that may be listened to."""
        self._tried[clip.sha256] = clip
        while len(self._tried) > MOST_TRIED:
            del self._tried[next(iter(self._tried))]

    def take_back(self, sha256: str) -> None:
        """A clip may not be said any more, only be listened to."""
        if (clip := self._clips.pop(sha256, None)) is not None:
            self.keep_tried(clip)

    def rendered(self, announcement_id: str) -> Clip | None:
        """The clip that an announcement was rendered to, if it was."""
        sha256 = self._clip_of.get(AnnouncementId(announcement_id))
        return None if sha256 is None else self._clips.get(sha256)

    def clip(self, sha256: str) -> Clip:
        """A clip that may be said.

        Raises:
            NotFound: there is none.
            Conflict: nobody approved what it says.
        """
        try:
            return self._clips[sha256]
        except KeyError:
            if sha256 in self._tried:
                why = "is a draft's: its announcement is not approved"
                raise Conflict(f"clip {sha256[:12]} {why}") from None
            raise NotFound("clip", sha256) from None

    def sound(self, sha256: str) -> Clip:
        """A clip to listen to, approved or not; raises NotFound."""
        found = self._clips.get(sha256) or self._tried.get(sha256)
        if found is None:
            raise NotFound("clip", sha256)
        return found

    async def render_all(self) -> tuple[str, ...]:
        """Render every announcement; the problems, one line each."""
        problems = []
        for announcement in self.announcements:
            try:
                await self.clip_of(announcement)
            except SpeechFailed as e:
                problems.append(f"announcement {announcement.id}: {e}")
        return tuple(problems)
