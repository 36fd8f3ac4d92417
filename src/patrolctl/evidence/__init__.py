"""Who was reached, from tracks and playbacks."""

from patrolctl.evidence.exposure import (
    Exposed,
    Sounding,
    Spot,
    flown_soundings,
    planned_soundings,
    spoken_sounding,
)
from patrolctl.evidence.missing import missing_of, still_missing
from patrolctl.evidence.proof import prove
from patrolctl.evidence.record import RunRecord
from patrolctl.evidence.report import (
    FORMATS,
    Dossier,
    Format,
    Report,
    Verified,
    render,
    verify,
)
from patrolctl.evidence.signing import Signature, Signer, fingerprint_of

__all__ = [
    "FORMATS",
    "Dossier",
    "Exposed",
    "Format",
    "Report",
    "RunRecord",
    "Signature",
    "Signer",
    "Sounding",
    "Spot",
    "Verified",
    "fingerprint_of",
    "flown_soundings",
    "missing_of",
    "planned_soundings",
    "prove",
    "render",
    "spoken_sounding",
    "still_missing",
    "verify",
]
