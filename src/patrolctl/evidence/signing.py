"""Signatures of reports: Ed25519 (RFC 8032) over the canonical document."""

import hashlib
from dataclasses import dataclass
from typing import Literal, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class Signature:
    """Who vouches for a document; key and value are hex."""

    public_key: str
    value: str
    algorithm: Literal["Ed25519"] = "Ed25519"

    @property
    def fingerprint(self) -> str:
        """The key in a form that people can compare."""
        return fingerprint_of(self.public_key)

    def fits(self, document: bytes) -> bool:
        """Whether it is of these bytes."""
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public_key))
            key.verify(bytes.fromhex(self.value), document)
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer(Protocol):
    """Somebody with a private key."""

    def sign(self, document: bytes) -> Signature:
        """Vouch for a document."""
        ...


def fingerprint_of(public_key: str) -> str:
    """sha256 of a key's bytes, in groups of four."""
    try:
        raw = bytes.fromhex(public_key)
    except ValueError:
        return "(no key)"
    digest = hashlib.sha256(raw).hexdigest()[:32]
    return " ".join(digest[k : k + 4] for k in range(0, len(digest), 4))
