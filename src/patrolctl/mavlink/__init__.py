"""MAVLink vehicles."""

from patrolctl.mavlink.connect import connect_vehicle
from patrolctl.mavlink.options import LinkOptions
from patrolctl.mavlink.pulse import Pulse

__all__ = ["LinkOptions", "Pulse", "connect_vehicle"]
