"""One line of the audit log: who did what, chained so that edits show."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from patrolctl.domain.jsondoc import encode


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """``sha256`` covers the entry and the digest of the one before it."""

    seq: int
    ts_utc: datetime
    actor: str
    action: str
    detail: str
    sha256: str


def chain_digest(
    before: str, seq: int, ts_utc: datetime, fields: tuple[str, str, str]
) -> str:
    """The digest of an entry that follows the entry with digest ``before``."""
    return hashlib.sha256(encode((before, seq, ts_utc, fields))).hexdigest()
