"""What the web needs of the service; handed in by the composition root."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from patrolctl.control.aftermath.aftermath import Aftermath
from patrolctl.control.announcing.announcements import Announcements
from patrolctl.control.announcing.cap import Alerts
from patrolctl.control.announcing.library import Library
from patrolctl.control.conditions.conditions import Conditions
from patrolctl.control.gate import Gate
from patrolctl.control.live.feed import LiveFeed
from patrolctl.control.planning.planner import Planner
from patrolctl.control.running.runs import Runs
from patrolctl.control.schedules.conflicts import Conflicts
from patrolctl.control.schedules.timetable import Timetable
from patrolctl.control.speaking.talk import Talks
from patrolctl.control.speaking.urgent import Urgent
from patrolctl.control.vehicles.fleet import Fleet
from patrolctl.domain.users import LOCAL, User
from patrolctl.ports import Store
from patrolctl.web.access import GRANT, Access, Grant

Check = Callable[[], Awaitable[str | None]]
STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class WebServices:
    """The use cases behind the routes.

    ``asyncapi`` is the document of the MQTT contract, ``ready`` the checks of
    ``/readyz`` by name (each returns what is wrong, or None), ``origins``
    further origins that may use the API, ``hosts`` the names under which the
    service may be addressed besides loopback's, and ``access`` says who may
    ask for what.
    """

    library: Library
    announcements: Announcements
    cap: Alerts
    planner: Planner
    fleet: Fleet
    runs: Runs
    timetable: Timetable
    urgent: Urgent
    talks: Talks
    gate: Gate
    feed: LiveFeed
    store: Store
    asyncapi: bytes
    ready: Mapping[str, Check] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    static_dir: Path = STATIC
    access: Access = field(default_factory=Access)
    conflicts: Conflicts | None = None
    conditions: Conditions | None = None
    aftermath: Aftermath | None = None


def services_of(connection: HTTPConnection) -> WebServices:
    """The services of the app that a request or socket came to."""
    return cast("WebServices", connection.app.state.services)


def services(request: Request) -> WebServices:
    """The same as a dependency of routes."""
    return services_of(request)


def grant(request: HTTPConnection) -> Grant | None:
    """Who asks, as the guard found out; None on open routes."""
    return cast("Grant | None", request.scope.get(GRANT))


def user(request: HTTPConnection) -> User:
    """Who asks; a route with this needs the guard to have let somebody in."""
    granted = grant(request)
    return LOCAL if granted is None else granted.user


def actor(request: HTTPConnection) -> str:
    """Who asks, as it stands in the audit log."""
    return user(request).id


Actor = Annotated[str, Depends(actor)]
