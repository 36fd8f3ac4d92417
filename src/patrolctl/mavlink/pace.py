"""How fast the vehicle's time runs against ours."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class PaceEstimator:
    """Speed-up from pairs of (our real seconds, ``time_boot_ms``).

    Real vehicles come out within a few per cent of 1 and are then taken as
    exactly 1; only a simulator runs fast or slow. Samples that arrive in a
    burst after a delay do not matter over ``span_s``.
    """

    span_s: float = 2.0
    samples: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=400))

    def push(self, real_s: float, boot_ms: int) -> float | None:
        """The pace as observed now; None: too early to tell."""
        if self.samples and boot_ms < self.samples[-1][1]:
            if boot_ms < self.samples[-1][1] - 3000:
                self.samples.clear()  # a reboot
            return None
        self.samples.append((real_s, boot_ms))
        while real_s - self.samples[0][0] > 3 * self.span_s:
            self.samples.popleft()
        first_s, first_ms = self.samples[0]
        passed_s = real_s - first_s
        if passed_s < self.span_s / 2 or len(self.samples) < 4:
            return None
        pace = (boot_ms - first_ms) / 1000.0 / passed_s
        if pace < 0.1:
            return None
        return 1.0 if 0.8 <= pace <= 1.25 else pace
