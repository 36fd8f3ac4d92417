"""Health, metrics and the MQTT contract."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from patrolctl import __version__
from patrolctl.domain.errors import StoreFailed
from patrolctl.domain.machines import LinkState
from patrolctl.web.answers import Health, Readiness, json
from patrolctl.web.services import WebServices, services

router = APIRouter(tags=["system"])
Services = Annotated[WebServices, Depends(services)]


class ServiceCollector(Collector):
    """Reads the service when it is scraped; keeps nothing itself."""

    def __init__(self, by: WebServices) -> None:
        self._by = by

    def collect(self) -> Iterator[Metric]:
        """The state of now."""
        link = GaugeMetricFamily(
            "patrolctl_vehicle_link",
            "1 for the link's state",
            labels=["vehicle", "state"],
        )
        battery = GaugeMetricFamily(
            "patrolctl_vehicle_battery_ratio", "Charge, 0 to 1", labels=["vehicle"]
        )
        for view in self._by.fleet.views():
            for state in LinkState:
                is_it = float(view.telemetry.link is state)
                link.add_metric([view.entry.id, state], is_it)
            if view.telemetry.battery_ratio is not None:
                battery.add_metric([view.entry.id], view.telemetry.battery_ratio)
        yield link
        yield battery
        for name, text, value in (
            (
                "runs_under_way",
                "Runs that have not ended",
                len(self._by.runs.under_way),
            ),
            ("live_watchers", "Open live sockets", self._by.feed.watchers),
            ("store_ok", "1 while facts are stored", self._by.feed.store_fault is None),
        ):
            yield GaugeMetricFamily(f"patrolctl_{name}", text, value=float(value))


@router.get("/healthz", response_model=Health)
async def healthz() -> Response:
    """The process answers."""
    return json(Health("ok", __version__))


@router.get(
    "/readyz",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Something is missing"}},
)
async def readyz(by: Services) -> Response:
    """Whether launches are possible now, and what is in the way."""
    faults: dict[str, str] = {}
    try:
        await by.store.runs(limit=1)
    except StoreFailed as e:
        faults["store"] = str(e)
    if by.feed.store_fault is not None:
        faults["store"] = by.feed.store_fault
    for name, check in by.ready.items():
        if (fault := await check()) is not None:
            faults[name] = fault
    return json(Readiness(not faults, faults), 503 if faults else 200)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(by: Services) -> Response:
    """Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(ServiceCollector(by))
    return Response(
        generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST}
    )


@router.get(
    "/asyncapi.json",
    response_class=Response,
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
)
async def asyncapi(by: Services) -> Response:
    """The MQTT contract, AsyncAPI 3."""
    return json(by.asyncapi)
