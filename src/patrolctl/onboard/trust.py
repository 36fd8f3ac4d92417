"""Whether a position can be true. Pure.

A receiver that loses its satellites between high buildings may report a place
hundreds of metres away for some seconds. A vehicle cannot have got there, so
the report says nothing, and neither do those that follow until they have
agreed with each other for a while.
"""

from patrolctl.onboard.frames import Fix
from patrolctl.onboard.places import metres_between

# Faster than any copter or car that carries a loudspeaker.
MOST_M_S = 60.0
SLACK_M = 15.0
DOUBT_S = 10.0


class Trust:
    """Follows positions and tells which are to be believed."""

    def __init__(self) -> None:
        self._last: Fix | None = None
        self._last_s = 0.0
        self._doubted_until_s = float("-inf")

    def believes(self, fix: Fix, now_s: float) -> bool:
        """Whether this position may be acted upon.

        Args:
            fix: the position.
            now_s: when it was received.
        """
        last, self._last = self._last, fix
        took_s = now_s - self._last_s
        self._last_s = now_s
        if last is not None:
            told_s = fix.boot_s - last.boot_s
            # What waited on the way comes in a burst: the autopilot's own time
            # tells better, unless it was started again in between.
            took_s = max(took_s, told_s) if told_s > 0 else took_s
            way_m = metres_between(last.lat_deg, last.lon_deg, fix.lat_deg, fix.lon_deg)
            if way_m > MOST_M_S * took_s + SLACK_M:
                self._doubted_until_s = now_s + DOUBT_S
        return now_s >= self._doubted_until_s
