"""Sites made of roads alone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from shapely import LineString, box

from patrolctl.domain.ids import AnnouncementId, VehicleId
from patrolctl.domain.machines import FleetVehicle, VehicleKind, VehicleProfile
from patrolctl.domain.plan import PlanAnnouncement, Requirement
from patrolctl.domain.site import Road, Site, SitePoint
from patrolctl.geo import LatLon, LocalFrame
from patrolctl.planning.loop import LoopOrder

Line = list[tuple[float, float]]


@pytest.fixture
def make_site() -> Callable[..., Site]:
    def make(
        roads: list[Line],
        points: Line | None = None,
        *,
        oneway: tuple[int, ...] = (),
        launch: tuple[float, float] = (0.0, 0.0),
        **more: Any,
    ) -> Site:
        site = Site(
            id="s",
            name="S",
            sha256="a" * 64,
            frame=LocalFrame(LatLon(lat_deg=34.2, lon_deg=117.2)),
            geofence=box(-2000, -2000, 2000, 2000),
            launches=(SitePoint("garage", "", *launch, VehicleKind.ROVER),),
            sampling_points=tuple(
                SitePoint(f"p{n}", "", *p) for n, p in enumerate(points or [])
            ),
            roads=tuple(
                Road(f"w{n}", "", LineString(line), oneway=n in oneway)
                for n, line in enumerate(roads)
            ),
        )
        return replace(site, **more)

    return make


@pytest.fixture
def rovers() -> tuple[FleetVehicle, ...]:
    profile = VehicleProfile.default_for(VehicleKind.ROVER)
    return tuple(
        FleetVehicle(VehicleId(f"rover-{n}"), VehicleKind.ROVER, profile=profile)
        for n in (1, 2, 3)
    )


@pytest.fixture
def make_order(rovers: tuple[FleetVehicle, ...]) -> Callable[..., LoopOrder]:
    def make(**more: Any) -> LoopOrder:
        base: dict[str, Any] = {
            "announcement": PlanAnnouncement(AnnouncementId("a"), 20.0, 1, "c" * 64),
            "fleet": rovers,
            "requirement": Requirement(),
            "created_utc": datetime(2026, 1, 1, tzinfo=UTC),
        }
        return LoopOrder(**{**base, **more})

    return make
