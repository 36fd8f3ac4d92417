"""Whether the wall clock went as far as time did."""

import logging

from patrolctl.clock import Clock

log = logging.getLogger(__name__)

JUMP_S = 5.0  # what NTP slews is less


class Jumps:
    """Compares the wall clock with the one that cannot be set."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._utc = clock.utc()
        self._monotonic_s = clock.monotonic_s()

    def look(self) -> bool:
        """Whether it went back since the last look; a jump is told in one line."""
        utc, now_s = self._clock.utc(), self._clock.monotonic_s()
        wall_s = (utc - self._utc).total_seconds()
        jump_s = wall_s - (now_s - self._monotonic_s)
        self._utc, self._monotonic_s = utc, now_s
        if abs(jump_s) <= JUMP_S:
            return False
        if jump_s > 0:
            log.warning(
                "the clock jumped %.0f s ahead (or the machine slept): what was due"
                " meanwhile counts as missed",
                jump_s,
            )
            return False
        log.warning(
            "the clock went back by %.0f s: what was launched is not launched again",
            -jump_s,
        )
        return True
