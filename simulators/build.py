"""Put a simulated vehicle together."""

from dataclasses import replace

from simulators import (
    commands,
    copter_commands,
    requests,
    rover_commands,
    streams,
)
from simulators.config import VehicleConfig
from simulators.copter import Copter
from simulators.rover import Rover
from simulators.vehicle import Vehicle
from simulators.wire import mavlink

_TARGET = mavlink.MAVLINK_MSG_ID_SET_POSITION_TARGET_GLOBAL_INT


def build(config: VehicleConfig) -> Vehicle:
    """A vehicle of ``config.kind``.

    Raises:
        ValueError: there is no such kind.
    """
    vehicle: Vehicle
    if config.kind == "copter":
        vehicle = Copter(config)
        own, target = copter_commands.COMMANDS, copter_commands.on_position_target
    elif config.kind == "rover":
        vehicle = Rover(config)
        own, target = rover_commands.COMMANDS, rover_commands.on_position_target
    else:
        msg = f"{config.kind!r} is neither copter nor rover"
        raise ValueError(msg)
    streams.install(vehicle)
    requests.install(vehicle)
    commands.install(vehicle, own)
    vehicle.handlers[_TARGET] = target
    return vehicle


def copter(**changes: object) -> Vehicle:
    """A copter, with :class:`VehicleConfig` fields changed."""
    return build(replace(VehicleConfig(kind="copter"), **changes))  # type: ignore[arg-type]  # checked by the dataclass


def rover(**changes: object) -> Vehicle:
    """A rover, with :class:`VehicleConfig` fields changed."""
    return build(replace(VehicleConfig(kind="rover"), **changes))  # type: ignore[arg-type]  # checked by the dataclass
