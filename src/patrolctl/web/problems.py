"""Every error as a problem document (RFC 9457)."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from patrolctl.domain.errors import (
    Conflict,
    Fault,
    GateRefused,
    InputError,
    NoFeasiblePlan,
    NotFound,
    PatrolError,
    SpeechFailed,
    StoreFailed,
    VehicleError,
)
from patrolctl.domain.jsondoc import encode

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

# First match wins: subclasses stand before their bases.
STATUS: tuple[tuple[type[PatrolError], int, str], ...] = (
    (NotFound, 404, "not-found"),
    (InputError, 422, "bad-input"),
    (SpeechFailed, 422, "speech-failed"),
    (NoFeasiblePlan, 422, "no-feasible-plan"),
    (GateRefused, 409, "gate-refused"),
    (Conflict, 409, "conflict"),
    (VehicleError, 502, "vehicle"),
    (StoreFailed, 503, "store"),
)


class FaultModel(BaseModel):
    """One thing wrong with a request or a file."""

    place: str
    what: str
    right: str = ""


class ViolationModel(BaseModel):
    """One rule of the safety gate that is broken."""

    sortie: str | None
    seq: int | None
    rule: str
    reason: str
    severity: str
    measured: float | None = None
    limit: float | None = None
    lat_deg: float | None = None
    lon_deg: float | None = None
    alt_m: float | None = None


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str
    title: str
    status: int
    detail: str
    faults: list[FaultModel] | None = None
    violations: list[ViolationModel] | None = None


def problem(
    status: int,
    slug: str,
    detail: str,
    *,
    more: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A response that carries one problem document."""
    document = {
        "type": f"urn:patrolctl:problem:{slug}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **(more or {}),
    }
    return Response(
        encode(document), status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


async def on_patrol_error(request: Request, error: Exception) -> Response:
    """Our own errors, each with its fields."""
    del request
    status, slug = 500, "defect"
    for kind, code, name in STATUS:
        if isinstance(error, kind):
            status, slug = code, name
            break
    more: dict[str, object] = {}
    if isinstance(error, InputError):
        more["faults"] = error.faults
    if isinstance(error, GateRefused):
        more["violations"] = error.violations
    return problem(status, slug, str(error), more=more)


async def on_bad_request(request: Request, error: Exception) -> Response:
    """A body, query or path that does not fit the API's types."""
    del request
    found = error.errors() if isinstance(error, RequestValidationError) else ()
    faults = [
        Fault(".".join(str(part) for part in e["loc"]), str(e["msg"])) for e in found
    ]
    detail = "; ".join(str(f) for f in faults)
    return problem(422, "bad-input", detail, more={"faults": faults})


async def on_http_error(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: no route, wrong method, …."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = str(error.detail) if isinstance(error, HTTPException) else "error"
    headers = error.headers if isinstance(error, HTTPException) else None
    slug = HTTPStatus(status).phrase.lower().replace(" ", "-")
    if status == HTTPStatus.NOT_FOUND:
        detail = f"{request.url.path} does not exist"
    return problem(status, slug, detail, headers=headers)


async def on_defect(request: Request, error: Exception) -> Response:
    """A defect of ours: logged in full, told without its inside."""
    log.error("%s %s", request.method, request.url.path, exc_info=error)
    return problem(500, "defect", f"a defect of ours: {type(error).__name__}")


def install(app: FastAPI) -> None:
    """Have every error of the app told as a problem document."""
    app.add_exception_handler(PatrolError, on_patrol_error)
    app.add_exception_handler(RequestValidationError, on_bad_request)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(Exception, on_defect)


def _described(text: str) -> dict[str, object]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": text, "content": {MEDIA_TYPE: {"schema": schema}}}


PROBLEMS: dict[int | str, dict[str, object]] = {
    400: _described("Not a request that can be read"),
    401: _described("An access key is needed"),
    403: _described("Another site's page asked for it, or the role is not enough"),
    404: _described("It does not exist"),
    405: _described("Not a method of this address"),
    409: _described("Not possible in its state, or refused by the safety gate"),
    422: _described("The input cannot be used"),
    429: _described("Too many wrong keys"),
    502: _described("A vehicle or its link failed"),
    503: _described("The database failed"),
}
