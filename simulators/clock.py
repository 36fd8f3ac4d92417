"""Simulated time for processes that share an epoch.

utc = epoch + (real now - epoch) * speedup, so that every process that was
given the same epoch and speed-up stamps the same times.
"""

import time


class SimClock:
    """Real time made faster."""

    def __init__(self, speedup: float = 1.0, epoch_s: float | None = None) -> None:
        if speedup <= 0:
            msg = f"speed-up {speedup} is not above 0"
            raise ValueError(msg)
        self.speedup = speedup
        self._monotonic_s = time.monotonic()  # noqa: TID251 - this is the clock
        now_s = time.time()  # noqa: TID251 - this is the clock
        epoch_s = now_s if epoch_s is None else epoch_s
        self.start_utc_s = epoch_s + (now_s - epoch_s) * speedup

    def elapsed_s(self) -> float:
        """Simulated seconds since this clock was made."""
        real_s = time.monotonic() - self._monotonic_s  # noqa: TID251
        return real_s * self.speedup

    def utc_s(self) -> float:
        """Simulated Unix time."""
        return self.start_utc_s + self.elapsed_s()

    def real_s(self, simulated_s: float) -> float:
        """Real seconds that a simulated span takes."""
        return simulated_s / self.speedup
