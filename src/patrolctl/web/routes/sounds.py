"""The clips that announcements were rendered to, and uploads."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as PathParam
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from patrolctl.domain.errors import NotFound
from patrolctl.domain.sound import Clip
from patrolctl.domain.templates import FieldValue
from patrolctl.web.answers import ClipAnswer, json
from patrolctl.web.bodies import FieldBody
from patrolctl.web.services import Actor, WebServices, services
from patrolctl.web.texts import shown
from patrolctl.web.uploads import larger_than, uploaded

router = APIRouter(tags=["sounds"])
Services = Annotated[WebServices, Depends(services)]
LARGEST_UPLOAD = 50 * 2**20
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
    path = Path(by.library.sound(sha256).path)
    if not path.is_file():
        raise NotFound("sound of clip", sha256)
    return FileResponse(
        path,
        media_type="audio/wav",
        headers={"cache-control": "public, max-age=31536000, immutable"},
    )


class RenderBody(BaseModel):
    """What to render; ``fields`` are values for what it leaves open."""

    model_config = ConfigDict(extra="forbid")

    announcement_id: str = Field(max_length=200)
    fields: list[FieldBody] = Field(default=[], max_length=100)


@router.post("/clips", status_code=201, response_model=ClipAnswer)
async def render_clip(body: RenderBody, by: Services) -> Response:
    """Render an announcement, or find it rendered; a draft is only listened to."""
    given = tuple(f.value_of() for f in body.fields)
    clip = clip_answer(await rendered(by, body.announcement_id, given))
    return json(clip, 201, location=clip.url)


async def rendered(
    by: WebServices, announcement_id: str, given: tuple[FieldValue, ...]
) -> Clip:
    """The clip of an announcement of a mission, or of one written here."""
    for announcement in by.library.announcements:
        if announcement.id == announcement_id:
            return await by.library.clip_of(announcement)
    return await by.announcements.render(announcement_id, given)


@router.post(
    "/clips/recording",
    status_code=201,
    response_model=ClipAnswer,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {
                    "schema": {"type": "string", "format": "binary"}
                }
            },
        }
    },
)
async def upload_recording(
    request: Request,
    by: Services,
    who: Actor,
    name: Annotated[str, Query(max_length=120)] = "recording",
) -> Response:
    """Master a WAV, FLAC, MP3 or OGG; an announcement then names its clip."""
    too_large = larger_than(shown(name), LARGEST_UPLOAD)
    raw = await uploaded(request, LARGEST_UPLOAD, too_large)
    clip = await by.announcements.take_recording(raw, shown(name), who)
    return json(clip_answer(clip), 201, location=clip_answer(clip).url)
