"""A vehicle as the launch, the guards and the watch over its mission see it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from patrolctl.clock import Clock
from patrolctl.domain.machines import FleetVehicle
from patrolctl.domain.mission import Mission, UploadReceipt
from patrolctl.mavlink.autopilots.base import Autopilot, Purpose, WireMission
from patrolctl.mavlink.facts import Fact
from patrolctl.mavlink.late import Late
from patrolctl.mavlink.options import LinkOptions
from patrolctl.mavlink.orders import Desk
from patrolctl.mavlink.progress import Progress
from patrolctl.mavlink.state import View


@dataclass(frozen=True, slots=True)
class Approved:
    """What was uploaded and read back in this boot."""

    receipt: UploadReceipt
    mission: Mission
    wire: WireMission


class Cockpit(Protocol):
    """What they need of a vehicle."""

    pilot: Autopilot
    clock: Clock
    desk: Desk
    view: View
    boot_id: str
    approved: Approved | None
    voided: str
    progress: Progress | None
    late: Late
    held: bool
    launching: bool

    @property
    def entry(self) -> FleetVehicle:
        """The registry entry."""
        ...

    @property
    def options(self) -> LinkOptions:
        """The link's settings."""
        ...

    async def ready(self) -> tuple[str, ...]:
        """Why it may not launch now."""
        ...

    async def enter(self, purpose: Purpose, name: str) -> None:
        """Enter the mode for a purpose."""
        ...

    async def set_current(self, wire_seq: int) -> None:
        """Set the current item."""
        ...

    async def disarm(self) -> None:
        """Disarm."""
        ...

    async def confirm(
        self,
        done: Callable[[], bool],
        name: str,
        failure: str,
        within_s: float = ...,
    ) -> None:
        """Wait until telemetry shows it."""
        ...

    def tell(self, fact: Fact) -> None:
        """A fact to everybody who listens."""
        ...
