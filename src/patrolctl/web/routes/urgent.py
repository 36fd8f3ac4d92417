"""Urgent announcements."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from patrolctl.control.speaking.urgent import UrgentOrder
from patrolctl.web.answers import UrgentAnswer, json
from patrolctl.web.services import Actor, WebServices, services

router = APIRouter(tags=["vehicles"])
Services = Annotated[WebServices, Depends(services)]
Authority = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class UrgentBody(BaseModel):
    """What to say at once, where, and on whose authority."""

    model_config = ConfigDict(extra="forbid")

    authority: Authority
    announcement_id: Name | None = None
    clip_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    vehicles: Annotated[list[Name], Field(min_length=1, max_length=500)] | None = None
    repeats: Annotated[int, Field(ge=1, le=20)] | None = None
    key: Annotated[str, Field(pattern="^[A-Za-z0-9._-]{1,64}$")] | None = None

    @model_validator(mode="after")
    def _one_sound(self) -> "UrgentBody":
        if (self.announcement_id is None) == (self.clip_sha256 is None):
            msg = "exactly one of announcement_id and clip_sha256"
            raise ValueError(msg)
        return self


# Stands before /fleet/{verb}, which would take "announce" for a verb.
@router.post("/fleet/announce", status_code=202, response_model=UrgentAnswer)
async def announce(body: UrgentBody, by: Services, actor: Actor) -> Response:
    """Say it at once on the chosen vehicles (all by default).

    What a run says there is cut and the run goes on afterwards.
    """
    order = UrgentOrder(
        actor=actor,
        authority=body.authority,
        announcement_id=body.announcement_id,
        clip_sha256=body.clip_sha256,
        vehicles=None if body.vehicles is None else tuple(body.vehicles),
        repeats=body.repeats,
        key=body.key,
    )
    result = await by.urgent.announce(order)
    told = {str(v): r for v, r in result.vehicles.items()}
    return json(UrgentAnswer(id=result.id, vehicles=told, advice=result.advice), 202)
