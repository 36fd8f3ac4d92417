"""After a run: its report, what it missed, what people were exposed to."""

from datetime import date
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from patrolctl.control.aftermath.aftermath import Aftermath
from patrolctl.control.aftermath.overview import Overview
from patrolctl.domain.alerts import Alert
from patrolctl.domain.errors import Conflict
from patrolctl.domain.exposure import ExposureDay
from patrolctl.domain.gaps import Gap, GapHead, GapState
from patrolctl.domain.ids import RunId
from patrolctl.evidence import fingerprint_of
from patrolctl.web.answers import JobAccepted, PublicKey, json
from patrolctl.web.services import Actor, WebServices, services

router = APIRouter(tags=["aftermath"])

Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)
]


class ReportForm(StrEnum):
    """What a report can be had as."""

    JSON = "json"
    CSV = "csv"
    GEOJSON = "geojson"
    HTML = "html"


MEDIA = {
    ReportForm.JSON: "application/json",
    ReportForm.CSV: "text/csv; charset=utf-8",
    ReportForm.GEOJSON: "application/geo+json",
    ReportForm.HTML: "text/html; charset=utf-8",
}


def aftermath(by: Annotated[WebServices, Depends(services)]) -> Aftermath:
    """What looks after runs that have ended.

    Raises:
        Conflict: this service was put together without it.
    """
    if by.aftermath is None:
        raise Conflict("this service does not follow runs up")
    return by.aftermath


After = Annotated[Aftermath, Depends(aftermath)]
Services = Annotated[WebServices, Depends(services)]


class RerunBody(BaseModel):
    """Whether to launch what is planned for the rest, and on whose authority."""

    model_config = ConfigDict(extra="forbid")

    launch: bool = False
    authority: Text | None = None


class NoteBody(BaseModel):
    """What somebody has to say about a gap."""

    model_config = ConfigDict(extra="forbid")

    text: Text


# Stands before /evidence/{run_id}, which would take it for a run.
@router.get("/evidence/public-key", response_model=PublicKey)
async def get_public_key(after: After) -> Response:
    """The key that this service signs its reports with."""
    key = after.reports.public_key
    return json(PublicKey("Ed25519", key, fingerprint_of(key)))


@router.get(
    "/evidence/{run_id}/report.{form}",
    responses={200: {"content": {m: {} for m in MEDIA.values()}}},
    response_class=Response,
)
async def get_report(run_id: str, form: ReportForm, after: After) -> Response:
    """The signed report of a run."""
    raw = await after.reports.render(RunId(run_id), form.value)
    name = "".join(c for c in run_id if c.isalnum() or c in "-_")
    kept = {} if form is ReportForm.HTML else {
        "content-disposition": f'attachment; filename="evidence-{name}.{form}"'
    }  # fmt: skip
    return Response(raw, media_type=MEDIA[form], headers=kept)


# Stands before /runs/{run_id}/{verb}, which would take "rerun" for a verb.
@router.post("/runs/{run_id}/rerun", status_code=202, response_model=JobAccepted)
async def rerun(run_id: str, body: RerunBody, after: After, who: Actor) -> Response:
    """Plan what a run missed, and only that; its job tells the plan."""
    job = await after.gaps.rerun(
        RunId(run_id), who, launch=body.launch, authority=body.authority
    )
    return json(
        JobAccepted(job.job_id), 202, location=f"/api/v1/plans/jobs/{job.job_id}"
    )


@router.get("/gaps", response_model=list[GapHead])
async def list_gaps(
    after: After,
    state: GapState | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Response:
    """What runs missed, newest first."""
    found = await after.store.gaps(state=state, limit=limit)
    return json(tuple(GapHead.of(g) for g in found))


@router.get("/gaps/{run_id}", response_model=Gap)
async def get_gap(run_id: str, after: After) -> Response:
    """What one run missed, by name, and what was done about it."""
    return json(await after.gaps.gap(RunId(run_id)))


@router.post("/gaps/{run_id}/acknowledge", response_model=Gap)
async def acknowledge(
    run_id: str, body: NoteBody, after: After, who: Actor
) -> Response:
    """Somebody has seen it; later ones are notes."""
    return json(await after.gaps.acknowledge(RunId(run_id), who, body.text))


@router.post("/gaps/{run_id}/close", response_model=Gap)
async def close(run_id: str, body: NoteBody, after: After, who: Actor) -> Response:
    """Somebody saw to it otherwise, and says how."""
    return json(await after.gaps.close(RunId(run_id), who, body.text))


@router.get("/exposure/{site_id}", response_model=ExposureDay)
async def get_exposure(
    site_id: str, after: After, by: Services, day: date | None = None
) -> Response:
    """What the households of a site got to hear on a day (today)."""
    return json(await after.ledger.day(by.library.site(site_id), day))


@router.get("/overview", response_model=Overview)
async def get_overview(
    after: After, days: Annotated[int, Query(ge=1, le=366)] = 14
) -> Response:
    """All sites: what runs now, how reach goes, what is open."""
    return json(await after.overviews.overview(days=days))


@router.get("/alerts", response_model=list[Alert])
async def list_alerts(
    after: After, limit: Annotated[int, Query(ge=1, le=1000)] = 200
) -> Response:
    """Alerts, newest first."""
    return json(await after.store.alerts(limit=limit))
