"""Facts as the pure parts report them, before they get an id and a time."""

from dataclasses import dataclass

from patrolctl.domain.telemetry import EventKind


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact; the vehicle turns it into a VehicleEvent."""

    kind: EventKind
    text: str = ""
    seq: int | None = None
    severity: int = 6
