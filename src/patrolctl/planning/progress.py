"""How far a planner has come, told while it works."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlanProgress:
    """One report. ``ratio`` is 0 to 1; times are of the mission, seconds.

    ``incumbent_s`` is the best plan so far, ``bound_s`` what no plan beats,
    ``gap`` (incumbent − bound) / incumbent.
    """

    text: str
    ratio: float
    incumbent_s: float | None = None
    bound_s: float | None = None
    gap: float | None = None


Tell = Callable[[PlanProgress], None]


def untold(progress: PlanProgress) -> None:
    """Drop the report: for callers that do not listen."""
    del progress
