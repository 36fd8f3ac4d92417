"""Plans and the jobs that make them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from patrolctl.control.live.jobs import PlanJob, PlanOrder
from patrolctl.domain.ids import PlanId
from patrolctl.domain.jsondoc import encode
from patrolctl.domain.plan import Plan, PlanHead, PlanKind, Window
from patrolctl.web.answers import CheckAnswer, JobAccepted, json
from patrolctl.web.bodies import FieldBody
from patrolctl.web.services import Actor, WebServices, services

router = APIRouter(prefix="/plans", tags=["plans"])
Services = Annotated[WebServices, Depends(services)]


class PlanBody(BaseModel):
    """What to plan; what is left out is the mission's own."""

    model_config = ConfigDict(extra="forbid")

    mission_id: str = Field(max_length=200)
    kind: PlanKind
    announcement: str | None = Field(default=None, max_length=200)
    zone: str | None = Field(default=None, max_length=200)
    drones: int | None = Field(default=None, ge=1, le=100)
    vehicles: int | None = Field(default=None, ge=1, le=100)
    window: Window | None = None
    time_limit_s: float = Field(default=20.0, ge=1.0, le=3600.0)
    seed: int = Field(default=1, ge=0, le=2**31 - 1)
    loops: int = Field(default=1, ge=1, le=1000)
    fields: list[FieldBody] = Field(default=[], max_length=100)


@router.get("", response_model=list[PlanHead])
async def list_plans(
    by: Services, limit: Annotated[int, Query(ge=1, le=1000)] = 200
) -> Response:
    """Plans without their receivers, newest first."""
    return json(await by.store.plan_heads(limit=limit))


@router.post("", status_code=202, response_model=JobAccepted)
async def start_plan(body: PlanBody, by: Services, who: Actor) -> Response:
    """Queue a planning job; its progress is at Location and on the live socket."""
    values = tuple(f.value_of() for f in body.fields)
    order = PlanOrder(**body.model_dump(exclude={"fields"}), fields=values)
    job = by.planner.submit(order)
    await by.store.audit(who, "plan", f"{job.job_id} {encode(job.order).decode()}")
    return json(
        JobAccepted(job.job_id), 202, location=f"/api/v1/plans/jobs/{job.job_id}"
    )


@router.get("/jobs", response_model=list[PlanJob])
async def list_jobs(by: Services) -> Response:
    """The latest jobs, newest first."""
    return json(by.planner.jobs)


@router.get("/jobs/{job_id}", response_model=PlanJob)
async def get_job(job_id: str, by: Services) -> Response:
    """One job."""
    return json(by.planner.job(job_id))


@router.post("/jobs/{job_id}/stop", status_code=202, response_model=PlanJob)
async def stop_job(job_id: str, by: Services) -> Response:
    """End a job; its process is killed."""
    return json(by.planner.stop(job_id), 202)


@router.get("/{plan_id}", response_model=Plan)
async def get_plan(plan_id: str, by: Services) -> Response:
    """One plan, as in ``plan.json``."""
    return json(await by.store.plan(PlanId(plan_id)))


@router.get("/{plan_id}/check", response_model=CheckAnswer)
async def check_plan(plan_id: str, by: Services) -> Response:
    """What the safety gate finds in the plan, the hour of day included."""
    plan = await by.store.plan(PlanId(plan_id))
    site = by.library.site_of(plan)
    found = await by.gate.plan_violations(plan, site)
    return json(CheckAnswer(found + by.gate.conditions(plan, site)))
