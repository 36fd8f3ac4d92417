"""Who may do what at our own broker: accounts, passwords and rights.

The rights come from the table of topics, so that a new topic is not open by
accident nor closed to those who need it.
"""

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from patrolctl.domain.errors import InputError
from patrolctl.domain.machines import DjiAddress
from patrolctl.mqtt import topics
from patrolctl.mqtt.topics import CHANNELS, PREFIX, Channel, segment

SERVICE, VIEWER = "service", "viewer"
_ROUNDS = 10_000
_DJI = (
    ("write", "thing/product/+/services"),
    ("write", "thing/product/+/events_reply"),
    ("read", "thing/product/+/services_reply"),
    ("read", "thing/product/+/events"),
    ("read", "thing/product/+/state"),
)
# A viewer sees what happens, not what is ordered or said.
_NOT_TO_VIEW = (topics.COMMAND, topics.TALK)


@dataclass(frozen=True, slots=True)
class Account:
    """One client's name, password and rights (``read`` or ``write``, topic)."""

    name: str
    password: str = field(repr=False)
    rights: tuple[tuple[str, str], ...]

    @property
    def credentials(self) -> str:
        """``name:password`` for a URL."""
        return f"{quote(self.name, safe='')}:{quote(self.password, safe='')}"


def _anywhere(channel: Channel, name: str = "+") -> str:
    return f"{PREFIX}/+/{channel.name.replace('{id}', name)}"


def _service_rights() -> tuple[tuple[str, str], ...]:
    own = (("write" if c.ours else "read", _anywhere(c)) for c in CHANNELS)
    return (*own, *_DJI)


def _viewer_rights() -> tuple[tuple[str, str], ...]:
    return tuple(("read", _anywhere(c)) for c in CHANNELS if c not in _NOT_TO_VIEW)


def _speaker_rights(speaker_id: str) -> tuple[tuple[str, str], ...]:
    name = segment(speaker_id)
    if "+" in name or "#" in name:  # never: segment escapes them
        raise InputError.one(f"speaker {speaker_id}", "is no topic level")
    return tuple(
        ("read" if c.ours else "write", _anywhere(c, name))
        for c in CHANNELS
        if c.name.startswith("speakers/")
    )


def account_of_speaker(speaker_id: str) -> str:
    """The name under which a speaker's agent logs in."""
    return f"speaker.{speaker_id}"


def _dock_rights(dock: DjiAddress) -> tuple[tuple[str, str], ...]:
    """Everything of its own serial numbers: a dock says and hears much more."""
    return tuple(
        ("readwrite", f"{root}/product/{sn}/#")
        for root in ("thing", "sys")
        for sn in dict.fromkeys((dock.gateway_sn, dock.device_sn))
    )


def load_accounts(
    path: Path, speaker_ids: Iterable[str], docks: Iterable[DjiAddress] = ()
) -> tuple[Account, ...]:
    """The accounts of a service, a viewer, each speaker and each DJI gateway.

    Passwords are made up once and kept in ``path``, which nobody else may
    read; an operator copies a speaker's from there to its agent.

    Raises:
        InputError: the file is there and holds none.
    """
    rights = {SERVICE: _service_rights(), VIEWER: _viewer_rights()}
    for speaker_id in speaker_ids:
        rights[account_of_speaker(speaker_id)] = _speaker_rights(speaker_id)
    for dock in docks:
        rights[f"dji.{dock.gateway_sn}"] = _dock_rights(dock)
    kept = _read(path)
    fresh = {n: kept.get(n) or secrets.token_urlsafe(24) for n in rights}
    if kept.keys() | fresh.keys() != kept.keys():
        _write(path, kept | fresh)
    return tuple(Account(n, fresh[n], rights[n]) for n in rights)


def _read(path: Path) -> dict[str, str]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raw = None
    if not isinstance(raw, dict) or not all(isinstance(v, str) for v in raw.values()):
        right = "names and passwords in JSON, or no file"
        raise InputError.one(str(path), "holds no accounts", right)
    return dict(raw)


def _write(path: Path, accounts: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    private(path, json.dumps(accounts, indent=2) + "\n")


def private(path: Path, text: str) -> None:
    """Write a file that nobody else may read, at no moment."""
    fresh = path.with_name(f".new-{path.name}")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)


def password_line(account: Account) -> str:
    """A line of mosquitto's password file: PBKDF2-SHA512 (``$7$``)."""
    salt = os.urandom(12)
    key = hashlib.pbkdf2_hmac("sha512", account.password.encode(), salt, _ROUNDS)
    salted, keyed = (base64.b64encode(raw).decode() for raw in (salt, key))
    return f"{account.name}:$7${_ROUNDS}${salted}${keyed}"


def acl_text(accounts: Iterable[Account]) -> str:
    """Mosquitto's access control list."""
    lines: list[str] = []
    for account in accounts:
        lines.append(f"user {account.name}")
        lines += [f"topic {access} {topic}" for access, topic in account.rights]
    return "\n".join(lines) + "\n"
