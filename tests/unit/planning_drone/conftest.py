"""A small estate, built by hand, and orders for it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import shapely
from shapely import MultiPolygon, Polygon, box

from patrolctl.domain.machines import FleetVehicle, VehicleKind
from patrolctl.domain.plan import PlanAnnouncement, Requirement
from patrolctl.domain.site import Building, NoFlyArea, Site, SitePoint
from patrolctl.geo import LatLon, LocalFrame
from patrolctl.planning.drone import DroneOrder


def building(name: str, shape: Polygon, floors: int, **more: object) -> Building:
    return Building(
        id=name,
        name=name,
        footprint=MultiPolygon([shape]),
        height_m=3.0 * floors,
        floor_height_m=3.0,
        floors=floors,
        **more,
    )


@pytest.fixture(scope="session")
def estate() -> Site:
    """Four blocks around a square, a launch point in its middle."""
    blocks = (
        building("north", box(-40, 40, 40, 55), 9),
        building("south", box(-40, -55, 40, -40), 6),
        building("west", box(-70, -30, -55, 30), 12),
        building("shop", box(60, -10, 75, 10), 1, residential=False),
    )
    return Site(
        id="estate",
        name="estate",
        sha256="0" * 64,
        frame=LocalFrame(LatLon(lat_deg=34.2, lon_deg=117.2)),
        buildings=blocks,
        geofence=box(-140, -140, 140, 140),
        launches=(SitePoint("pad", "pad", 0.0, 0.0),),
        no_fly=(NoFlyArea("school", "school", box(90, -60, 130, 60)),),
    )


@pytest.fixture(scope="session")
def order() -> DroneOrder:
    return DroneOrder(
        announcement=PlanAnnouncement("hello", 20.0, 1),
        fleet=(FleetVehicle("d1", VehicleKind.COPTER),),
        requirement=Requirement(),
        created_utc=datetime(2026, 1, 1, tzinfo=UTC),
        time_limit_s=600.0,  # the work ends by itself, also on a busy machine
    )


@pytest.fixture(scope="session")
def moved() -> Callable[[Site, float, tuple[float, float]], Site]:
    """Turns a site by degrees and shifts it."""

    def move(site: Site, turn_deg: float, shift_m: tuple[float, float]) -> Site:
        turn = np.radians(turn_deg)
        m = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])

        def at(xy: np.ndarray) -> np.ndarray:
            return xy @ m.T + shift_m

        def point(p: SitePoint) -> SitePoint:
            x, y = at(np.array([[p.east_m, p.north_m]]))[0]
            return replace(p, east_m=float(x), north_m=float(y))

        return replace(
            site,
            buildings=tuple(
                replace(b, footprint=shapely.transform(b.footprint, at))
                for b in site.buildings
            ),
            geofence=shapely.transform(site.geofence, at),
            no_fly=tuple(
                replace(n, area=shapely.transform(n.area, at)) for n in site.no_fly
            ),
            launches=tuple(point(p) for p in site.launches),
        )

    return move
