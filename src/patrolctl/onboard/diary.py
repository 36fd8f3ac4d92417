"""Where the vehicle was while a message sounded, for its report."""

from datetime import datetime

from patrolctl.clock import Clock
from patrolctl.domain.sound import Pose
from patrolctl.onboard.autopilot import Whereabouts

# A position older than this is none; the autopilot tells several a second.
FRESH_S = 1.0
# Of a message that goes on for ever the report stays small.
MOST = 600


class Diary:
    """The poses of one message."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.poses: list[Pose] = []

    def note(self, where: Whereabouts, at_utc: datetime) -> None:
        """Where it is now, if that is known; a vehicle on wheels is at 0 m."""
        fix = where.fix
        stale = self._clock.monotonic_s() - where.fix_s > FRESH_S
        if fix is None or stale or fix.heading_deg is None or len(self.poses) >= MOST:
            return
        self.poses.append(
            Pose(
                ts_utc=at_utc,
                lat_deg=fix.lat_deg,
                lon_deg=fix.lon_deg,
                up_m=fix.up_m or 0.0,
                heading_deg=fix.heading_deg,
            )
        )
