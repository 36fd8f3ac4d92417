"""Schedules: looked at, changed, run, asked about, and taken along."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from patrolctl.control.schedules.conflicts import ScheduleConflict
from patrolctl.control.schedules.timetable import Question, ScheduleView
from patrolctl.domain.brief import MissedPolicy, Schedule
from patrolctl.domain.calendar import CalendarDefaults
from patrolctl.domain.errors import InputError
from patrolctl.domain.gaps import Rerun
from patrolctl.domain.ids import AnnouncementId, ScheduleId
from patrolctl.domain.plan import PlanKind
from patrolctl.web.answers import Accepted, json
from patrolctl.web.services import Actor, WebServices, services
from patrolctl.web.uploads import uploaded

router = APIRouter(prefix="/schedules", tags=["schedules"])
holidays_router = APIRouter(prefix="/holidays", tags=["schedules"])
Services = Annotated[WebServices, Depends(services)]
Name = r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,59}$"
ICS = "text/calendar"
UPLOAD_MAX = 2_000_000
ICS_BODY = {
    "requestBody": {
        "required": True,
        "content": {ICS: {"schema": {"type": "string", "format": "binary"}}},
    }
}
ListName = Annotated[str, Path(pattern=Name)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def _naive(value: datetime, name: str) -> datetime:
    if value.tzinfo is not None:
        right = "a local time such as 2026-01-05T09:00:00, in time_zone"
        raise InputError.one(name, "has an offset", right)
    return value


class ScheduleChange(_Strict):
    """A schedule as the operator writes it; times are local to ``time_zone``."""

    announcement: str = Field(min_length=1, max_length=100)
    work: list[PlanKind] = Field(min_length=1, max_length=2)
    rrule: str = Field(min_length=1, max_length=500)
    start_local: datetime
    time_zone: str | None = Field(default=None, max_length=60)
    also_local: list[datetime] = Field(default=[], max_length=1000)
    except_times: list[datetime] = Field(default=[], max_length=1000)
    except_dates: list[date] = Field(default=[], max_length=1000)
    holidays: list[Annotated[str, Field(pattern=Name)]] = Field(
        default=[], max_length=20
    )
    late_s: float = Field(default=300.0, ge=0, le=86400)
    missed: MissedPolicy = MissedPolicy.RUN_LATE
    rerun: Rerun = Rerun.OFFER
    authority: str | None = Field(default=None, max_length=300)
    title: str | None = Field(default=None, max_length=200)
    enabled: bool = True

    def schedule(self, schedule_id: str, time_zone: str) -> Schedule:
        """As the domain's value; ``time_zone`` where it says none."""
        lists = {"also_local": self.also_local, "except_times": self.except_times}
        local = {
            name: tuple(sorted({_naive(t, name) for t in times}))
            for name, times in lists.items()
        }
        return Schedule(
            id=ScheduleId(schedule_id),
            announcement=AnnouncementId(self.announcement),
            work=tuple(dict.fromkeys(self.work)),
            rrule=self.rrule,
            start_local=_naive(self.start_local, "start_local"),
            time_zone=self.time_zone or time_zone,
            except_dates=tuple(sorted(set(self.except_dates))),
            late_s=self.late_s,
            authority=self.authority,
            enabled=self.enabled,
            also_local=local["also_local"],
            except_times=local["except_times"],
            holidays=tuple(dict.fromkeys(self.holidays)),
            missed=self.missed,
            rerun=self.rerun,
            title=self.title,
        )


class NewSchedule(ScheduleChange):
    """One that is not there yet."""

    id: str = Field(pattern=Name)
    mission_id: str = Field(min_length=1, max_length=100)


class Answer(_Strict):
    """What is to become of a missed occurrence."""

    due_utc: datetime
    run: bool


class Preview(_Strict):
    """When a schedule would occur."""

    next_utc: list[datetime]
    time_zone: str


class Imported(_Strict):
    """The schedules that a calendar made or replaced."""

    schedules: list[str]


class Days(_Strict):
    """A named list of days."""

    dates: list[date] = Field(max_length=5000)


def _zone_of(by: WebServices, mission_id: str) -> str:
    return by.library.brief(mission_id).site.time_zone


@router.get("", response_model=list[ScheduleView])
async def list_schedules(by: Services) -> Response:
    """All schedules with their next and latest occurrences."""
    return json(await by.timetable.views())


@router.post("", status_code=201, response_model=ScheduleView)
async def create(body: NewSchedule, by: Services, who: Actor) -> Response:
    """Make a schedule; it is watched from now on."""
    schedule = body.schedule(body.id, _zone_of(by, body.mission_id))
    await by.timetable.create(body.mission_id, schedule, who)
    view = await by.timetable.view(body.id)
    return json(view, 201, Location=f"/api/v1/schedules/{body.id}")


