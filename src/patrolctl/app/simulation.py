"""The simulated fleet of a mission: one process a vehicle and a speaker."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from patrolctl.app.children import Child, Children, Command, running_children
from patrolctl.domain.brief import Brief
from patrolctl.domain.errors import InputError
from patrolctl.domain.machines import FleetVehicle
from patrolctl.domain.site import Site, SitePoint


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """What all simulators share."""

    mqtt_url: str
    clip_dir: Path
    state_dir: Path
    speedup: float
    epoch_utc: datetime
    seed: int = 1
    mqtt_5: bool = True

    @property
    def pace(self) -> tuple[str, ...]:
        """Arguments that keep all clocks together."""
        epoch_s = f"{self.epoch_utc.timestamp():.6f}"
        return ("--speedup", f"{self.speedup:g}", "--epoch", epoch_s)


def launch_point(site: Site, entry: FleetVehicle) -> SitePoint:
    """Where a vehicle stands at first.

    Raises:
        InputError: the site has no launch point for it.
    """
    fitting = [p for p in site.launches if p.vehicle_kind in {None, entry.kind}]
    if entry.launch is not None:
        fitting = [p for p in site.launches if entry.launch in {p.id, p.name}]
    if not fitting:
        raise InputError.one(
            f"vehicle {entry.id}", f"the site {site.id} has no launch point for it"
        )
    return fitting[0]


def vehicle_command(
    site: Site, entry: FleetVehicle, options: SimulationOptions, *, port: int = 0
) -> tuple[str, ...]:
    """The command line of a vehicle's simulator, on a free port or a given one."""
    point = launch_point(site, entry)
    place = site.frame.point_latlon(point.east_m, point.north_m)
    # At 20 times real time ArduPilot's 5 s are a quarter of a real second: less
    # than a busy machine pauses now and then. 120 s is the parameter's limit.
    patience_s = min(120.0, 5.0 * max(1.0, options.speedup))
    identity = () if entry.uid is None else ("--uid", str(entry.uid))
    return (
        sys.executable,
        "-m",
        "simulators",
        entry.kind.value,
        "--listen",
        f"tcp:127.0.0.1:{port}",
        "--sysid",
        str(entry.sysid),
        "--lat",
        repr(place.lat_deg),
        "--lon",
        repr(place.lon_deg),
        "--amsl",
        f"{site.ground_amsl_m:.3f}",
        "--seed",
        str(options.seed + entry.sysid),
        "--battery-s",
        f"{entry.profile.endurance_s:.0f}",
        "--param",
        f"FS_GCS_TIMEOUT={patience_s:g}",
        *identity,
        *options.pace,
    )


def speaker_command(
    site: Site, entry: FleetVehicle, options: SimulationOptions
) -> tuple[str, ...]:
    """The command line of a vehicle's simulated loudspeaker."""
    return (
        sys.executable,
        "-m",
        "simulators",
        "speaker",
        "--id",
        str(entry.speaker_id),
        "--vehicle",
        entry.id,
        "--site",
        site.id,
        "--mqtt",
        options.mqtt_url,
        "--clip-dir",
        str(options.clip_dir),
        "--state-dir",
        str(options.state_dir),
        "--mqtt-version",
        "5" if options.mqtt_5 else "3.1.1",
        *options.pace,
    )


def endpoint_of(child: Child) -> str:
    """The endpoint at the end of a vehicle simulator's READY line."""
    return child.ready.split()[-1]


def _name(entry: FleetVehicle) -> str:
    return f"simulator of {entry.id}"


class Simulation:
    """The running simulators of a mission."""

    def __init__(
        self, brief: Brief, options: SimulationOptions, children: Children
    ) -> None:
        self._options = options
        self._children = children
        fleet = tuple(
            replace(e, endpoint=endpoint_of(children[_name(e)])) for e in brief.fleet
        )
        self.brief = replace(brief, fleet=fleet)

    async def change_battery(self, vehicle_id: str) -> None:
        """Power a vehicle on the ground off and on again, with a full battery.

        Raises:
            LinkFailed: it does not come back.
        """
        entry = next(e for e in self.brief.fleet if e.id == vehicle_id)
        port = int(str(entry.endpoint).rpartition(":")[2])
        words = vehicle_command(self.brief.site, entry, self._options, port=port)
        await self._children.end(_name(entry))
        await self._children.start(Command(_name(entry), words))


@asynccontextmanager
async def simulated(
    brief: Brief, options: SimulationOptions
) -> AsyncIterator[Simulation]:
    """Run all simulators of a mission.

    Raises:
        LinkFailed: a simulator does not start.
    """
    site = brief.site
    vehicles = [
        Command(_name(e), vehicle_command(site, e, options)) for e in brief.fleet
    ]
    speakers = [
        Command(f"simulator of {e.speaker_id}", speaker_command(site, e, options))
        for e in brief.fleet
        if e.speaker_id is not None
    ]
    async with running_children(*vehicles, *speakers) as children:
        yield Simulation(brief, options, children)
