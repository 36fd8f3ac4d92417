"""Vehicles, and what can be said to all of them."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, Query, Response

from patrolctl.control.vehicles.fleet import FleetVerb, VehicleView
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.telemetry import VehicleEvent
from patrolctl.web.answers import FleetAnswer, json
from patrolctl.web.services import Actor, WebServices, services

router = APIRouter(tags=["vehicles"])
Services = Annotated[WebServices, Depends(services)]


@router.get("/vehicles", response_model=list[VehicleView])
async def list_vehicles(by: Services) -> Response:
    """All vehicles with their latest telemetry."""
    return json(by.fleet.views())


@router.get("/vehicles/{vehicle_id}/events", response_model=list[VehicleEvent])
async def list_vehicle_events(
    vehicle_id: str, by: Services, limit: Annotated[int, Query(ge=1, le=5000)] = 200
) -> Response:
    """The latest facts about a vehicle, newest first."""
    member = by.fleet.member(VehicleId(vehicle_id))
    return json(await by.store.vehicle_events(member.entry.id, limit=limit))


@router.post("/fleet/{verb}", status_code=202, response_model=FleetAnswer)
async def command_fleet(
    verb: FleetVerb, by: Services, later: BackgroundTasks, who: Actor
) -> Response:
    """Tell all vehicles at once; the books are written afterwards."""
    results = await by.runs.fleet_command(verb, who)
    later.add_task(by.runs.note_fleet_command, verb, who, results)
    return json(FleetAnswer({str(v): r for v, r in results.items()}), 202)