@router.post("/preview", response_model=Preview)
async def preview(
    body: NewSchedule, by: Services, count: Annotated[int, Query(ge=1, le=100)] = 10
) -> Response:
    """When it would occur; refused as it would be when it is made."""
    schedule = body.schedule(body.id, _zone_of(by, body.mission_id))
    found = await by.timetable.preview(body.mission_id, schedule, count=count)
    return json({"next_utc": found, "time_zone": schedule.time_zone})


@router.get("/conflicts", response_model=list[ScheduleConflict])
async def conflicts(
    by: Services, days: Annotated[float, Query(gt=0, le=60)] = 7.0
) -> Response:
    """What the schedules of the next days will want of each other."""
    return json(await by.conflicts.ahead(days) if by.conflicts else ())


@router.get("/questions", response_model=list[Question])
async def questions(by: Services) -> Response:
    """Missed occurrences that wait for the operator's word."""
    return json(await by.timetable.questions())


@router.get("/calendar.ics", response_class=Response)
async def export(by: Services) -> Response:
    """All schedules as a calendar."""
    return _ics(await by.timetable.export())


@router.post(
    "/calendar.ics", status_code=201, response_model=Imported, openapi_extra=ICS_BODY
)
async def take_in(
    request: Request,
    by: Services,
    who: Actor,
    mission_id: str | None = None,
    announcement: str | None = None,
    work: Annotated[list[PlanKind] | None, Query()] = None,
) -> Response:
    """Make or replace the schedules of a calendar: all of them, or none."""
    zone = "UTC" if mission_id is None else _zone_of(by, mission_id)
    defaults = CalendarDefaults(zone, mission_id, announcement, tuple(work or ()))
    names = await by.timetable.take_in(await _body(request), defaults, who)
    return json({"schedules": names}, 201)


@router.get("/{schedule_id}", response_model=ScheduleView)
async def show(
    schedule_id: str, by: Services, count: Annotated[int, Query(ge=1, le=200)] = 20
) -> Response:
    """One schedule, with more of its occurrences."""
    return json(await by.timetable.view(schedule_id, count=count))


@router.put("/{schedule_id}", response_model=ScheduleView)
async def change(
    schedule_id: str, body: ScheduleChange, by: Services, who: Actor
) -> Response:
    """Replace a schedule; what was due before counts as settled."""
    known = await by.timetable.view(schedule_id)
    schedule = body.schedule(schedule_id, known.time_zone)
    await by.timetable.change(schedule_id, schedule, who)
    return json(await by.timetable.view(schedule_id))


@router.delete("/{schedule_id}", status_code=204)
async def delete(schedule_id: str, by: Services, who: Actor) -> Response:
    """Take it off; its past stays on record."""
    await by.timetable.delete(schedule_id, who)
    return Response(status_code=204)


@router.get("/{schedule_id}/calendar.ics", response_class=Response)
async def export_one(schedule_id: str, by: Services) -> Response:
    """One schedule as a calendar."""
    return _ics(await by.timetable.export(schedule_id))


@router.post("/{schedule_id}/answer", status_code=202, response_model=Accepted)
async def answer(schedule_id: str, body: Answer, by: Services, who: Actor) -> Response:
    """Run a missed occurrence now, or let it go."""
    if body.due_utc.tzinfo is None:
        raise InputError.one("due_utc", "has no offset", "the time as it was asked")
    await by.timetable.answer(schedule_id, body.due_utc, who, run=body.run)
    return json(Accepted(), 202)


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


# -- holidays


@holidays_router.get("", response_model=dict[str, list[date]])
async def list_holidays(by: Services) -> Response:
    """The named lists of days that schedules may leave out."""
    return json(await by.timetable.holidays())


@holidays_router.put("/{name}", response_model=Days)
async def set_holidays(
    name: ListName, body: Annotated[Days, Body()], by: Services, who: Actor
) -> Response:
    """Keep a list; an empty one is removed."""
    days = await by.timetable.set_holidays(name, tuple(body.dates), who)
    return json({"dates": days})


@holidays_router.post(
    "/{name}/calendar.ics", response_model=Days, openapi_extra=ICS_BODY
)
async def take_in_holidays(
    name: ListName, request: Request, by: Services, who: Actor
) -> Response:
    """Keep the whole days of a calendar as a list."""
    days = await by.timetable.take_in_holidays(name, await _body(request), who)
    return json({"dates": days})


def _ics(raw: bytes) -> Response:
    name = 'attachment; filename="patrolctl.ics"'
    return Response(raw, media_type=ICS, headers={"Content-Disposition": name})


async def _body(request: Request) -> bytes:
    what = f"is longer than {UPLOAD_MAX} bytes"
    return await uploaded(request, UPLOAD_MAX, InputError.one("calendar", what))
