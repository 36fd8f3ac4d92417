"""Who was reached, from tracks and playbacks."""

from patrolctl.evidence.proof import prove
from patrolctl.evidence.record import RunRecord

__all__ = ["RunRecord", "prove"]
