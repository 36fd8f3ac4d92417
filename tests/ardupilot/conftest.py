"""Scenarios on real ArduPilot SITL; skipped where its binaries are absent.

``arducopter`` and ``ardurover`` are found on PATH, ``copter.parm`` and
``rover.parm`` (ArduPilot's Tools/autotest/default_params) beside them or where
``PATROLCTL_COPTER_PARM`` and ``PATROLCTL_ROVER_PARM`` say. They run at ten
times real time; ``PATROLCTL_SITL_SPEEDUP`` is another speed for machines that
cannot.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from patrolctl.clock import PacedClock
from patrolctl.domain.errors import UploadFailed
from patrolctl.domain.ids import SortieId, VehicleId
from patrolctl.domain.machines import FleetVehicle, LinkState, VehicleKind
from patrolctl.domain.mission import (
    Fence,
    Mission,
    MissionStep,
    StepType,
    UploadReceipt,
)
from patrolctl.domain.telemetry import EventKind, VehicleEvent
from patrolctl.geo import Altitude, Datum, LatLon, LocalFrame
from patrolctl.mavlink import LinkOptions, connect_vehicle
from patrolctl.mavlink.vehicle import MavlinkVehicle
from tests.ardupilot.sitl import BINARY, SPEEDUP, Sitl, find, running

HOME = LatLon(lat_deg=34.2044, lon_deg=117.2857)
HOME_AMSL_M = 30.0
FRAME = LocalFrame(origin=HOME)
UP = Altitude(12.0, Datum.HOME)
# At ten times the speed ArduPilot's own 5 s are half a real one, and a loaded
# machine stalls for longer. The scenarios of link loss set their own.
PATIENT_S = 20.0


def place(north_m: float, east_m: float) -> LatLon:
    """A place beside home."""
    return FRAME.point_latlon(east_m, north_m)


def square(half_m: float) -> tuple[LatLon, ...]:
    """A square around home."""
    corners = ((1, 1), (-1, 1), (-1, -1), (1, -1))
    return tuple(place(n * half_m, e * half_m) for n, e in corners)


def _numbered(*steps: MissionStep) -> tuple[MissionStep, ...]:
    return tuple(replace(s, seq=n) for n, s in enumerate(steps, start=1))


def go(north_m: float, east_m: float, speed_m_s: float | None = None) -> MissionStep:
    """A leg."""
    return MissionStep(0, StepType.GO, place(north_m, east_m), UP, speed_m_s=speed_m_s)


def dwell(
    north_m: float, east_m: float, for_s: float, heading_deg: float | None = None
) -> MissionStep:
    """A station."""
    return MissionStep(
        0,
        StepType.DWELL,
        place(north_m, east_m),
        UP,
        heading_deg=heading_deg,
        duration_s=for_s,
    )


def copter_mission(*between: MissionStep, fence_m: float = 80.0) -> Mission:
    """Take off, what is between, and home."""
    return Mission(
        sortie_id=SortieId("s1"),
        vehicle_kind=VehicleKind.COPTER,
        home=HOME,
        home_amsl_m=HOME_AMSL_M,
        steps=_numbered(
            MissionStep(0, StepType.TAKEOFF, HOME, UP),
            *between,
            MissionStep(0, StepType.RETURN_HOME),
        ),
        fence=Fence(square(fence_m), altitude_max=Altitude(40.0, Datum.HOME)),
        return_altitude=Altitude(12.0, Datum.HOME),
    )


def rover_mission(*between: MissionStep, fence_m: float = 80.0) -> Mission:
    """What is between, on the ground, and home."""
    return Mission(
        sortie_id=SortieId("s1"),
        vehicle_kind=VehicleKind.ROVER,
        home=HOME,
        home_amsl_m=HOME_AMSL_M,
        steps=_numbered(*between, MissionStep(0, StepType.RETURN_HOME)),
        fence=Fence(square(fence_m)),
    )


@dataclass
class Flight:
    """A vehicle, its SITL and everything that it has told."""

    sitl: Sitl
    vehicle: MavlinkVehicle
    events: list[VehicleEvent] = field(default_factory=list)

    async def until(
        self, done: Callable[[], bool], within_s: float, what: str = ""
    ) -> None:
        """Wait for something, in the vehicle's seconds."""
        clock = self.vehicle.clock
        until_s = clock.monotonic_s() + within_s
        while not done():
            if clock.monotonic_s() > until_s:
                pytest.fail(f"{what or 'it'} did not come in {within_s} s\n{self}")
            await asyncio.sleep(0.01)

    async def event(
        self,
        kind: EventKind,
        within_s: float = 60.0,
        *,
        seq: int | None = None,
        after: int = 0,
    ) -> VehicleEvent:
        """An event of a kind, which may have come already (from ``after``)."""

        def found() -> VehicleEvent | None:
            return next(
                (
                    e
                    for e in self.events[after:]
                    if e.kind is kind and (seq is None or e.seq == seq)
                ),
                None,
            )

        await self.until(lambda: found() is not None, within_s, f"{kind} {seq or ''}")
        event = found()
        assert event is not None
        return event

    async def sleep(self, for_s: float) -> None:
        """Vehicle's seconds."""
        await self.vehicle.clock.sleep(for_s)

    async def ready(self) -> None:
        """Until it may launch."""
        clock = self.vehicle.clock
        until_s = clock.monotonic_s() + 90.0
        while reasons := await self.vehicle.ready():
            if clock.monotonic_s() > until_s:
                pytest.fail(f"not ready: {reasons}\n{self}")
            await asyncio.sleep(0.05)

    async def upload(self, mission: Mission) -> UploadReceipt:
        """Upload as soon as it is known who it is; then wait until it is ready."""
        for _ in range(600):
            try:
                receipt = await self.vehicle.upload(mission)
            except UploadFailed as e:
                if not {"identified", "heard", "link"} & set(e.what.split()):
                    raise
                await self.sleep(0.5)
            else:
                await self.ready()
                return receipt
        pytest.fail(f"never identified\n{self}")

    async def start(self, mission: Mission) -> None:
        """Uploaded, ready, launched."""
        await self.vehicle.launch(await self.upload(mission))

    def mission(self, *between: MissionStep, fence_m: float = 80.0) -> Mission:
        """One that suits the vehicle."""
        make = (
            copter_mission
            if self.vehicle.entry.kind is VehicleKind.COPTER
            else rover_mission
        )
        return make(*between, fence_m=fence_m)

    @property
    def ground_speed_m_s(self) -> float:
        """How fast it is; a speed that is not known is no standstill."""
        speed = self.vehicle.telemetry.ground_speed_m_s
        return 99.0 if speed is None else speed

    async def stands(self, within_s: float = 10.0) -> None:
        """Until it has come to a standstill."""
        await self.until(lambda: self.ground_speed_m_s < 0.3, within_s, "standstill")

    async def home_and_disarmed(self, within_s: float = 150.0) -> None:
        """It ends on the ground at home."""
        await self.until(
            lambda: self.vehicle.telemetry.armed is False, within_s, "disarming"
        )
        assert self.away_m() < 6.0

    def away_m(self, north_m: float = 0.0, east_m: float = 0.0) -> float:
        """Distance from a place beside home."""
        t = self.vehicle.telemetry
        assert t.lat_deg is not None
        assert t.lon_deg is not None
        east, north = FRAME.point_en(LatLon(lat_deg=t.lat_deg, lon_deg=t.lon_deg))
        return float(((east - east_m) ** 2 + (north - north_m) ** 2) ** 0.5)

    def kinds(self, *wanted: EventKind) -> list[tuple[EventKind, int | None]]:
        """The events of some kinds in order, with their steps."""
        return [(e.kind, e.seq) for e in self.events if e.kind in wanted]

    def __str__(self) -> str:
        told = "\n".join(f"  {e.kind} {e.seq or ''} {e.text}" for e in self.events)
        return f"{told}\n{self.vehicle.telemetry}\npace {self.pace:g}"

    @property
    def pace(self) -> float:
        """How many times as fast as ours the vehicle's clock is taken to run."""
        clock = self.vehicle.clock
        return clock.speedup if isinstance(clock, PacedClock) else 1.0


