"""A vehicle as the use cases see it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from patrolctl.domain.evidence import TrackPoint
from patrolctl.domain.machines import FleetVehicle, LinkState
from patrolctl.domain.mission import Breakpoint, Mission, UploadReceipt
from patrolctl.domain.telemetry import Telemetry, VehicleEvent


class Vehicle(Protocol):
    """One vehicle behind one link.

    Every coroutine returns when telemetry confirms the effect, not when the
    autopilot acknowledges the command, and raises a ``VehicleError`` in plain
    words otherwise.
    """

    @property
    def entry(self) -> FleetVehicle:
        """The registry entry."""
        ...

    @property
    def link(self) -> LinkState:
        """State of the link now."""
        ...

    @property
    def telemetry(self) -> Telemetry:
        """The latest of everything."""
        ...

    def track(self) -> tuple[TrackPoint, ...]:
        """Positions since the last call, each at the time it was measured.

        Not a picture for people (that is :attr:`telemetry`) but the record:
        nothing is left out when we were busy for a moment.
        """
        ...

    @property
    def breakpoint(self) -> Breakpoint | None:
        """Where its mission broke off; None: it runs to its end, or is over.

        Kept after the landing until the autopilot reboots or is sent another
        mission.
        """
        ...

    async def ready(self) -> tuple[str, ...]:
        """Why it may not launch now; empty when it may."""
        ...

    async def upload(self, mission: Mission) -> UploadReceipt:
        """Upload fence, rally points and mission, disarmed, and read back.

        Raises:
            UploadFailed: refused, timed out, or the read-back differs.
        """
        ...

    async def adopt(self, mission: Mission) -> UploadReceipt:
        """Take up a mission that it holds, whoever uploaded it, and may fly.

        Everything is read back and compared; nothing is changed. Its events
        and telemetry are told in the mission's steps from now on.

        Raises:
            UploadFailed: it holds another one, or it cannot be read.
        """
        ...

    async def launch(
        self,
        receipt: UploadReceipt,
        *,
        arming: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Arm and start exactly the mission of ``receipt``.

        ``arming`` is awaited when all is well and the command to arm is the
        next thing sent; what it raises ends the launch before that.

        Raises:
            LaunchRefused: with every reason; the vehicle is left disarmed.
        """
        ...

    async def hold(self) -> None:
        """Stop moving and keep the place in the mission."""
        ...

    async def resume(self) -> None:
        """Go on with the mission after :meth:`hold`."""
        ...

    async def skip_to(self, seq: int) -> None:
        """Go on with mission step ``seq``."""
        ...

    async def keep(self, seq: int, for_s: float) -> None:
        """Stay in dwell step ``seq`` for ``for_s`` from now; 0 lets it go on.

        So motion follows the message: a dwell lasts until its announcement
        was heard to the end, not as long as somebody once computed. A step
        that is not in progress is left alone.
        """
        ...

    async def return_home(self) -> None:
        """Leave the mission and come home."""
        ...

    async def land(self) -> None:
        """Land (copter) or halt (rover) here."""
        ...

    async def stop(self) -> None:
        """Halt at once where it is; needs neither database nor planner."""
        ...

    def events(self) -> AsyncIterator[VehicleEvent]:
        """Facts from now on; each iterator gets all of them."""
        ...


class VehicleConnector(Protocol):
    """Opens vehicles; built by the composition root."""

    def __call__(self, entry: FleetVehicle) -> AbstractAsyncContextManager[Vehicle]:
        """Open the link; it lives as long as the context.

        Entering returns at once with the link CONNECTING; it reconnects by
        itself until the context is left.
        """
        ...
