"""What is kept: evidence and the audit log."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from patrolctl.domain.audit import AuditEntry
from patrolctl.domain.evidence import Evidence
from patrolctl.domain.ids import RunId
from patrolctl.web.answers import json
from patrolctl.web.services import WebServices, services

router = APIRouter(tags=["records"])
Services = Annotated[WebServices, Depends(services)]


@router.get("/evidence/{run_id}", response_model=Evidence)
async def get_evidence(run_id: str, by: Services) -> Response:
    """Who was reached by a run."""
    return json(await by.store.evidence(RunId(run_id)))


@router.get("/audit", response_model=list[AuditEntry])
async def get_audit(
    by: Services, limit: Annotated[int, Query(ge=1, le=5000)] = 200
) -> Response:
    """The audit log, newest first."""
    return json(await by.store.audit_log(limit=limit))
