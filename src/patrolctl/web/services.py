"""What the web needs of the service; handed in by the composition root."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from fastapi import Request
from starlette.requests import HTTPConnection

from patrolctl.control.feed import LiveFeed
from patrolctl.control.fleet import Fleet
from patrolctl.control.gate import Gate
from patrolctl.control.library import Library
from patrolctl.control.planner import Planner
from patrolctl.control.runs import Runs
from patrolctl.control.timetable import Timetable
from patrolctl.ports import Store

Check = Callable[[], Awaitable[str | None]]
STATIC = Path(__file__).parent / "static"
OPERATOR = "local operator"


@dataclass(frozen=True, slots=True)
class WebServices:
    """The use cases behind the routes.

    ``asyncapi`` is the document of the MQTT contract, ``ready`` the checks of
    ``/readyz`` by name (each returns what is wrong, or None), ``origins``
    further origins that may use the API, and ``hosts`` the names under which
    the service may be addressed besides loopback's.
    """

    library: Library
    planner: Planner
    fleet: Fleet
    runs: Runs
    timetable: Timetable
    gate: Gate
    feed: LiveFeed
    store: Store
    asyncapi: bytes
    ready: Mapping[str, Check] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    static_dir: Path = STATIC


def services_of(connection: HTTPConnection) -> WebServices:
    """The services of the app that a request or socket came to."""
    return cast("WebServices", connection.app.state.services)


def services(request: Request) -> WebServices:
    """The same as a dependency of routes."""
    return services_of(request)
