"""Announcements and the clips they were rendered to."""

import dataclasses
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi import Path as PathParam
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict

from patrolctl.domain.errors import NotFound
from patrolctl.domain.sound import Announcement, Clip
from patrolctl.web.answers import AnnouncementAnswer, ClipAnswer, json
from patrolctl.web.services import WebServices, services

router = APIRouter(tags=["sounds"])
Services = Annotated[WebServices, Depends(services)]
Sha256 = Annotated[str, PathParam(pattern="^[0-9a-f]{64}$")]


def clip_answer(clip: Clip) -> ClipAnswer:
    """A clip without its place on our disk."""
    return ClipAnswer(
        sha256=clip.sha256,
        url=f"/api/v1/clips/{clip.sha256}.wav",
        duration_s=clip.duration_s,
        sample_rate_hz=clip.sample_rate_hz,
        loudness_lufs=clip.loudness_lufs,
        peak_dbfs=clip.peak_dbfs,
        crest_db=clip.crest_db,
    )


def announcement_answer(
    announcement: Announcement, clip: Clip | None
) -> AnnouncementAnswer:
    """An announcement with its clip."""
    own = {
        f.name: getattr(announcement, f.name) for f in dataclasses.fields(announcement)
    }
    if clip is None:
        return AnnouncementAnswer(**own)
    return AnnouncementAnswer(
        **own, clip_sha256=clip.sha256, duration_s=clip.duration_s
    )


@router.get("/announcements", response_model=list[AnnouncementAnswer])
async def list_announcements(by: Services) -> Response:
    """All announcements."""
    library = by.library
    return json(
        [announcement_answer(a, library.rendered(a.id)) for a in library.announcements]
    )


@router.get("/clips", response_model=list[ClipAnswer])
async def list_clips(by: Services) -> Response:
    """The clips rendered so far."""
    return json([clip_answer(c) for c in by.library.clips.values()])


@router.get(
    "/clips/{sha256}.wav",
    response_class=FileResponse,
    responses={
        200: {
            "description": "The sound",
            "content": {"audio/wav": {"schema": {"type": "string"}}},
        }
    },
)
def get_clip(sha256: Sha256, by: Services) -> FileResponse:
    """A clip's sound (in a worker thread: it looks at the disk)."""
    path = Path(by.library.clip(sha256).path)
    if not path.is_file():
        raise NotFound("sound of clip", sha256)
    return FileResponse(
        path,
        media_type="audio/wav",
        headers={"cache-control": "public, max-age=31536000, immutable"},
    )


class RenderBody(BaseModel):
    """What to render."""

    model_config = ConfigDict(extra="forbid")

    announcement_id: str


@router.post("/clips", status_code=201, response_model=ClipAnswer)
async def render_clip(body: RenderBody, by: Services) -> Response:
    """Render an announcement, or find it rendered."""
    announcement = by.library.announcement(body.announcement_id)
    clip = clip_answer(await by.library.clip_of(announcement))
    return json(clip, 201, location=clip.url)
