"""Weather, daylight and closed airspace: what a launch depends on."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from patrolctl.control.conditions.conditions import Conditions, Launch
from patrolctl.control.conditions.notices import from_geojson
from patrolctl.domain.conditions import ConditionRules, NoFlyNotice, Weather
from patrolctl.domain.errors import Conflict, InputError
from patrolctl.domain.ids import PlanId
from patrolctl.domain.violation import Violation
from patrolctl.web.answers import json
from patrolctl.web.services import Actor, WebServices, services

router = APIRouter(prefix="/conditions", tags=["conditions"])
Services = Annotated[WebServices, Depends(services)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class WeatherBody(_Strict):
    """What a person saw or measured."""

    wind_m_s: float | None = Field(default=None, ge=0, le=100)
    gust_m_s: float | None = Field(default=None, ge=0, le=100)
    wind_from_deg: float | None = Field(default=None, ge=0, le=360)
    rain_mm_h: float | None = Field(default=None, ge=0, le=500)


class NoticeBody(_Strict):
    """Airspace to be closed; corners as in GeoJSON, longitude first."""

    name: str = Field(min_length=1, max_length=100)
    ring: list[tuple[float, float]] = Field(min_length=3, max_length=1000)
    from_utc: datetime
    until_utc: datetime
    bottom_m: float = Field(default=0.0, ge=-500, le=20_000)
    top_m: float = Field(default=10_000.0, ge=-500, le=20_000)
    reason: str | None = Field(default=None, max_length=500)


class NoticesBody(_Strict):
    """The Polygons of a GeoJSON FeatureCollection, closed for one time."""

    geojson: dict[str, object]
    from_utc: datetime
    until_utc: datetime


def _conditions(by: WebServices) -> Conditions:
    if by.conditions is None:
        raise Conflict("this service looks at no conditions")
    return by.conditions


def _aware(when: datetime, name: str) -> datetime:
    if when.tzinfo is None:
        raise InputError.one(name, "has no offset", "such as 2026-03-01T09:00:00Z")
    return when


@router.get("/rules", response_model=ConditionRules)
async def rules(by: Services) -> Response:
    """What the settings demand of a launch."""
    return json(_conditions(by).rules)


@router.get("/weather/{site_id}", response_model=list[Weather])
async def weather(site_id: str, by: Services) -> Response:
    """Every report that is fresh enough to count."""
    return json(await _conditions(by).skies.reports(by.library.site(site_id)))


@router.put("/weather/{site_id}", response_model=Weather)
async def enter(site_id: str, body: WeatherBody, by: Services, who: Actor) -> Response:
    """Enter what was seen or measured."""
    site = by.library.site(site_id)
    said = Weather(by.timetable.desk.clock.utc(), "", **body.model_dump())
    return json(await _conditions(by).skies.enter(site.id, said, who))


@router.get("/plans/{plan_id}", response_model=list[Violation])
async def judge(plan_id: str, by: Services) -> Response:
    """What would be said if the plan were launched now."""
    plan = await by.store.plan(PlanId(plan_id))
    launch = Launch(plan, by.library.site_of(plan))
    return json(await _conditions(by).judge(launch))


@router.get("/no_fly", response_model=list[NoFlyNotice])
async def list_notices(by: Services) -> Response:
    """Airspace that is closed, or will be."""
    notices = _conditions(by).notices
    await notices.refresh()
    return json(notices.known)


@router.post("/no_fly", status_code=201, response_model=NoFlyNotice)
async def close(body: NoticeBody, by: Services, who: Actor) -> Response:
    """Close airspace for a time."""
    notice = NoFlyNotice(
        id="",
        name=body.name,
        ring=tuple(body.ring),
        from_utc=_aware(body.from_utc, "from_utc"),
        until_utc=_aware(body.until_utc, "until_utc"),
        bottom_m=body.bottom_m,
        top_m=body.top_m,
        reason=body.reason,
    )
    return json(await _conditions(by).notices.add(notice, who), 201)


@router.post("/no_fly/geojson", status_code=201, response_model=list[NoFlyNotice])
async def close_all(body: NoticesBody, by: Services, who: Actor) -> Response:
    """Close the areas of a GeoJSON document: all of them, or none."""
    found = from_geojson(
        body.geojson,
        _aware(body.from_utc, "from_utc"),
        _aware(body.until_utc, "until_utc"),
    )
    return json(await _conditions(by).notices.take_in(found, who), 201)


@router.delete("/no_fly/{notice_id}", status_code=204)
async def reopen(notice_id: str, by: Services, who: Actor) -> Response:
    """Open airspace again."""
    await _conditions(by).notices.remove(notice_id, who)
    return Response(status_code=204)
