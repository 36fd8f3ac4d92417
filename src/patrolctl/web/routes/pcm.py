"""Clips as a DJI dock fetches them."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi import Path as PathParam
from fastapi.responses import FileResponse

from patrolctl.domain.errors import NotFound
from patrolctl.web.services import WebServices, services

router = APIRouter(tags=["sounds"])
Services = Annotated[WebServices, Depends(services)]
Sha256 = Annotated[str, PathParam(pattern="^[0-9a-f]{64}$")]


@router.get(
    "/clips/{sha256}.pcm",
    response_class=FileResponse,
    responses={
        200: {
            "description": "Headerless PCM: 16 kHz, mono, 16 bit",
            "content": {"application/octet-stream": {"schema": {"type": "string"}}},
        }
    },
)
def get_pcm(sha256: Sha256, by: Services) -> FileResponse:
    """A clip that was converted for a DJI loudspeaker."""
    path = Path(by.library.sound(sha256).path).with_suffix(".pcm")
    if not path.is_file():
        raise NotFound("PCM of clip", sha256)
    return FileResponse(path, media_type="application/octet-stream")
