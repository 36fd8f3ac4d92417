"""Who is here: log-in, log-out, and who may."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from patrolctl.domain.users import LOCAL, User
from patrolctl.web.access import COOKIE, SESSION_S, Denied, Grant
from patrolctl.web.answers import SessionAnswer, UserAnswer, json
from patrolctl.web.problems import problem
from patrolctl.web.services import WebServices, grant, services

router = APIRouter(tags=["users"])
Services = Annotated[WebServices, Depends(services)]
Granted = Annotated[Grant | None, Depends(grant)]

OPEN_NOTE = "no log-in: the service listens on loopback, whoever reaches it operates it"
CLOSED_NOTE = "log in with an access key; somebody else approves what you write"


class KeyBody(BaseModel):
    """An access key, as `patrolctl operator add` printed it."""

    model_config = ConfigDict(extra="forbid")

    key: str = Field(max_length=200)


def user_answer(user: User) -> UserAnswer:
    """A user as told; the local operator keeps the id that it always had."""
    if user == LOCAL:
        return UserAnswer("local", LOCAL.name, LOCAL.role, LOCAL.id, OPEN_NOTE)
    return UserAnswer(user.id, user.name, user.role, user.id)


def session_answer(by: WebServices, granted: Grant | None) -> SessionAnswer:
    """The state of the log-in."""
    on = by.access.on
    user = None if granted is None else user_answer(granted.user)
    return SessionAnswer(on, on, user, CLOSED_NOTE if on else OPEN_NOTE)


@router.get("/users", response_model=list[UserAnswer])
async def list_users(by: Services) -> Response:
    """Who may use the service; without operators, the one local operator."""
    return json([user_answer(u) for u in by.access.users])


@router.get("/session", response_model=SessionAnswer)
async def get_session(by: Services, granted: Granted) -> Response:
    """Who asks."""
    return json(session_answer(by, granted))


@router.post("/session", status_code=201, response_model=SessionAnswer)
async def log_in(body: KeyBody, by: Services, request: Request) -> Response:
    """Begin a session: its cookie cannot be read by pages, nor sent by others'."""
    if not by.access.on:
        return json(session_answer(by, grant(request)), 201)
    client = request.client.host if request.client else "-"
    done = by.access.log_in(body.key, client)
    if isinstance(done, Denied):
        return problem(done.status, done.slug, done.why, headers=done.headers)
    token, granted = done
    await by.store.audit(granted.user.id, "log in", f"from {client}")
    answer = json(session_answer(by, granted), 201)
    answer.set_cookie(
        COOKIE,
        token,
        max_age=int(SESSION_S),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@router.delete("/session", response_model=SessionAnswer)
async def log_out(by: Services, granted: Granted) -> Response:
    """End the session; what it had open is closed."""
    if granted is not None and granted.session is not None:
        by.access.log_out(granted)
        await by.store.audit(granted.user.id, "log out", "")
    answer = json(session_answer(by, None if by.access.on else granted))
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer
