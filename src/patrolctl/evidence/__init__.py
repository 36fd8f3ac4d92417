"""Who was reached, from tracks and playbacks."""

from patrolctl.evidence.exposure import (
    Exposed,
    Sounding,
    flown_soundings,
    planned_soundings,
)
from patrolctl.evidence.missing import missing_of, still_missing
from patrolctl.evidence.proof import prove
from patrolctl.evidence.record import RunRecord
from patrolctl.evidence.report import FORMATS, Dossier, Report, render, verify

__all__ = [
    "FORMATS",
    "Dossier",
    "Exposed",
    "Report",
    "RunRecord",
    "Sounding",
    "flown_soundings",
    "missing_of",
    "planned_soundings",
    "prove",
    "render",
    "still_missing",
    "verify",
]