Open = Callable[..., AbstractAsyncContextManager[Flight]]


@asynccontextmanager
async def _flight(
    kind: VehicleKind, folder: Path, speedup: float, parameters: dict[str, float]
) -> AsyncIterator[Flight]:
    where = (HOME.lat_deg, HOME.lon_deg, HOME_AMSL_M, 0.0)
    parameters = {"FS_GCS_TIMEOUT": PATIENT_S, **parameters}
    async with running(
        kind.value, folder / "sitl", where, parameters, speedup=speedup
    ) as sitl:
        entry = FleetVehicle(VehicleId("v1"), kind, endpoint=sitl.relay.endpoint)
        (folder / "tlog").mkdir(exist_ok=True)
        # The default clock: the driver finds out by itself how fast SITL runs.
        options = LinkOptions(tlog_dir=folder / "tlog")
        async with attended(sitl, entry, options) as flight:
            await flight.until(
                lambda: flight.vehicle.link is LinkState.LIVE, 60.0, "the link"
            )
            yield flight


@asynccontextmanager
async def attended(
    sitl: Sitl, entry: FleetVehicle, options: LinkOptions
) -> AsyncIterator[Flight]:
    """A vehicle of the driver, with somebody who listens to it."""
    async with connect_vehicle(entry, options) as vehicle, asyncio.TaskGroup() as group:
        flight = Flight(sitl, vehicle)
        listening = group.create_task(_listen(flight), name="test-listener")
        try:
            yield flight
        finally:
            listening.cancel()


async def _listen(flight: Flight) -> None:
    async for event in flight.vehicle.events():
        flight.events.append(event)


def _kinds(item: pytest.Function) -> set[str]:
    """What a test needs an autopilot of."""
    if "either" in item.fixturenames:
        return {item.callspec.params["either"]}
    return {"copter", "rover"} & set(item.fixturenames)


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Where a binary is absent, one line says so instead of one a scenario."""
    found = {kind: find(kind) for kind in BINARY}
    missing = {kind: why for kind, why in found.items() if isinstance(why, str)}
    here = Path(__file__).parent
    barred = [
        item
        for item in items
        if isinstance(item, pytest.Function)
        and here in item.path.parents
        and _kinds(item) & missing.keys()
    ]
    if not barred:
        return
    first, *others = barred
    reason = f"no ArduPilot SITL: {', '.join(missing.values())}"
    first.add_marker(pytest.mark.skip(reason=reason))
    items[:] = [item for item in items if item not in others]
    config.hook.pytest_deselected(items=others)


def _opener(kind: VehicleKind, folder: Path) -> Open:
    def start(
        speedup: float = SPEEDUP, **parameters: float
    ) -> AbstractAsyncContextManager[Flight]:
        return _flight(kind, folder, speedup, parameters)

    return start


@pytest.fixture(params=["copter", "rover"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens one of each."""
    return _opener(VehicleKind(request.param), tmp_path)


@pytest.fixture
def copter(tmp_path: Path) -> Open:
    """Opens a copter; keywords are parameters of its own."""
    return _opener(VehicleKind.COPTER, tmp_path)


@pytest.fixture
def rover(tmp_path: Path) -> Open:
    """Opens a rover."""
    return _opener(VehicleKind.ROVER, tmp_path)
