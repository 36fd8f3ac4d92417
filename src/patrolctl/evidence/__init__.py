"""Who was reached, from tracks and playbacks."""

from patrolctl.evidence.proof import prove
from patrolctl.evidence.record import RunRecord
from patrolctl.evidence.report import FORMATS, Dossier, Report, render, verify

__all__ = [
    "FORMATS",
    "Dossier",
    "Report",
    "RunRecord",
    "prove",
    "render",
    "verify",
]
