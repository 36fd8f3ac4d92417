"""CAP 1.2 alerts: taken from a file, and what became of them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from patrolctl.domain.cap import CapOutcome, CapRecord
from patrolctl.web.answers import json
from patrolctl.web.services import Actor, WebServices, services
from patrolctl.web.texts import shown
from patrolctl.web.uploads import larger_than, uploaded

router = APIRouter(prefix="/cap", tags=["announcements"])
Services = Annotated[WebServices, Depends(services)]

LARGEST_UPLOAD = 2 * 2**20


@router.get("", response_model=list[CapRecord])
async def list_alerts(
    by: Services, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> Response:
    """The alerts that were taken, newest first."""
    return json(by.cap.taken[:limit])


@router.post(
    "",
    status_code=201,
    response_model=CapOutcome,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/cap+xml": {"schema": {"type": "string"}},
                "application/octet-stream": {
                    "schema": {"type": "string", "format": "binary"}
                },
            },
        }
    },
)
async def take_alert(
    request: Request,
    by: Services,
    who: Actor,
    name: Annotated[str, Query(max_length=120)] = "alert",
) -> Response:
    """Take an alert: drafts in its languages, or what it ends is withdrawn."""
    too_large = larger_than(shown(name), LARGEST_UPLOAD)
    raw = await uploaded(request, LARGEST_UPLOAD, too_large)
    return json(await by.cap.take(raw, shown(name), who), 201)
