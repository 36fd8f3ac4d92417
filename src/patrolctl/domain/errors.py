"""One family of errors, each carrying its fields.

``exit_code`` follows the command line's contract: 1 a defect of ours, 2 bad
input, 3 no feasible plan, 4 refused by the safety gate, 5 link or vehicle.
Expected outcomes (violations, refusals to launch listed one by one) are
values, not exceptions, until somebody insists on going on.
"""

from dataclasses import dataclass


class PatrolError(Exception):
    """Base of all errors that a user may see."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input: where, what, and what would be right."""

    place: str
    what: str
    right: str = ""

    def __str__(self) -> str:
        tail = f"; {self.right}" if self.right else ""
        return f"{self.place}: {self.what}{tail}"


class InputError(PatrolError):
    """Input that cannot be used; one line a fault."""

    exit_code = 2

    def __init__(self, faults: "tuple[Fault, ...] | list[Fault]") -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(f) for f in self.faults))

    @classmethod
    def one(cls, place: str, what: str, right: str = "") -> "InputError":
        """An error of a single fault."""
        return cls((Fault(place, what, right),))


class SiteError(InputError):
    """A site that cannot be loaded or planned on."""


class NotFound(InputError):
    """A thing that was named does not exist."""

    def __init__(self, kind: str, name: str) -> None:
        self.kind = kind
        self.name = name
        super().__init__((Fault(f"{kind} {name}", "does not exist"),))


class Conflict(PatrolError):
    """The thing is in a state in which this cannot be done."""

    exit_code = 2


class NoFeasiblePlan(PatrolError):
    """Nothing satisfies the requirement; says what binds."""

    exit_code = 3

    def __init__(self, reasons: tuple[str, ...]) -> None:
        self.reasons = reasons
        super().__init__("\n".join(reasons))


class GateRefused(PatrolError):
    """The safety gate found violations."""

    exit_code = 4

    def __init__(self, violations: tuple[object, ...]) -> None:
        self.violations = violations
        super().__init__("\n".join(str(v) for v in violations))


class VehicleError(PatrolError):
    """A link or a vehicle failed."""

    exit_code = 5

    def __init__(self, vehicle_id: str, what: str) -> None:
        self.vehicle_id = vehicle_id
        self.what = what
        super().__init__(f"{vehicle_id}: {what}")


class LinkFailed(VehicleError):
    """The endpoint cannot be reached, or the link was lost."""


class UploadFailed(VehicleError):
    """A mission, fence or rally transfer failed or read back differently."""

    def __init__(
        self, vehicle_id: str, result: str, seq: int | None = None, detail: str = ""
    ) -> None:
        self.result = result
        self.seq = seq
        at = f" at item {seq}" if seq is not None else ""
        tail = f": {detail}" if detail else ""
        super().__init__(vehicle_id, f"upload failed ({result}){at}{tail}")


class LaunchRefused(VehicleError):
    """The vehicle may not or will not start; ``reasons`` in plain words."""

    def __init__(self, vehicle_id: str, reasons: tuple[str, ...]) -> None:
        self.reasons = reasons
        super().__init__(vehicle_id, "launch refused: " + "; ".join(reasons))


class CommandFailed(VehicleError):
    """A command was denied, expired or not confirmed by telemetry."""

    def __init__(self, vehicle_id: str, command: str, result: str) -> None:
        self.command = command
        self.result = result
        super().__init__(vehicle_id, f"{command}: {result}")


class SpeechFailed(PatrolError):
    """An announcement could not be turned into a usable clip."""

    exit_code = 2


class StoreFailed(PatrolError):
    """The database did not take or give what it should (disk full, …)."""
