"""Time: monotonic deadlines and aware UTC, both from one Clock."""

from patrolctl.clock.beside import running_beside
from patrolctl.clock.clocks import (
    Clock,
    ManualClock,
    PacedClock,
    ScaledClock,
    SystemClock,
)
from patrolctl.clock.whole import whole

__all__ = [
    "Clock",
    "ManualClock",
    "PacedClock",
    "ScaledClock",
    "SystemClock",
    "running_beside",
    "whole",
]
