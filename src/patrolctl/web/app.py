"""The ASGI application."""

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi

from patrolctl import __version__
from patrolctl.web import live, problems, system, talk
from patrolctl.web.console import mount_console
from patrolctl.web.guard import Guard
from patrolctl.web.problems import PROBLEMS, Problem
from patrolctl.web.routes import ROUTERS
from patrolctl.web.services import WebServices

API = "/api/v1"


def _openapi(app: FastAPI) -> dict[str, object]:
    """FastAPI's document plus the schema of our problem documents."""
    document: dict[str, object] = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
    )
    components = document.setdefault("components", {})
    if isinstance(components, dict):
        schemas = components.setdefault("schemas", {})
        template = "#/components/schemas/{model}"
        schema = Problem.model_json_schema(ref_template=template)
        schemas |= schema.pop("$defs", {})
        schemas["Problem"] = schema
    return document


def create_app(services: WebServices) -> FastAPI:
    """The application over the given services.

    It owns no lifespan: whoever composes the services opens and closes them.
    """
    app = FastAPI(
        title="patrolctl",
        version=__version__,
        description="Loudspeaker drones and patrol vehicles: plan, fly, prove.",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # FastAPI's pages load their scripts from a CDN
        redoc_url=None,
    )
    app.state.services = services
    problems.install(app)
    api = APIRouter(prefix=API, responses=PROBLEMS)
    for router in (*ROUTERS, talk.recordings):
        api.include_router(router)
    app.include_router(api)
    app.include_router(live.router, prefix=API)
    app.include_router(talk.router, prefix=API)
    app.include_router(system.router)
    mount_console(app, services.static_dir)
    document: dict[str, object] = {}

    def openapi() -> dict[str, object]:
        if not document:
            document.update(_openapi(app))
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way
    app.add_middleware(
        Guard,
        hosts=services.hosts,
        origins=services.origins,
        access=services.access,
    )
    return app
