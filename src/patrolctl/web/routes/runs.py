"""Runs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from patrolctl.control.live.feed import run_json
from patrolctl.control.running.active import RunVerb
from patrolctl.control.running.runs import LaunchOrder
from patrolctl.domain.conditions import Condition
from patrolctl.domain.evidence import TrackPoint
from patrolctl.domain.ids import PlanId, RunId, VehicleId
from patrolctl.domain.run import RunEvent
from patrolctl.domain.sound import Playback
from patrolctl.web.answers import RunAnswer, json, json_list
from patrolctl.web.services import Actor, WebServices, services

router = APIRouter(prefix="/runs", tags=["runs"])
Services = Annotated[WebServices, Depends(services)]


class LaunchBody(BaseModel):
    """What to launch."""

    model_config = ConfigDict(extra="forbid")

    plan_id: str = Field(max_length=200)
    authority: str | None = Field(default=None, max_length=500)
    vehicles: dict[str, str] | None = None
    loops: int | None = Field(default=None, ge=1, le=10_000)
    override: list[Condition] = Field(default=[], max_length=10)
    override_reason: str | None = Field(default=None, max_length=500)


@router.post("", status_code=201, response_model=RunAnswer)
async def launch(body: LaunchBody, by: Services, who: Actor) -> Response:
    """Check a plan and launch it."""
    state = await by.runs.launch(
        LaunchOrder(
            plan_id=PlanId(body.plan_id),
            actor=who,
            authority=body.authority,
            vehicles=body.vehicles,
            loops=body.loops,
            override=frozenset(body.override),
            override_reason=body.override_reason,
        )
    )
    return json(run_json(state), 201, location=f"/api/v1/runs/{state.id}")


@router.get("", response_model=list[RunAnswer])
async def list_runs(
    by: Services, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> Response:
    """Runs, newest first."""
    return json_list([run_json(s) for s in await by.store.runs(limit=limit)])


@router.get("/{run_id}", response_model=RunAnswer)
async def get_run(run_id: str, by: Services) -> Response:
    """One run."""
    return json(run_json(await by.runs.state(RunId(run_id))))


@router.get("/{run_id}/events", response_model=list[RunEvent])
async def get_events(run_id: str, by: Services) -> Response:
    """The run's facts in their order."""
    state = await by.runs.state(RunId(run_id))
    return json(await by.store.run_events(state.id))


@router.get("/{run_id}/track", response_model=list[TrackPoint])
async def get_track(run_id: str, by: Services) -> Response:
    """Where its vehicles were."""
    state = await by.runs.state(RunId(run_id))
    return json(await by.store.track(state.id))


@router.get("/{run_id}/playbacks", response_model=list[Playback])
async def get_playbacks(run_id: str, by: Services) -> Response:
    """What its speakers reported."""
    state = await by.runs.state(RunId(run_id))
    return json(await by.store.playbacks(state.id))


@router.post("/{run_id}/{verb}", status_code=202, response_model=RunAnswer)
async def command(
    run_id: str,
    verb: RunVerb,
    by: Services,
    who: Actor,
    vehicle: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Tell a run, or (``change_battery``) one of its vehicles."""
    chosen = None if vehicle is None else VehicleId(vehicle)
    state = await by.runs.command(RunId(run_id), verb, who, vehicle_id=chosen)
    return json(run_json(state), 202)
