"""Kinds of plans: apart from plans, which bring numpy, for the small agent."""

from enum import StrEnum


class PlanKind(StrEnum):
    """Flights that cover façades, or loops that drive roads."""

    DRONE = "drone"
    LOOP = "loop"
