"""What the service knows: missions, their sites, rendered clips."""

from collections.abc import Mapping

from patrolctl.domain.brief import Brief
from patrolctl.domain.errors import NotFound, SpeechFailed
from patrolctl.domain.ids import AnnouncementId
from patrolctl.domain.plan import Plan
from patrolctl.domain.site import Site
from patrolctl.domain.sound import Announcement, Clip
from patrolctl.ports import Synthesizer


class Library:
    """The loaded missions and the clips of their announcements.

    Args:
        briefs: missions by id (the name of their folder).
        synthesizer: renders announcements.
    """

    def __init__(self, briefs: Mapping[str, Brief], synthesizer: Synthesizer) -> None:
        self.briefs = dict(briefs)
        self._synthesizer = synthesizer
        self._clips: dict[str, Clip] = {}
        self._clip_of: dict[AnnouncementId, str] = {}

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
        """One announcement of any mission; raises NotFound."""
        for brief in self.briefs.values():
            for announcement in brief.announcements:
                if announcement.id == announcement_id:
                    return announcement
        raise NotFound("announcement", announcement_id)

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
        """
        clip = await self._synthesizer.render(announcement)
        self._clips[clip.sha256] = clip
        self._clip_of[announcement.id] = clip.sha256
        return clip

    def keep(self, clip: Clip) -> None:
        """Know a clip that was rendered before."""
        self._clips[clip.sha256] = clip

    def rendered(self, announcement_id: str) -> Clip | None:
        """The clip that an announcement was rendered to, if it was."""
        sha256 = self._clip_of.get(AnnouncementId(announcement_id))
        return None if sha256 is None else self._clips[sha256]

    def clip(self, sha256: str) -> Clip:
        """A rendered clip; raises NotFound."""
        try:
            return self._clips[sha256]
        except KeyError:
            raise NotFound("clip", sha256) from None

    async def render_all(self) -> tuple[str, ...]:
        """Render every announcement; the problems, one line each."""
        problems = []
        for announcement in self.announcements:
            try:
                await self.clip_of(announcement)
            except SpeechFailed as e:
                problems.append(f"announcement {announcement.id}: {e}")
        return tuple(problems)
