"""The key that reports are signed with, in the data directory."""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from patrolctl.domain.errors import StoreFailed
from patrolctl.evidence import Signature

NAME = "report-key.pem"
MODE = 0o600


class ReportKey:
    """An Ed25519 key (a Signer). It never leaves this object but signed."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public_key = raw.hex()

    def sign(self, document: bytes) -> Signature:
        """Vouch for a document."""
        return Signature(self.public_key, self._key.sign(document).hex())


def report_key(data_dir: Path) -> ReportKey:
    """The data directory's key; made at the first time.

    Raises:
        StoreFailed: it cannot be read or written, is no Ed25519 key, or
            others may read it.
    """
    path = data_dir / NAME
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        _make(path)
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            raise StoreFailed(
                f"{path}: may be read by others (mode {mode:o}); chmod 600, and make"
                " a new one if somebody did"
            )
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as e:
        raise StoreFailed(f"{path}: {e.strerror}") from None
    except (ValueError, TypeError) as e:
        raise StoreFailed(f"{path}: is no private key ({e})") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise StoreFailed(f"{path}: is no Ed25519 key")
    return ReportKey(key)


def _make(path: Path) -> None:
    """Write a new key where there is none; whole, or not at all."""
    if path.exists():
        return
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    beside = path.with_suffix(f".{os.getpid()}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        with os.fdopen(os.open(beside, flags, MODE), "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)  # never over another's key
        except FileExistsError:
            return
    finally:
        beside.unlink(missing_ok=True)
