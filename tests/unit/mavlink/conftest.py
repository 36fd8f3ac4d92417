"""A small world for the pure parts: addresses, missions, a fake vehicle."""

import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from patrolctl.domain.ids import SortieId
from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.mission import Fence, Mission, MissionStep, StepType
from patrolctl.geo import Altitude, Datum, LatLon
from patrolctl.mavlink.exchange import Target
from patrolctl.mavlink.framing import Frame, Scanner

TARGET = Target(vehicle=(1, 1), us=(255, 190))
RECORDINGS = Path(__file__).parents[2] / "fixtures" / "ardupilot"
HOME = LatLon(lat_deg=34.2044, lon_deg=117.2857)


def place(north_m: float, east_m: float) -> LatLon:
    scale = math.cos(math.radians(HOME.lat_deg))
    return LatLon(
        lat_deg=HOME.lat_deg + north_m / 111_195.0,
        lon_deg=HOME.lon_deg + east_m / (111_195.0 * scale),
    )


def up(value_m: float) -> Altitude:
    return Altitude(value_m, Datum.HOME)


def fence(*, ceiling_m: float | None = 60.0) -> Fence:
    corners = ((-80.0, -80.0), (200.0, -80.0), (200.0, 200.0), (-80.0, 200.0))
    top = None if ceiling_m is None else up(ceiling_m)
    return Fence(tuple(place(n, e) for n, e in corners), (), top)


def copter_mission(home_amsl_m: float = 30.0) -> Mission:
    station = place(60, 40)
    steps = (
        MissionStep(1, StepType.TAKEOFF, place(0, 0), up(20)),
        MissionStep(2, StepType.GO, place(60, 0), up(20), speed_m_s=6.0),
        MissionStep(3, StepType.GO, station, up(25), speed_m_s=5.0),
        MissionStep(
            4, StepType.DWELL, station, up(25), heading_deg=200.0, duration_s=12.0
        ),
        MissionStep(5, StepType.GO, place(0, 0), up(25), speed_m_s=5.0),
        MissionStep(6, StepType.RETURN_HOME),
    )
    return Mission(
        SortieId("s1"),
        VehicleKind.COPTER,
        HOME,
        home_amsl_m,
        steps,
        fence(),
        ((place(10, 10), up(25)),),
        up(25),
    )


def rover_mission() -> Mission:
    steps = (
        MissionStep(1, StepType.GO, place(30, 0), up(0), speed_m_s=3.0),
        MissionStep(2, StepType.DWELL, place(30, 0), up(0), duration_s=6.0),
        MissionStep(3, StepType.GO, place(30, 30), up(0), speed_m_s=2.0),
        MissionStep(4, StepType.JUMP, jump_to=1, jump_times=1),
        MissionStep(5, StepType.RETURN_HOME),
    )
    return Mission(
        SortieId("r1"), VehicleKind.ROVER, HOME, 30.0, steps, fence(ceiling_m=None)
    )


def recorded(name: str) -> Iterator[tuple[float, Frame]]:
    """(seconds, frame) of a ``.tlog``, both directions."""
    raw = (RECORDINGS / f"{name}.tlog").read_bytes()
    at, first_us = 0, int.from_bytes(raw[:8], "big")
    while at < len(raw):
        stamp_us = int.from_bytes(raw[at : at + 8], "big")
        size = 12 + raw[at + 9]
        (frame,) = Scanner().feed(raw[at + 8 : at + 8 + size])
        yield (stamp_us - first_us) / 1e6, frame
        at += 8 + size


@pytest.fixture
def world() -> SimpleNamespace:
    """The helpers above; conftest modules cannot be imported."""
    return SimpleNamespace(
        target=TARGET,
        home=HOME,
        place=place,
        up=up,
        fence=fence,
        copter_mission=copter_mission,
        rover_mission=rover_mission,
        recorded=recorded,
    )
