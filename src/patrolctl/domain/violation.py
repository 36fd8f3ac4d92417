"""What the safety gate finds: expected outcomes, returned as values."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """REFUSE stops the launch; ADVISE is shown to the operator."""

    REFUSE = "refuse"
    ADVISE = "advise"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule, with the place where it breaks.

    ``seq`` is the item whose leg or position breaks it; ``rule`` is a stable
    slug such as ``no-fly``; ``measured`` and ``limit`` share the rule's unit.
    """

    sortie: str | None
    seq: int | None
    rule: str
    reason: str
    severity: Severity = Severity.REFUSE
    measured: float | None = None
    limit: float | None = None
    lat_deg: float | None = None
    lon_deg: float | None = None
    alt_m: float | None = None

    def __str__(self) -> str:
        where = [] if self.sortie is None else [f"sortie {self.sortie}"]
        if self.seq is not None:
            where.append(f"item {self.seq}")
        return f"{' '.join(where) or 'plan'}: {self.rule}: {self.reason}"
