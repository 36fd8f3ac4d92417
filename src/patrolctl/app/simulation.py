"""The simulated fleet of a mission: one process a vehicle and a speaker."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from patrolctl.app.children import Child, Command, running_children
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
    site: Site, entry: FleetVehicle, options: SimulationOptions
) -> tuple[str, ...]:
    """The command line of a vehicle's simulator, on a free port."""
    point = launch_point(site, entry)
    place = site.frame.point_latlon(point.east_m, point.north_m)
    identity = () if entry.uid is None else ("--uid", str(entry.uid))
    return (
        sys.executable,
        "-m",
        "simulators",
        entry.kind.value,
        "--listen",
        "tcp:127.0.0.1:0",
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
        *options.pace,
    )


def endpoint_of(child: Child) -> str:
    """The endpoint at the end of a vehicle simulator's READY line."""
    return child.ready.split()[-1]


@asynccontextmanager
async def simulated(brief: Brief, options: SimulationOptions) -> AsyncIterator[Brief]:
    """Run all simulators of a mission; gives it with their endpoints.

    Raises:
        LinkFailed: a simulator does not start.
    """
    site = brief.site
    vehicles = [
        Command(f"simulator of {e.id}", vehicle_command(site, e, options))
        for e in brief.fleet
    ]
    speakers = [
        Command(f"simulator of {e.speaker_id}", speaker_command(site, e, options))
        for e in brief.fleet
        if e.speaker_id is not None
    ]
    async with running_children(*vehicles, *speakers) as children:
        fleet = tuple(
            replace(entry, endpoint=endpoint_of(child))
            for entry, child in zip(brief.fleet, children, strict=False)
        )
        yield replace(brief, fleet=fleet)
