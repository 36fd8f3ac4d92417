"""Schedules."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from patrolctl.control.timetable import ScheduleView
from patrolctl.web.answers import Accepted, json
from patrolctl.web.services import Actor, WebServices, services

router = APIRouter(prefix="/schedules", tags=["schedules"])
Services = Annotated[WebServices, Depends(services)]


@router.get("", response_model=list[ScheduleView])
async def list_schedules(by: Services) -> Response:
    """All schedules with their next and latest occurrences."""
    return json(await by.timetable.views())


@router.post("/{schedule_id}/run_now", status_code=202, response_model=Accepted)
async def run_now(schedule_id: str, by: Services, who: Actor) -> Response:
    """Do now what the next occurrence would do."""
    await by.timetable.run_now(schedule_id, who)
    return json(Accepted(), 202)


@router.post("/{schedule_id}/pause", status_code=202, response_model=Accepted)
async def pause(schedule_id: str, by: Services, who: Actor) -> Response:
    """Let occurrences pass until it is resumed."""
    await by.timetable.pause(schedule_id, who, paused=True)
    return json(Accepted(), 202)


@router.post("/{schedule_id}/resume", status_code=202, response_model=Accepted)
async def resume(schedule_id: str, by: Services, who: Actor) -> Response:
    """Go on after a pause."""
    await by.timetable.pause(schedule_id, who, paused=False)
    return json(Accepted(), 202)
