"""Announcements: those of missions, and those written and approved here."""

import dataclasses
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from patrolctl.domain.announcements import (
    StoredAnnouncement,
    Wording,
    fill,
)
from patrolctl.domain.lint import Lint
from patrolctl.domain.sound import Announcement, Clip
from patrolctl.web.answers import AnnouncementAnswer, ClipAnswer, json
from patrolctl.web.bodies import ContentBody, FieldBody
from patrolctl.web.routes.sounds import clip_answer
from patrolctl.web.services import Actor, WebServices, services

router = APIRouter(prefix="/announcements", tags=["announcements"])
Services = Annotated[WebServices, Depends(services)]

OF_MISSION = "stands in a mission file: counts as approved by whoever wrote it"
ALONE = "without configured operators a draft may be approved by whoever wrote it"
BY_ANOTHER = "a draft is approved by somebody who did not write it"


def _own(announcement: Announcement) -> dict[str, object]:
    return {
        f.name: getattr(announcement, f.name) for f in dataclasses.fields(announcement)
    }


def mission_answer(announcement: Announcement, clip: Clip | None) -> AnnouncementAnswer:
    """An announcement of a mission file."""
    return AnnouncementAnswer(
        **_own(announcement),  # type: ignore[arg-type] # its own fields, by name
        clip_sha256=None if clip is None else clip.sha256,
        duration_s=None if clip is None else clip.duration_s,
        wordings=tuple(Wording(u.lang, u.text) for u in announcement.utterances),
        note=OF_MISSION,
    )


def stored_answer(by: WebServices, stored: StoredAnnouncement) -> AnnouncementAnswer:
    """An announcement that was written here."""
    content = stored.content
    filled = fill(stored.id, content)
    clip = by.library.rendered(stored.id)
    announcement = dataclasses.replace(filled.announcement, version=stored.version)
    return AnnouncementAnswer(
        **_own(announcement),  # type: ignore[arg-type] # its own fields, by name
        clip_sha256=None if clip is None else clip.sha256,
        duration_s=None if clip is None else clip.duration_s,
        title=content.title,
        origin=stored.origin,
        standing=stored.standing,
        why_not=by.announcements.why_not(stored),
        wordings=content.wordings,
        fields=content.fields,
        open_fields=filled.missing,
        valid_from_utc=content.valid_from_utc,
        valid_until_utc=content.valid_until_utc,
        written_by=stored.written_by,
        written_utc=stored.written_utc,
        approved_by=stored.approved_by,
        approved_utc=stored.approved_utc,
        withdrawn_by=stored.withdrawn_by,
        withdrawn_utc=stored.withdrawn_utc,
        reason=stored.reason,
        areas=stored.areas,
        note=BY_ANOTHER if by.access.on else ALONE,
    )


def _answer(by: WebServices, stored: StoredAnnouncement, status: int = 200) -> Response:
    where = f"/api/v1/announcements/{stored.id}"
    return json(stored_answer(by, stored), status, location=where)


@router.get("", response_model=list[AnnouncementAnswer])
async def list_announcements(by: Services) -> Response:
    """All announcements, those of missions first."""
    library = by.library
    found = [mission_answer(a, library.rendered(a.id)) for a in library.announcements]
    return json(found + [stored_answer(by, s) for s in by.announcements.current])


class NewBody(ContentBody):
    """A first draft; without ``id`` it gets one."""

    id: str | None = Field(default=None, max_length=60)


@router.post("", status_code=201, response_model=AnnouncementAnswer)
async def create(body: NewBody, by: Services, who: Actor) -> Response:
    """Write a draft."""
    stored = await by.announcements.create(body.id, body.content(), who)
    return _answer(by, stored, 201)


class TriedBody(ContentBody):
    """What is only tried; ``given`` are values for open fields."""

    given: list[FieldBody] = Field(default=[], max_length=100)
    render: bool = False


@router.post("/lint", response_model=Lint)
async def lint(body: TriedBody, by: Services) -> Response:
    """Judge what is written so far; ``render`` measures the real clip."""
    given = tuple(f.value_of() for f in body.given)
    return json(await by.announcements.lint(body.content(), given, render=body.render))


@router.post("/preview", status_code=201, response_model=ClipAnswer)
async def preview(body: TriedBody, by: Services) -> Response:
    """Render what is written so far, to listen to."""
    given = tuple(f.value_of() for f in body.given)
    clip = clip_answer(await by.announcements.preview(body.content(), given))
    return json(clip, 201, location=clip.url)


@router.get("/{announcement_id}", response_model=AnnouncementAnswer)
async def get_announcement(announcement_id: str, by: Services) -> Response:
    """One announcement."""
    for announcement in by.library.announcements:
        if announcement.id == announcement_id:
            clip = by.library.rendered(announcement.id)
            return json(mission_answer(announcement, clip))
    return json(stored_answer(by, by.announcements.get(announcement_id)))


@router.get("/{announcement_id}/versions", response_model=list[StoredAnnouncement])
async def list_versions(announcement_id: str, by: Services) -> Response:
    """All versions, newest first."""
    return json(by.announcements.versions(announcement_id))


class ChangeBody(ContentBody):
    """The next version; ``version`` is the one that was looked at."""

    version: int = Field(ge=1)


@router.put("/{announcement_id}", response_model=AnnouncementAnswer)
async def change(
    announcement_id: str, body: ChangeBody, by: Services, who: Actor
) -> Response:
    """Change it: a draft again, the version before is kept."""
    stored = await by.announcements.change(
        announcement_id, body.version, body.content(), who
    )
    return _answer(by, stored)


class ApprovalBody(BaseModel):
    """Which version is approved: the one that was read and listened to."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=1)


@router.post("/{announcement_id}/approve", response_model=AnnouncementAnswer)
async def approve(
    announcement_id: str, body: ApprovalBody, by: Services, who: Actor
) -> Response:
    """Let it be said; with configured operators, by a second person only."""
    stored = await by.announcements.approve(
        announcement_id, body.version, who, second_person=by.access.on
    )
    return _answer(by, stored)


class WithdrawalBody(BaseModel):
    """Why it may not be said any more."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(default="", max_length=300)


@router.post("/{announcement_id}/withdraw", response_model=AnnouncementAnswer)
async def withdraw(
    announcement_id: str, body: WithdrawalBody, by: Services, who: Actor
) -> Response:
    """Let it not be said any more; runs that say it are silenced."""
    reason = " ".join(body.reason.split())
    stored = await by.announcements.withdraw(announcement_id, who, reason)
    return _answer(by, stored)
