"""The heartbeat's permission: it beats only while its owner is healthy."""

from patrolctl.clock import Clock, SystemClock


class Pulse:
    """The owner pets; the heartbeat asks whether it was petted lately.

    Ages are real seconds, also under simulation speed-up: what is watched is
    our own process. PX4 #5804 and MAVSDK-Python #741 are heartbeats that went
    on after the logic behind them had died, so that no failsafe fired.
    """

    def __init__(self, *, max_age_s: float = 1.0, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._max_age_s = max_age_s
        self._petted_s = self._clock.monotonic_s()

    def pet(self) -> None:
        """The owner is alive and has done its round."""
        self._petted_s = self._clock.monotonic_s()

    @property
    def healthy(self) -> bool:
        """Whether the heartbeat may be sent."""
        return self._clock.monotonic_s() - self._petted_s <= self._max_age_s
