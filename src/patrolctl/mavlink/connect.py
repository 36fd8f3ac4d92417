"""Open a vehicle of the registry."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from patrolctl.clock import SystemClock, running_beside
from patrolctl.domain.errors import InputError
from patrolctl.domain.machines import FleetVehicle
from patrolctl.mavlink.autopilots.ardupilot import ArduPilot
from patrolctl.mavlink.autopilots.base import Autopilot
from patrolctl.mavlink.autopilots.px4 import Px4
from patrolctl.mavlink.options import LinkOptions
from patrolctl.mavlink.signing import Signer, SigningState, read_key
from patrolctl.mavlink.vehicle import MavlinkVehicle


def pilot_of(entry: FleetVehicle) -> Autopilot:
    """The quirks of an entry's autopilot.

    Raises:
        InputError: an autopilot that we do not know.
    """
    match entry.autopilot:
        case "ardupilot":
            return ArduPilot(entry.kind)
        case "px4":
            return Px4(entry.kind)
        case other:
            raise InputError.one(
                f"vehicle {entry.id}: autopilot", f"{other!r}", "ardupilot or px4"
            )


def _signer(entry: FleetVehicle, options: LinkOptions) -> Signer | None:
    if entry.signing_key_file is None:
        return None
    if options.state_dir is None:
        raise InputError.one(
            f"vehicle {entry.id}: signing_key_file",
            "signing needs a directory for its timestamps",
            "set data_dir",
        )
    state = SigningState.load(options.state_dir / f"signing-{entry.id}.json")
    key = read_key(Path(entry.signing_key_file))
    return Signer(key, state, SystemClock())


@asynccontextmanager
async def connect_vehicle(
    entry: FleetVehicle, options: LinkOptions
) -> AsyncIterator[MavlinkVehicle]:
    """Open the link of one vehicle; it lives as long as the context.

    Raises:
        InputError: the entry has no endpoint, or one that cannot be read.
    """
    if entry.endpoint is None:
        raise InputError.one(f"vehicle {entry.id}", "has no endpoint", "tcp:host:port")
    vehicle = MavlinkVehicle(entry, options, pilot_of(entry), _signer(entry, options))
    async with running_beside(vehicle.run(), f"mavlink-{entry.id}"):
        yield vehicle
