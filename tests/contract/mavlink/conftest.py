"""Simulated vehicles over real sockets, and the driver connected to them."""

import asyncio
import math
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from patrolctl.clock import Clock, PacedClock, ScaledClock
from patrolctl.domain.ids import SortieId, VehicleId
from patrolctl.domain.machines import FleetVehicle, VehicleKind
from patrolctl.domain.mission import Fence, Mission, MissionStep, StepType
from patrolctl.domain.telemetry import EventKind, VehicleEvent
from patrolctl.geo import Altitude, Datum, LatLon
from patrolctl.mavlink import LinkOptions, connect_vehicle
from patrolctl.mavlink.vehicle import MavlinkVehicle

SPEEDUP = 15.0
# ArduPilot's 5 s are a third of a real second at this speed: less than a busy
# machine pauses now and then. Tests of a lost link set it back to 5.
PATIENCE = "FS_GCS_TIMEOUT=75"
PAUSE_S = 30.0
HOME = LatLon(lat_deg=34.2044, lon_deg=117.2857)


def place(north_m: float, east_m: float) -> LatLon:
    scale = math.cos(math.radians(HOME.lat_deg))
    return LatLon(
        lat_deg=HOME.lat_deg + north_m / 111_195.0,
        lon_deg=HOME.lon_deg + east_m / (111_195.0 * scale),
    )


def up(value_m: float) -> Altitude:
    return Altitude(value_m, Datum.HOME)


def mission(kind: VehicleKind, *, extra: int = 0) -> Mission:
    """Out to a station, a dwell, and home; ``extra`` more points on the way."""
    copter = kind is VehicleKind.COPTER
    station, height = place(30, 20), up(12 if copter else 0)
    plan = [(StepType.TAKEOFF, place(0, 0), height)] if copter else []
    plan += [(StepType.GO, place(10 + n % 20, n % 30), height) for n in range(extra)]
    plan += [(StepType.GO, station, height), (StepType.DWELL, station, height)]
    steps = [
        MissionStep(
            seq,
            kind_,
            where,
            high,
            heading_deg=90.0 if kind_ is StepType.DWELL else None,
            speed_m_s=5.0 if kind_ is StepType.GO else None,
            duration_s=8.0 if kind_ is StepType.DWELL else None,
        )
        for seq, (kind_, where, high) in enumerate(plan, 1)
    ]
    steps.append(MissionStep(len(steps) + 1, StepType.RETURN_HOME))
    ring = tuple(place(n, e) for n, e in ((-60, -60), (90, -60), (90, 90), (-60, 90)))
    return Mission(
        SortieId("s1"),
        kind,
        HOME,
        30.0,
        tuple(steps),
        Fence(ring, (), up(40) if copter else None),
        (),
        up(15) if copter else None,
    )


@dataclass
class Flight:
    """A connected vehicle and what it told."""

    vehicle: MavlinkVehicle
    clock: Clock
    facts: list[VehicleEvent] = field(default_factory=list)

    def kinds(self) -> list[EventKind]:
        return [f.kind for f in self.facts]

    async def until(self, done: Callable[[], bool], within_s: float = 90.0) -> None:
        # Never less than some real seconds: a busy machine pauses for that long.
        async with asyncio.timeout(max(PAUSE_S, within_s / SPEEDUP)):
            while not done():
                await self.clock.sleep(0.1)

    async def heard(self, kind: EventKind, within_s: float = 120.0) -> VehicleEvent:
        try:
            await self.until(lambda: kind in self.kinds(), within_s)
        except TimeoutError:
            told = [(f.kind.value, f.seq, f.text) for f in self.facts]
            pytest.fail(f"no {kind} in {within_s} s, but {told}")
        return next(f for f in self.facts if f.kind is kind)

    async def ready(self) -> None:
        async with asyncio.timeout(20):
            while await self.vehicle.ready():
                await self.clock.sleep(0.5)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def simulator(kind: VehicleKind, *args: str) -> AsyncIterator[int]:
    """A running simulator that is ready to arm; gives its TCP port."""
    port = free_port()
    start = [sys.executable, "-m", "simulators", kind.value]
    start += ["--listen", f"tcp:127.0.0.1:{port}", "--ready-scale", "0"]
    start += ["--lat", str(HOME.lat_deg), "--lon", str(HOME.lon_deg), "--amsl", "30"]
    if "--speedup" not in args:
        start += ["--speedup", str(SPEEDUP), "--param", PATIENCE]
    process = await asyncio.create_subprocess_exec(
        *start, *args, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            line = (await process.stdout.readline()).decode()
        assert line.startswith("READY"), line
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def flight(entry: FleetVehicle, options: LinkOptions) -> AsyncIterator[Flight]:
    """Connected, with everything that it tells collected."""
    async with connect_vehicle(entry, options) as vehicle:
        told = Flight(vehicle, options.clock)

        async def listen() -> None:
            async for event in vehicle.events():
                told.facts.append(event)

        async with asyncio.TaskGroup() as group:
            task = group.create_task(listen())
            try:
                yield told
            finally:
                task.cancel()


@pytest.fixture
def air(tmp_path: Path) -> SimpleNamespace:
    """How tests get a simulated vehicle and a driver."""

    @asynccontextmanager
    async def fly(
        kind: VehicleKind = VehicleKind.COPTER,
        *args: str,
        entry: FleetVehicle | None = None,
        options: LinkOptions | None = None,
    ) -> AsyncIterator[Flight]:
        async with AsyncExitStack() as stack:
            port = await stack.enter_async_context(simulator(kind, *args))
            base = entry or FleetVehicle(VehicleId("v1"), kind)
            there = FleetVehicle(
                base.id,
                kind,
                endpoint=base.endpoint or f"tcp:127.0.0.1:{port}",
                sysid=base.sysid,
                uid=base.uid,
                signing_key_file=base.signing_key_file,
            )
            link = options or LinkOptions(
                clock=ScaledClock(SPEEDUP), tlog_dir=tmp_path, state_dir=tmp_path
            )
            yield await stack.enter_async_context(flight(there, link))

    return SimpleNamespace(
        fly=fly,
        flight=flight,
        simulator=simulator,
        mission=mission,
        place=place,
        up=up,
        free_port=free_port,
        speedup=SPEEDUP,
        paced=PacedClock,
        scaled=ScaledClock,
        tmp=tmp_path,
    )
