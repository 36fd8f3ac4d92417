"""What a vehicle of ours must not do by itself, and who puts an end to it."""

import logging

from patrolctl.domain.errors import PatrolError
from patrolctl.domain.telemetry import EventKind
from patrolctl.mavlink.autopilots.base import Purpose
from patrolctl.mavlink.cockpit import Cockpit
from patrolctl.mavlink.facts import Fact
from patrolctl.mavlink.wire import distance_m

log = logging.getLogger(__name__)

SETTLED_M_S = 0.2
SETTLED_S = 2.0
HOME_RADIUS_M = 6.0


def stands_still(cockpit: Cockpit) -> bool:
    """Whether its speed over ground is nothing."""
    position = cockpit.view.position
    return position is not None and position.ground_speed_m_s < SETTLED_M_S


async def undo_late(cockpit: Cockpit, now_s: float) -> None:
    """A command that comes after we gave it up must not take effect.

    Only for as long as a copy of ours can be on its way: after that whoever
    arms the vehicle, a pilot with a transmitter, is left alone.
    """
    view = cockpit.view
    if cockpit.launching or not view.armed:
        return
    late_arm = (
        not view.flown and cockpit.progress is None and now_s < cockpit.late.arm_until_s
    )
    late_start = (
        cockpit.held
        and view.purpose is Purpose.MISSION
        and now_s < cockpit.late.start_until_s
    )
    try:
        if late_arm:
            cockpit.tell(Fact(EventKind.TEXT, "armed late: disarmed", severity=3))
            await cockpit.disarm()
        elif late_start:
            cockpit.tell(Fact(EventKind.TEXT, "started late: held", severity=3))
            await cockpit.enter(Purpose.HOLD, "hold")
    except PatrolError as e:
        log.warning("vehicle=%s %s", cockpit.entry.id, e)


class WrapUp:
    """Disarms a vehicle that never does so by itself, once it is done."""

    def __init__(self) -> None:
        self._settled_since_s: float | None = None

    async def look(self, cockpit: Cockpit, now_s: float) -> None:
        """Halt and disarm when it has stood at its end for a moment."""
        if not (cockpit.view.armed and _over(cockpit) and stands_still(cockpit)):
            self._settled_since_s = None
            return
        if self._settled_since_s is None:
            self._settled_since_s = now_s
        elif now_s - self._settled_since_s > SETTLED_S:
            self._settled_since_s = None
            try:
                await cockpit.enter(Purpose.HOLD, "halt")
                await cockpit.disarm()
            except PatrolError as e:
                log.warning("vehicle=%s %s", cockpit.entry.id, e)


def _over(cockpit: Cockpit) -> bool:
    """Whether it has nothing more to do."""
    if cockpit.progress is None:
        return False
    if cockpit.progress.finished:
        return cockpit.view.purpose is Purpose.MISSION
    position, home = cockpit.view.position, cockpit.view.home
    return (
        cockpit.view.purpose is Purpose.RETURN
        and position is not None
        and home is not None
        and distance_m(position.latlon, home) <= HOME_RADIUS_M
    )
